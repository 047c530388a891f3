//! A simulation as the actors of a real run would have recorded it: the events that traffic, sink
//! and target would have written to a journal, shown to an [`super::observer::Observer`].
//!
//! What only the model knows (an attempt that no sink saw, the use of slots) is no event.

use super::identity::{EPOCH, NAME, environment, id, kind};
use super::job::Job;
use super::sink::Entered;
use super::visit::{Ending, Outcome, Visit};
use super::world::{Submission, World};
use crate::clock::Time;
use crate::fault::refuse;
use crate::ledger::event::{
    Attempt, AttemptOutcome, ContentCheck, Dsn, DsnAction, DsnRecipient, Event, NoAnswer, Period,
    Proof, RunFacts, SessionChange, SubmitResult, Submitted, Unanswered,
};
use crate::probe::{DestinationId, Identity, MessageId};
use crate::scenario::Loaded;
use crate::smtp::reply::Reply;
use crate::smtp::stage::Stage;

/// The first event: what run this is.
pub(super) fn facts(loaded: &Loaded, source: &str, command: &str) -> RunFacts {
    let name = || NAME.to_owned();
    RunFacts {
        id: id(loaded),
        started_at: EPOCH.to_owned(),
        identity: Identity { tag: name(), nonce: name() },
        scenario_sha256: loaded.sha256.clone(),
        command: command.to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        environment: environment(source.to_owned()).into_iter().collect(),
        target_kind: kind(&loaded.scenario),
        target_version: String::new(),
        target_address: String::new(),
        untranslated: Vec::new(),
    }
}

impl World<'_> {
    /// Shows an event; it is only made where it is looked at.
    pub(super) fn show(&mut self, event: impl FnOnce() -> Event) {
        if let Some(observer) = &mut self.observer {
            observer.observe(event());
        }
    }

    pub(super) fn show_period(&mut self, period: Period) {
        let at = Time(self.now);
        self.show(|| Event::Period { at, period });
    }

    /// When ports are closed and opened, as the sink would do it.
    pub(super) fn show_ports(&mut self) {
        if self.observer.is_none() {
            return;
        }
        let rules = &self.scenario.faults;
        let measured = Time(self.tally.measured_from);
        let places = (0_u16..).zip(&self.scenario.destinations).map(|(place, _)| place);
        let each = places.filter(|_| self.sink.is_routed()).map(|place| Some(DestinationId(place)));
        let mut events = Vec::new();
        for destination in each.chain([None]) {
            let (mut offset, mut last) = (None, None);
            // A rule has two edges at most.
            for _ in 0..=2 * rules.len() {
                let port = refuse::port(rules, destination, offset);
                let at = offset.map_or(Time::ZERO, |offset| measured.plus(offset));
                if port.closed_by != last {
                    events.push(Event::Port { at, destination, closed_by: port.closed_by });
                }
                last = port.closed_by;
                let Some(next) = port.asked_again_at else { break };
                offset = Some(next);
            }
        }
        events.into_iter().for_each(|event| self.show(|| event));
    }

    pub(super) fn show_offered(&mut self, submission: &Submission) {
        let (message, due) = (submission.offer.message, Time(submission.due));
        let recipients = u16::try_from(submission.offer.recipients.len()).unwrap_or(u16::MAX);
        let at = Time(submission.handed);
        self.show(|| Event::Offered { message, recipients, due, at });
    }

    /// The reply to a message had not come at the close, or no session took it.
    pub(super) fn show_unanswered(&mut self, submission: &Submission, how: NoAnswer) {
        let (message, sent, at) = (submission.offer.message, Time(submission.sent), Time(self.now));
        self.show(|| Event::Unanswered(Unanswered { message, at, how, stages: Vec::new() }));
        let cause = || "the run ended".to_owned();
        self.show(|| {
            let result = |_: &DestinationId| match how {
                NoAnswer::Unserved => {
                    SubmitResult::NotSent { stage: Stage::Connect, cause: cause() }
                }
                NoAnswer::GivenUp | NoAnswer::Failed => {
                    SubmitResult::Indeterminate { cause: cause() }
                }
            };
            let results = submission.offer.recipients.iter().map(result).collect();
            let (session, done, stages) = (0, at, Vec::new());
            Event::Submitted(Submitted { message, session, sent, done, stages, results })
        });
    }

    /// The reply to the final dot.
    pub(super) fn show_submitted(&mut self, submission: &Submission, session: u32, refused: bool) {
        let (sent, done) = (Time(submission.sent), Time(self.now));
        let stage = Stage::EndOfData;
        self.show(|| {
            let result = |_: &DestinationId| match refused {
                false => SubmitResult::Accepted { reply: Reply::new(250, None, "accepted") },
                true => SubmitResult::Refused { stage, reply: Reply::new(452, None, "queue full") },
            };
            Event::Submitted(Submitted {
                message: submission.offer.message,
                session: u64::from(session),
                sent,
                done,
                stages: Vec::new(),
                results: submission.offer.recipients.iter().map(result).collect(),
            })
        });
    }

    /// What faults did, and sessions that were opened or turned away, since this was last shown.
    pub(super) fn show_strikes(&mut self) {
        let (struck, entered) = (self.sink.take_struck(), self.sink.take_entered());
        if self.observer.is_none() {
            return;
        }
        for (at, fault) in struck {
            self.show(|| Event::Struck { at: Time(at), fault });
        }
        for Entered { session, at, kept_out } in entered {
            let change = match kept_out {
                None => SessionChange::Opened,
                Some(Ending { rule, reply, .. }) => {
                    SessionChange::TurnedAway { fault: rule, reply }
                }
            };
            self.show(|| Event::Session { session, at: Time(at), change });
        }
    }

    /// One attempt a recipient, as the sink concludes it; and that the target read each 250.
    pub(super) fn show_attempts(&mut self, job: &Job, visit: &Visit) {
        if self.observer.is_none() || visit.outcomes.first() == Some(&Outcome::NotReached) {
            return;
        }
        self.receptions += 1;
        let reception = self.receptions;
        for (place, (recipient, outcome)) in job.recipients().zip(&visit.outcomes).enumerate() {
            let ending = visit.endings.iter().find(|ending| ending.place == place);
            let attempt = attempt(job, recipient, (*outcome, ending), (visit, reception));
            self.show(|| Event::Attempt(attempt));
        }
        if visit.outcomes.contains(&Outcome::Taken) {
            let (at, proof) = (Time(visit.end), Proof::Command);
            self.show(|| Event::Confirmed { reception, at, proof });
        }
    }

    /// The report on a delivery that failed has arrived.
    pub(super) fn show_returned(&mut self, job: &Job) {
        let at = Time(self.now);
        self.show(|| Event::Dsn(dsn(job, at)));
    }

    /// What the target still holds, and the end.
    pub(super) fn show_close(&mut self) {
        let (at, total) = (Time(self.now), self.jobs.len() as u64);
        let count = self.sink.connections.refused;
        if count > 0 {
            self.show(|| Event::RefusedConnections { at, count });
        }
        self.show(|| Event::Queue { at, total, active: 0, deferred: 0 });
        self.show_period(Period::Closed);
    }
}

