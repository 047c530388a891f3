//! What an act says of itself. One file implements it for each; the list is in `act`.

pub use super::act::Keys;
pub use crate::grammar::at::{At, some};
pub use crate::grammar::diagnosis::Problems;
pub use crate::grammar::schema::{self, Refinement};

/// An act: its grammar, what it needs of a target, its words. It is enacted in `run::chaos`.
pub trait Page: Sized {
    /// What stands behind its key in a scenario.
    type Written;

    /// What it does, for the schema.
    const DOES: &'static str;

    /// What was done, in the words of a report.
    const DONE: &'static str;

    /// Whether it is done to a target, and not beside it.
    const NEEDS_TARGET: bool = true;

    /// Whether the target is down, or stands still, for a while.
    const TAKES_DOWN: bool = true;

    /// Whether it is done to processes that must be known.
    const NEEDS_PROCESSES: bool = false;

    /// What the schema of its keys adds to their types.
    fn refinements() -> Vec<Refinement> {
        Vec::new()
    }

    /// Reads it from its keys; `None` where there is none to speak of, which is noted.
    fn read(keys: &Keys, problems: &mut Problems) -> Option<Self>;

    /// Writes its keys.
    fn write(&self, keys: &mut Keys);

    /// What it needs that this target has not, and a way out.
    fn lacks(&self, _target: &Reach) -> Option<(&'static str, &'static str)> {
        None
    }
}

/// What can be done to the target of a scenario.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reach {
    /// There is one between traffic and sink.
    pub exists: bool,
    /// It can be started anew.
    pub can_start: bool,
    /// Its processes are known.
    pub knows_processes: bool,
    /// Its queue is on a disk that mailbench made.
    pub has_disk: bool,
}

impl Reach {
    /// A target that mailbench starts.
    pub const OURS: Reach =
        Reach { exists: true, can_start: true, knows_processes: true, has_disk: false };

    /// No target.
    pub const NONE: Reach =
        Reach { exists: false, can_start: false, knows_processes: false, has_disk: false };
}

/// A target that must be started anew, and cannot be.
pub(super) const NO_START: (&str, &str) = (
    "`target.start_command` of an external target",
    "say how it is started again: `start_command = [\"./start.sh\"]`, or do it all yourself: `run = \
     [\"./your-hook.sh\"]`",
);

/// A target whose processes must be known, and are not.
pub(super) const NO_PROCESSES: (&str, &str) = (
    "`target.pid_file` of an external target",
    "say which process it is: `pid_file = \"/run/your-mta.pid\"`, or how mailbench starts it: \
     `start_command = [\"./start.sh\"]`",
);

/// A target whose disk must be one that mailbench made, and is not.
pub(super) const NO_DISK: (&str, &str) = (
    "`[target.disk]`",
    "put its queue on a disk that mailbench makes: `[target.disk]` with `filesystem = \"ext4\"`",
);
