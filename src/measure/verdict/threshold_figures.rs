//! The figure that a threshold bounds, looked up in what was measured.

use std::collections::BTreeMap;
use std::time::Duration;

use super::grade::{Actual, grade};
use crate::clock::Time;
use crate::measure::disturbances::recovery;
use crate::measure::latency::{PERCENTILES, percentile};
use crate::measure::load::rates::GOODPUT;
use crate::measure::results::{
    DestinationFacts, Latency, QueueFacts, RecoveryFacts, ThresholdResult, ThresholdStatus,
};
use crate::measure::validity::Validity;
use crate::metric::catalogue::{Stat, Subject};
use crate::metric::latency::LatencyMetric;
use crate::probe::DestinationId;
use crate::scenario::model::Threshold;

/// Where figures come from that no report has: latencies of single periods and destinations, and
/// levels over a span.
pub trait Source {
    /// A latency, with what it may be without the instrument's errors.
    fn latency(&self, metric: LatencyMetric, threshold: &Threshold) -> Actual;
    /// The backlog, likewise.
    fn backlog(&self, threshold: &Threshold) -> Actual;
    /// The length of the queue as the target reports it.
    fn queue_length(&self, threshold: &Threshold) -> Actual;
    /// What the target's processes used.
    fn target_use(&self, threshold: &Threshold) -> Actual;
    /// Which of the report's destinations has the figures of a destination.
    fn place(&self, id: DestinationId) -> Option<usize>;
    /// What a count is that is not there: zero, where everything would have been counted.
    fn absent_count(&self) -> Option<u64>;
}

/// Everything measured that a threshold may ask for.
pub struct Figures<'a, S> {
    /// What no report has.
    pub source: &'a S,
    /// Counts of the measured period, and what went wrong outside it.
    pub counts: &'a BTreeMap<String, u64>,
    /// Rates over the measured period, a second.
    pub rates: &'a BTreeMap<String, f64>,
    /// The same by destination.
    pub destinations: &'a [DestinationFacts],
    /// The queue's facts.
    pub queue: &'a QueueFacts,
    /// Flushes of the disk under the queue for each accepted probe.
    pub disk_flushes: Option<f64>,
    /// When the measured period began.
    pub measured_from: Time,
    /// From when the drain is timed.
    pub drain_from: Time,
    /// How long the drain was watched, seconds; `None`: there was no mail.
    pub drained_for: Option<f64>,
    /// What the instrument itself may have done to them.
    pub validity: &'a Validity,
}

impl<S: Source> Figures<'_, S> {
    /// Grades every threshold.
    #[must_use]
    pub fn grade(&self, thresholds: &[Threshold]) -> Vec<ThresholdResult> {
        let graded = thresholds.iter().map(|threshold| {
            let mut result = grade(threshold, &self.bounded(threshold, self.actual(threshold)));
            if result.status == ThresholdStatus::Inconclusive {
                result.reason = Some(self.validity.reason());
            }
            result
        });
        graded.collect()
    }

    /// A figure with what it may be without the instrument's errors; those of the source come with it.
    fn bounded(&self, threshold: &Threshold, actual: Actual) -> Actual {
        let Actual::Exactly(value) = actual else { return actual };
        match (threshold.subject, threshold.stat) {
            (Subject::Count(_), Stat::Rate) | (Subject::Goodput, _) => self.validity.rate(value),
            (Subject::DrainTime, _) => self.validity.time(self.drain_from, value),
            (Subject::RecoveryTime, _) => self.validity.time(self.disturbed_until(value), value),
            _ => actual,
        }
    }

    /// When the disturbance ended from which it took so long to recover.
    fn disturbed_until(&self, seconds: f64) -> Time {
        let longest = self.queue.recovery.iter().find(|it| it.recovery_time_s >= seconds);
        let after = longest.and_then(|it| it.to_s).unwrap_or(0.0);
        let after = Duration::try_from_secs_f64(after).unwrap_or_default();
        self.measured_from.plus(after)
    }

    fn actual(&self, threshold: &Threshold) -> Actual {
        match threshold.subject {
            Subject::Latency(metric) => self.source.latency(metric, threshold),
            Subject::Count(name) => self.count(name, threshold),
            Subject::Backlog => self.source.backlog(threshold),
            Subject::QueueLength => self.source.queue_length(threshold),
            Subject::Goodput => self.rate(GOODPUT, threshold),
            Subject::DrainTime => self.drain_time(),
            Subject::RecoveryTime => recovery_time(self.queue, threshold),
            Subject::ConnectionAttempts => connection_attempts(self.queue, threshold.stat),
            Subject::AttemptsPerDelivery => match threshold.stat {
                Stat::Max => whole(self.queue.attempts_per_delivery_max),
                _ => known(self.queue.attempts_per_delivery_mean),
            },
            Subject::Fairness => known(self.queue.fairness),
            Subject::DiskFlushes => known(self.disk_flushes),
            Subject::TargetCpu | Subject::TargetRss | Subject::TargetIo => {
                self.source.target_use(threshold)
            }
        }
    }

    fn count(&self, name: &str, threshold: &Threshold) -> Actual {
        if threshold.stat == Stat::Rate {
            return self.rate(name, threshold);
        }
        let of = |counts: &BTreeMap<String, u64>| counts.get(name).copied();
        let counted = |counts| of(counts).or_else(|| self.source.absent_count());
        let count = match threshold.destination {
            None => counted(self.counts),
            Some(id) => self.facts(id).and_then(|place| {
                Some(counted(&place.counts)? + of(&place.counts_outside_period).unwrap_or(0))
            }),
        };
        whole(count)
    }

    fn facts(&self, id: DestinationId) -> Option<&DestinationFacts> {
        self.destinations.get(self.source.place(id)?)
    }

    /// Events inside the measured period, per second of it.
    fn rate(&self, name: &str, threshold: &Threshold) -> Actual {
        let rates = match threshold.destination {
            None => Some(self.rates),
            Some(id) => self.facts(id).map(|place| &place.rates),
        };
        known(rates.and_then(|rates| rates.get(name)).copied())
    }

    /// A backlog that was still there at the close took at least until then.
    fn drain_time(&self) -> Actual {
        match self.queue.drain_time_s {
            Some(seconds) => Actual::Exactly(seconds),
            None => self.drained_for.map_or_else(unknown, Actual::AtLeast),
        }
    }
}