fn attempt(
    job: &Job,
    recipient: u16,
    (outcome, ending): (Outcome, Option<&Ending>),
    (visit, reception): (&Visit, u64),
) -> Attempt {
    let seen_whole = matches!(outcome, Outcome::Taken | Outcome::Withheld);
    Attempt {
        probe: job.message.probe(recipient),
        destination: Some(DestinationId(job.destination)),
        number: u32::from(job.seen),
        session: visit.session_used,
        started: Time(visit.start),
        ended: Time(visit.end),
        stage: ending.map_or(Stage::EndOfData, |ending| ending.stage),
        outcome: named(outcome),
        reply: match outcome {
            Outcome::Taken => Some(Reply::new(250, None, "taken")),
            _ => ending.and_then(|ending| ending.reply.clone()),
        },
        fault: ending.and_then(|ending| ending.rule),
        reception: seen_whole.then_some(reception),
        content: seen_whole.then(|| whole(job.message, job.size)),
    }
}

fn whole(message: MessageId, size: u32) -> ContentCheck {
    ContentCheck { message: Some(message), bytes: u64::from(size), changes: Vec::new() }
}

fn named(outcome: Outcome) -> AttemptOutcome {
    match outcome {
        Outcome::Taken => AttemptOutcome::Taken,
        Outcome::Withheld => AttemptOutcome::Withheld,
        Outcome::Deferred => AttemptOutcome::Deferred,
        Outcome::Rejected => AttemptOutcome::Rejected,
        Outcome::Broken | Outcome::NotReached => AttemptOutcome::Broken,
    }
}

fn dsn(job: &Job, at: Time) -> Dsn {
    let block = |recipient| DsnRecipient {
        probe: Some(job.message.probe(recipient)),
        action: DsnAction::Failed,
        status: "5.0.0".to_owned(),
        diagnostic: String::new(),
    };
    Dsn {
        at,
        session: 0,
        null_sender: true,
        message: Some(job.message),
        recipients: job.recipients().map(block).collect(),
        flaws: Vec::new(),
    }
}
