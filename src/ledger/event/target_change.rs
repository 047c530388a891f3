//! What happens to the target's processes.

use crate::disk::Keep;
use serde::{Deserialize, Serialize};

/// The target's own life.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TargetChange {
    /// Ready for mail.
    Ready,
    /// Killed by us (SIGKILL).
    Killed,
    /// Paused by us.
    Paused,
    /// Resumed by us.
    Resumed,
    /// Stopped in order by us.
    Stopped,
    /// Ended by itself.
    Died { status: String },
    /// About to be started again by us.
    Starting,
    /// A command of the user's was run, beginning now: how it ended, and after how long.
    Hook { command: Vec<String>, outcome: String, took_us: u64 },
    /// It went on though a chaos event should have taken it down: which act, and what was seen.
    Survived { act: String, how: String },
    /// Its power was cut: killed by us, and what its disk had not made durable is gone but for what
    /// was kept; writes that were not flushed, and those of them of which something was kept.
    PowerLost { keep: Keep, unflushed: u64, kept: u64 },
    /// Its disk began to fail in this way, or did so no more.
    DiskFault { act: String, on: bool },
}
