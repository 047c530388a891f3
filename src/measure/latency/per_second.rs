//! The latencies that ended, or were no longer watched, in one second: by metric, by the period in
//! which their mail was due, and apart from those that have no end.

use std::time::Duration;

use super::observation::Seen;
use super::reservoir::DurationReservoir;
use crate::clock;
use crate::ledger::event::Period;
use crate::measure::results::{Ending, Interval, Values};
use crate::metric::latency::LatencyMetric;

/// What one pile holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Kind {
    /// The metric.
    pub metric: LatencyMetric,
    /// Whether the mail was due in the warm-up.
    pub warm_up: bool,
    /// How they ended.
    pub ending: Ending,
}

/// The latencies of a second. Few kinds occur in one, so that they are looked up one by one.
#[derive(Debug, Default)]
pub struct Latencies(Vec<(Kind, DurationReservoir)>);

/// The same, when the second is over; in order of their kind.
#[derive(Debug)]
pub struct Settled(Vec<(Kind, Values)>);

impl Latencies {
    /// Enters one.
    pub fn enter(&mut self, metric: LatencyMetric, period: Period, seen: Seen) {
        let (ending, length) = parts(seen);
        let kind = Kind { metric, warm_up: period == Period::WarmUp, ending };
        let found = self.0.iter().position(|(known, _)| *known == kind);
        let index = found.unwrap_or_else(|| {
            self.0.push((kind, DurationReservoir::default()));
            self.0.len() - 1
        });
        self.0[index].1.add(clock::micros_u32(length));
    }

    /// The second is over.
    #[must_use]
    pub fn settled(self) -> Settled {
        Settled::of(
            self.0.into_iter().map(|(kind, reservoir)| (kind, reservoir.into_values())).collect(),
        )
    }
}

fn parts(seen: Seen) -> (Ending, Duration) {
    match seen {
        Seen::Whole(length) => (Ending::Whole, length),
        Seen::Cut(age) => (Ending::Censored, age),
        Seen::Failed(age) => (Ending::Failed, age),
    }
}

impl Settled {
    /// These kinds, each once.
    #[must_use]
    pub fn of(mut kinds: Vec<(Kind, Values)>) -> Settled {
        kinds.sort_unstable_by_key(|(kind, _)| *kind);
        Settled(kinds)
    }

    fn values(&self, metric: LatencyMetric, warm_up: bool, ending: Ending) -> Vec<(u64, u64)> {
        let kind = Kind { metric, warm_up, ending };
        let found = self.0.iter().find(|(known, _)| *known == kind);
        found.map_or_else(Vec::new, |(_, values)| values.counted().collect())
    }

    /// The value of nearest rank, microseconds: what has no end stands at its age, and above
    /// everything else where it failed.
    #[must_use]
    pub fn ranked(&self, metric: LatencyMetric, warm_up: bool, share: f64) -> Option<u64> {
        let of = |ending| self.values(metric, warm_up, ending);
        let mut values = of(Ending::Whole);
        values.extend(of(Ending::Censored));
        values.sort_unstable();
        let failed = of(Ending::Failed);
        let top = values.iter().chain(&failed).map(|(us, _)| *us).max()?;
        values.push((top, failed.iter().map(|(_, times)| times).sum()));
        let count: u64 = values.iter().map(|(_, times)| times).sum();
        let rank = ((share * count as f64).ceil() as u64).max(1);
        let mut passed = 0;
        values.into_iter().find_map(|(us, times)| {
            passed += times;
            (passed >= rank).then_some(us)
        })
    }

    /// How many have no end.
    #[must_use]
    pub fn without_end(&self, metric: LatencyMetric, warm_up: bool) -> u64 {
        let of = |ending| self.values(metric, warm_up, ending);
        let all = [of(Ending::Censored), of(Ending::Failed)];
        all.iter().flatten().map(|(_, times)| times).sum()
    }

    /// An interval of each kind.
    pub fn into_intervals(self, start_s: f64, length_s: f64) -> impl Iterator<Item = Interval> {
        self.0.into_iter().map(move |(kind, values)| Interval {
            metric: kind.metric.name().to_owned(),
            warm_up: kind.warm_up,
            ending: kind.ending,
            start_s,
            length_s,
            values,
        })
    }
}
