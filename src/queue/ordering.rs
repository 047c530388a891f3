//! Which due delivery goes first: one sort key an ordering. The queue itself is `ready`.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::clock::Time;

/// One delivery: recipients of one message that share a destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Number of the delivery, unique in the queue.
    pub id: u64,
    /// Domain it goes to.
    pub destination: Arc<str>,
    /// When it may be tried.
    pub due: Time,
    /// When the message was accepted.
    pub accepted: Time,
    /// Priority, -9 to 9 (RFC 6710).
    pub priority: i8,
}

/// Which due message goes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(rename = "Ordering")]
pub enum OrderingKind {
    // A retry that is due goes before everything accepted later.
    /// In order of acceptance.
    Fifo,
    // A retry queues behind what was accepted while it waited.
    /// In order of due time.
    DueTime,
    // Then by due time.
    /// By priority.
    Priority,
    // Those that defer get fewer slots.
    /// Healthy destinations first.
    LoadAware,
}

/// Greatest priority (RFC 6710 §4.1); the least is its negative.
pub const HIGHEST_PRIORITY: i8 = 9;

/// Place in the order: the least goes first. The id makes it unique.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    rank: u8,
    time: Time,
    pub(super) id: u64,
}

impl OrderingKind {
    /// Where `entry` stands among the entries of its destination.
    pub(super) fn key(self, entry: &Entry) -> Key {
        let (rank, time) = match self {
            OrderingKind::Fifo => (0, entry.accepted),
            OrderingKind::DueTime | OrderingKind::LoadAware => (0, entry.due),
            OrderingKind::Priority => {
                let priority = entry.priority.clamp(-HIGHEST_PRIORITY, HIGHEST_PRIORITY);
                (HIGHEST_PRIORITY.abs_diff(priority), entry.due)
            }
        };
        Key { rank, time, id: entry.id }
    }

    /// Whether slots follow the health of a destination.
    pub(super) fn watches_health(self) -> bool {
        self == OrderingKind::LoadAware
    }
}
