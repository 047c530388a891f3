//! `disk_slow`: each flush of the target's disk takes longer for a while.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::page::{At, Keys, NO_DISK, Page, Problems, Reach, Refinement, schema, some};
use crate::grammar::checks::length;
use crate::grammar::units::Timespan;

/// How slow, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiskSlow {
    /// How long a flush takes.
    pub flush: Duration,
    /// For how long.
    pub length: Duration,
}

/// A slow disk.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "DiskSlow")]
pub struct Written {
    /// How long a flush takes.
    pub flush: At<Timespan>,
    /// For how long.
    #[serde(rename = "for")]
    pub length: At<Timespan>,
}

impl Page for DiskSlow {
    type Written = Written;

    const DOES: &'static str =
        "Each flush of the target's disk takes longer for a while. Needs `[target.disk]`.";

    const DONE: &'static str = "slow flushes of the disk";

    fn refinements() -> Vec<Refinement> {
        vec![("DiskSlow.flush", schema::some_time()), ("DiskSlow.for", schema::some_time())]
    }

    fn read(keys: &Keys, problems: &mut Problems) -> Option<DiskSlow> {
        let written = &keys.disk_slow.as_ref()?.value;
        let flush = length(Some(&written.flush), Duration::ZERO, problems);
        Some(DiskSlow { flush, length: length(Some(&written.length), Duration::ZERO, problems) })
    }

    fn write(&self, keys: &mut Keys) {
        let (flush, length) = (Timespan(self.flush), Timespan(self.length));
        keys.disk_slow = some(Written { flush: At::from(flush), length: At::from(length) });
    }

    fn lacks(&self, target: &Reach) -> Option<(&'static str, &'static str)> {
        (!target.has_disk).then_some(NO_DISK)
    }
}
