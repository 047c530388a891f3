//! What one message says about latencies: which spans it shows, and which were cut off.
//!
//! Only mail that went well enough has a latency: a message the target refused, or whose reply
//! was never read, is a count elsewhere, so that fast rejections cannot improve a percentile.
//! Mail that was still on its way at the close is censored, not left out.

use std::time::Duration;

use super::metric::LatencyMetric;
use crate::clock::Time;
use crate::ledger::history::ProbeView;
use crate::probe::DestinationId;

/// A span that ended, or that was cut off by the end of the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// It ended after this long.
    Whole(Duration),
    /// It had lasted this long.
    Cut(Duration),
}

/// One observation of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Observation {
    /// The metric.
    pub metric: LatencyMetric,
    /// The one destination it is about; `None`: every destination of the message.
    pub destination: Option<DestinationId>,
    /// When it began.
    pub from: Time,
    /// When it ended, if it did.
    pub ended: Option<Time>,
    /// How long it was.
    pub seen: Seen,
}

/// Everything a message says, given its probes: one observation of each submission metric, and
/// one of each delivery metric a probe. `close` is the end of the run.
pub fn observe(probes: &[ProbeView], close: Time, into: &mut Vec<Observation>) {
    let Some(first) = probes.first() else { return };
    let span = |metric, from: Time, to: Option<Time>| Observation {
        metric,
        destination: None,
        from,
        ended: to,
        seen: measure(from, to, close),
    };
    into.push(span(LatencyMetric::ScheduleLag, first.due, Some(first.offered)));
    let accepted = probes.iter().any(|probe| probe.accepted.is_some());
    if accepted || first.submitted.is_none() {
        let sent = first.sent.unwrap_or(first.offered);
        into.push(span(LatencyMetric::SubmitResponse, first.due, first.submitted));
        into.push(span(LatencyMetric::SubmitService, sent, first.submitted));
    }
    for probe in probes {
        deliver(probe, close, into);
    }
}

fn deliver(probe: &ProbeView, close: Time, into: &mut Vec<Observation>) {
    let mut push = |metric, from: Time, to: Option<Time>| {
        let (destination, seen) = (probe.destination, measure(from, to, close));
        into.push(Observation { metric, destination, from, ended: to, seen });
    };
    let owed = probe.accepted.is_some() || probe.submitted.is_none();
    // A bounce, or the drop of mail without a sender, ends the waiting without an arrival. After an
    // unread reply the target may hold the mail or not, so that only its arrival says something.
    let waits = owed && probe.given_up().is_none();
    if waits || (probe.taken.is_some() && (owed || probe.history.indeterminate > 0)) {
        push(LatencyMetric::E2eResponse, probe.due, probe.taken);
    }
    let Some(accepted) = probe.accepted else { return };
    if waits || probe.first_attempt.is_some() {
        push(LatencyMetric::QueueTime, accepted, probe.first_attempt);
    }
    if waits || probe.taken.is_some() {
        push(LatencyMetric::RelayLatency, accepted, probe.taken);
    }
}

fn measure(from: Time, to: Option<Time>, close: Time) -> Seen {
    match to {
        Some(to) => Seen::Whole(to.since(from)),
        None => Seen::Cut(close.since(from)),
    }
}
