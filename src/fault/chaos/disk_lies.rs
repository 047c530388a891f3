//! `disk_lies`: from then on the target's disk answers flushes without doing them. A control: mail is
//! lost in the next power cut whatever the target does.

use super::page::{Keys, NO_DISK, Page, Problems, Reach, some};

/// A disk that lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiskLies;

impl Page for DiskLies {
    type Written = bool;

    const DOES: &'static str = "From now on the target's disk answers flushes without doing them: a \
                                control that must lose mail in a power cut. Needs `[target.disk]`.";

    const DONE: &'static str = "flushes answered and not done";

    const TAKES_DOWN: bool = false;

    fn read(keys: &Keys, problems: &mut Problems) -> Option<DiskLies> {
        let written = keys.disk_lies.as_ref()?;
        if !written.value {
            let what = "`disk_lies = false` does nothing";
            problems.refuse(&written.span, what, "leave the entry out");
        }
        Some(DiskLies)
    }

    fn write(&self, keys: &mut Keys) {
        keys.disk_lies = some(true);
    }

    fn lacks(&self, target: &Reach) -> Option<(&'static str, &'static str)> {
        (!target.has_disk).then_some(NO_DISK)
    }
}
