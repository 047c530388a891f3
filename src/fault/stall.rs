//! The `stall` fault: no reply for so long, with the connection open; then it is closed.

use std::time::Duration;

use super::page::{Case, Effect, Keys, Page, Problems, Refinement, schema, some};
use crate::grammar::checks::length;
use crate::grammar::units::Timespan;

/// How long there is no reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stall(pub Duration);

impl Page for Stall {
    type Written = Timespan;

    const DOES: &'static str = "No reply for so long, connection open.";

    fn refinements() -> Vec<Refinement> {
        vec![("Fault.stall", schema::some_time())]
    }

    fn read(keys: &Keys, problems: &mut Problems) -> Option<Stall> {
        Some(Stall(length(keys.stall.as_ref(), Duration::ZERO, problems)))
    }

    fn write(&self, keys: &mut Keys) {
        keys.stall = some(Timespan(self.0));
    }

    fn words(&self) -> String {
        format!("stall for {:?}", self.0)
    }

    fn effect(&self, _: &mut Case<'_>) -> Option<Effect> {
        Some(Effect::Stall(self.0))
    }
}
