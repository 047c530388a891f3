//! `power_cut`: the target's disk loses what was not flushed, its processes die; started again after
//! a time, on what survived.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::page::{At, Keys, NO_DISK, Page, Problems, Reach, some};
use crate::disk::Keep;
use crate::grammar::at::value_or;
use crate::grammar::units::Timespan;

/// A power cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PowerCut {
    /// Started again after so long.
    pub restart_after: Duration,
    /// What survives of the writes that were not flushed.
    pub keep: Keep,
}

/// A power cut.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "PowerCut")]
pub struct Written {
    /// Start it again after so long. Default: at once.
    pub restart_after: Option<At<Timespan>>,
    /// What survives of the writes that were not flushed, by the seed. Default: none.
    pub keep: Option<At<Keep>>,
}

impl Page for PowerCut {
    type Written = Written;

    const DOES: &'static str = "A loss of power: every process of the target dies at once, and what \
                                was not flushed to its disk is gone. Needs `[target.disk]`.";

    const DONE: &'static str = "power cut";

    const NEEDS_PROCESSES: bool = true;

    fn read(keys: &Keys, _: &mut Problems) -> Option<PowerCut> {
        let written = &keys.power_cut.as_ref()?.value;
        Some(PowerCut {
            restart_after: value_or(&written.restart_after, Timespan(Duration::ZERO)).0,
            keep: value_or(&written.keep, Keep::None),
        })
    }

    fn write(&self, keys: &mut Keys) {
        let restart_after = some(Timespan(self.restart_after));
        keys.power_cut = some(Written { restart_after, keep: some(self.keep) });
    }

    fn lacks(&self, target: &Reach) -> Option<(&'static str, &'static str)> {
        (!target.has_disk).then_some(NO_DISK)
    }
}
