//! What a DSN says (RFC 3464), as an event.

use serde::{Deserialize, Serialize};

use crate::clock::Time;
use crate::probe::{MessageId, ProbeId};

/// A DSN as read from what came back to the sink (RFC 3464).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dsn {
    /// When it was taken.
    pub at: Time,
    /// The session that brought it.
    pub session: u64,
    /// Whether it came from the null reverse-path, as RFC 5321 §6.1 demands.
    pub null_sender: bool,
    /// The message it is about, by VERP recipient, envelope id or returned header.
    pub message: Option<MessageId>,
    /// Per-recipient blocks.
    pub recipients: Vec<DsnRecipient>,
    /// What does not conform, in words; empty: well formed.
    pub flaws: Vec<String>,
}

/// One per-recipient block of a DSN (RFC 3464 §2.3).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DsnRecipient {
    /// The probe its Final-Recipient or Original-Recipient names.
    pub probe: Option<ProbeId>,
    /// Action.
    pub action: DsnAction,
    /// Status, as written.
    pub status: String,
    /// Diagnostic-Code, as written; may be empty.
    pub diagnostic: String,
}

/// Action of a DSN (RFC 3464 §2.3.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DsnAction {
    /// Could not be delivered.
    Failed,
    /// Not delivered yet.
    Delayed,
    /// Delivered.
    Delivered,
    /// Handed to a system without DSNs.
    Relayed,
    /// Delivered to several.
    Expanded,
    /// None of these.
    Unknown,
}
