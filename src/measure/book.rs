//! Every latency sample of a run, sorted by metric, period and destination.
//!
//! Only mail that went well enough has a latency: a message the target refused, or whose reply
//! was never read, is a count elsewhere, so that fast rejections cannot improve a percentile
//! (measurement §1.4). Mail that was still on its way at the close is censored, not left out.

use std::time::Duration;

use super::metric::LatencyMetric;
use super::periods::Periods;
use super::samples::Samples;
use crate::clock::Time;
use crate::ledger::event::Period;
use crate::ledger::history::ProbeView;
use crate::probe::DestinationId;

/// Metrics that destinations have; first in [`LatencyMetric::ALL`].
const BY_DESTINATION: usize = LatencyMetric::RetryGap as usize + 1;
const METRICS: usize = LatencyMetric::ALL.len();

/// All samples.
#[derive(Debug, Default)]
pub struct Book {
    overall: [[Samples; METRICS]; 2],
    destinations: Vec<[[Samples; BY_DESTINATION]; 2]>,
}

/// A span that ended, or that was cut off by the end of the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// It ended after this long.
    Whole(Duration),
    /// It had lasted this long.
    Cut(Duration),
}

impl Book {
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

    /// Enters one message, given its probes: one sample of each submission metric, and one of
    /// each delivery metric a probe.
    pub fn message(&mut self, probes: &[ProbeView], periods: &Periods) {
        let Some(first) = probes.first() else { return };
        let period = periods.of_due(first.due);
        let mut destinations: Vec<DestinationId> =
            probes.iter().filter_map(|probe| probe.destination).collect();
        destinations.sort_unstable();
        destinations.dedup();
        for (metric, seen) in submission(probes, periods.close()) {
            self.enter(metric, period, &destinations, seen);
        }
        for probe in probes {
            for (metric, seen) in delivery(probe, periods.close()) {
                self.enter(metric, period, probe.destination.as_slice(), seen);
            }
        }
    }

    /// Enters one observation.
    pub fn enter(
        &mut self,
        metric: LatencyMetric,
        period: Period,
        destinations: &[DestinationId],
        seen: Seen,
    ) {
        put(&mut self.overall[slot(period)][metric as usize], seen);
        if !metric.by_destination() {
            return;
        }
        for id in destinations {
            let index = usize::from(id.0);
            if self.destinations.len() <= index {
                self.destinations.resize_with(index + 1, Default::default);
            }
            put(&mut self.destinations[index][slot(period)][metric as usize], seen);
        }
    }
}

/// What one message says about the target's service, and about the way to a session.
pub fn submission(
    probes: &[ProbeView],
    close: Time,
) -> impl Iterator<Item = (LatencyMetric, Seen)> + use<> {
    let reply = probes.first().and_then(|first| {
        let from = (first.due, first.sent.unwrap_or(first.offered));
        match first.submitted {
            None => Some((Seen::Cut(close.since(from.0)), Seen::Cut(close.since(from.1)))),
            Some(done) if probes.iter().any(|probe| probe.accepted.is_some()) => {
                Some((Seen::Whole(done.since(from.0)), Seen::Whole(done.since(from.1))))
            }
            Some(_) => None,
        }
    });
    let lag = probes
        .first()
        .map(|first| (LatencyMetric::ScheduleLag, Seen::Whole(first.offered.since(first.due))));
    let reply = reply.into_iter().flat_map(|(response, service)| {
        [(LatencyMetric::SubmitResponse, response), (LatencyMetric::SubmitService, service)]
    });
    lag.into_iter().chain(reply)
}

/// What one probe says about the way through the target.
pub fn delivery(
    probe: &ProbeView,
    close: Time,
) -> impl Iterator<Item = (LatencyMetric, Seen)> + use<> {
    let until = |end: Option<Time>, start: Time| match end {
        Some(end) => Some(Seen::Whole(end.since(start))),
        None if probe.bounced.is_some() => None,
        None => Some(Seen::Cut(close.since(start))),
    };
    let owed = probe.accepted.is_some() || probe.submitted.is_none();
    // After an unread reply the target may hold the mail or not: only its arrival counts.
    let possible = owed || probe.history.indeterminate > 0;
    let end_to_end = until(probe.taken, probe.due)
        .filter(|seen| owed || (possible && matches!(seen, Seen::Whole(_))));
    let waited = probe.accepted.and_then(|start| until(probe.first_attempt, start));
    let relayed = probe.accepted.and_then(|start| until(probe.taken, start));
    [
        (LatencyMetric::E2eResponse, end_to_end),
        (LatencyMetric::QueueTime, waited),
        (LatencyMetric::RelayLatency, relayed),
    ]
    .into_iter()
    .filter_map(|(metric, seen)| Some((metric, seen?)))
}

fn put(samples: &mut Samples, seen: Seen) {
    match seen {
        Seen::Whole(value) => samples.record(value),
        Seen::Cut(age) => samples.censor(age),
    }
}

/// Nothing is due in the drain, so two periods have latencies.
fn slot(period: Period) -> usize {
    usize::from(period != Period::WarmUp)
}
