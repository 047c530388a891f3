//! What the disk under the target's queue did: power cuts, flushes, and whether it did what it should.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::disk::{Filesystem, Keep};

/// The disk that mailbench put under the target's queue.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct DiskFacts {
    /// Its file system.
    pub filesystem: Filesystem,
    /// What it did that a disk must not, or what could not be done to it; empty in a valid run.
    pub flaws: Vec<String>,
    /// Flushes from the start of the load to the end of the run.
    pub flushes: u64,
    /// The same for each accepted probe; null without any. 0 explains mail lost in a power cut.
    pub flushes_per_accepted: Option<f64>,
    /// Most memory that its content took, bytes.
    pub memory_most_bytes: u64,
    /// Power cuts, in order of time.
    pub cuts: Vec<PowerCutFacts>,
}

/// One power cut.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct PowerCutFacts {
    /// When, seconds into the measured period.
    pub at_s: f64,
    /// What of unflushed writes survived.
    pub keep: Keep,
    /// Writes of the disk that were not flushed.
    pub unflushed: u64,
    /// Of these, those of which something survived.
    pub kept: u64,
    /// Probes accepted since the cut before.
    pub acknowledged: u64,
    /// Probes accepted, and neither delivered nor returned, when the power was cut.
    pub open: u64,
    /// Of these, those that are lost and were not open in a cut before.
    pub lost: u64,
    /// What the check of the file system found once its own log was replayed; null: it is sound.
    pub filesystem_flaw: Option<String>,
}
