//! What the disk under the target's queue did, and whether it did what it should.

use serde::{Deserialize, Serialize};

use crate::disk::{Counts, Filesystem};

/// Something seen of the disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DiskSeen {
    /// It is there and was tested; what it did that a disk must not.
    Ready { filesystem: Filesystem, flaw: Option<String> },
    /// Its file system after a power cut, its own log replayed; what is wrong with it.
    Checked { flaw: Option<String> },
    /// What it counted since it is there: once before the load, once at the end.
    Counted(Counts),
    /// An order that failed: what became of the run is not known.
    Failed { why: String },
}
