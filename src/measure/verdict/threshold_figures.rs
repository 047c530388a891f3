//! The figure that a threshold bounds, looked up in what was measured.

use std::collections::BTreeMap;
use std::time::Duration;

use super::grade::{Actual, grade};
use crate::clock::Time;
use crate::ledger::event::Period;
use crate::measure::aggregates::periods::Periods;
use crate::measure::disturbances::recovery;
use crate::measure::latency::table::LatencyTable;
use crate::measure::latency::{PERCENTILES, percentile};
use crate::measure::load::rates::GOODPUT;
use crate::measure::load::usage::{MeanMax, Uses};
use crate::measure::queue::backlog::Curve;
use crate::measure::queue::{Extremes, Reports, span};
use crate::measure::results::{
    DestinationFacts, Latency, QueueFacts, RecoveryFacts, ThresholdResult, ThresholdStatus,
};
use crate::measure::validity::Validity;
use crate::metric::catalogue::{Stat, Subject};
use crate::metric::latency::LatencyMetric;
use crate::scenario::model::Threshold;

/// Everything measured that a threshold may ask for.
pub struct Figures<'a> {
    /// Latency samples.
    pub latencies: &'a LatencyTable,
    /// Counts of the measured period, and what went wrong outside it.
    pub counts: &'a BTreeMap<String, u64>,
    /// Rates over the measured period, a second.
    pub rates: &'a BTreeMap<String, f64>,
    /// The same by destination.
    pub destinations: &'a [DestinationFacts],
    /// The queue's facts.
    pub queue: &'a QueueFacts,
    /// The backlog.
    pub backlog: &'a Curve,
    /// The queue as reported.
    pub reports: &'a Reports,
    /// Looks at the target's processes.
    pub uses: &'a Uses,
    /// The run's periods.
    pub periods: &'a Periods,
    /// From when the drain is timed.
    pub drain_from: Time,
    /// Flushes of the disk under the queue for each accepted probe.
    pub disk_flushes: Option<f64>,
    /// What the instrument itself may have done to them.
    pub validity: &'a Validity,
}

impl Figures<'_> {
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

    /// A figure with what it may be without the instrument's errors; a latency comes with it.
    fn bounded(&self, threshold: &Threshold, actual: Actual) -> Actual {
        let Actual::Exactly(value) = actual else { return actual };
        match (threshold.subject, threshold.stat) {
            (Subject::Count(_), Stat::Rate) | (Subject::Goodput, _) => self.validity.rate(value),
            (Subject::DrainTime, _) => self.validity.time(self.drain_from, value),
            (Subject::RecoveryTime, _) => self.validity.time(self.disturbed_until(value), value),
            (Subject::Backlog, Stat::Max) => {
                self.validity.peak(self.backlog, span(threshold.period, self.periods))
            }
            _ => actual,
        }
    }

    /// When the disturbance ended from which it took so long to recover.
    fn disturbed_until(&self, seconds: f64) -> Time {
        let longest = self.queue.recovery.iter().find(|it| it.recovery_time_s >= seconds);
        let after = longest.and_then(|it| it.to_s).unwrap_or(0.0);
        let after = Duration::try_from_secs_f64(after).unwrap_or_default();
        self.periods.measured_from().plus(after)
    }

    fn actual(&self, threshold: &Threshold) -> Actual {
        match threshold.subject {
            Subject::Latency(metric) => self.latency(metric, threshold),
            Subject::Count(name) => self.count(name, threshold),
            Subject::Backlog => self.backlog(threshold),
            Subject::QueueLength => self.queue_length(threshold),
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
            Subject::TargetCpu => self.target(threshold, Uses::cpu),
            Subject::TargetRss => self.target(threshold, Uses::rss),
            Subject::TargetIo => self.target(threshold, Uses::io),
        }
    }

    fn latency(&self, metric: LatencyMetric, threshold: &Threshold) -> Actual {
        let period = threshold.period.unwrap_or(Period::Measured);
        match self.latencies.samples(metric, threshold.destination, period) {
            Some(samples) => {
                latency_figure(&self.validity.summarise(metric, samples), threshold.stat)
            }
            None if threshold.stat == Stat::Count => Actual::Exactly(0.0),
            None => unknown(),
        }
    }

    fn count(&self, name: &str, threshold: &Threshold) -> Actual {
        if threshold.stat == Stat::Rate {
            return self.rate(name, threshold);
        }
        let of = |counts: &BTreeMap<String, u64>| counts.get(name).copied().unwrap_or(0);
        Actual::Exactly(match threshold.destination {
            None => of(self.counts),
            Some(id) => match self.destinations.get(usize::from(id.0)) {
                Some(place) => of(&place.counts) + of(&place.counts_outside_period),
                None => return unknown(),
            },
        } as f64)
    }

    /// Events inside the measured period, per second of it.
    fn rate(&self, name: &str, threshold: &Threshold) -> Actual {
        let rates = match threshold.destination {
            None => Some(self.rates),
            Some(id) => self.destinations.get(usize::from(id.0)).map(|place| &place.rates),
        };
        known(rates.and_then(|rates| rates.get(name)).copied())
    }

    fn backlog(&self, threshold: &Threshold) -> Actual {
        let (from, to) = span(threshold.period, self.periods);
        Actual::Exactly(match threshold.stat {
            Stat::Max => self.backlog.peak(from, to).0 as f64,
            Stat::End => self.backlog.at(to) as f64,
            _ if threshold.period.is_none() => self.queue.backlog_mean,
            _ => self.backlog.mean(from, to),
        })
    }

    fn queue_length(&self, threshold: &Threshold) -> Actual {
        let (from, to) = span(threshold.period, self.periods);
        let Extremes { max, mean, end } = self.reports.over(from, to);
        match threshold.stat {
            Stat::Max => whole(max),
            Stat::End => whole(end),
            _ if threshold.period.is_none() => known(self.queue.length_mean),
            _ => known(mean),
        }
    }

    fn target(&self, threshold: &Threshold, over: impl Fn(&Uses, Time, Time) -> MeanMax) -> Actual {
        let (from, to) = self.periods.span(threshold.period.unwrap_or(Period::Measured));
        let MeanMax { mean, max } = over(self.uses, from, to);
        known(if threshold.stat == Stat::Max { max } else { mean })
    }

    /// A backlog that was still there at the close took at least until then.
    fn drain_time(&self) -> Actual {
        match self.queue.drain_time_s {
            Some(seconds) => Actual::Exactly(seconds),
            None if self.backlog.is_empty() => unknown(),
            None => Actual::AtLeast(self.periods.close().since(self.drain_from).as_secs_f64()),
        }
    }
}

/// The longest recovery of those that a threshold is about.
#[must_use]
pub fn recovery_time(queue: &QueueFacts, threshold: &Threshold) -> Actual {
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
#[must_use]
pub fn connection_attempts(queue: &QueueFacts, stat: Stat) -> Actual {
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

fn known(value: Option<f64>) -> Actual {
    value.map_or_else(unknown, Actual::Exactly)
}

fn whole(value: Option<u64>) -> Actual {
    known(value.map(|value| value as f64))
}

fn unknown() -> Actual {
    Actual::Unknown("no data".to_owned())
}
