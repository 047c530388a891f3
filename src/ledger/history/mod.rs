//! From a journal's events to what happened to each probe: [`Reading`] takes the events one by
//! one, [`History`] is what they add up to.
//!
//! Built for ten million probes: a fixed record each in an array, side tables for what is
//! rare. What the facts amount to is `disposition`'s; statistics are `measure`'s.

pub mod binding;
mod changes;
mod course;
pub mod declared;
#[cfg(test)]
mod notice_tests;
mod notices;
#[cfg(test)]
mod number_tests;
mod receptions;
mod record;
mod resolve;
mod rewritten;
#[cfg(test)]
mod rewritten_tests;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod unanswered_tests;
mod view;

use std::collections::HashMap;
use std::time::Duration;

use super::event::{Attempt, AttemptOutcome, Event, Notice, Readdressed, Submitted, Unanswered};
use super::pages::Pages;
use crate::clock::Time;
use crate::limits;
use crate::probe::change::Declared;
use crate::probe::{DestinationId, MessageId, PREFLIGHT, ProbeId};

use binding::{Bindings, Unbound};
use changes::Changes;
pub use course::Course;
use declared::DeclaredEnvelopes;
use receptions::{Confirmations, Reception};
use record::{Message, NEVER, Record};
use rewritten::CopyAt;
pub use view::{MessageView, ProbeView};

/// What the plan meant for one probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Planned {
    /// Where it was to go.
    pub destination: DestinationId,
    /// Whether its message was sent from the null reverse-path.
    pub null_sender: bool,
    /// Whether its destination does not offer what it needs (RFC 6152 §3, RFC 6531 §3.2), which
    /// explains a bounce as a rejection does.
    pub unsendable: bool,
}

/// What the scenario says that bears on the judgement of a probe.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Terms {
    /// Age at which the target gives up, where it is known.
    pub gives_up_after: Option<Duration>,
    /// Longest wait between two attempts, jitter included, where it is known.
    pub longest_wait: Option<Duration>,
    /// Whether a fault keeps the target from reaching a destination at all, so that a probe can
    /// fail with no attempt seen.
    pub unreachable: bool,
    /// What the scenario declares that the target does to content.
    pub declared: Declared,
}

/// A reception of no probe of this run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Phantom {
    /// When it was taken.
    pub at: Time,
    /// Envelope recipient, where the event says it.
    pub recipient: Option<String>,
    /// The probe its envelope claims, where there is one.
    pub probe: Option<ProbeId>,
    /// What was seen, in words.
    pub evidence: String,
}

/// A failed DSN about one probe.
#[derive(Clone, Copy, Debug)]
struct Bounce {
    first: Time,
    blocks: u32,
}

/// What was meant for a probe of a message; `None`: not planned.
pub type Route<'a> = dyn Fn(MessageId, ProbeId) -> Option<Planned> + 'a;

/// Reads events into a history.
pub struct Reading<'a> {
    plan: &'a Route<'a>,
    history: History,
    /// Attempts for recipients that name no probe, where it is not decided yet which they stand for.
    unbound: Option<Vec<Unbound>>,
    /// Envelopes of receptions that follow, by session and probe.
    envelopes: HashMap<(u64, u64), Readdressed>,
    /// What came back in no form for programs; settled when all is read.
    notices: Vec<Notice>,
    /// Receptions under another identity than their envelope's; settled when all is read.
    strays: Vec<resolve::Stray>,
    /// Attempts for probes not offered (yet); settled when all is read.
    early: Vec<Attempt>,
}

/// What happened to every probe.
#[derive(Debug)]
pub struct History {
    probes: Pages<Record>,
    /// Recipients of all messages offered so far.
    offered: u64,
    messages: Vec<Message>,
    several: HashMap<u64, Vec<Reception>>,
    bounces: HashMap<u64, Bounce>,
    /// Addresses that got a copy beside a probe.
    copies: HashMap<u64, Vec<CopyAt>>,
    confirmations: Confirmations,
    phantoms: Vec<Phantom>,
    phantom_count: u64,
    unmatched_dsns: u64,
    /// Blocks of DSNs that wait for the end to be given to a recipient.
    unnamed_blocks: Vec<notices::Unnamed>,
    /// Notifications from a sender that is not null; the first of them, with their message.
    dsns_with_sender: u64,
    dsns_with_sender_seen: Vec<(Time, Option<MessageId>)>,
    auto_replies: u64,
    /// Mail of other runs.
    foreign: u64,
    contradictions: u64,
    changes: Changes,
    terms: Terms,
    declared: DeclaredEnvelopes,
    course: Course,
}

