//! Every latency sample of a run, sorted by metric, period and destination.
//!
//! Only mail that went well enough has a latency: a message the target refused, or whose reply
//! was never read, is a count elsewhere, so that fast rejections cannot improve a percentile
//! (measurement §1.4). Mail that was still on its way at the close is censored, not left out.

use std::time::Duration;

use super::metric::LatencyMetric;
use super::periods::Periods;
use super::samples::Samples;
use super::timeline::{Message, Outcome, Probe, Timeline};
use crate::clock::Time;
use crate::ledger::event::Period;
use crate::probe::{DestinationId, ProbeId};

/// Metrics that destinations have, first in [`LatencyMetric::ALL`].
const BY_DESTINATION: usize = LatencyMetric::RetryGap as usize + 1;
const METRICS: usize = LatencyMetric::ALL.len();

/// Where mail goes, by probe.
pub type Route<'a> = dyn Fn(ProbeId) -> Option<DestinationId> + 'a;

/// All samples.
#[derive(Debug, Default)]
pub struct Book {
    overall: [[Samples; METRICS]; 2],
    destinations: Vec<[[Samples; BY_DESTINATION]; 2]>,
}

/// What an observation counts towards.
struct Entry<'a> {
    period: usize,
    destinations: &'a [DestinationId],
}

/// A span that ended, or that was cut off by the end of the run.
#[derive(Clone, Copy)]
enum Seen {
    Whole(Duration),
    Cut(Duration),
}

impl Book {
    /// Sorts the samples of a run.
    #[must_use]
    pub fn fill(timeline: &Timeline, periods: &Periods, route: &Route<'_>) -> Book {
        let mut book = Book::default();
        let mut destinations = Vec::new();
        for message in timeline.messages() {
            let period = slot(periods.of_due(message.due));
            destinations.clear();
            destinations.extend(timeline.probes_of(message).filter_map(|(id, _)| route(id)));
            destinations.sort_unstable();
            destinations.dedup();
            let to = Entry { period, destinations: &destinations };
            book.submission(message, periods.close(), &to);
            for (id, probe) in timeline.probes_of(message) {
                let destination = route(id);
                let to = Entry { period, destinations: destination.as_slice() };
                book.delivery(message, probe, periods.close(), &to);
            }
        }
        book.pauses(timeline, periods, route);
        book
    }

    /// The samples of a metric over a period, of all mail or that to one destination.
    #[must_use]
    pub fn samples(
        &self,
        metric: LatencyMetric,
        destination: Option<DestinationId>,
        period: Period,
    ) -> Option<&Samples> {
        match destination {
            None => self.overall[slot(period)].get(metric as usize),
            Some(id) => {
                self.destinations.get(usize::from(id.0))?[slot(period)].get(metric as usize)
            }
        }
    }

    /// One sample a message: from due, from sent, and the way to a session.
    fn submission(&mut self, message: &Message, close: Time, to: &Entry<'_>) {
        let lag = message.offered.since(message.due);
        self.enter(LatencyMetric::ScheduleLag, to, Seen::Whole(lag));
        let (response, service) = match message.served {
            Some((sent, done)) if message.accepted => {
                (Seen::Whole(done.since(message.due)), Seen::Whole(done.since(sent)))
            }
            Some(_) => return,
            None => (Seen::Cut(close.since(message.due)), Seen::Cut(close.since(message.offered))),
        };
        self.enter(LatencyMetric::SubmitResponse, to, response);
        self.enter(LatencyMetric::SubmitService, to, service);
    }

    /// One sample a probe: end to end, in the queue, through the target.
    fn delivery(&mut self, message: &Message, probe: &Probe, close: Time, to: &Entry<'_>) {
        let until = |end: Option<Time>, start: Time| match end {
            Some(end) => Some(Seen::Whole(end.since(start))),
            None if probe.bounced.is_some() => None,
            None => Some(Seen::Cut(close.since(start))),
        };
        let due = match probe.outcome {
            Outcome::Accepted | Outcome::None => until(probe.taken, message.due),
            // It may have left the target's hands, or never have reached them.
            Outcome::Indeterminate => probe.taken.map(|end| Seen::Whole(end.since(message.due))),
            Outcome::NotSent | Outcome::Refused => None,
        };
        self.enter_some(LatencyMetric::E2eResponse, to, due);
        let (Outcome::Accepted, Some((_, accepted))) = (probe.outcome, message.served) else {
            return;
        };
        self.enter_some(LatencyMetric::QueueTime, to, until(probe.first_attempt, accepted));
        self.enter_some(LatencyMetric::RelayLatency, to, until(probe.taken, accepted));
    }

    fn pauses(&mut self, timeline: &Timeline, periods: &Periods, route: &Route<'_>) {
        for stage in &timeline.stages {
            let Some(message) = timeline.message(stage.message) else { continue };
            let period = slot(periods.of_due(message.due));
            let took = Duration::from_micros(u64::from(stage.us));
            self.overall[period][stage.metric as usize].record(took);
        }
        for gap in &timeline.gaps {
            let period = slot(periods.of_due(gap.due));
            let destination = route(gap.probe);
            let to = Entry { period, destinations: destination.as_slice() };
            self.enter(LatencyMetric::RetryGap, &to, Seen::Whole(gap.to.since(gap.from)));
        }
    }

    fn enter_some(&mut self, metric: LatencyMetric, to: &Entry<'_>, seen: Option<Seen>) {
        if let Some(seen) = seen {
            self.enter(metric, to, seen);
        }
    }

    fn enter(&mut self, metric: LatencyMetric, to: &Entry<'_>, seen: Seen) {
        put(&mut self.overall[to.period][metric as usize], seen);
        if !metric.by_destination() {
            return;
        }
        for id in to.destinations {
            let index = usize::from(id.0);
            if self.destinations.len() <= index {
                self.destinations.resize_with(index + 1, Default::default);
            }
            put(&mut self.destinations[index][to.period][metric as usize], seen);
        }
    }
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
