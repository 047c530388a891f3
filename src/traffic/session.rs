//! One session at the target, and one message through it: connect if need be, submit, record.

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::Shared;
use super::gauges::OpenSession;
use super::prepare::{Job, Ready};
use crate::clock::{self, Time};
use crate::ledger::event::{Event, NoAnswer, SubmitResult, Submitted, Unanswered};
use crate::limits;
use crate::plan::Offer;
use crate::probe::MessageId;
use crate::shortage::Shortage;
use crate::smtp::client::{Cause, Connection, Mail, Opened, Outcome, Trace, connect_traced};
use crate::smtp::stage::Stage;

/// An open session between two messages.
pub(super) struct Session {
    ordinal: u64,
    connection: Box<Connection>,
    used: u32,
    _open: OpenSession,
}

/// A message that is offered: from here on its session sends it.
pub(super) struct Handed(Job);

/// A transaction being recorded.
struct Record {
    submitted: Submitted,
    recipients: usize,
    trace: Trace,
    /// Why the target did not answer.
    no_answer: Option<NoAnswer>,
}

impl Handed {
    /// Hands a message over, which is when it counts as offered.
    pub(super) fn new(shared: &Shared, job: Job, due: Time, at: Time) -> Handed {
        shared.messages.fetch_add(1, Ordering::Relaxed);
        record_offered(shared, &job.offer, due, at);
        Handed(job)
    }

    pub(super) fn message(&self) -> MessageId {
        self.0.offer.message
    }
}

impl Session {
    /// Ends the session in order.
    pub(super) async fn quit(self) {
        self.connection.quit().await;
    }
}

/// Sends one message over `session`, or over a new one if there is none or it has died; the
/// session to use for the next message, if it can be.
pub(super) async fn serve(
    shared: &Shared,
    session: Option<Session>,
    handed: Handed,
) -> Option<Session> {
    let Handed(job) = handed;
    let mut record = Record::new(&job.offer, shared.instruments.clock.now());
    let alive = session.and_then(|mut session| session.connection.is_quiet().then_some(session));
    let Some(mut session) = (match alive {
        Some(session) => Some(session),
        None => open(shared, &mut record).await,
    }) else {
        record.end(shared);
        tokio::time::sleep(limits::RECONNECT).await;
        return None;
    };
    let ready = job.ready(&shared.plan, shared.settings.peer.chunking);
    record.submitted.session = session.ordinal;
    submit(shared, &mut session, &ready, &mut record).await;
    record.end(shared);
    drop(ready);
    keep(shared, session).await
}

/// Opens a session; says in the record why it could not.
async fn open(shared: &Shared, record: &mut Record) -> Option<Session> {
    let ordinal = shared.next_session.fetch_add(1, Ordering::Relaxed);
    record.submitted.session = ordinal;
    let clock = shared.instruments.clock;
    let opened = tokio::select! {
        opened = connect_traced(&shared.settings.peer, clock, &mut record.trace) => opened,
        () = shared.give_up.cancelled() => {
            record.give_up(|stage, cause| SubmitResult::NotSent { stage, cause }, clock.now());
            return None;
        }
    };
    match opened {
        Opened::Ready(connection) => {
            let open = shared.instruments.gauges.session();
            return Some(Session { ordinal, connection, used: 0, _open: open });
        }
        Opened::Refused { stage, reply } => {
            record.conclude(SubmitResult::Refused { stage, reply: reply.shortened() });
        }
        Opened::Failed { stage, cause } => {
            if let Cause::Shortage(what) = cause {
                shared.instruments.short_of(what);
            }
            record.no_answer = Some(NoAnswer::Failed);
            record.conclude(SubmitResult::NotSent { stage, cause: cause.to_string() });
        }
    }
    None
}

/// Why a transaction ended that the target did not end.
const GIVEN_UP: &str = "given up at the end of the run";

/// Submits the message. One that is given up under way may have been sent whole: indeterminate.
async fn submit(shared: &Shared, session: &mut Session, ready: &Ready, record: &mut Record) {
    let mail = Mail {
        reverse_path: &ready.envelope.reverse_path,
        recipients: &ready.envelope.recipients,
        options: shared.settings.options(&ready.envelope),
        content: ready.content(),
    };
    session.used += 1;
    tokio::select! {
        outcomes = session.connection.transact_traced(&mail, &mut record.trace) => {
            let failed = outcomes.iter().any(|outcome| !is_answer(outcome));
            if let Some(what) = outcomes.iter().find_map(shortage) {
                shared.instruments.short_of(what);
            }
            record.no_answer = failed.then_some(NoAnswer::Failed);
            record.submitted.results = outcomes.into_iter().map(result).collect();
        }
        () = shared.give_up.cancelled() => {
            let now = shared.instruments.clock.now();
            record.give_up(|_, cause| SubmitResult::Indeterminate { cause }, now);
        }
    }
}

