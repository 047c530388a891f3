//! Isolation: what a sick destination costs the healthy ones (head-of-line inflation).

use crate::clock::Time;
use crate::measure::aggregates::periods::Periods;
use crate::measure::disturbances::faults;
use crate::measure::latency::observation::Seen;
use crate::measure::latency::samples::Samples;
use crate::measure::latency::summarise;
use crate::measure::results::IsolationFacts;
use crate::probe::DestinationId;
use crate::scenario::Scenario;

/// End-to-end times of mail to destinations without a fault: due while a fault elsewhere held, and
/// due before any did.
#[derive(Debug, Default)]
pub struct Isolation {
    healthy: Vec<bool>,
    windows: Vec<(Time, Time)>,
    before: Samples,
    during: Samples,
}

impl Isolation {
    /// Nothing seen yet.
    #[must_use]
    pub fn new(scenario: &Scenario, periods: &Periods) -> Isolation {
        let from = periods.measured_from();
        let windows = scenario.faults.iter().filter_map(|rule| rule.scope.during);
        Isolation {
            healthy: (0..scenario.destinations.len())
                .map(|index| !faults::is_faulty(scenario, index))
                .collect(),
            windows: windows
                .map(|window| (from.plus(window.start), from.plus(window.end)))
                .collect(),
            ..Isolation::default()
        }
    }

    /// Enters an end-to-end time of measured mail.
    pub fn enter(&mut self, due: Time, destination: DestinationId, seen: Seen) {
        if self.healthy.get(usize::from(destination.0)) != Some(&true) {
            return;
        }
        if self.windows.iter().any(|(start, end)| (*start..*end).contains(&due)) {
            self.during.enter(seen);
        } else if self.windows.iter().all(|(start, _)| due < *start) {
            self.before.enter(seen);
        }
    }

    /// The facts; none without a fault that comes and goes, or where a percentile cannot be
    /// stated.
    #[must_use]
    pub fn facts(&self) -> Option<IsolationFacts> {
        if self.windows.is_empty() {
            return None;
        }
        let p99 = |samples: &Samples| summarise(samples).stat("p99");
        Some(IsolationFacts::new(p99(&self.before)?, p99(&self.during)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::results::Certainty;
    use crate::measure::synthetic::ms;
    use std::time::Duration;

    fn entered(destination: u16) -> Isolation {
        let mut isolation = Isolation {
            healthy: vec![true, false],
            windows: vec![(ms(1000), ms(2000))],
            ..Isolation::default()
        };
        for (due, millis) in [(500, 10), (1500, 40), (2500, 900)] {
            for _ in 0..400 {
                let seen = Seen::Whole(Duration::from_millis(millis));
                isolation.enter(ms(due), DestinationId(destination), seen);
            }
        }
        isolation
    }

    #[test]
    fn mail_due_in_the_fault_is_held_against_mail_due_before_it() {
        let facts = entered(0).facts().expect("facts");
        let inflation = facts.inflation().expect("a ratio");
        assert_eq!(inflation.certainty, Certainty::Exact);
        assert!((inflation.bare() - 4.0).abs() < 0.1, "{facts:?}");
        assert!(entered(1).facts().is_none(), "the sick one's own times do not count");
    }

    #[test]
    fn mail_that_never_came_makes_the_inflation_a_bound() {
        let mut isolation = entered(0);
        (0..20).for_each(|_| {
            isolation.enter(ms(1500), DestinationId(0), Seen::Cut(Duration::from_secs(30)));
        });
        let facts = isolation.facts().expect("facts");
        assert_eq!(facts.before().certainty, Certainty::Exact);
        let inflation = facts.inflation().expect("a ratio");
        assert_eq!(inflation.certainty, Certainty::AtLeast);
        assert!(inflation.bare() > 2_990.0, "{facts:?}");
        (0..20).for_each(|_| {
            isolation.enter(ms(500), DestinationId(0), Seen::Cut(Duration::from_secs(30)));
        });
        assert!(isolation.facts().expect("facts").inflation().is_none());
    }
}
