//! What one message says about latencies: which spans it shows, and which have no end.
//!
//! The one rule, for every latency metric, of real and simulated runs:
//!
//! | what happened | in the metric | counted as |
//! |---|---|---|
//! | it ended as it should (2yz, the sink's 250, the next attempt) | its length | `count` |
//! | the target answered 4yz or 5yz | not in `submit_*` nor in later metrics: it can neither improve nor hide in them; its length is in `refused_response` | `refused` |
//! | the run ended first: no session was free (`unserved`), the submission was given up, mail was still queued, a retry still due | at least its age | `censored` |
//! | no answer will come: the connection was refused, broke or timed out | at least its age, and longer than every answered one, since it never ended | `censored` |
//! | mail ended without an arrival: a DSN came, or mail from the null sender was dropped | not in delivery metrics | `bounced`, `null_sender_discarded` |
//!
//! A metric has no observation where its span never began: `submit_service` of a message that no
//! session took, `queue_time` of one that was not accepted.

use std::time::Duration;

use crate::clock::Time;
use crate::ledger::event::NoAnswer;
use crate::ledger::history::ProbeView;
use crate::metric::latency::LatencyMetric;
use crate::probe::DestinationId;

/// A span that ended, or that did not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// It ended after this long.
    Whole(Duration),
    /// It had lasted this long when it was no longer watched.
    Cut(Duration),
    /// It failed after this long: what it waited for never arrived.
    Failed(Duration),
}

impl Seen {
    /// How long it was, or had lasted.
    #[must_use]
    pub fn length(self) -> Duration {
        let (Seen::Whole(length) | Seen::Cut(length) | Seen::Failed(length)) = self;
        length
    }
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
    /// When it ended, or was no longer watched.
    pub until: Time,
    /// How long it was.
    pub seen: Seen,
}

/// How the submission of a message ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Submission {
    Accepted,
    Refused,
    Unanswered(NoAnswer),
    /// No end was recorded.
    UnderWay,
}

/// Everything a message says, given its probes: one observation of each submission metric, and
/// one of each delivery metric a probe. `close` is the end of the run.
pub fn observe(probes: &[ProbeView], close: Time, into: &mut Vec<Observation>) {
    let Some(first) = probes.first() else { return };
    submit(first, submission(probes), close, into);
    for probe in probes {
        deliver(probe, close, into);
    }
}

/// One reply ends the submission of all recipients: accepted, if it was for any of them.
fn submission(probes: &[ProbeView]) -> Submission {
    let unanswered = || probes.iter().find_map(|probe| probe.no_answer);
    if probes.iter().any(|probe| probe.accepted.is_some()) {
        Submission::Accepted
    } else if let Some(how) = unanswered() {
        Submission::Unanswered(how)
    } else if probes.iter().any(|probe| probe.submitted.is_some()) {
        Submission::Refused
    } else {
        Submission::UnderWay
    }
}

fn submit(first: &ProbeView, ended: Submission, close: Time, into: &mut Vec<Observation>) {
    let mut push = |metric, from: Time, until: Time, how: fn(Duration) -> Seen| {
        let seen = how(until.since(from));
        into.push(Observation { metric, destination: None, from, until, seen });
    };
    let unserved = ended == Submission::Unanswered(NoAnswer::Unserved);
    let handed = if unserved { Seen::Cut } else { Seen::Whole };
    push(LatencyMetric::ScheduleLag, first.due, first.offered, handed);
    let until = first.submitted.unwrap_or(close);
    let how = match ended {
        Submission::Accepted => Seen::Whole,
        Submission::Refused => {
            return push(LatencyMetric::RefusedResponse, first.due, until, Seen::Whole);
        }
        Submission::Unanswered(NoAnswer::Failed) => Seen::Failed,
        Submission::Unanswered(_) | Submission::UnderWay => Seen::Cut,
    };
    push(LatencyMetric::SubmitResponse, first.due, until, how);
    if !unserved {
        push(LatencyMetric::SubmitService, first.sent.unwrap_or(first.offered), until, how);
    }
}

/// What a span without an end is, and when it was no longer watched.
type Without = (fn(Duration) -> Seen, Time);

fn deliver(probe: &ProbeView, close: Time, into: &mut Vec<Observation>) {
    let mut push = |metric, from: Time, to: Option<Time>, (without, end): Without| {
        let until = to.unwrap_or(end);
        let length = until.since(from);
        let seen = if to.is_some() { Seen::Whole(length) } else { without(length) };
        into.push(Observation { metric, destination: probe.destination, from, until, seen });
    };
    // A refusal, a bounce, or the drop of mail without a sender is an answer.
    let unanswered = probe.no_answer.is_some() || probe.submitted.is_none();
    let owed = (probe.accepted.is_some() || unanswered) && probe.given_up().is_none();
    let cut: Without = (Seen::Cut, close);
    if owed || (probe.taken.is_some() && (probe.accepted.is_some() || unanswered)) {
        // The target cannot have what never was whole, and nothing sends it again.
        let never = probe.no_answer == Some(NoAnswer::Failed) && probe.history.indeterminate == 0;
        let failed: Without = (Seen::Failed, probe.submitted.unwrap_or(close));
        let without = if never { failed } else { cut };
        push(LatencyMetric::E2eResponse, probe.due, probe.taken, without);
    }
    let Some(accepted) = probe.accepted else { return };
    if owed || probe.first_attempt.is_some() {
        push(LatencyMetric::QueueTime, accepted, probe.first_attempt, cut);
    }
    if owed || probe.taken.is_some() {
        push(LatencyMetric::RelayLatency, accepted, probe.taken, cut);
    }
}

#[cfg(test)]
mod tests;
