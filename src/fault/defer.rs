//! The `defer` fault: a 4yz reply instead of the ordinary one.

use super::page::{Case, Effect, Keys, Page, Problems, Refinement, Stage, schema, some};
use super::replies;
use crate::smtp::reply::{Reply, Severity};

/// The reply.
#[derive(Clone, Debug, PartialEq)]
pub struct Defer(pub Reply);

impl Page for Defer {
    type Written = String;

    const DOES: &'static str = "Answer this 4yz.";

    fn refinements() -> Vec<Refinement> {
        vec![("Fault.defer", schema::reply("4"))]
    }

    fn can_happen(stage: Stage) -> Result<(), &'static str> {
        replies::can_happen(stage)
    }

    fn read(keys: &Keys, problems: &mut Problems) -> Option<Defer> {
        replies::read_as(keys.defer.as_ref()?, Severity::Transient, problems).map(Defer)
    }

    fn write(&self, keys: &mut Keys) {
        keys.defer = some(self.0.to_string());
    }

    fn words(&self) -> String {
        format!("defer {}", self.0)
    }

    fn effect(&self, _: &mut Case<'_>) -> Option<Effect> {
        Some(Effect::Reply(self.0.clone()))
    }
}
