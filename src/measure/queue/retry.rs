//! The retry curve: pauses between attempts as observed, against the schedule as configured.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use crate::clock::Time;
use crate::ledger::event::{Attempt, AttemptOutcome};
use crate::limits;
use crate::measure::results::RetryPoint;
use crate::probe::{DestinationId, ProbeId};
use crate::scenario::model::TargetSpec;
use crate::scenario::model::waits::Wait;

/// A pause shorter than the least the schedule allows counts as early below this share of it:
/// sink and target do not read their clocks at the same moment.
pub const EARLY_BELOW: f64 = 0.98;

/// A pause between two attempts of a probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The probe.
    pub probe: ProbeId,
    /// The number of the attempt it follows.
    pub attempt: u32,
    /// How long it was.
    pub length: Duration,
    /// When it ended: the start of the next attempt.
    pub ended: Time,
}

/// An attempt that calls for another.
#[derive(Clone, Copy, Debug)]
struct Owed {
    attempt: u32,
    ended: Time,
    destination: Option<DestinationId>,
}

/// Collects pauses, attempt by attempt.
#[derive(Debug, Default)]
pub struct Retries {
    gaps: Vec<Gap>,
    /// Probes whose last attempt calls for another.
    owed: HashMap<ProbeId, Owed>,
    /// Ports that are closed. An attempt at one is not seen, so no pause is measured
    /// that a closed port was part of.
    closed: HashSet<Option<DestinationId>>,
}

impl Retries {
    /// Takes the next attempt, in order of their ends.
    pub fn observe(&mut self, attempt: &Attempt) {
        if let Some(last) = self.owed.remove(&attempt.probe) {
            let length = attempt.started.since(last.ended);
            let (probe, ended) = (attempt.probe, attempt.started);
            self.gaps.push(Gap { probe, attempt: last.attempt, length, ended });
        }
        let Attempt { number, ended, destination, .. } = *attempt;
        if calls_for_another(attempt.outcome) && !self.is_closed(destination) {
            self.owed.insert(attempt.probe, Owed { attempt: number, ended, destination });
        }
    }

    /// A port was closed or opened; `None`: that of all destinations.
    pub fn port(&mut self, destination: Option<DestinationId>, is_closed: bool) {
        if is_closed {
            self.closed.insert(destination);
            let elsewhere = |owed: &Owed| destination.is_some() && owed.destination != destination;
            self.owed.retain(|_, owed| elsewhere(owed));
        } else {
            self.closed.remove(&destination);
        }
    }

    fn is_closed(&self, destination: Option<DestinationId>) -> bool {
        self.closed.contains(&None) || self.closed.contains(&destination)
    }

    /// The pauses seen.
    #[must_use]
    pub fn gaps(&self) -> &[Gap] {
        &self.gaps
    }

    /// Probes whose last attempt calls for another, and since when, in order.
    #[must_use]
    pub fn owed(&self) -> Vec<(ProbeId, Time)> {
        let mut owed: Vec<_> = self.owed.iter().map(|(probe, owed)| (*probe, owed.ended)).collect();
        owed.sort_unstable();
        owed
    }

    /// The curve. `counts` says which probes are part of it, `waiting` which of them the target
    /// still has to deliver.
    #[must_use]
    pub fn curve(
        &self,
        target: &TargetSpec,
        close: Time,
        counts: impl Fn(ProbeId) -> bool,
        waiting: impl Fn(ProbeId) -> bool,
    ) -> Vec<RetryPoint> {
        let mut by_attempt: BTreeMap<u32, (Vec<Duration>, u64)> = BTreeMap::new();
        for gap in self.gaps.iter().filter(|gap| counts(gap.probe)) {
            by_attempt.entry(gap.attempt).or_default().0.push(gap.length);
        }
        for (probe, owed) in &self.owed {
            let latest = target.wait(owed.attempt).latest + limits::RETRY_OVERDUE;
            let late = target.knows_waits() && close.since(owed.ended) > latest;
            if late && counts(*probe) && waiting(*probe) {
                by_attempt.entry(owed.attempt).or_default().1 += 1;
            }
        }
        let points = by_attempt.into_iter();
        let point = |(attempt, (gaps, missed))| {
            let wait = target.knows_waits().then(|| target.wait(attempt));
            point(wait, attempt, gaps, missed)
        };
        points.map(point).collect()
    }
}

/// Whether the target has to try again after such an attempt (RFC 5321 §4.5.4.1).
fn calls_for_another(outcome: AttemptOutcome) -> bool {
    match outcome {
        AttemptOutcome::Deferred | AttemptOutcome::Broken | AttemptOutcome::Withheld => true,
        AttemptOutcome::Taken | AttemptOutcome::Rejected | AttemptOutcome::Abandoned => false,
    }
}

