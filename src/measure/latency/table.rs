//! Every latency sample of a run, sorted by metric, period and destination.

use super::observation::Seen;
use super::samples::Samples;
use crate::ledger::event::Period;
use crate::measure::validity::interference::Within;
use crate::metric::latency::LatencyMetric;
use crate::probe::DestinationId;

/// Metrics that destinations have; first in [`LatencyMetric::ALL`].
const BY_DESTINATION: usize = LatencyMetric::RetryGap as usize + 1;
const METRICS: usize = LatencyMetric::ALL.len();

/// All samples.
#[derive(Debug, Default)]
pub struct LatencyTable {
    overall: [[Samples; METRICS]; 2],
    destinations: Vec<[[Samples; BY_DESTINATION]; 2]>,
}

impl LatencyTable {
    /// The samples of a metric over a period, of all mail or of that to one destination.
    #[must_use]
    pub fn samples(
        &self,
        metric: LatencyMetric,
        destination: Option<DestinationId>,
        period: Period,
    ) -> Option<&Samples> {
        let row: &[Samples] = match destination {
            None => &self.overall[slot(period)],
            Some(id) => &self.destinations.get(usize::from(id.0))?[slot(period)],
        };
        row.get(metric as usize)
    }

    /// Enters one observation, for the whole and for each of its destinations, with the bounds of
    /// what it would be without the instrument's errors.
    pub fn enter(
        &mut self,
        metric: LatencyMetric,
        period: Period,
        destinations: &[DestinationId],
        (seen, within): (Seen, Within),
    ) {
        self.overall[slot(period)][metric as usize].enter_within(seen, within);
        if !metric.by_destination() {
            return;
        }
        for id in destinations {
            let index = usize::from(id.0);
            if self.destinations.len() <= index {
                self.destinations.resize_with(index + 1, Default::default);
            }
            self.destinations[index][slot(period)][metric as usize].enter_within(seen, within);
        }
    }

    /// Samples beyond the range of a histogram, and all samples.
    #[must_use]
    pub fn overflow(&self) -> (u64, u64) {
        let all = self.overall.iter().flatten();
        all.fold((0, 0), |(beyond, count), samples| {
            (beyond + samples.overflow, count + samples.len())
        })
    }
}

/// Nothing is due in the drain, so two periods have latencies.
fn slot(period: Period) -> usize {
    usize::from(period != Period::WarmUp)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_sample_counts_for_the_whole_and_for_each_destination() {
        let mut latencies = LatencyTable::default();
        let both = [DestinationId(0), DestinationId(2)];
        let length = Duration::from_millis(7);
        let seen = (Seen::Whole(length), Within { least: length, most: length });
        latencies.enter(LatencyMetric::SubmitResponse, Period::Measured, &both, seen);
        latencies.enter(LatencyMetric::StageData, Period::WarmUp, &both, seen);
        let count = |metric, destination: Option<u16>, period| {
            let samples = latencies.samples(metric, destination.map(DestinationId), period);
            samples.map(|samples| samples.values.len())
        };
        let response = LatencyMetric::SubmitResponse;
        assert_eq!(count(response, None, Period::Measured), Some(1));
        assert_eq!(count(response, Some(1), Period::Measured), Some(0));
        assert_eq!(count(response, Some(2), Period::Measured), Some(1));
        assert_eq!(count(response, None, Period::WarmUp), Some(0));
        assert_eq!(count(LatencyMetric::StageData, None, Period::WarmUp), Some(1));
        assert_eq!(count(LatencyMetric::StageData, Some(0), Period::WarmUp), None);
    }
}
