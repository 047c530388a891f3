//! Events about mail whose envelope was rewritten on its way, and about what came back in no form
//! that a program was meant to read.

use serde::{Deserialize, Serialize};

use super::Attempt;
use crate::clock::Time;
use crate::probe::{MessageId, ProbeId};

/// An attempt for a recipient that names no probe. Which probe it stands for, or whether it is a
/// further copy, is decided when everything is known (`ledger::history::binding`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recognised {
    /// The attempt. Its probe is the first of the message, until it is decided which it stands for.
    pub attempt: Attempt,
    /// The message that content or sender names; `None`: refused before anything named one.
    pub message: Option<MessageId>,
    /// The probe that ORCPT names (RFC 3461 §4.2).
    pub original: Option<ProbeId>,
    /// The sender, as it came.
    pub reverse_path: String,
    /// The recipient, as it came.
    pub recipient: String,
}

/// A reception for a probe with another sender or recipient than was sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Readdressed {
    /// When it was concluded.
    pub at: Time,
    /// Ordinal of the session.
    pub session: u64,
    /// The probe.
    pub probe: ProbeId,
    /// The sender, as it came.
    pub reverse_path: String,
    /// The recipient, as it came.
    pub recipient: String,
}

/// Mail to one of our senders that is no DSN in the form of RFC 3464.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// When it was taken.
    pub at: Time,
    /// The session that brought it.
    pub session: u64,
    /// Whether it came from the null reverse-path, as RFC 5321 §6.1 demands.
    pub null_sender: bool,
    /// The message it is about, by VERP recipient or returned header.
    pub message: Option<MessageId>,
    /// What it says.
    pub kind: NoticeKind,
    /// The probes whose addresses it names; empty: it names none.
    pub recipients: Vec<ProbeId>,
    /// Its subject, shortened.
    pub subject: String,
}

/// What a notice says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NoticeKind {
    /// The mail could not be delivered.
    Failed,
    /// The mail was not delivered yet.
    Delayed,
    /// An automatic answer of the recipient (RFC 3834), which says nothing of delivery.
    AutoReply,
}
