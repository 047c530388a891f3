//! Reads a user's mail from a Maildir: `new` and `cur` of its top and of each folder below it that begins
//! with a dot (Maildir++).
//!
//! Some servers store lines with LF and serve them with CRLF. A file whose first line ends in LF is taken
//! so; any other is read as it is.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};

use super::content::ContentExaminer;
use super::{Doubt, MailboxError, Reading, StoredContent, StoredCopy, push_copy};
use crate::clock::Clock;
use crate::probe::Identity;
use crate::{files, limits};

/// Where delivered mail is; what is in `tmp` is not delivered yet.
const DELIVERED: [&str; 2] = ["new", "cur"];

/// Bytes of a file read at once.
const PIECE: usize = 64 * 1024;

/// Reads one user's Maildir. It blocks.
///
/// # Errors
/// When the Maildir cannot be opened, or a bound is reached.
pub fn read(top: &Path, own: &Identity, clock: &Clock) -> Result<Reading, MailboxError> {
    let mut reading = Reading::default();
    for (folder, path) in folders(top)? {
        for (uid, file) in messages(&path, &folder, &mut reading.doubts)? {
            match content(&file, own) {
                Ok(content) => {
                    let (folder, seen) = (folder.clone(), clock.now());
                    let copy = StoredCopy { folder, uid_validity: None, uid, seen, content };
                    push_copy(&mut reading, copy)?;
                }
                Err(error) => {
                    // Moved or removed by another reader, or kept back by the system.
                    let reason = format!("message {uid} cannot be read: {error}");
                    reading.doubts.push(Doubt::Unreadable { folder: folder.clone(), reason });
                }
            }
        }
    }
    Ok(reading)
}

fn folders(top: &Path) -> Result<BTreeMap<String, PathBuf>, MailboxError> {
    let mut folders = BTreeMap::from([("INBOX".to_owned(), top.to_owned())]);
    for entry in fs::read_dir(top)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        // A link could lead out of the mailbox.
        let Some(folder) = name.strip_prefix('.').filter(|_| is_folder(&entry)) else { continue };
        folders.insert(folder.to_owned(), entry.path());
        let most = limits::MAILBOX_FOLDERS;
        if folders.len() > most {
            return Err(MailboxError::TooMuch { what: "folders", most: most as u64 });
        }
    }
    Ok(folders)
}

fn is_folder(entry: &fs::DirEntry) -> bool {
    entry.file_type().is_ok_and(|kind| kind.is_dir())
}

/// The files of a folder by the unique part of their names: one that moves from `new` to `cur` meanwhile
/// is one message.
fn messages(
    path: &Path,
    folder: &str,
    doubts: &mut Vec<Doubt>,
) -> Result<BTreeMap<String, PathBuf>, MailboxError> {
    let mut messages = BTreeMap::new();
    for part in DELIVERED {
        let entries = match fs::read_dir(path.join(part)) {
            // Nothing was ever delivered to it.
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            Err(error) => {
                let reason = format!("`{part}` cannot be read: {error}");
                doubts.push(Doubt::Unreadable { folder: folder.to_owned(), reason });
                continue;
            }
            Ok(entries) => entries,
        };
        for entry in entries {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.starts_with('.') || !entry.file_type().is_ok_and(|kind| kind.is_file()) {
                continue;
            }
            let unique = name.split(':').next().unwrap_or_default().to_owned();
            messages.insert(unique, entry.path());
            let most = limits::MAILBOX_MESSAGES;
            if messages.len() > most {
                return Err(MailboxError::TooMuch { what: "messages", most: most as u64 });
            }
        }
    }
    Ok(messages)
}

fn content(path: &Path, own: &Identity) -> io::Result<StoredContent> {
    let file = files::open(path)?;
    if file.metadata()?.len() > limits::MESSAGE_SIZE {
        return Err(io::Error::new(ErrorKind::FileTooLarge, "it is longer than a message may be"));
    }
    let mut file = file.take(limits::MESSAGE_SIZE);
    let (mut examiner, mut ends) = (ContentExaminer::default(), LineEnds::Unknown);
    let mut piece = vec![0; PIECE];
    let mut last = 0;
    loop {
        let length = file.read(&mut piece)?;
        if length == 0 {
            return Ok(examiner.finish(own));
        }
        let text = &piece[..length];
        ends = ends.known_after(last, text);
        match ends {
            LineEnds::Lf => examiner.feed(&with_crlf(text)),
            _ => examiner.feed(text),
        }
        last = text[length - 1];
    }
}

/// How the lines of a file end.
#[derive(Clone, Copy, PartialEq, Eq)]
enum LineEnds {
    Unknown,
    Crlf,
    Lf,
}

impl LineEnds {
    /// What is known after this text; `last` is the byte before it.
    fn known_after(self, last: u8, text: &[u8]) -> LineEnds {
        let first = memchr::memchr(b'\n', text).filter(|_| self == LineEnds::Unknown);
        let Some(first) = first else { return self };
        let before = if first == 0 { last } else { text[first - 1] };
        if before == b'\r' { LineEnds::Crlf } else { LineEnds::Lf }
    }
}

fn with_crlf(text: &[u8]) -> Vec<u8> {
    let mut all = Vec::with_capacity(text.len() + text.len() / 32);
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        match line.strip_suffix(b"\n") {
            Some(line) => {
                all.extend_from_slice(line);
                all.extend_from_slice(b"\r\n");
            }
            None => all.extend_from_slice(line),
        }
    }
    all
}
