//! The `reject` fault: a 5yz reply instead of the ordinary one.

use super::page::{Case, Effect, Keys, Page, Problems, Refinement, Stage, schema, some};
use super::replies;
use crate::smtp::reply::{Reply, Severity};

/// The reply.
#[derive(Clone, Debug, PartialEq)]
pub struct Reject(pub Reply);

impl Page for Reject {
    type Written = String;

    const DOES: &'static str = "Answer this 5yz.";

    fn refinements() -> Vec<Refinement> {
        vec![("Fault.reject", schema::reply("5"))]
    }

    fn can_happen(stage: Stage) -> Result<(), &'static str> {
        replies::can_happen(stage)
    }

    fn read(keys: &Keys, problems: &mut Problems) -> Option<Reject> {
        replies::read_as(keys.reject.as_ref()?, Severity::Permanent, problems).map(Reject)
    }

    fn write(&self, keys: &mut Keys) {
        keys.reject = some(self.0.to_string());
    }

    fn words(&self) -> String {
        format!("reject {}", self.0)
    }

    fn effect(&self, _: &mut Case<'_>) -> Option<Effect> {
        Some(Effect::Reply(self.0.clone()))
    }
}
