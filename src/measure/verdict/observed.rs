//! What a threshold may ask of the events of a real run that its report does not have.

use super::grade::Actual;
use super::threshold_figures::{Source, known, latency_figure, unknown, whole};
use crate::clock::Time;
use crate::ledger::event::Period;
use crate::measure::aggregates::periods::Periods;
use crate::measure::latency::table::LatencyTable;
use crate::measure::load::usage::{MeanMax, Uses};
use crate::measure::queue::backlog::Curve;
use crate::measure::queue::{Extremes, Reports, span};
use crate::measure::validity::Validity;
use crate::metric::catalogue::{Stat, Subject};
use crate::metric::latency::LatencyMetric;
use crate::probe::DestinationId;
use crate::scenario::model::Threshold;

/// Samples, curves and reports of a run.
pub struct Observed<'a> {
    /// Latency samples.
    pub latencies: &'a LatencyTable,
    /// The backlog.
    pub backlog: &'a Curve,
    /// The queue as reported.
    pub reports: &'a Reports,
    /// Looks at the target's processes.
    pub uses: &'a Uses,
    /// The run's periods.
    pub periods: &'a Periods,
    /// What the instrument itself may have done to them.
    pub validity: &'a Validity,
}

impl Observed<'_> {
    /// What a mean is over: a period, by default the measured one.
    fn mean_span(&self, threshold: &Threshold) -> (Time, Time) {
        self.periods.span(threshold.period.unwrap_or(Period::Measured))
    }
}

impl Source for Observed<'_> {
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

    fn backlog(&self, threshold: &Threshold) -> Actual {
        let (from, to) = span(threshold.period, self.periods);
        match threshold.stat {
            Stat::Max => self.validity.peak(self.backlog, (from, to)),
            Stat::End => Actual::Exactly(self.backlog.at(to) as f64),
            _ => {
                let (from, to) = self.mean_span(threshold);
                Actual::Exactly(self.backlog.mean(from, to))
            }
        }
    }

    fn queue_length(&self, threshold: &Threshold) -> Actual {
        let (from, to) = span(threshold.period, self.periods);
        let Extremes { max, end, .. } = self.reports.over(from, to);
        match threshold.stat {
            Stat::Max => whole(max),
            Stat::End => whole(end),
            _ => {
                let (from, to) = self.mean_span(threshold);
                known(self.reports.over(from, to).mean)
            }
        }
    }

    fn target_use(&self, threshold: &Threshold) -> Actual {
        let (from, to) = self.mean_span(threshold);
        let MeanMax { mean, max } = match threshold.subject {
            Subject::TargetCpu => self.uses.cpu(from, to),
            Subject::TargetRss => self.uses.rss(from, to),
            _ => self.uses.io(from, to),
        };
        known(if threshold.stat == Stat::Max { max } else { mean })
    }

    fn place(&self, id: DestinationId) -> Option<usize> {
        Some(usize::from(id.0))
    }

    fn absent_count(&self) -> Option<u64> {
        Some(0)
    }
}
