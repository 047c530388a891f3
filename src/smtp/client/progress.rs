//! How far a transaction has come, and what that means for each recipient. Pure.

use super::outcome::{Cause, Outcome};
use crate::smtp::reply::{Reply, Severity};
use crate::smtp::stage::Stage;

/// A command of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Mail,
    /// RCPT for the recipient of this index.
    Rcpt(usize),
    Data,
}

impl Step {
    pub(super) fn stage(self) -> Stage {
        match self {
            Step::Mail => Stage::MailFrom,
            Step::Rcpt(_) => Stage::RcptTo,
            Step::Data => Stage::Data,
        }
    }
}

/// The state of a transaction up to the 354.
#[derive(Debug)]
pub(super) struct Progress {
    /// `None`: nothing has concluded it yet.
    outcomes: Vec<Option<Outcome>>,
    /// Recipients whose RCPT was sent.
    named: usize,
    /// Whether the server waits for content.
    pub(super) content_awaited: bool,
}

impl Progress {
    pub(super) fn new(recipients: usize) -> Progress {
        Progress { outcomes: vec![None; recipients], named: 0, content_awaited: false }
    }

    /// Whether a recipient is left for whom it makes sense to go on.
    pub(super) fn goes_on(&self) -> bool {
        self.outcomes.iter().any(Option::is_none)
    }

    /// A command was given to the kernel, or part of it.
    pub(super) fn sent(&mut self, step: Step) {
        if let Step::Rcpt(index) = step {
            self.named = index + 1;
        }
    }

    /// The reply to a command was read. Decides by its first digit alone; 421 to whichever command
    /// speaks for the whole session. `Err`: the server has left the protocol.
    pub(super) fn replied(&mut self, step: Step, reply: Reply) -> Result<(), Cause> {
        let stage = step.stage();
        match (step, reply.severity()) {
            (_, Some(Severity::Transient)) if reply.code == 421 => {
                self.conclude(&Outcome::Refused { stage, reply });
            }
            (Step::Rcpt(index), Some(Severity::Transient | Severity::Permanent)) => {
                self.outcomes[index].get_or_insert(Outcome::Refused { stage, reply });
            }
            (_, Some(Severity::Transient | Severity::Permanent)) => {
                self.conclude(&Outcome::Refused { stage, reply });
            }
            (Step::Mail | Step::Rcpt(_), Some(Severity::Positive)) => {}
            (Step::Data, Some(Severity::Intermediate)) => self.content_awaited = true,
            _ => return Err(Cause::Unexpected(reply)),
        }
        Ok(())
    }

    /// The connection was lost before the end of the content.
    pub(super) fn lost(&mut self, stage: Stage, cause: Cause) {
        let broken = Outcome::Broken { stage, cause: cause.clone() };
        let not_sent = Outcome::NotSent { stage, cause };
        for (index, outcome) in self.outcomes.iter_mut().enumerate() {
            let lost = if index < self.named { &broken } else { &not_sent };
            outcome.get_or_insert_with(|| lost.clone());
        }
    }

    /// Gives everyone who is left this outcome.
    pub(super) fn conclude(&mut self, outcome: &Outcome) {
        for open in self.outcomes.iter_mut().filter(|open| open.is_none()) {
            *open = Some(outcome.clone());
        }
    }

    /// The recipients who are left, in order.
    pub(super) fn left(&self) -> Vec<usize> {
        let open = self.outcomes.iter().enumerate().filter(|(_, outcome)| outcome.is_none());
        open.map(|(index, _)| index).collect()
    }

    /// Gives one recipient this outcome.
    pub(super) fn conclude_one(&mut self, index: usize, outcome: Outcome) {
        self.outcomes[index].get_or_insert(outcome);
    }

    /// The outcomes; a recipient that is left (none, after a whole transaction) counts as not sent.
    pub(super) fn into_outcomes(mut self) -> Vec<Outcome> {
        self.lost(Stage::MailFrom, Cause::Closed);
        self.outcomes.into_iter().flatten().collect()
    }
}
