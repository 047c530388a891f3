//! How a target's queue length is learnt: by a command, by counting the files of its queue
//! directory (no process is started, nothing is locked), or not at all because it has none.

use std::path::{Path, PathBuf};

use super::queue_command::{self, QueueError, QueueLength};

/// Counts the complete messages in a queue directory.
type Count = fn(&Path) -> std::io::Result<QueueLength>;

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
    },
    /// Files are counted.
    Directory {
        /// Where they lie.
        folder: PathBuf,
        /// How they are told apart.
        count: Count,
    },
}

impl QueueProbe {
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
            QueueProbe::Command { words, .. } => queue_command::ask(words).await,
            QueueProbe::Directory { folder, count } => {
                let (folder, count) = (folder.clone(), *count);
                let shown = folder.display().to_string();
                let counted = tokio::task::spawn_blocking(move || count_twice(&folder, count));
                let counted = counted.await.unwrap_or_else(|died| Err(std::io::Error::other(died)));
                counted.map_err(|cause| QueueError::Directory { folder: shown, cause })
            }
        }
    }
}

/// A message may be moved between two directories while they are counted, against the order of
/// counting: only what was found empty twice is empty.
fn count_twice(folder: &Path, count: Count) -> std::io::Result<QueueLength> {
    let length = count(folder)?;
    if length.total == 0 { count(folder) } else { Ok(length) }
}

/// How many files below `folder` are messages.
pub(super) fn files(
    folder: &Path,
    is_message: &dyn Fn(&std::fs::DirEntry) -> bool,
) -> std::io::Result<u64> {
    let mut found = 0;
    each(folder, &mut |entry| found += u64::from(is_message(entry)))?;
    Ok(found)
}

/// Looks at every file below `folder`. What is moved away meanwhile is passed over; a folder that
/// is not there (yet) holds nothing.
pub(super) fn each(folder: &Path, look: &mut dyn FnMut(&std::fs::DirEntry)) -> std::io::Result<()> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
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