/// The session, if it can be used for another message; ended in order if it has had its number.
async fn keep(shared: &Shared, mut session: Session) -> Option<Session> {
    // It may be in mid-content, where a QUIT would be text.
    if shared.give_up.is_cancelled() {
        return None;
    }
    if session.used >= shared.settings.messages_per_session {
        session.quit().await;
        return None;
    }
    tokio::select! {
        () = shared.give_up.cancelled() => None,
        ready = session.connection.ready_again() => ready.then_some(session),
    }
}

/// Records a message that came due and found no session before the end of offering.
pub(super) fn unserved(shared: &Shared, offer: &Offer, due: Time) {
    let now = shared.instruments.clock.now();
    shared.unserved.fetch_add(1, Ordering::Relaxed);
    record_offered(shared, offer, due, now);
    let mut record = Record::new(offer, now);
    let cause = "no session was free before offering ended".to_owned();
    record.no_answer = Some(NoAnswer::Unserved);
    record.conclude(SubmitResult::NotSent { stage: Stage::Connect, cause });
    record.submitted.session = shared.next_session.fetch_add(1, Ordering::Relaxed);
    record.end(shared);
}

fn record_offered(shared: &Shared, offer: &Offer, due: Time, at: Time) {
    let recipients = u16::try_from(offer.recipients.len()).unwrap_or(u16::MAX);
    let message = offer.message;
    shared.instruments.ledger.record(&Event::Offered { message, recipients, due, at });
}

fn result(outcome: Outcome) -> SubmitResult {
    match outcome {
        Outcome::NotSent { stage, cause } => {
            SubmitResult::NotSent { stage, cause: cause.to_string() }
        }
        Outcome::Refused { stage, reply } => {
            SubmitResult::Refused { stage, reply: reply.shortened() }
        }
        Outcome::Broken { stage, cause } => {
            SubmitResult::Broken { stage, cause: cause.to_string() }
        }
        Outcome::Accepted { reply } => SubmitResult::Accepted { reply: reply.shortened() },
        Outcome::Indeterminate { cause } => {
            SubmitResult::Indeterminate { cause: cause.to_string() }
        }
    }
}

/// What mailbench itself lacked to go on with this recipient.
fn shortage(outcome: &Outcome) -> Option<Shortage> {
    match outcome {
        Outcome::NotSent { cause: Cause::Shortage(what), .. }
        | Outcome::Broken { cause: Cause::Shortage(what), .. }
        | Outcome::Indeterminate { cause: Cause::Shortage(what) } => Some(*what),
        _ => None,
    }
}

/// Whether the target answered for this recipient.
fn is_answer(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Accepted { .. } | Outcome::Refused { .. })
}

fn micros((stage, length): (Stage, Duration)) -> (Stage, u32) {
    (stage, clock::micros_u32(length))
}

impl Record {
    fn new(offer: &Offer, sent: Time) -> Record {
        let recipients = offer.recipients.len();
        let submitted = Submitted {
            message: offer.message,
            session: 0,
            sent,
            done: sent,
            stages: Vec::new(),
            results: Vec::new(),
        };
        let trace = Trace::for_recipients(recipients);
        Record { submitted, recipients, trace, no_answer: None }
    }

    /// The run ends with it under way, at the stage that waits for its answer.
    fn give_up(&mut self, result: impl Fn(Stage, String) -> SubmitResult, now: Time) {
        let awaited = self.trace.unanswered(now).next();
        let stage = awaited.map_or(Stage::Connect, |(stage, _)| stage);
        self.no_answer = Some(NoAnswer::GivenUp);
        self.conclude(result(stage, GIVEN_UP.to_owned()));
    }

    fn conclude(&mut self, result: SubmitResult) {
        self.submitted.results = vec![result; self.recipients];
    }

    fn end(mut self, shared: &Shared) {
        let (at, ledger) = (shared.instruments.clock.now(), &shared.instruments.ledger);
        if let Some(how) = self.no_answer {
            let message = self.submitted.message;
            let stages = self.trace.unanswered(at).map(micros).collect();
            ledger.record(&Event::Unanswered(Unanswered { message, at, how, stages }));
        }
        self.submitted.done = at;
        self.submitted.stages.reserve_exact(self.recipients + 7);
        self.submitted.stages.extend(self.trace.answered().map(micros));
        ledger.record(&Event::Submitted(self.submitted));
    }
}
