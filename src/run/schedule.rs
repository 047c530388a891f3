//! When the periods of a run begin, and where a run stands in them.

use std::time::Duration;

use crate::clock::Time;
use crate::fault::rule::Rule;
use crate::ledger::Ledger;
use crate::ledger::event::Period;
use crate::report::progress::Snapshot;
use crate::scenario::model::{Extent, Load, Scenario};

/// Time between set-up and the first due message: the first texts are built meanwhile.
const LEAD: Duration = Duration::from_millis(200);

/// How far back the live view's percentile looks.
const LATELY: Duration = Duration::from_secs(5);

/// When the periods of a run begin.
#[derive(Clone, Copy, Debug)]
pub(super) struct Schedule {
    /// Offering begins.
    pub(super) start: Time,
    /// The measured period begins.
    pub(super) measured: Time,
    /// Offering ends; `None`: after a number of messages.
    pub(super) end: Option<Time>,
    drain: Duration,
}

impl Schedule {
    /// The schedule of a run whose load begins shortly after `now`.
    pub(super) fn new(now: Time, load: &Load) -> Schedule {
        let start = now.plus(LEAD);
        let measured = start.plus(load.warm_up);
        let end = match load.extent {
            Extent::Duration(duration) => Some(measured.plus(duration)),
            Extent::Messages(_) => None,
        };
        Schedule { start, measured, end, drain: load.drain }
    }

    fn period(&self, now: Time, draining: bool) -> Period {
        if draining {
            Period::Drain
        } else if now < self.measured {
            Period::WarmUp
        } else {
            Period::Measured
        }
    }
}

/// Makes snapshots for the live view: remembers the last one, to tell a rate.
pub(super) struct Viewer {
    schedule: Schedule,
    faults: Vec<Rule>,
    draining: bool,
    last: (Time, u64),
    rate_per_s: f64,
}

impl Viewer {
    pub(super) fn new(schedule: Schedule, scenario: &Scenario) -> Viewer {
        let last = (schedule.start, 0);
        let faults = scenario.faults.clone();
        Viewer { schedule, faults, draining: false, last, rate_per_s: 0.0 }
    }

    /// Nothing more is offered from here on.
    pub(super) fn drains(&mut self) {
        self.draining = true;
    }

    /// Where the run stands.
    pub(super) fn snapshot(&mut self, now: Time, ledger: &Ledger) -> Snapshot {
        let tally = ledger.tally();
        self.pace(now, tally.delivered);
        let end = self.schedule.end.unwrap_or(now);
        Snapshot {
            period: self.schedule.period(now, self.draining),
            elapsed: now.since(self.schedule.start),
            total: end.max(self.schedule.start).since(self.schedule.start) + self.schedule.drain,
            tally,
            rate_per_s: self.rate_per_s,
            e2e_p99: ledger.recent_p99(now, LATELY),
            faults: self.open_faults(now),
        }
    }

    /// The rate over the last second or so; a shorter look would only show noise.
    fn pace(&mut self, now: Time, delivered: u64) {
        let (since, before) = self.last;
        let span = now.since(since);
        if span >= Duration::from_secs(1) {
            self.rate_per_s = delivered.saturating_sub(before) as f64 / span.as_secs_f64();
            self.last = (now, delivered);
        }
    }

    fn open_faults(&self, now: Time) -> Vec<String> {
        if now < self.schedule.measured {
            return Vec::new();
        }
        let offset = now.since(self.schedule.measured);
        let open = |rule: &&Rule| rule.scope.during.is_some_and(|window| window.contains(offset));
        self.faults.iter().filter(open).map(|rule| rule.name.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_follow_the_clock_until_the_drain_is_recorded() {
        let second = |n| Time::from_offset(Duration::from_secs(n));
        let schedule = Schedule {
            start: second(1),
            measured: second(3),
            end: Some(second(9)),
            drain: Duration::from_secs(60),
        };
        assert_eq!(schedule.period(second(2), false), Period::WarmUp);
        assert_eq!(schedule.period(second(3), false), Period::Measured);
        assert_eq!(schedule.period(second(4), true), Period::Drain);
    }
}
