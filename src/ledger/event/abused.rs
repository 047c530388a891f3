//! What became of bad clients.

use serde::{Deserialize, Serialize};

use crate::clock::Time;
use crate::smtp::stage::Stage;

/// How one client of `[[abuse]]` ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Abused {
    /// When it ended.
    pub at: Time,
    /// Which `[[abuse]]` entry it belongs to.
    pub profile: u16,
    /// How far its dialogue had come.
    pub stage: Stage,
    /// How long it lasted, microseconds.
    pub held_us: u64,
    /// How it ended.
    pub end: AbuseEnd,
}

/// What the target made of a bad client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AbuseEnd {
    /// It found no connection.
    Unconnected,
    /// It was answered 4yz or 5yz.
    Refused { code: u16 },
    /// The target closed without a word.
    CutOff,
    /// It did what it came for, or its time was over before anything was done against it.
    Tolerated,
}
