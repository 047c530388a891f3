//! The figure that a threshold bounds, looked up in what a simulation kept.

use std::collections::BTreeMap;

use super::course::{Course, Span};
use super::tally::{KEPT, METRICS, Tally};
use crate::ledger::event::Period;
use crate::measure::load::rates::GOODPUT;
use crate::measure::results::{DestinationFacts, QueueFacts, ThresholdResult};
use crate::measure::verdict::grade::{Actual, grade};
use crate::measure::verdict::threshold_figures::{
    connection_attempts, latency_figure, recovery_time,
};
use crate::metric::catalogue::{Stat, Subject};
use crate::metric::latency::LatencyMetric;
use crate::probe::DestinationId;
use crate::scenario::model::Threshold;

/// What thresholds are graded by.
pub(super) struct Kept<'a> {
    pub(super) tally: &'a Tally,
    pub(super) course: &'a Course,
    pub(super) counts: &'a BTreeMap<String, u64>,
    pub(super) rates: &'a BTreeMap<String, f64>,
    pub(super) places: &'a [DestinationFacts],
    pub(super) queue: &'a QueueFacts,
    /// From load stop or the last healing to the close, seconds.
    pub(super) drained_for_s: f64,
}

impl Kept<'_> {
    pub(super) fn grade(&self, thresholds: &[Threshold]) -> Vec<ThresholdResult> {
        thresholds.iter().map(|threshold| grade(threshold, &self.actual(threshold))).collect()
    }

    fn actual(&self, threshold: &Threshold) -> Actual {
        match threshold.subject {
            Subject::Latency(metric) => self.latency(metric, threshold),
            Subject::Count(name) => self.count(name, threshold),
            Subject::Backlog | Subject::QueueLength => self.backlog(threshold),
            Subject::DrainTime => match self.queue.drain_time_s {
                Some(seconds) => Actual::Exactly(seconds),
                None => Actual::AtLeast(self.drained_for_s),
            },
            Subject::Goodput => self.rate(GOODPUT, threshold),
            Subject::RecoveryTime => recovery_time(self.queue, threshold),
            Subject::ConnectionAttempts => connection_attempts(self.queue, threshold.stat),
            Subject::AttemptsPerDelivery if threshold.stat == Stat::Max => {
                known(self.queue.attempts_per_delivery_max.map(|most| most as f64))
            }
            Subject::AttemptsPerDelivery => known(self.queue.attempts_per_delivery_mean),
            Subject::Fairness => known(self.queue.fairness),
            // A simulated target has no disk.
            Subject::DiskFlushes => known(None),
            Subject::TargetCpu | Subject::TargetRss | Subject::TargetIo => unknown(),
        }
    }

    fn latency(&self, metric: LatencyMetric, threshold: &Threshold) -> Actual {
        let slot = usize::from(threshold.period != Some(Period::WarmUp));
        let digest = match threshold.destination {
            None if metric == LatencyMetric::RefusedResponse => Some(&self.tally.refused[slot]),
            None if (metric as usize) < METRICS => Some(&self.tally.latency[slot][metric as usize]),
            None => None,
            Some(id) => self.place(id).filter(|_| slot == 1).and_then(|place| {
                let kept = KEPT.iter().position(|kept| *kept == metric)?;
                Some(&self.tally.places[place].latency[kept])
            }),
        };
        digest.map_or_else(unknown, |digest| latency_figure(&digest.summarise(), threshold.stat))
    }

    fn place(&self, id: DestinationId) -> Option<usize> {
        self.tally.place_of.get(usize::from(id.0)).map(|place| usize::from(*place))
    }

    fn count(&self, name: &str, threshold: &Threshold) -> Actual {
        if threshold.stat == Stat::Rate {
            return self.rate(name, threshold);
        }
        let of = |counts: &BTreeMap<String, u64>| counts.get(name).copied();
        let count = match threshold.destination {
            None => of(self.counts),
            Some(id) => self.facts(id).and_then(|place| {
                Some(of(&place.counts)? + of(&place.counts_outside_period).unwrap_or(0))
            }),
        };
        known(count.map(|count| count as f64))
    }

    /// Events inside the measured period, per second of it.
    fn rate(&self, name: &str, threshold: &Threshold) -> Actual {
        let rates = match threshold.destination {
            None => Some(self.rates),
            Some(id) => self.facts(id).map(|place| &place.rates),
        };
        known(rates.and_then(|rates| rates.get(name)).copied())
    }

    fn facts(&self, id: DestinationId) -> Option<&DestinationFacts> {
        self.places.get(self.place(id)?)
    }

    fn backlog(&self, threshold: &Threshold) -> Actual {
        let of = |span: &Span| match threshold.stat {
            Stat::Max => span.most as f64,
            Stat::End => span.at_end as f64,
            _ => span.mean(span.area),
        };
        Actual::Exactly(match (threshold.period, threshold.stat) {
            (Some(period), _) => of(self.course.span(period)),
            (None, Stat::Max) => self.queue.backlog_max as f64,
            (None, Stat::End) => self.queue.backlog_end as f64,
            (None, _) => self.queue.backlog_mean,
        })
    }
}

fn known(value: Option<f64>) -> Actual {
    value.map_or_else(unknown, Actual::Exactly)
}

fn unknown() -> Actual {
    Actual::Unknown("no data".to_owned())
}
