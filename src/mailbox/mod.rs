//! Reads mailboxes back, by IMAP, POP3 or from a Maildir: which copies of our messages are stored, and
//! whether each is intact. What a copy, or a missing one, means is the ledger's.
//!
//! Servers are not trusted: whatever they answer, reading is bounded in time and memory. It ends with an
//! error, or with a [`Reading`] that names every reason to doubt that all copies were seen. A missing
//! message is evidence of a loss only where there is no such reason. Nothing is removed, and by IMAP
//! and from a Maildir no flag is set.

mod connection;
mod content;
pub mod imap;
pub mod maildir;
pub mod pop3;

use thiserror::Error;

use crate::clock::Time;
use crate::probe::damage::ContentCheck;
use crate::probe::recognition::Belongs;

/// What opens a mailbox.
#[derive(Clone, Copy)]
pub struct Account<'a> {
    /// Name of the user.
    pub user: &'a str,
    /// Their password.
    pub password: &'a str,
}

/// One message in a mailbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredCopy {
    /// The folder, by the name that the server gives it; `INBOX` for POP3 and the top of a Maildir.
    pub folder: String,
    /// IMAP's UIDVALIDITY; `None`: there is none.
    pub uid_validity: Option<u32>,
    /// What names the message in its folder: UID, UIDL, or the unique part of a file name.
    pub uid: String,
    /// When it was read.
    pub seen: Time,
    /// What it holds.
    pub content: StoredContent,
}

/// What a stored message holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredContent {
    /// Whose message it is.
    pub belongs: Belongs,
    /// Whether it is as it was sent, from our identity header on: what delivery puts before is not looked at.
    pub check: ContentCheck,
    /// BLAKE3 of all of it.
    pub digest: [u8; 32],
}

/// All that was read of one user's mail.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// The messages, those of others among them.
    pub copies: Vec<StoredCopy>,
    /// Why there may be more of them.
    pub doubts: Vec<Doubt>,
}

impl Reading {
    /// Whether a message that is not among the copies is not in the mailbox.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.doubts.is_empty()
    }
}

/// Why a reading may lack a message.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Doubt {
    /// More or fewer messages than the server announces.
    #[error("folder {folder}: the server announces {announced} messages, {read} were read")]
    CountDiffers {
        /// The folder.
        folder: String,
        /// How many the server announces.
        announced: u64,
        /// How many were read.
        read: u64,
    },
    /// The folder was made anew while it was read.
    #[error("folder {folder}: UIDVALIDITY changed from {before} to {after} while it was read")]
    UidValidityChanged {
        /// The folder.
        folder: String,
        /// Before.
        before: u32,
        /// After.
        after: u32,
    },
    /// A folder or message could not be read.
    #[error("folder {folder}: {reason}")]
    Unreadable {
        /// The folder.
        folder: String,
        /// What was in the way.
        reason: String,
    },
    /// One name, two messages.
    #[error("folder {folder}: the server shows two messages with UID {uid}")]
    UidRepeated {
        /// The folder.
        folder: String,
        /// The name.
        uid: String,
    },
}

/// Why a mailbox could not be read. Text of the server in it is as the server wrote it.
#[derive(Debug, Error)]
pub enum MailboxError {
    /// The connection broke.
    #[error("the connection to the mailbox server broke: {0}")]
    Io(#[from] std::io::Error),
    /// The server ended it.
    #[error("the mailbox server closed the connection during {0}")]
    Closed(&'static str),
    /// It took too long.
    #[error("the mailbox was not read within {} s", .0.as_secs_f64())]
    Timeout(std::time::Duration),
    /// Not the protocol.
    #[error("the mailbox server does not follow {protocol}: {what}")]
    Protocol {
        /// Which protocol.
        protocol: &'static str,
        /// What it did.
        what: String,
    },
    /// A bound of `limits`.
    #[error("the mailbox server sent more than is read: {what} of more than {most}")]
    TooMuch {
        /// What was too long or too many.
        what: &'static str,
        /// The bound.
        most: u64,
    },
    /// A negative reply.
    #[error("the mailbox server refused {command}: {reply}")]
    Refused {
        /// The command, without its arguments.
        command: &'static str,
        /// The reply.
        reply: String,
    },
    /// Not a name or password that the protocol can carry.
    #[error("user and password must not contain line ends or NUL")]
    Credentials,
}

/// Refuses what would end a command early.
fn check_account(account: Account<'_>) -> Result<(), MailboxError> {
    let ends = |text: &str| text.contains(['\r', '\n', '\0']);
    if ends(account.user) || ends(account.password) {
        return Err(MailboxError::Credentials);
    }
    Ok(())
}

/// Adds a copy, unless there are too many.
fn push_copy(reading: &mut Reading, copy: StoredCopy) -> Result<(), MailboxError> {
    let most = crate::limits::MAILBOX_MESSAGES;
    if reading.copies.len() >= most {
        return Err(MailboxError::TooMuch { what: "messages", most: most as u64 });
    }
    reading.copies.push(copy);
    Ok(())
}
