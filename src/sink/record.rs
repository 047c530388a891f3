//! Writes what a session saw to the ledger.

use std::sync::Arc;

use super::incoming::Whole;
use super::shared::Shared;
use super::transaction::Recipient;
use crate::clock::Time;
use crate::ledger::dsn::{self, Arrival};
use crate::ledger::event::{Attempt, AttemptOutcome, Ending, Event, Proof, SessionChange};
use crate::probe::damage::ContentCheck;
use crate::probe::{DestinationId, ProbeId};
use crate::smtp::reply::{Reply, Severity};
use crate::smtp::stage::Stage;

/// The hand of one session that writes.
pub(super) struct Recorder {
    shared: Arc<Shared>,
    session: u64,
    limits_told: Vec<&'static str>,
}

/// How an attempt, or all attempts of a transaction, came to an end.
#[derive(Clone, Debug)]
pub(super) struct Conclusion {
    pub(super) ended: Time,
    pub(super) stage: Stage,
    pub(super) outcome: AttemptOutcome,
    pub(super) reply: Option<Reply>,
    pub(super) fault: Option<u16>,
    pub(super) reception: Option<u64>,
    pub(super) content: Option<ContentCheck>,
}

impl Conclusion {
    /// An end without a reply.
    pub(super) fn silent(ended: Time, stage: Stage, outcome: AttemptOutcome) -> Conclusion {
        let (reply, fault, reception, content) = (None, None, None, None);
        Conclusion { ended, stage, outcome, reply, fault, reception, content }
    }

    /// An end by this reply.
    pub(super) fn by_reply(ended: Time, stage: Stage, reply: &Reply) -> Conclusion {
        let outcome = match reply.severity() {
            Some(Severity::Positive | Severity::Intermediate) => AttemptOutcome::Taken,
            Some(Severity::Transient) => AttemptOutcome::Deferred,
            _ => AttemptOutcome::Rejected,
        };
        Conclusion {
            reply: Some(reply.clone().shortened()),
            ..Conclusion::silent(ended, stage, outcome)
        }
    }

    /// Says what content was seen, where it was seen whole.
    pub(super) fn describe(&mut self, whole: Option<Whole>) {
        self.reception = whole.as_ref().map(|whole| whole.reception);
        self.content = whole.and_then(|whole| whole.check);
    }
}

impl Recorder {
    pub(super) fn new(shared: Arc<Shared>, session: u64) -> Recorder {
        Recorder { shared, session, limits_told: Vec::new() }
    }

    pub(super) fn session(&self) -> u64 {
        self.session
    }

    pub(super) fn changed(&self, change: SessionChange) {
        let at = self.shared.clock.now();
        self.shared.ledger.record(&Event::Session { session: self.session, at, change });
    }

    pub(super) fn struck(&self, fault: u16) {
        let at = self.shared.clock.now();
        self.shared.ledger.record(&Event::Struck { at, fault });
    }

    pub(super) fn closed(&self, stage: Stage, how: Ending) {
        self.changed(SessionChange::Closed { stage, how });
    }

    /// One attempt for one probe of ours; nobody else's attempts are recorded.
    pub(super) fn attempt(&self, recipient: &Recipient, conclusion: &Conclusion) {
        if let Some((probe, destination)) = recipient.probe() {
            self.attempt_of(probe, destination, recipient, conclusion);
        }
    }

    fn attempt_of(
        &self,
        probe: ProbeId,
        destination: Option<DestinationId>,
        recipient: &Recipient,
        conclusion: &Conclusion,
    ) {
        let Conclusion { ended, stage, outcome, reply, fault, reception, content } =
            conclusion.clone();
        self.shared.ledger.record(&Event::Attempt(Attempt {
            probe,
            destination,
            number: recipient.attempt,
            session: self.session,
            started: recipient.started,
            ended,
            stage,
            outcome,
            reply,
            fault,
            reception,
            content,
        }));
    }

    pub(super) fn confirmed(&self, reception: u64, proof: Proof) {
        let at = self.shared.clock.now();
        self.shared.ledger.record(&Event::Confirmed { reception, at, proof });
    }

    /// Mail to a VERP sender of ours.
    pub(super) fn dsn(&self, reverse_path: &str, recipient: &str, text: &[u8]) {
        let (at, session) = (self.shared.clock.now(), self.session);
        let arrival = Arrival { at, session, reverse_path, recipient };
        let identity = self.shared.directory.identity(recipient);
        self.shared.ledger.record(&Event::Dsn(dsn::read(text, &identity, &arrival)));
    }

    pub(super) fn foreign(&self, at: Time, reverse_path: &str, recipient: &str) {
        self.shared.ledger.record(&Event::Foreign {
            at,
            session: self.session,
            reverse_path: reverse_path.to_owned(),
            recipient: recipient.to_owned(),
        });
    }

    /// A bound was reached; told once a session, so that a peer cannot fill the journal.
    pub(super) fn limit(&mut self, name: &'static str, value: u64) {
        if !self.limits_told.contains(&name) {
            self.limits_told.push(name);
            let at = self.shared.clock.now();
            self.shared.ledger.record(&Event::Limit { at, name: name.to_owned(), value });
        }
    }
}
