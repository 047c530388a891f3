//! From a journal's events to what happened to each probe: [`Reading`] takes the events one by
//! one, [`History`] is what they add up to.
//!
//! Built for ten million probes: a fixed record each in dense vectors, side tables for what is
//! rare. What the facts amount to is `disposition`'s; statistics are `measure`'s.

mod course;
#[cfg(test)]
mod notice_tests;
#[cfg(test)]
mod number_tests;
mod receptions;
mod record;
mod resolve;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod unanswered_tests;
mod view;

use std::collections::HashMap;
use std::time::Duration;

use super::event::{Attempt, AttemptOutcome, DsnAction, Event, Submitted, Unanswered};
use crate::clock::Time;
use crate::limits;
use crate::probe::{DestinationId, MessageId, PREFLIGHT, ProbeId};

pub use course::Course;
use receptions::{Confirmations, NO_NUMBER, Reception};
use record::{Mark, Message, NEVER, Record};
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
    /// Receptions under another identity than their envelope's; settled when all is read.
    strays: Vec<resolve::Stray>,
    /// Attempts for probes not offered (yet); settled when all is read.
    early: Vec<Attempt>,
}

/// What happened to every probe.
#[derive(Debug)]
pub struct History {
    probes: Vec<Record>,
    messages: Vec<Message>,
    several: HashMap<u64, Vec<Reception>>,
    bounces: HashMap<u64, Bounce>,
    confirmations: Confirmations,
    phantoms: Vec<Phantom>,
    phantom_count: u64,
    unmatched_dsns: u64,
    contradictions: u64,
    terms: Terms,
    course: Course,
}

impl<'a> Reading<'a> {
    /// Starts a history. `plan` says what was meant for each probe.
    #[must_use]
    pub fn new(plan: &'a Route<'a>, terms: Terms) -> Reading<'a> {
        let history = History {
            probes: Vec::new(),
            messages: Vec::new(),
            several: HashMap::new(),
            bounces: HashMap::new(),
            confirmations: Confirmations::default(),
            phantoms: Vec::new(),
            phantom_count: 0,
            unmatched_dsns: 0,
            contradictions: 0,
            terms,
            course: Course::default(),
        };
        Reading { plan, history, strays: Vec::new(), early: Vec::new() }
    }

    /// Takes the next event of the journal.
    pub fn observe(&mut self, event: &Event) {
        let concerns_a_probe = matches!(
            event,
            Event::Offered { .. }
                | Event::Unanswered(_)
                | Event::Submitted(_)
                | Event::Attempt(_)
                | Event::Dsn(_)
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
                evidence: format!("taken from <{reverse_path}>, which is not this run's"),
            }),
            Event::Dsn(dsn) => self.history.returned(dsn),
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
    pub fn finish(mut self) -> History {
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
        self.history
    }

    fn offered(&mut self, message: MessageId, recipients: u16, (due, offered): (Time, Time)) {
        if message >= PREFLIGHT {
            return;
        }
        let history = &mut self.history;
        let end = message.0.saturating_add(u64::from(recipients));
        if end > history.probes.len() as u64 + limits::OFFER_GAP
            || history.is_offered(message.probe(0))
        {
            history.contradictions += 1;
            return;
        }
        let range = message.0 as usize..end as usize;
        history.probes.resize(history.probes.len().max(range.end), Record::ABSENT);
        let index = u32::try_from(history.messages.len()).unwrap_or(u32::MAX);
        for (nth, record) in (0_u16..).zip(&mut history.probes[range]) {
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
        history.received(attempt, planned);
    }
}

impl History {
    /// A reception of the probe's own message, at its own address.
    fn received(&mut self, attempt: &Attempt, planned: Option<DestinationId>) {
        let withheld = attempt.outcome == AttemptOutcome::Withheld;
        let number = attempt.reception.unwrap_or(NO_NUMBER);
        let reception = Reception { number, ended: attempt.ended, withheld };
        let Some(record) = self.record_mut(attempt.probe) else { return };
        if planned.is_some() && attempt.destination != planned {
            record.mark(Mark::Misrouted);
        }
        if attempt.content.as_ref().is_some_and(|content| !content.damage.is_empty()) {
            record.mark(Mark::Corrupted);
        }
        let first = record.is_received().then(|| record.first_reception());
        if first.is_none() && record.receive(&reception) {
            return;
        }
        record.mark(Mark::Several);
        let receptions = self.several.entry(attempt.probe.0);
        receptions.or_insert_with(|| first.into_iter().collect()).push(reception);
    }

    fn returned(&mut self, dsn: &super::event::Dsn) {
        self.course.active(dsn.at);
        let malformed = !dsn.null_sender || !dsn.flaws.is_empty();
        let sole = dsn.message.filter(|message| {
            self.message(*message).is_some_and(|message| message.recipients == 1)
        });
        self.unmatched_dsns += u64::from(dsn.recipients.is_empty());
        for block in &dsn.recipients {
            let probe = block.probe.or(sole.map(|message| message.probe(0)));
            if probe.is_some_and(|probe| probe.0 >= PREFLIGHT.0) {
                continue;
            }
            let Some(probe) = probe.filter(|probe| self.is_offered(*probe)) else {
                self.unmatched_dsns += 1;
                continue;
            };
            self.told(probe, block.action, (dsn.at, malformed));
        }
    }

    /// One DSN block about a probe of this run.
    fn told(&mut self, probe: ProbeId, action: DsnAction, (at, malformed): (Time, bool)) {
        let mut repeated = false;
        if action == DsnAction::Failed {
            let bounce = self.bounces.entry(probe.0).or_insert(Bounce { first: at, blocks: 0 });
            bounce.blocks += 1;
            repeated = bounce.blocks > 1;
        }
        let Some(record) = self.record_mut(probe) else { return };
        if action == DsnAction::Failed {
            record.mark(Mark::Bounced);
        }
        // One failed block an obligation, and never one to the null sender
        // (RFC 5321 §4.5.5).
        if malformed || repeated || record.has(Mark::NullSender) {
            record.mark(Mark::DsnMalformed);
        }
    }

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
