//! One attempt of a simulated delivery: what it came to for each recipient, and what ended it.

use super::job::Job;
use crate::smtp::reply::Reply;
use crate::smtp::stage::Stage;

/// What one attempt came to for one recipient.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// 250 to the final dot.
    Taken,
    /// Content seen whole, 250 withheld.
    Withheld,
    /// 4yz.
    Deferred,
    /// 5yz.
    Rejected,
    /// The connection broke.
    Broken,
    /// No transaction began: the sink saw no attempt.
    NotReached,
}

/// An attempt, whole.
#[derive(Clone, Debug)]
pub(super) struct Visit {
    /// When it began and when it is over, nanoseconds.
    pub(super) start: u64,
    pub(super) end: u64,
    /// One a recipient, in the order of the job.
    pub(super) outcomes: Vec<Outcome>,
    /// What ended it before its 250, for each recipient of whom that is so.
    pub(super) endings: Vec<Ending>,
    /// The session it was made on, and the same if it can be used again.
    pub(super) session_used: u64,
    pub(super) session: Option<u64>,
}

/// What ended an attempt for one recipient.
#[derive(Clone, Debug)]
pub(super) struct Ending {
    /// Which recipient, in the order of the job.
    pub(super) place: usize,
    pub(super) stage: Stage,
    pub(super) rule: Option<u16>,
    pub(super) reply: Option<Reply>,
}

/// How a stage ends.
pub(super) enum Step {
    /// The dialogue goes on, later by so much.
    On,
    /// A refusal by a rule.
    Refused(u16, Reply),
    /// A rule breaks the connection.
    Broken(u16),
}

/// Times of one attempt, nanoseconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct AttemptTimes {
    pub(super) connect: u64,
    pub(super) service: u64,
}

/// An attempt under way.
pub(super) struct AttemptInProgress<'a> {
    pub(super) job: &'a Job,
    pub(super) session: u64,
    pub(super) at: u64,
    pub(super) outcomes: Vec<Outcome>,
    pub(super) endings: Vec<Ending>,
    /// Bytes a second the sink reads, when it is slowed down.
    pub(super) throttle: f64,
}

impl AttemptInProgress<'_> {
    pub(super) fn new(job: &Job, session: u64, at: u64) -> AttemptInProgress<'_> {
        let (outcomes, endings) = (Vec::new(), Vec::new());
        AttemptInProgress { job, session, at, outcomes, endings, throttle: f64::INFINITY }
    }

    /// Ends it for one recipient.
    pub(super) fn end(&mut self, place: usize, outcome: Outcome, ending: Ending) {
        self.outcomes[place] = outcome;
        self.endings.push(Ending { place, ..ending });
    }

    /// Ends it for every recipient for whom it has not ended.
    pub(super) fn end_rest(&mut self, outcome: Outcome, ending: &Ending) {
        for place in 0..self.outcomes.len() {
            if self.outcomes[place] == Outcome::Taken {
                self.end(place, outcome, ending.clone());
            }
        }
    }

    /// Ends the attempt by a step that does not go on, after `takes`; whether the session
    /// survives.
    pub(super) fn ended(&mut self, step: Step, stage: Stage, takes: u64) -> Option<bool> {
        let (outcome, survives, rule, reply) = match step {
            Step::On => return None,
            Step::Refused(rule, reply) => (refused(&reply), reply.code != 421, rule, Some(reply)),
            Step::Broken(rule) if stage == Stage::EndOfData => {
                (Outcome::Withheld, false, rule, None)
            }
            Step::Broken(rule) => (Outcome::Broken, false, rule, None),
        };
        self.end_rest(outcome, &Ending { place: 0, stage, rule: Some(rule), reply });
        let slow = if stage >= Stage::Content { self.read_slowly() } else { 0 };
        self.at += takes + slow;
        Some(survives)
    }

    /// What a throttle adds to the content.
    pub(super) fn read_slowly(&self) -> u64 {
        (f64::from(self.job.size) / self.throttle * 1e9) as u64
    }
}

pub(super) fn refused(reply: &Reply) -> Outcome {
    if reply.code >= 500 { Outcome::Rejected } else { Outcome::Deferred }
}

/// The stage at which a connection counts as cut when its port closes; the model has no finer one.
pub(super) const CUT: Stage = Stage::Data;

pub(super) fn not_reached(
    job: &Job,
    (start, end): (u64, u64),
    entered: Option<(u64, Ending)>,
) -> Visit {
    let (session_used, endings) = match entered {
        Some((session, ending)) => (session, vec![ending]),
        None => (0, Vec::new()),
    };
    let outcomes = vec![Outcome::NotReached; job.len()];
    Visit { start, end, outcomes, endings, session_used, session: None }
}