impl<'a> Reading<'a> {
    /// Starts a history. `plan` says what was meant for each probe.
    #[must_use]
    pub fn new(plan: &'a Route<'a>, terms: Terms) -> Reading<'a> {
        let history = History {
            probes: Pages::new(Record::ABSENT),
            offered: 0,
            messages: Vec::new(),
            several: HashMap::new(),
            bounces: HashMap::new(),
            copies: HashMap::new(),
            confirmations: Confirmations::default(),
            phantoms: Vec::new(),
            phantom_count: 0,
            unmatched_dsns: 0,
            unnamed_blocks: Vec::new(),
            dsns_with_sender: 0,
            dsns_with_sender_seen: Vec::new(),
            auto_replies: 0,
            foreign: 0,
            contradictions: 0,
            changes: Changes::NONE,
            terms,
            declared: DeclaredEnvelopes::default(),
            course: Course::default(),
        };
        Reading {
            plan,
            history,
            unbound: Some(Vec::new()),
            envelopes: HashMap::new(),
            notices: Vec::new(),
            strays: Vec::new(),
            early: Vec::new(),
        }
    }

    /// The same, of a target that is meant to do this to envelopes.
    #[must_use]
    pub fn declaring(mut self, declared: DeclaredEnvelopes) -> Reading<'a> {
        self.history.declared = declared;
        self
    }

    /// The same, of events to which bindings were applied: what is left unbound are copies.
    #[must_use]
    pub fn bound(mut self) -> Reading<'a> {
        self.unbound = None;
        self
    }

    /// Takes the next event of the journal.
    pub fn observe(&mut self, event: &Event) {
        let concerns_a_probe = matches!(
            event,
            Event::Offered { .. }
                | Event::Unanswered(_)
                | Event::Submitted(_)
                | Event::Attempt(_)
                | Event::Recognised(_)
                | Event::Dsn(_)
                | Event::Notice(_)
        );
        if concerns_a_probe && self.history.course.is_closed() {
            self.history.contradictions += 1;
        }
        self.history.course.observe(event);
        match event {
            Event::Offered { message, recipients, due, at } => {
                self.offered(*message, *recipients, (*due, *at));
            }
            Event::Unanswered(unanswered) => self.unanswered(unanswered),
            Event::Submitted(submitted) => self.submitted(submitted),
            Event::Attempt(attempt) => self.attempted(attempt),
            Event::Confirmed { reception, at, proof } => {
                self.history.confirmations.note(*reception, *at, *proof);
            }
            Event::Foreign { at, reverse_path, recipient, .. } => self.history.phantom(Phantom {
                at: *at,
                recipient: Some(recipient.clone()),
                probe: None,
                evidence: format!(
                    "from <{reverse_path}>; neither sender nor content is a message of this run"
                ),
            }),
            Event::Recognised(recognised) => self.recognised(recognised),
            Event::Readdressed(seen) => self.envelope(seen),
            Event::AnotherRun { .. } => self.history.foreign += 1,
            Event::Dsn(dsn) => self.history.returned(dsn),
            Event::Notice(notice) => self.notice(notice),
            _ => {}
        }
    }

    /// When a message was due, once its `Offered` was read.
    #[must_use]
    pub fn due(&self, message: MessageId) -> Option<Time> {
        self.history.message(message).map(|message| message.due)
    }

    /// When a message was due and when a session had it, once its `Offered` was read.
    #[must_use]
    pub fn handed(&self, message: MessageId) -> Option<(Time, Time)> {
        self.history.message(message).map(|message| (message.due, message.offered))
    }

    /// Everything was read: settles what could not be decided before.
    #[must_use]
    pub fn finish(self) -> History {
        self.finish_unbound().0
    }

    /// As [`Reading::finish`], with what each attempt stands for whose recipient names no probe.
    /// Where there are any, the history is one without them: read the journal again through
    /// [`Bindings::apply`], with a reading that is [`Reading::bound`].
    #[must_use]
    pub fn finish_unbound(mut self) -> (History, Option<Bindings>) {
        for attempt in std::mem::take(&mut self.early) {
            if self.history.is_offered(attempt.probe) {
                self.attempted(&attempt);
            } else {
                self.strays.extend(resolve::Stray::of(&attempt));
            }
        }
        let deaths = std::mem::take(&mut self.history.course.deaths);
        self.history.confirmations.settle(&deaths);
        self.history.course.deaths = deaths;
        resolve::settle(&mut self.history, &self.strays);
        notices::settle_unnamed(&mut self.history);
        notices::settle(&mut self.history, &self.notices);
        let unbound = self.unbound.unwrap_or_default();
        let bindings = Bindings::of(&self.history, &unbound, self.plan);
        (self.history, bindings)
    }

    fn offered(&mut self, message: MessageId, recipients: u16, (due, offered): (Time, Time)) {
        if message >= PREFLIGHT {
            return;
        }
        let history = &mut self.history;
        let end = message.0.saturating_add(u64::from(recipients));
        // Of a whole run, each number below this one is offered or was on its way to a session.
        if end > history.offered + u64::from(recipients) + limits::OFFER_GAP
            || history.is_offered(message.probe(0))
        {
            history.contradictions += 1;
            return;
        }
        history.offered += u64::from(recipients);
        let index = u32::try_from(history.messages.len()).unwrap_or(u32::MAX);
        for (nth, at) in (0..recipients).zip(message.0 as usize..) {
            let record = history.probes.entry(at);
            record.message = index;
            if let Some(planned) = (self.plan)(message, message.probe(nth)) {
                record.plan(planned);
            }
        }
        history.messages.push(Message {
            id: message,
            recipients,
            rejected: false,
            due,
            offered,
            sent: NEVER,
            done: NEVER,
            no_answer: None,
        });
    }

    fn unanswered(&mut self, unanswered: &Unanswered) {
        if unanswered.message >= PREFLIGHT {
            return;
        }
        match self.history.message_mut(unanswered.message) {
            Some(message) => message.no_answer = Some(unanswered.how),
            None => self.history.contradictions += 1,
        }
    }

    fn submitted(&mut self, submitted: &Submitted) {
        if submitted.message >= PREFLIGHT {
            return;
        }
        let history = &mut self.history;
        let Some(message) = history.message_mut(submitted.message) else {
            history.contradictions += 1;
            return;
        };
        (message.sent, message.done) = (submitted.sent, submitted.done);
        let recipients = message.recipients;
        for (nth, result) in (0..recipients).zip(&submitted.results) {
            if let Some(record) = history.record_mut(submitted.message.probe(nth)) {
                record.submitted(result);
            }
        }
        history.course.active(submitted.done);
    }

    fn attempted(&mut self, attempt: &Attempt) {
        if attempt.probe.0 >= PREFLIGHT.0 {
            return;
        }
        let history = &mut self.history;
        let Some(record) = history.record_mut(attempt.probe) else {
            self.early.push(attempt.clone());
            return;
        };
        record.attempted(attempt);
        let (owner, planned) = (record.message as usize, record.destination());
        let envelope = self.envelopes.remove(&(attempt.session, attempt.probe.0));
        history.course.active(attempt.ended);
        let message = &mut history.messages[owner];
        message.rejected |= record::rejects_message(attempt);
        if !matches!(attempt.outcome, AttemptOutcome::Taken | AttemptOutcome::Withheld) {
            return;
        }
        let own = message.id;
        if attempt.content.as_ref().and_then(|content| content.message).is_some_and(|it| it != own)
        {
            self.strays.extend(resolve::Stray::of(attempt));
            return;
        }
        history.received(attempt, planned, envelope.as_ref());
    }
}

impl History {
    fn phantom(&mut self, phantom: Phantom) {
        self.phantom_count += 1;
        if self.phantoms.len() < limits::VIOLATIONS_LISTED {
            self.phantoms.push(phantom);
        }
    }

    fn record(&self, probe: ProbeId) -> Option<&Record> {
        let at = usize::try_from(probe.0).ok()?;
        self.probes.get(at).filter(|record| record.is_offered())
    }

    fn record_mut(&mut self, probe: ProbeId) -> Option<&mut Record> {
        let at = usize::try_from(probe.0).ok()?;
        self.probes.get_mut(at).filter(|record| record.is_offered())
    }

    fn is_offered(&self, probe: ProbeId) -> bool {
        self.record(probe).is_some()
    }

    fn message(&self, message: MessageId) -> Option<&Message> {
        let owner = self.record(message.probe(0))?.message;
        self.messages.get(owner as usize).filter(|found| found.id == message)
    }

    fn message_mut(&mut self, message: MessageId) -> Option<&mut Message> {
        let owner = self.record(message.probe(0))?.message;
        self.messages.get_mut(owner as usize).filter(|found| found.id == message)
    }
}
