//! `kill`: SIGKILL of every process; started again after a time, or never.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::page::{At, Keys, NO_PROCESSES, NO_START, Page, Problems, Reach, some};
use crate::grammar::units::Timespan;

/// A kill.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kill {
    /// Started again after so long; `None`: never.
    pub restart_after: Option<Duration>,
}

/// A kill.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Kill")]
pub struct Written {
    /// Start it again after so long. Default: never.
    pub restart_after: Option<At<Timespan>>,
}

impl Page for Kill {
    type Written = Written;

    const DOES: &'static str = "SIGKILL of every process of the target.";

    const DONE: &'static str = "SIGKILL of every process";

    const NEEDS_PROCESSES: bool = true;

    fn read(keys: &Keys, _: &mut Problems) -> Option<Kill> {
        let written = &keys.kill.as_ref()?.value;
        Some(Kill { restart_after: written.restart_after.as_ref().map(|time| time.value.0) })
    }

    fn write(&self, keys: &mut Keys) {
        let restart_after = self.restart_after.map(|time| At::from(Timespan(time)));
        keys.kill = some(Written { restart_after });
    }

    fn lacks(&self, target: &Reach) -> Option<(&'static str, &'static str)> {
        if self.restart_after.is_some() && !target.can_start {
            return Some(NO_START);
        }
        (!target.knows_processes).then_some(NO_PROCESSES)
    }
}
