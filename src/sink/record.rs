//! Writes what a session saw to the ledger.

use std::sync::Arc;

use super::addressee::Origin;
use super::attribution::{Attribution, attribute};
use super::incoming::Whole;
use super::shared::Shared;
use super::transaction::Recipient;
use crate::clock::Time;
use crate::ledger::dsn::Arrival;
use crate::ledger::dsn::returned::{self, Returned};
use crate::ledger::event::{
    Attempt, AttemptOutcome, DsnAction, Ending, Event, NoticeKind, Proof, Readdressed, Recognised,
    SessionChange,
};
use crate::probe::damage::ContentCheck;
use crate::probe::recognition::Belongs;
use crate::probe::{DestinationId, MessageId, ProbeId};
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
    /// Whose the content is by its own words.
    pub(super) belongs: Belongs,
}

impl Conclusion {
    /// An end without a reply.
    pub(super) fn silent(ended: Time, stage: Stage, outcome: AttemptOutcome) -> Conclusion {
        let (reply, fault, reception, content) = (None, None, None, None);
        let belongs = Belongs::Unknown;
        Conclusion { ended, stage, outcome, reply, fault, reception, content, belongs }
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
        self.belongs = whole.as_ref().map_or(Belongs::Unknown, |whole| whole.belongs);
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

    /// One attempt for one recipient, whatever it amounts to; gives that.
    pub(super) fn attempt(
        &self,
        (origin, reverse_path): (Origin, &str),
        recipient: &Recipient,
        conclusion: &Conclusion,
    ) -> Attribution {
        let end = (conclusion.outcome, conclusion.belongs);
        let amounts_to = attribute(&self.shared.directory, origin, recipient, end);
        match amounts_to {
            Attribution::Probe { probe, destination, as_sent } => {
                if !as_sent {
                    self.readdressed(probe, reverse_path, recipient, conclusion.ended);
                }
                let attempt = self.attempt_of(probe, destination, recipient, conclusion);
                self.shared.ledger.record(&Event::Attempt(attempt));
            }
            Attribution::Recognised(message) => {
                self.recognised(message, reverse_path, recipient, conclusion);
            }
            Attribution::AnotherRun => self.another_run(conclusion.ended, reverse_path, recipient),
            Attribution::Phantom => self.foreign(conclusion.ended, reverse_path, recipient),
            Attribution::Preflight(probe) => {
                self.shared.preflight.arrived(probe, reverse_path, &recipient.address);
            }
            Attribution::Returned | Attribution::Nothing => {}
        }
        amounts_to
    }

    fn readdressed(&self, probe: ProbeId, reverse_path: &str, recipient: &Recipient, at: Time) {
        self.shared.ledger.record(&Event::Readdressed(Readdressed {
            at,
            session: self.session,
            probe,
            reverse_path: reverse_path.to_owned(),
            recipient: recipient.address.clone(),
        }));
    }

    fn recognised(
        &self,
        message: Option<MessageId>,
        reverse_path: &str,
        recipient: &Recipient,
        conclusion: &Conclusion,
    ) {
        let probe = message.map_or(ProbeId(0), |message| message.probe(0));
        let destination = recipient.addressee.destination();
        self.shared.ledger.record(&Event::Recognised(Recognised {
            attempt: self.attempt_of(probe, destination, recipient, conclusion),
            message,
            original: recipient.original,
            reverse_path: reverse_path.to_owned(),
            recipient: recipient.address.clone(),
        }));
    }

    fn attempt_of(
        &self,
        probe: ProbeId,
        destination: Option<DestinationId>,
        recipient: &Recipient,
        conclusion: &Conclusion,
    ) -> Attempt {
        let Conclusion { ended, stage, outcome, reply, fault, reception, content, belongs: _ } =
            conclusion.clone();
        Attempt {
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
        }
    }

    pub(super) fn confirmed(&self, reception: u64, proof: Proof) {
        let at = self.shared.clock.now();
        self.shared.ledger.record(&Event::Confirmed { reception, at, proof });
    }

    /// What differs in a content, as long as its kinds of change are new to this run.
    pub(super) fn differences(&self, whole: &Whole) {
        let known = self.shared.is_new_difference(&whole.differences);
        if !known {
            let at = self.shared.clock.now();
            let (reception, differences) = (whole.reception, whole.differences.clone());
            self.shared.ledger.record(&Event::ContentDiffers { at, reception, differences });
        }
    }

    /// Mail to our VERP sender.
    pub(super) fn returned(&self, reverse_path: &str, recipient: &Recipient, text: &[u8]) {
        let (at, session) = (self.shared.clock.now(), self.session);
        let arrival = Arrival { at, session, reverse_path, recipient: &recipient.address };
        let identity = self.shared.directory.identity(&recipient.address);
        match returned::read(text, &identity, &arrival) {
            Returned::Dsn(dsn) => {
                for failed in dsn.recipients.iter().filter(|it| it.action == DsnAction::Failed) {
                    let says = [&failed.diagnostic, &failed.status];
                    let says = says.into_iter().find(|text| !text.is_empty());
                    self.shared.preflight.returned(dsn.message, says.map_or("", String::as_str));
                }
                self.shared.ledger.record(&Event::Dsn(dsn));
            }
            Returned::Notice(notice) => {
                if notice.kind == NoticeKind::Failed {
                    self.shared.preflight.returned(notice.message, &notice.subject);
                }
                self.shared.ledger.record(&Event::Notice(notice));
            }
            Returned::AnotherRun if self.shared.directory.in_run() => {
                self.another_run(at, reverse_path, recipient);
            }
            Returned::AnotherRun | Returned::Other => self.foreign(at, reverse_path, recipient),
        }
    }

    fn another_run(&self, at: Time, reverse_path: &str, recipient: &Recipient) {
        self.shared.ledger.record(&Event::AnotherRun {
            at,
            session: self.session,
            reverse_path: reverse_path.to_owned(),
            recipient: recipient.address.clone(),
        });
    }

    fn foreign(&self, at: Time, reverse_path: &str, recipient: &Recipient) {
        self.shared.ledger.record(&Event::Foreign {
            at,
            session: self.session,
            reverse_path: reverse_path.to_owned(),
            recipient: recipient.address.clone(),
        });
    }

    /// A bound was reached; recorded once a session, so that a peer cannot fill the journal.
    pub(super) fn limit(&mut self, name: &'static str, value: u64) {
        if !self.limits_told.contains(&name) {
            self.limits_told.push(name);
            let at = self.shared.clock.now();
            self.shared.ledger.record(&Event::Limit { at, name: name.to_owned(), value });
        }
    }
}
