//! Which probe mail stands for whose recipient names none: decided when everything else is known.
//!
//! The rules, in order, for a message of this run that arrived for an address that names none of its
//! recipients:
//!
//! 1. An address declared to get copies gets a copy. So does one that got, of some message, a copy
//!    beside *all* of its recipients: it is an archive, whatever became of the others.
//! 2. What came for this message to this address before is the same probe again. An address that
//!    several recipients may share (the user without its subaddress) stands for the next of them
//!    while one is left.
//! 3. The recipient that ORCPT names (RFC 3461 §4.2), unless it arrived under another address.
//! 4. By elimination: the first recipient of the message at that destination that did not arrive.
//! 5. The first recipient elsewhere that did not arrive.
//! 6. Else all have arrived, and this is a copy.
//!
//! What was refused is bound the same way, after all that arrived.

use std::collections::{HashMap, HashSet};

use super::{History, Route};
use crate::ledger::event::{AttemptOutcome, Event, Readdressed, Recognised};
use crate::probe::address::{canonical, is_same};
use crate::probe::rewriting::{RecipientForm, recipient_form};
use crate::probe::{DestinationId, MessageId, ProbeId};

/// What is kept of a recognised attempt until it is bound.
#[derive(Clone, Debug)]
pub(super) struct Unbound {
    message: Option<MessageId>,
    original: Option<ProbeId>,
    destination: Option<DestinationId>,
    arrived: bool,
    address: String,
}

/// What a recognised attempt stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bound {
    /// This probe.
    Probe(ProbeId),
    /// A copy beside this probe.
    Copy(ProbeId),
    /// Nothing names a message.
    Nothing,
}

/// What every recognised attempt of a journal stands for, in their order.
#[derive(Debug)]
pub struct Bindings(Vec<Bound>);

impl Unbound {
    pub(super) fn of(recognised: &Recognised) -> Unbound {
        Unbound {
            message: recognised.message,
            original: recognised.original,
            destination: recognised.attempt.destination,
            arrived: takes(recognised),
            address: recognised.recipient.clone(),
        }
    }
}

/// Whether content was taken.
pub(super) fn takes(recognised: &Recognised) -> bool {
    matches!(recognised.attempt.outcome, AttemptOutcome::Taken | AttemptOutcome::Withheld)
}

impl Bindings {
    /// Binds what a first reading of the journal left unbound; `None`: there was nothing.
    pub(super) fn of(history: &History, unbound: &[Unbound], plan: &Route<'_>) -> Option<Bindings> {
        if unbound.is_empty() {
            return None;
        }
        let (archives, messages) = (HashSet::new(), HashMap::new());
        let mut binder = Binder { history, plan, archives, messages };
        binder.find_archives(unbound);
        let mut bound = vec![Bound::Nothing; unbound.len()];
        for arrived in [true, false] {
            let those = unbound.iter().zip(&mut bound).filter(|(one, _)| one.arrived == arrived);
            those.for_each(|(one, slot)| *slot = binder.bind(one));
        }
        Some(Bindings(bound))
    }

    /// The events of the same journal, with what was recognised in its place: for a probe, the
    /// attempt, after a note of its envelope if it took content. Copies and what names no message
    /// stay as they are, the copies with the probe beside which they arrived.
    pub fn apply<I: Iterator<Item = Event>>(
        &self,
        events: I,
    ) -> impl Iterator<Item = Event> + use<'_, I> {
        Applied { events, bound: self.0.iter(), next: None }
    }
}

struct Applied<'a, I> {
    events: I,
    bound: std::slice::Iter<'a, Bound>,
    /// What follows the note of an envelope.
    next: Option<Event>,
}

