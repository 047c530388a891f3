//! What mailbench orders the disk's process to do, and what it answers: a line of JSON each.

use serde::{Deserialize, Serialize};

use super::terms::Keep;

/// An order.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) enum Order {
    /// Answer nothing any more: no honest 250 can appear.
    Freeze,
    /// Answer again.
    Thaw,
    /// Begin the next life of the disk with what survives of the last.
    LosePower {
        /// What of the cache survives.
        keep: Keep,
        /// Seed of the choice.
        seed: u64,
        /// Number of the cut.
        ordinal: u64,
    },
    /// From now on a flush takes so many microseconds.
    Flush {
        /// The time.
        us: u64,
    },
    /// Answer flushes without doing them.
    Lie {
        /// Whether to.
        on: bool,
    },
    /// Fail reads and writes (EIO).
    Fail {
        /// Whether to.
        on: bool,
    },
    /// Say what was counted.
    Count,
}

/// An answer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum Answer {
    /// It is done; also said once, when the disk is there.
    Done,
    /// The next life has begun.
    PowerLost {
        /// Writes that were not flushed.
        unflushed: u64,
        /// Of these, those of which something was kept.
        kept: u64,
    },
    /// What was counted.
    Counted(Counts),
    /// Why not.
    Refused(String),
}

/// What a disk counted since it is there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Reads.
    pub reads: u64,
    /// Writes.
    pub writes: u64,
    /// Bytes written.
    pub bytes_written: u64,
    /// Flushes.
    pub flushes: u64,
    /// Most bytes of memory that the images took.
    pub memory_most: u64,
}
