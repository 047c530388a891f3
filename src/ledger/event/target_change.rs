//! What happens to the target's processes.

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
}