impl<I: Iterator<Item = Event>> Iterator for Applied<'_, I> {
    type Item = Event;

    fn next(&mut self) -> Option<Event> {
        if let Some(event) = self.next.take() {
            return Some(event);
        }
        let mut recognised = match self.events.next()? {
            Event::Recognised(recognised) => recognised,
            other => return Some(other),
        };
        match self.bound.next() {
            Some(Bound::Probe(probe)) => {
                recognised.attempt.probe = *probe;
                if !takes(&recognised) {
                    return Some(Event::Attempt(recognised.attempt));
                }
                let note = note(&recognised);
                self.next = Some(Event::Attempt(recognised.attempt));
                Some(note)
            }
            Some(Bound::Copy(beside)) => {
                recognised.attempt.probe = *beside;
                Some(Event::Recognised(recognised))
            }
            Some(Bound::Nothing) | None => Some(Event::Recognised(recognised)),
        }
    }
}

fn note(recognised: &Recognised) -> Event {
    Event::Readdressed(Readdressed {
        at: recognised.attempt.ended,
        session: recognised.attempt.session,
        probe: recognised.attempt.probe,
        reverse_path: recognised.reverse_path.clone(),
        recipient: recognised.recipient.clone(),
    })
}

struct Binder<'a> {
    history: &'a History,
    plan: &'a Route<'a>,
    /// Addresses that get copies of everything, in their canonical form.
    archives: HashSet<String>,
    messages: HashMap<MessageId, Vec<(String, ProbeId)>>,
}

impl Binder<'_> {
    /// Rule 1: addresses that got a copy beside all recipients of some message.
    fn find_archives(&mut self, unbound: &[Unbound]) {
        for one in unbound.iter().filter(|one| one.arrived) {
            let Some(message) = one.message else { continue };
            let mut probes = self.probes(message).peekable();
            let known = probes.peek().is_some();
            if known && !is_shared(&one.address) && probes.all(|probe| self.arrived(probe)) {
                self.archives.insert(canonical(&one.address));
            }
        }
    }

    fn bind(&mut self, one: &Unbound) -> Bound {
        let Some(message) = one.message else { return Bound::Nothing };
        if self.history.message(message).is_none() {
            return Bound::Probe(message.probe(0));
        }
        let beside = self.at(message, one.destination).next().unwrap_or(message.probe(0));
        let archive = self.archives.contains(&canonical(&one.address));
        if archive || self.history.declared.is_copy(&one.address) {
            return Bound::Copy(beside);
        }
        match self.probe_of(message, one) {
            Some(probe) => {
                let bound = self.messages.entry(message).or_default();
                bound.push((one.address.clone(), probe));
                Bound::Probe(probe)
            }
            None => Bound::Copy(beside),
        }
    }

    /// Rules 2 to 5.
    fn probe_of(&self, message: MessageId, one: &Unbound) -> Option<ProbeId> {
        let bound = self.messages.get(&message).map_or(&[][..], Vec::as_slice);
        let again = bound.iter().find(|(address, _)| is_same(address, &one.address));
        let again = again.map(|(_, probe)| *probe);
        let left = |probe: &ProbeId| {
            !self.arrived(*probe) && !bound.iter().any(|(_, known)| known == probe)
        };
        let here = self.at(message, one.destination).find(left);
        if again.is_some() && !is_shared(&one.address) {
            return again;
        }
        let named = one.original.filter(|probe| self.probes(message).any(|own| own == *probe));
        named.filter(left).or(here).or(again).or_else(|| self.probes(message).find(left))
    }

    fn probes(&self, message: MessageId) -> impl Iterator<Item = ProbeId> + use<> {
        let recipients = self.history.message(message).map_or(0, |found| found.recipients);
        (0..recipients).map(move |nth| message.probe(nth))
    }

    /// Those of the message's recipients that were to go to this destination.
    fn at(
        &self,
        message: MessageId,
        destination: Option<DestinationId>,
    ) -> impl Iterator<Item = ProbeId> + '_ {
        self.probes(message).filter(move |probe| {
            let planned = (self.plan)(message, *probe).map(|planned| planned.destination);
            destination.is_some() && planned == destination
        })
    }

    /// Whether it arrived under its own name.
    fn arrived(&self, probe: ProbeId) -> bool {
        self.history.record(probe).is_some_and(super::Record::is_received)
    }
}

/// Whether several recipients may have come to share this address.
fn is_shared(address: &str) -> bool {
    recipient_form(ProbeId(u64::MAX), address) == RecipientForm::SubaddressStripped
}
