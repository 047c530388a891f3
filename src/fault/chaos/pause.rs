//! `pause`: SIGSTOP of every process, and SIGCONT after so long.

use std::time::Duration;

use super::page::{Keys, NO_PROCESSES, Page, Problems, Reach, Refinement, schema, some};
use crate::grammar::checks::length;
use crate::grammar::units::Timespan;

/// How long they are stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pause(pub Duration);

impl Page for Pause {
    type Written = Timespan;

    const DOES: &'static str = "SIGSTOP, and SIGCONT after so long.";

    const DONE: &'static str = "SIGSTOP of every process";

    const NEEDS_PROCESSES: bool = true;

    fn refinements() -> Vec<Refinement> {
        vec![("Chaos.pause", schema::some_time())]
    }

    fn read(keys: &Keys, problems: &mut Problems) -> Option<Pause> {
        Some(Pause(length(keys.pause.as_ref(), Duration::ZERO, problems)))
    }

    fn write(&self, keys: &mut Keys) {
        keys.pause = some(Timespan(self.0));
    }

    fn lacks(&self, target: &Reach) -> Option<(&'static str, &'static str)> {
        (!target.knows_processes).then_some(NO_PROCESSES)
    }
}
