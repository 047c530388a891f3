//! How a target's queue length is learnt: by a command, by looking at the files of its queue
//! directory (no process is started, nothing is locked), or not at all because it has none.

use std::collections::HashMap;
use std::fs::DirEntry;
use std::io::{self, Read};
use std::os::unix::fs::DirEntryExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};

use super::queue_command::{self, QueueError, QueueLength, QueueStates};
use crate::limits;

/// Counts the complete messages in a queue directory.
type Count = fn(&Path, &mut Seen) -> io::Result<QueueLength>;

/// How a target's queue length is learnt.
#[derive(Clone, Debug)]
pub enum QueueProbe {
    /// It is always the same.
    Fixed(QueueLength),
    /// A command prints it.
    Command {
        /// Its words.
        words: Vec<String>,
        /// Whether it reads what lies on disk, and needs no running target.
        at_rest: bool,
        /// Whether it was seen to print anything.
        printed: Arc<AtomicBool>,
    },
    /// Files are looked at.
    Directory {
        /// Where they lie.
        folder: PathBuf,
        /// What distinguishes them.
        count: Count,
        /// What the last look saw.
        seen: Arc<Mutex<Seen>>,
    },
}

impl QueueProbe {
    /// Files in `folder` are looked at.
    pub(super) fn directory(folder: PathBuf, count: Count) -> QueueProbe {
        QueueProbe::Directory { folder, count, seen: Arc::default() }
    }

    /// Whether there is no need to ask again.
    #[must_use]
    pub fn is_fixed(&self) -> bool {
        matches!(self, QueueProbe::Fixed(_))
    }

    /// Whether it can be learnt while the target is down.
    #[must_use]
    pub fn works_at_rest(&self) -> bool {
        match self {
            QueueProbe::Fixed(_) | QueueProbe::Directory { .. } => true,
            QueueProbe::Command { at_rest, .. } => *at_rest,
        }
    }

    /// The queue's length now.
    ///
    /// # Errors
    /// When it cannot be learnt.
    pub async fn ask(&self) -> Result<QueueLength, QueueError> {
        match self {
            QueueProbe::Fixed(length) => Ok(*length),
            QueueProbe::Command { words, printed, .. } => queue_command::ask(words, printed).await,
            QueueProbe::Directory { folder, count, seen } => {
                let (folder, count, seen) = (folder.clone(), *count, Arc::clone(seen));
                let shown = folder.display().to_string();
                let look = move || {
                    let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
                    count_twice(&folder, count, &mut seen)
                };
                let counted = tokio::task::spawn_blocking(look).await;
                let counted = counted.unwrap_or_else(|died| Err(io::Error::other(died)));
                counted.map_err(|cause| QueueError::Directory { folder: shown, cause })
            }
        }
    }
}

/// A message may be moved between two directories while they are counted, against the order of
/// counting: only what was found empty twice is empty.
fn count_twice(folder: &Path, count: Count, seen: &mut Seen) -> io::Result<QueueLength> {
    let length = count(folder, seen)?;
    if length.total == 0 { count(folder, seen) } else { Ok(length) }
}

/// State of one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Now being delivered, or about to be.
    Active,
    /// Waiting for a further attempt.
    Deferred,
    /// Set aside.
    Frozen,
}

/// What files were found to say. An MTA that changes what it knows of a message writes a new file
/// in the place of the old one, so that a file once read need not be read again.
#[derive(Debug, Default)]
pub struct Seen {
    /// By inode and checksum of the name.
    known: HashMap<(u64, u32), State>,
}

impl Seen {
    /// Counts by state the messages among the files below `folder`.
    pub(super) fn count(
        &mut self,
        folder: &Path,
        is_message: &dyn Fn(&DirEntry) -> bool,
        read: &dyn Fn(&[u8]) -> State,
    ) -> io::Result<QueueLength> {
        let mut now = HashMap::with_capacity(self.known.len());
        each(folder, &mut |entry| {
            if is_message(entry) {
                let name = crc32fast::hash(entry.file_name().as_encoded_bytes());
                let key = (entry.ino(), name);
                let known = self.known.get(&key).copied();
                now.insert(key, known.unwrap_or_else(|| read(&head(&entry.path()))));
            }
        })?;
        self.known = now;
        Ok(sum(self.known.values().copied()))
    }
}

/// The beginning of a file; nothing of one that was removed meanwhile.
fn head(path: &Path) -> Vec<u8> {
    let mut text = Vec::new();
    let file = std::fs::File::open(path);
    // What cannot be read to its end is read as far as it goes.
    let _read = file.map(|file| file.take(limits::QUEUE_FILE).read_to_end(&mut text));
    text
}

/// The length of a queue with messages in these states.
pub(super) fn sum(states: impl Iterator<Item = State>) -> QueueLength {
    let (mut total, mut sums) = (0, QueueStates::default());
    for state in states {
        total += 1;
        match state {
            State::Active => sums.active += 1,
            State::Deferred => sums.deferred += 1,
            State::Frozen => sums.frozen += 1,
        }
    }
    QueueLength { total, states: Some(sums) }
}

/// How many files below `folder` are messages.
pub(super) fn files(folder: &Path, is_message: &dyn Fn(&DirEntry) -> bool) -> io::Result<u64> {
    let mut found = 0;
    each(folder, &mut |entry| found += u64::from(is_message(entry)))?;
    Ok(found)
}

/// Looks at every file below `folder`. What is moved away meanwhile is passed over; a folder that
/// is not there (yet) holds nothing.
pub(super) fn each(folder: &Path, look: &mut dyn FnMut(&DirEntry)) -> io::Result<()> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    for entry in entries {
        let entry = entry?;
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => each(&entry.path(), look)?,
            Ok(_) => look(&entry),
            Err(_) => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_again_when_another_takes_its_place() {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |name: &str, text: &str| {
            let new = folder.path().join("new.tmp");
            std::fs::write(&new, text).expect("written");
            std::fs::rename(&new, folder.path().join(name)).expect("renamed");
        };
        let is_message = |entry: &DirEntry| entry.file_name() != "new.tmp";
        let read = |text: &[u8]| if text == b"d" { State::Deferred } else { State::Active };
        let mut seen = Seen::default();
        let mut look = || seen.count(folder.path(), &is_message, &read).expect("counted");
        write("1", "a");
        write("2", "a");
        let states = |active, deferred| Some(QueueStates { active, deferred, frozen: 0 });
        assert_eq!(look(), QueueLength { total: 2, states: states(2, 0) });
        write("1", "d");
        assert_eq!(look(), QueueLength { total: 2, states: states(1, 1) });
        std::fs::remove_file(folder.path().join("2")).expect("removed");
        assert_eq!(look(), QueueLength { total: 1, states: states(0, 1) });
    }
}
