//! `restart`: orderly stop and start.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::page::{Keys, NO_START, Page, Problems, Reach, some};

/// A restart; it has no settings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Restart {}

impl Page for Restart {
    type Written = Restart;

    const DOES: &'static str = "Orderly stop and start.";

    const DONE: &'static str = "orderly stop and start";

    fn read(keys: &Keys, _: &mut Problems) -> Option<Restart> {
        keys.restart.as_ref().map(|_| Restart {})
    }

    fn write(&self, keys: &mut Keys) {
        keys.restart = some(Restart {});
    }

    fn lacks(&self, target: &Reach) -> Option<(&'static str, &'static str)> {
        (!target.can_start).then_some(NO_START)
    }
}
