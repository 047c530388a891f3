//! The queue over the run: the backlog as both ends see it, the length the target reports, and
//! what it took to empty it.

pub mod backlog;
pub mod connections;
pub mod ordering;
pub mod retry;

use super::results::{QueueFacts, RecoveryFacts};
use crate::clock::Time;
use crate::ledger::event::{Event, Period};
use crate::ledger::history::ProbeView;
use crate::measure::aggregates::periods::Periods;
use crate::measure::disturbances::recovery;
use backlog::Curve;

/// What the target reported of its queue.
#[derive(Clone, Debug, Default)]
pub struct Reports {
    lengths: Vec<(Time, u64)>,
    states: Vec<(Time, States)>,
}

/// Deferred and frozen messages in the target's queue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct States {
    /// Waiting for a further attempt.
    pub deferred: u64,
    /// Set aside.
    pub frozen: u64,
}

/// Highest, mean and last value over a span; none where nothing was reported.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Extremes {
    /// Highest.
    pub max: Option<u64>,
    /// Mean.
    pub mean: Option<f64>,
    /// Last.
    pub end: Option<u64>,
}

impl Reports {
    /// Takes note of an event.
    pub fn observe(&mut self, event: &Event) {
        match event {
            Event::Queue { at, total, .. } => self.lengths.push((*at, *total)),
            Event::QueueStates { at, deferred, frozen, .. } => {
                self.states.push((*at, States { deferred: *deferred, frozen: *frozen }));
            }
            _ => {}
        }
    }

    /// Most that were deferred and most that were frozen at a time, over a span; none where it
    /// was not known.
    #[must_use]
    pub fn most(&self, from: Time, to: Time) -> Option<States> {
        let inside = self.states.iter().filter(|(at, _)| *at >= from && *at <= to);
        inside.map(|(_, states)| *states).reduce(|most, states| States {
            deferred: most.deferred.max(states.deferred),
            frozen: most.frozen.max(states.frozen),
        })
    }

    /// The reports over a span.
    #[must_use]
    pub fn over(&self, from: Time, to: Time) -> Extremes {
        let inside = self.lengths.iter().filter(|(at, _)| *at >= from && *at <= to);
        let lengths: Vec<u64> = inside.map(|(_, length)| *length).collect();
        let sum: u64 = lengths.iter().sum();
        Extremes {
            max: lengths.iter().max().copied(),
            mean: (!lengths.is_empty()).then(|| sum as f64 / lengths.len() as f64),
            end: lengths.last().copied(),
        }
    }
}

/// Counts deliveries and attempts.
#[derive(Clone, Copy, Debug, Default)]
pub struct Attempts {
    delivered: u64,
    of_delivered: u64,
    all: u64,
    most: u64,
}

impl Attempts {
    /// Takes a probe due in the measured period.
    pub fn probe(&mut self, probe: &ProbeView) {
        let attempts = u64::from(probe.history.attempts);
        self.all += attempts;
        if probe.taken.is_some() {
            self.delivered += 1;
            self.of_delivered += attempts;
            self.most = self.most.max(attempts);
        }
    }

    /// Attempts for each delivered probe: mean.
    #[must_use]
    pub fn mean(self) -> Option<f64> {
        (self.delivered > 0).then(|| self.of_delivered as f64 / self.delivered as f64)
    }

    /// Attempts for each delivered probe: most.
    #[must_use]
    pub fn most(self) -> Option<u64> {
        (self.delivered > 0).then_some(self.most)
    }

    /// All attempts, for delivered mail or not, for each delivered probe.
    #[must_use]
    pub fn amplification(self) -> Option<f64> {
        (self.delivered > 0).then(|| self.all as f64 / self.delivered as f64)
    }
}

/// The span a figure of the queue covers: a period, or from the measured period to the close.
#[must_use]
pub fn span(period: Option<Period>, periods: &Periods) -> (Time, Time) {
    match period {
        Some(period) => periods.span(period),
        None => (periods.measured_from(), periods.close()),
    }
}

/// How long after the end of each disturbance the backlog was as before.
pub fn recover(facts: &mut QueueFacts, recoveries: Vec<RecoveryFacts>) {
    let longest = recovery::longest(recoveries.iter());
    facts.recovery_time_max_s = longest.map(|(seconds, _)| seconds);
    facts.recovery_time_max_at_least = longest.is_some_and(|(_, at_least)| at_least);
    facts.recovery = recoveries;
}

/// The facts of a report. `healed`: when the last fault window ended.
#[must_use]
pub fn facts(
    curve: &Curve,
    reports: &Reports,
    attempts: Attempts,
    periods: &Periods,
    healed: Option<Time>,
) -> QueueFacts {
    let (from, close) = span(None, periods);
    let (peak, at) = curve.peak(from, close);
    let lengths = reports.over(from, close);
    let measured = reports.over(from, periods.load_stop());
    let states = reports.most(from, close);
    let start = healed.unwrap_or_default().max(periods.load_stop());
    let drained = if curve.is_empty() { None } else { curve.drained_after(start) };
    QueueFacts {
        backlog_max: peak,
        backlog_max_at_s: at.since(from).as_secs_f64(),
        backlog_mean: curve.mean(from, periods.load_stop()),
        backlog_end: curve.at(close),
        length_max: lengths.max,
        length_mean: measured.mean,
        length_end: lengths.end,
        deferred_max: states.map(|states| states.deferred),
        frozen_max: states.map(|states| states.frozen),
        drain_time_s: drained.map(|time| time.as_secs_f64()),
        attempts_per_delivery_mean: attempts.mean(),
        attempts_per_delivery_max: attempts.most(),
        retry_amplification: attempts.amplification(),
        ..QueueFacts::default()
    }
}
