//! `run`: a command of the user's.

use super::page::{Keys, Page, Problems, Refinement, schema, some};

/// Program and arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run(pub Vec<String>);

impl Page for Run {
    type Written = Vec<String>;

    const DOES: &'static str = "The user's own command.";

    const DONE: &'static str = "a command";

    const NEEDS_TARGET: bool = false;

    const TAKES_DOWN: bool = false;

    fn refinements() -> Vec<Refinement> {
        vec![("Chaos.run", schema::command())]
    }

    fn read(keys: &Keys, problems: &mut Problems) -> Option<Run> {
        let run = keys.run.as_ref()?;
        if run.value.first().is_none_or(String::is_empty) {
            problems.refuse(
                &run.span,
                "the command is empty",
                "write program and arguments: `run = [\"./hook.sh\"]`",
            );
        }
        Some(Run(run.value.clone()))
    }

    fn write(&self, keys: &mut Keys) {
        keys.run = some(self.0.clone());
    }
}
