//! What the system did not give mailbench: whatever it shows of a run, it is nothing that the target
//! did, so the run does not count.

use std::collections::BTreeMap;

use crate::clock::Time;
use crate::ledger::event::{Event, Part, Shortage};
use crate::measure::results::{HealthCheck, HealthStatus};

/// The shortages of a run.
#[derive(Clone, Debug, Default)]
pub struct Shortages {
    counts: BTreeMap<(Shortage, Part), u64>,
    first: Option<Time>,
}

impl Shortages {
    /// Takes note of an event.
    pub fn observe(&mut self, event: &Event) {
        if let Event::Shortage { at, part, what, count } = event {
            *self.counts.entry((*what, *part)).or_default() += count;
            self.first.get_or_insert(*at);
        }
    }

    /// The check, where there were any; the measured period began at `from`.
    #[must_use]
    pub fn check(&self, from: Time) -> Option<HealthCheck> {
        let first = self.first?;
        let mut kinds: Vec<Shortage> = self.counts.keys().map(|(what, _)| *what).collect();
        kinds.dedup();
        let described: Vec<String> = kinds.into_iter().map(|what| self.words(what)).collect();
        let at = first.seconds() - from.seconds();
        let advice =
            format!("{}; first noted {at:.1} s into the measured period", described.join("; "));
        Some(HealthCheck {
            id: "shortage".to_owned(),
            status: HealthStatus::Invalid,
            value: self.counts.values().sum::<u64>() as f64,
            warn: 0.0,
            invalid: 0.0,
            unit: "failures".to_owned(),
            advice,
        })
    }

    fn words(&self, what: Shortage) -> String {
        let parts = self.counts.iter().filter(|((kind, _), _)| *kind == what);
        let parts: Vec<String> =
            parts.map(|((_, part), count)| format!("{} {count} times", place(*part))).collect();
        format!("mailbench was {what} ({}): {}", parts.join(", "), what.remedy())
    }
}

fn place(part: Part) -> &'static str {
    match part {
        Part::Traffic => "the traffic generator",
        Part::Sink => "the sink",
        Part::Relay => "the embedded relay",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::synthetic::ms;

    #[test]
    fn one_check_says_what_ran_out_where_how_often_and_what_to_do() {
        let mut shortages = Shortages::default();
        assert!(shortages.check(ms(0)).is_none());
        let mut note = |at, part, what, count| {
            shortages.observe(&Event::Shortage { at: ms(at), part, what, count });
        };
        (0..3).for_each(|_| note(4000, Part::Traffic, Shortage::Descriptors, 1));
        note(4500, Part::Sink, Shortage::Descriptors, 1);
        note(9000, Part::Relay, Shortage::Ports, 7);
        let check = shortages.check(ms(1000)).expect("a check");
        assert_eq!((check.status, check.value), (HealthStatus::Invalid, 11.0));
        for words in [
            "out of file descriptors (the traffic generator 3 times, the sink 1 times): raise",
            "out of local ports (the embedded relay 7 times)",
            "first noted 3.0 s",
        ] {
            assert!(check.advice.contains(words), "{words}: {}", check.advice);
        }
    }
}
