//! What is to happen when: a heap of events, those of one moment in the order they were noted.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::ledger::event::Period;

/// Something that happens at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// A session is free for the next message.
    Free,
    /// A message is whole at the target, in this session.
    Arrived(u32),
    /// The commit under way is done.
    Committed,
    /// Results have waited long enough for company; so many commits had begun.
    Lingered(u64),
    /// An attempt is over, in this slot.
    Attempted(u32),
    /// Idle connections are looked at.
    Sweep,
    /// A period begins.
    Period(Period),
}

#[derive(Debug, PartialEq, Eq)]
struct Noted {
    at: u64,
    order: u64,
    event: Event,
}

impl PartialOrd for Noted {
    fn partial_cmp(&self, other: &Noted) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Noted {
    fn cmp(&self, other: &Noted) -> std::cmp::Ordering {
        (self.at, self.order).cmp(&(other.at, other.order))
    }
}

/// Events to come.
#[derive(Debug, Default)]
pub(super) struct Events {
    heap: BinaryHeap<Reverse<Noted>>,
    order: u64,
}

impl Events {
    pub(super) fn note(&mut self, at: u64, event: Event) {
        self.order += 1;
        self.heap.push(Reverse(Noted { at, order: self.order, event }));
    }

    pub(super) fn next_at(&self) -> Option<u64> {
        self.heap.peek().map(|Reverse(noted)| noted.at)
    }

    pub(super) fn next(&mut self) -> Option<Event> {
        self.heap.pop().map(|Reverse(noted)| noted.event)
    }
}
