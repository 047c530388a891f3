//! Who may be shown the events of a simulation: those that traffic, sink and target of a real run
//! would have written to a journal.

use crate::ledger::event::{Event, Period};
use crate::measure::aggregates::periods::time_of;

/// Is shown the events of a simulation in the order in which they are decided, which is not that
/// of time: an attempt is known when it begins, its faults before they strike.
pub trait Observer {
    /// Takes one event.
    fn observe(&mut self, event: Event);
}

/// Keeps the events of a simulation, up to a bound.
#[derive(Debug)]
pub struct Recording {
    events: Vec<Event>,
    most: usize,
    beyond: u64,
}

impl Recording {
    /// Keeps at most so many events.
    #[must_use]
    pub fn new(most: usize) -> Recording {
        Recording { events: Vec::new(), most, beyond: 0 }
    }

    /// Events that were not kept.
    #[must_use]
    pub fn beyond(&self) -> u64 {
        self.beyond
    }

    /// The events in order of time, as a journal has them: a period begins before what happens at
    /// its first moment, and the run is closed after all that happens at its last.
    #[must_use]
    pub fn into_events(self) -> Vec<Event> {
        let mut events = self.events;
        events.sort_by_key(|event| (time_of(event).unwrap_or_default(), rank(event)));
        events
    }
}

fn rank(event: &Event) -> u8 {
    match event {
        Event::Run(_) => 0,
        Event::Period { period: Period::Closed, .. } => 3,
        Event::Period { .. } => 1,
        _ => 2,
    }
}

impl Observer for Recording {
    fn observe(&mut self, event: Event) {
        if self.events.len() < self.most {
            self.events.push(event);
        } else {
            self.beyond += 1;
        }
    }
}
