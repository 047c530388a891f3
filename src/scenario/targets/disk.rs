//! `[target.disk]`: the queue on a disk that mailbench makes, so that it can lose power.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::disk::{DiskTerms, Filesystem};
use crate::grammar::at::{At, some, value_or};
use crate::grammar::checks::bounded;
use crate::grammar::diagnosis::Problems;
use crate::grammar::units::{Size, Timespan};
use crate::limits;

/// Longest time of a flush.
const FLUSH: Duration = Duration::from_secs(10);

/// `[target.disk]`: the queue of a target that mailbench starts, on a disk of its own (Linux, root).
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Disk")]
pub(in crate::scenario) struct Written {
    /// Its file system. Default: ext4.
    pub filesystem: Option<At<Filesystem>>,
    /// Its size. Default: 2GiB.
    pub size: Option<At<Size>>,
    /// How long a flush takes. Default: no time.
    pub flush: Option<At<Timespan>>,
}

/// `[target.disk]`.
pub(in crate::scenario) fn resolve(written: &At<Written>, problems: &mut Problems) -> DiskTerms {
    let disk = &written.value;
    let filesystem = value_or(&disk.filesystem, Filesystem::Ext4);
    let sizes = Size(filesystem.least_size())..=Size(limits::DISK_SIZE);
    let none = Timespan(Duration::ZERO);
    DiskTerms {
        filesystem,
        size: bounded(disk.size.as_ref(), Size(DiskTerms::SIZE), sizes, problems).0,
        flush: bounded(disk.flush.as_ref(), none, none..=Timespan(FLUSH), problems).0,
    }
}

impl From<&DiskTerms> for Written {
    fn from(terms: &DiskTerms) -> Written {
        Written {
            filesystem: some(terms.filesystem),
            size: some(Size(terms.size)),
            flush: some(Timespan(terms.flush)),
        }
    }
}