fn point(wait: Option<Wait>, attempt: u32, mut gaps: Vec<Duration>, missed: u64) -> RetryPoint {
    gaps.sort_unstable();
    let least = wait.map_or(Duration::ZERO, |wait| wait.least.mul_f64(EARLY_BELOW));
    let early = gaps.iter().filter(|gap| **gap < least).count();
    RetryPoint {
        attempt,
        configured_s: wait.map(|wait| wait.configured.as_secs_f64()),
        count: gaps.len() as u64,
        p5_s: ranked(&gaps, 0.05),
        p50_s: ranked(&gaps, 0.5),
        p95_s: ranked(&gaps, 0.95),
        early: early as u64,
        missed,
    }
}

/// The value of nearest rank among sorted ones; zero among none.
fn ranked(sorted: &[Duration], share: f64) -> f64 {
    let rank = (share * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).map_or(0.0, Duration::as_secs_f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::synthetic::{attempt, ms};
    use crate::queue::ordering::OrderingKind;
    use crate::queue::schedule::{Growth, RetrySchedule};
    use crate::scenario::model::{Changes, Delivery, Durability, OnwardTls, TargetKind};

    fn target() -> TargetSpec {
        let retry = RetrySchedule {
            kind: Growth::Exponential {
                first: Duration::from_secs(2),
                factor: 2.0,
                cap: Duration::from_secs(30),
            },
            jitter: 0.1,
            give_up_after: Duration::from_secs(600),
        };
        let delivery = Delivery {
            concurrency: 1,
            per_destination: 1,
            ordering: OrderingKind::Fifo,
            durability: Durability::Fsync,
            tls: OnwardTls::May,
        };
        TargetSpec {
            kind: TargetKind::Relay,
            retry,
            retry_is_given: true,
            delivery,
            changes: Changes::default(),
            network: None,
            disk: None,
        }
    }

    fn curve(attempts: &[Attempt], close_ms: u64) -> Vec<RetryPoint> {
        let mut retries = Retries::default();
        attempts.iter().for_each(|attempt| retries.observe(attempt));
        retries.curve(&target(), ms(close_ms), |_| true, |_| true)
    }

    #[test]
    fn a_pause_runs_from_end_to_start() {
        let points = curve(
            &[
                attempt(7, 1, (0, 10), AttemptOutcome::Deferred),
                attempt(7, 2, (2010, 2020), AttemptOutcome::Broken),
                attempt(7, 3, (6020, 6030), AttemptOutcome::Taken),
            ],
            60_000,
        );
        let seen: Vec<_> = points.iter().map(|p| (p.attempt, p.count, p.p50_s)).collect();
        assert_eq!(seen, [(1, 1, 2.0), (2, 1, 4.0)]);
        assert_eq!(points[1].configured_s, Some(4.0));
        assert_eq!((points[0].early, points[0].missed), (0, 0));
    }

    #[test]
    fn too_short_a_pause_is_early_and_jitter_is_not() {
        let pause = |probe, length: u64| {
            [
                attempt(probe, 1, (0, 10), AttemptOutcome::Deferred),
                attempt(probe, 2, (10 + length, 20 + length), AttemptOutcome::Taken),
            ]
        };
        let points = curve(&[pause(1, 1810), pause(2, 1750), pause(3, 2200)].concat(), 9000);
        assert_eq!((points[0].count, points[0].early), (3, 1));
    }

    #[test]
    fn an_attempt_that_never_came_is_missed_only_once_it_is_due() {
        let deferred = [attempt(1, 1, (0, 10), AttemptOutcome::Deferred)];
        assert!(curve(&deferred, 2_200).is_empty());
        let points = curve(&deferred, 60_000);
        assert_eq!((points[0].count, points[0].missed), (0, 1));
    }

    #[test]
    fn nothing_is_owed_after_a_delivery_or_a_rejection() {
        let done = [
            attempt(1, 1, (0, 10), AttemptOutcome::Taken),
            attempt(2, 1, (0, 10), AttemptOutcome::Rejected),
        ];
        assert!(curve(&done, 60_000).is_empty());
    }

    #[test]
    fn no_pause_is_measured_over_a_closed_port() {
        let deferred = |probe| attempt(probe, 1, (0, 10), AttemptOutcome::Deferred);
        let cut = attempt(2, 1, (0, 1005), AttemptOutcome::Broken);
        let elsewhere = Some(DestinationId(9));
        let own = deferred(1).destination;
        assert!(own.is_some() && own != elsewhere);
        for (port, pauses) in [(own, 0), (None, 0), (elsewhere, 2)] {
            let mut retries = Retries::default();
            retries.observe(&deferred(1));
            retries.port(port, true);
            retries.observe(&cut);
            retries.port(port, false);
            let taken = |probe| attempt(probe, 2, (9000, 9010), AttemptOutcome::Taken);
            [1, 2].map(taken).iter().for_each(|attempt| retries.observe(attempt));
            assert_eq!(retries.gaps().len(), pauses, "{port:?}");
        }
    }

    #[test]
    fn a_withheld_reply_calls_for_another_attempt() {
        let points = curve(
            &[
                attempt(1, 1, (0, 10), AttemptOutcome::Withheld),
                attempt(1, 2, (2010, 2020), AttemptOutcome::Taken),
            ],
            9000,
        );
        assert_eq!(points[0].count, 1);
    }
}
