//! What a threshold may ask of a simulation that its report does not have.

use super::course::{Course, Span};
use super::tally::{KEPT, METRICS, Tally};
use crate::ledger::event::Period;
use crate::measure::verdict::grade::Actual;
use crate::measure::verdict::threshold_figures::{Source, latency_figure, unknown};
use crate::metric::catalogue::Stat;
use crate::metric::latency::LatencyMetric;
use crate::probe::DestinationId;
use crate::scenario::model::Threshold;

/// What was added up.
pub(super) struct Kept<'a> {
    pub(super) tally: &'a Tally,
    pub(super) course: &'a Course,
}

impl Source for Kept<'_> {
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

    fn backlog(&self, threshold: &Threshold) -> Actual {
        let of = |span: &Span| match threshold.stat {
            Stat::Max => span.most as f64,
            Stat::End => span.at_end as f64,
            _ => span.mean(span.area),
        };
        Actual::Exactly(match (threshold.period, threshold.stat) {
            (None, Stat::Max) => self.course.peak.0 as f64,
            (None, Stat::End) => of(self.course.span(Period::Drain)),
            (period, _) => of(self.course.span(period.unwrap_or(Period::Measured))),
        })
    }

    /// A model reports its whole backlog.
    fn queue_length(&self, threshold: &Threshold) -> Actual {
        self.backlog(threshold)
    }

    fn target_use(&self, _threshold: &Threshold) -> Actual {
        unknown()
    }

    fn place(&self, id: DestinationId) -> Option<usize> {
        self.tally.place_of.get(usize::from(id.0)).map(|place| usize::from(*place))
    }

    /// What a model does not have is not counted.
    fn absent_count(&self) -> Option<u64> {
        None
    }
}
