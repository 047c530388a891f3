//! Connections that the target tried to open to destinations: what a retry policy costs.
//!
//! The sink sees every connection that the kernel completes. One that finds the port closed is
//! answered by the kernel and not seen by the sink, so while a rule closes a port the count
//! is known only where the target's own log tells of refused connections.

use crate::clock::Time;
use crate::ledger::event::{Event, SessionChange};
use crate::measure::aggregates::periods::Periods;
use crate::measure::results::ConnectionFacts;

/// Why there is no count when a port was closed and the log does not tell.
const UNSEEN: &str = "a fault closed a port: the kernel refuses connections to it unseen, and this \
                      target's log does not tell of them";

/// Connections as a journal shows them.
#[derive(Debug, Default)]
pub struct Connections {
    accepted: Vec<Time>,
    turned_away: Vec<Time>,
    /// Whether a rule ever closed a port.
    closed: bool,
    /// Refused connections of which the target's log tells.
    logged: Option<u64>,
}

impl Connections {
    /// Takes note of an event.
    pub fn observe(&mut self, event: &Event) {
        match event {
            Event::Session { at, change: SessionChange::Opened, .. } => self.accepted.push(*at),
            Event::Session { at, change: SessionChange::TurnedAway { .. }, .. } => {
                self.turned_away.push(*at);
            }
            Event::Port { closed_by: Some(_), .. } => self.closed = true,
            Event::RefusedConnections { count, .. } => self.logged = Some(*count),
            _ => {}
        }
    }

    /// The facts from the measured period to the close, in which so many probes were delivered.
    #[must_use]
    pub fn facts(&self, periods: &Periods, deliveries: u64) -> ConnectionFacts {
        let (from, close) = (periods.measured_from(), periods.close());
        let within =
            |times: &[Time]| times.iter().filter(|at| **at >= from && **at <= close).count() as u64;
        let refused = if self.closed { self.logged } else { Some(0) };
        let seen = [within(&self.accepted), within(&self.turned_away)];
        facts(seen, refused, deliveries)
    }
}

/// The facts of connections with a greeting and without one, and of those that found the port
/// closed, where they are known.
#[must_use]
pub fn facts(
    [accepted, turned_away]: [u64; 2],
    refused: Option<u64>,
    deliveries: u64,
) -> ConnectionFacts {
    let count = refused.map(|refused| accepted + turned_away + refused);
    ConnectionFacts {
        count,
        per_delivery: count
            .filter(|_| deliveries > 0)
            .map(|count| count as f64 / deliveries as f64),
        accepted,
        turned_away,
        refused,
        not_known: if count.is_none() { Some(UNSEEN.to_owned()) } else { None },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::aggregates::periods::time_of;
    use crate::measure::synthetic::{self, ms};

    fn seen(more: &[Event]) -> ConnectionFacts {
        let mut periods = Periods::default();
        let told = synthetic::periods(10_000, 20_000);
        told.iter().for_each(|event| periods.observe(event, time_of(event)));
        let opened = |at| Event::Session { session: at, at: ms(at), change: SessionChange::Opened };
        let change = SessionChange::TurnedAway { fault: None, reply: None };
        let away = Event::Session { session: 9, at: ms(9), change };
        let mut connections = Connections::default();
        let all = [opened(1), opened(15_000), opened(30_000), away];
        all.iter().chain(more).for_each(|event| connections.observe(event));
        connections.facts(&periods, 2)
    }

    fn closed() -> Event {
        Event::Port { at: ms(5_000), destination: None, closed_by: Some(0) }
    }

    #[test]
    fn what_the_sink_saw_is_all_there_was_while_its_ports_were_open() {
        let facts = seen(&[]);
        assert_eq!((facts.accepted, facts.turned_away, facts.refused), (2, 1, Some(0)));
        assert_eq!((facts.count, facts.per_delivery, facts.not_known), (Some(3), Some(1.5), None));
    }

    #[test]
    fn a_closed_port_leaves_the_count_unknown_unless_logged() {
        let unknown = seen(&[closed()]);
        assert_eq!((unknown.count, unknown.refused, unknown.per_delivery), (None, None, None));
        assert!(unknown.not_known.is_some_and(|why| why.contains("log")));
        let logged = Event::RefusedConnections { at: ms(19_000), count: 40 };
        let known = seen(&[closed(), logged]);
        assert_eq!((known.count, known.refused, known.not_known), (Some(43), Some(40), None));
    }
}