/// The longest recovery of those that a threshold is about.
fn recovery_time(queue: &QueueFacts, threshold: &Threshold) -> Actual {
    let asked = |facts: &&RecoveryFacts| match &threshold.disturbance {
        None => true,
        Some((kind, name)) => facts.kind == kind.name() && facts.name == *name,
    };
    match recovery::longest(queue.recovery.iter().filter(asked)) {
        Some((seconds, true)) => Actual::AtLeast(seconds),
        Some((seconds, false)) => Actual::Exactly(seconds),
        None => Actual::Unknown("no fault window and no chaos in this run".to_owned()),
    }
}

/// What a threshold asks of the connections that the target tried.
fn connection_attempts(queue: &QueueFacts, stat: Stat) -> Actual {
    let Some(facts) = &queue.connection_attempts else { return unknown() };
    let value = match stat {
        Stat::PerDelivery => facts.per_delivery,
        _ => facts.count.map(|count| count as f64),
    };
    match (value, &facts.not_known) {
        (None, Some(why)) => Actual::Unknown(why.clone()),
        (value, _) => known(value),
    }
}

/// What a threshold asks of a latency.
#[must_use]
pub fn latency_figure(latency: &Latency, stat: Stat) -> Actual {
    let seconds = |us: Option<u64>| us.map(|us| us as f64 / 1e6);
    let value = match stat {
        Stat::Count => return Actual::Exactly(latency.count as f64),
        Stat::Min => seconds(latency.min),
        Stat::Mean => latency.mean.map(|us| us / 1e6),
        Stat::Max => seconds(latency.max),
        _ => seconds(percentile(latency, stat.name())),
    };
    let range = latency.range.get(stat.name());
    let range = range.map(|(least, most)| (*least as f64 / 1e6, *most as f64 / 1e6));
    match value {
        Some(value) if latency.at_least.iter().any(|name| name == stat.name()) => {
            Actual::AtLeast(range.map_or(value, |(least, _)| least))
        }
        Some(value) => match range {
            Some((least, most)) => Actual::Between { value, least, most },
            None => Actual::Exactly(value),
        },
        None => Actual::Unknown(want_of_samples(latency, stat)),
    }
}

fn want_of_samples(latency: &Latency, stat: Stat) -> String {
    let have = latency.count + latency.censored;
    match PERCENTILES.iter().find(|percentile| percentile.name == stat.name()) {
        Some(percentile) => format!("{have} samples, {} needs {}", stat.name(), percentile.needs),
        None => "no samples".to_owned(),
    }
}

/// A figure, where there is one.
#[must_use]
pub fn known(value: Option<f64>) -> Actual {
    value.map_or_else(unknown, Actual::Exactly)
}

/// A whole number, where there is one.
#[must_use]
pub fn whole(value: Option<u64>) -> Actual {
    known(value.map(|value| value as f64))
}

/// There is no figure.
#[must_use]
pub fn unknown() -> Actual {
    Actual::Unknown("no data".to_owned())
}
