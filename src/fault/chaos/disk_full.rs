//! `disk_full`: no space is left on the target's disk for a while.

use std::time::Duration;

use super::page::{Keys, NO_DISK, Page, Problems, Reach, Refinement, schema, some};
use crate::grammar::checks::length;
use crate::grammar::units::Timespan;

/// For how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiskFull(pub Duration);

impl Page for DiskFull {
    type Written = Timespan;

    const DOES: &'static str =
        "No space is left on the target's disk (ENOSPC) for so long. Needs `[target.disk]`.";

    const DONE: &'static str = "no space left on the disk";

    fn refinements() -> Vec<Refinement> {
        vec![("Chaos.disk_full", schema::some_time())]
    }

    fn read(keys: &Keys, problems: &mut Problems) -> Option<DiskFull> {
        Some(DiskFull(length(keys.disk_full.as_ref(), Duration::ZERO, problems)))
    }

    fn write(&self, keys: &mut Keys) {
        keys.disk_full = some(Timespan(self.0));
    }

    fn lacks(&self, target: &Reach) -> Option<(&'static str, &'static str)> {
        (!target.has_disk).then_some(NO_DISK)
    }
}
