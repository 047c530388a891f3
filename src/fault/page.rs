//! What a fault says of itself. One file implements it for each fault; the list is in
//! `action`.

use std::ops::Range;

use super::judge::Moment;
use super::limit::Limits;
use crate::seed::{Key, Seed};

pub use super::action::Keys;
pub use super::judge::{Effect, Verdict};
pub use crate::grammar::at::{At, place, some};
pub use crate::grammar::diagnosis::{Problem, Problems};
pub use crate::grammar::schema::{self, Refinement};
pub use crate::smtp::stage::Stage;

/// A fault: its grammar, its verdict, its words.
pub trait Page: Sized {
    /// What stands behind its key in a scenario.
    type Written;

    /// What it does, for the schema.
    const DOES: &'static str;

    /// Whether `simulate` has a model of what it makes of a target.
    const SIMULATED: bool = true;

    /// Whether it counts attempts, so that it needs a stage at which a message is known.
    const COUNTS_ATTEMPTS: bool = false;

    /// What the schema of its keys adds to their types.
    fn refinements() -> Vec<Refinement> {
        Vec::new()
    }

    /// The stage that is meant by the one that is written, if one is.
    fn stage_meant(_keys: &Keys, written: Option<Stage>) -> Option<Stage> {
        written
    }

    /// Whether it can happen at a stage; else what to do instead.
    ///
    /// # Errors
    /// When it cannot.
    fn can_happen(_stage: Stage) -> Result<(), &'static str> {
        Ok(())
    }

    /// Notes the keys beside its own that are out of place. Asked of every fault, whichever a rule
    /// is of.
    fn check_beside(_keys: &Keys, _stage: Stage, _problems: &mut Problems) {}

    /// Where it asks for the destination, other than by the key `destination`.
    fn place_of_destination(_keys: &Keys) -> Option<&Range<usize>> {
        None
    }

    /// Reads it from its keys; `None` where there is none to speak of, which is noted.
    fn read(keys: &Keys, problems: &mut Problems) -> Option<Self>;

    /// Writes its keys.
    fn write(&self, keys: &mut Keys);

    /// What it does, in the words of a report.
    fn words(&self) -> String;

    /// What replaces the ordinary course of the dialogue; `None`: nothing does.
    fn effect(&self, _case: &mut Case<'_>) -> Option<Effect> {
        None
    }

    /// Adds what it does to the verdict. Of faults that replace the ordinary course the first in
    /// file order wins; later ones are not asked.
    fn strike(&self, case: &mut Case<'_>, verdict: &mut Verdict) {
        if verdict.decided.is_none() {
            verdict.decided = self.effect(case).map(|effect| (case.number, effect));
        }
    }

    /// Whether it can end a session before a probe is named. `early`: its stage is before MAIL.
    fn keeps_away(&self, early: bool) -> bool {
        early
    }
}

/// A rule that strikes: what its fault may look at.
#[derive(Debug)]
pub struct Case<'a> {
    /// Number of the rule.
    pub number: u16,
    /// The seed of the run.
    pub seed: Seed,
    /// What is drawn for this rule at this moment is drawn for this key.
    pub key: Key,
    /// The moment.
    pub moment: &'a Moment,
    /// What has been used of every limit.
    pub limits: &'a mut Limits,
}
