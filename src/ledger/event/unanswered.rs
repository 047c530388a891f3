//! Submissions that ended without an answer of the target.

use serde::{Deserialize, Serialize};

use crate::clock::Time;
use crate::probe::MessageId;
use crate::smtp::stage::Stage;

/// A submission that ended without an answer for at least one of its recipients.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unanswered {
    /// The message.
    pub message: MessageId,
    /// When it ended.
    pub at: Time,
    /// Why.
    pub how: NoAnswer,
    /// How long each stage had lasted that was under way, in microseconds.
    pub stages: Vec<(Stage, u32)>,
}

/// Why there was no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NoAnswer {
    /// No session was free for it before the run ended.
    Unserved,
    /// It was under way when the run ended.
    GivenUp,
    /// The connection was refused, broke or timed out, or what came was not a reply.
    Failed,
}
