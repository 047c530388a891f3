//! The `script` fault: a reply by attempt number.

use serde_json::json;

use super::page::{
    At, Case, Effect, Keys, Page, Problem, Problems, Refinement, Stage, schema, some,
};
use super::replies;
use crate::smtp::reply::{Reply, Severity};

/// The replies, by attempt number.
#[derive(Clone, Debug, PartialEq)]
pub struct Script(pub Vec<Reply>);

impl Page for Script {
    type Written = Vec<At<String>>;

    const DOES: &'static str =
        "Answer by attempt number; the last entry stands for all later attempts.";

    const COUNTS_ATTEMPTS: bool = true;

    fn refinements() -> Vec<Refinement> {
        let reply = schema::reply("[2-5]");
        vec![("Fault.script", json!({ "minItems": 1, "items": reply }))]
    }

    fn can_happen(stage: Stage) -> Result<(), &'static str> {
        replies::can_happen(stage)
    }

    fn read(keys: &Keys, problems: &mut Problems) -> Option<Script> {
        let script = keys.script.as_ref()?;
        if script.value.is_empty() {
            problems.push(Problem::new(&script.span, "the script is empty"));
        }
        let replies: Vec<Reply> =
            script.value.iter().filter_map(|written| replies::read(written, problems)).collect();
        for (reply, written) in replies.iter().zip(&script.value) {
            if reply.severity() == Some(Severity::Intermediate) {
                problems.refuse(
                    &written.span,
                    format!("{} decides nothing", reply.code),
                    "a 2yz reply lets the dialogue go on as it would",
                );
            }
        }
        Some(Script(replies))
    }

    fn write(&self, keys: &mut Keys) {
        keys.script = some(self.0.iter().map(|reply| At::from(reply.to_string())).collect());
    }

    fn words(&self) -> String {
        let codes: Vec<String> = self.0.iter().map(|reply| reply.code.to_string()).collect();
        format!("answer by attempt: {}", codes.join(", "))
    }

    fn effect(&self, case: &mut Case<'_>) -> Option<Effect> {
        reply(&self.0, case.moment.attempt).cloned().map(Effect::Reply)
    }
}

/// The reply written for attempt number `attempt` (1 for the first); the last entry stands for
/// all later ones. `None` where the entry is positive: the script then does nothing, and later
/// rules may still act.
fn reply(entries: &[Reply], attempt: u32) -> Option<&Reply> {
    let index = (attempt.max(1) - 1) as usize;
    entries.get(index).or(entries.last()).filter(|reply| !reply.is_positive())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_entry_repeats_and_a_positive_one_does_nothing() {
        let entries: Vec<Reply> = ["451 4.7.1 wait", "250 2.0.0 ok", "550 5.1.1 no"]
            .map(|line| line.parse().expect("a reply"))
            .to_vec();
        let codes = [0, 1, 2, 3, 9].map(|attempt| reply(&entries, attempt).map(|r| r.code));
        assert_eq!(codes, [Some(451), Some(451), None, Some(550), Some(550)]);
        assert_eq!(reply(&[], 1), None);
    }
}
