//! The periods of a run as its journal tells them, and to which one a message belongs.
//!
//! A message counts by the period in which it was due, wherever it finishes.

use crate::clock::Time;
use crate::ledger::event::{Event, Period};

/// When each period began. What the journal does not say (it may be cut short) is filled in
/// with the last time it mentions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Periods {
    warm_up: Option<Time>,
    measured: Option<Time>,
    drain: Option<Time>,
    closed: Option<Time>,
    last: Time,
    /// The user asked to stop.
    pub interrupted: bool,
}

impl Periods {
    /// Takes note of an event; `at` is when it happened, if it says so.
    pub fn observe(&mut self, event: &Event, at: Option<Time>) {
        self.last = self.last.max(at.unwrap_or_default());
        match event {
            Event::Period { at, period } => match period {
                Period::WarmUp => self.warm_up = Some(*at),
                Period::Measured => self.measured = Some(*at),
                Period::Drain => self.drain = Some(*at),
                Period::Closed => self.closed = Some(*at),
            },
            Event::Interrupted { .. } => self.interrupted = true,
            _ => {}
        }
    }

    /// Whether it is known when the measured period began.
    #[must_use]
    pub fn has_measured(&self) -> bool {
        self.measured.is_some()
    }

    /// Start of the measured period. Never reached: the end of the run.
    #[must_use]
    pub fn measured_from(&self) -> Time {
        self.measured.unwrap_or(self.load_stop())
    }

    /// End of the measured period: offering stopped.
    #[must_use]
    pub fn load_stop(&self) -> Time {
        self.drain.unwrap_or(self.close())
    }

    /// The end of the run.
    #[must_use]
    pub fn close(&self) -> Time {
        self.closed.unwrap_or(self.last)
    }

    /// Whether the run came to its close.
    #[must_use]
    pub fn complete(&self) -> bool {
        self.closed.is_some()
    }

    /// Length of the measured period in seconds.
    #[must_use]
    pub fn measured_s(&self) -> f64 {
        self.load_stop().since(self.measured_from()).as_secs_f64()
    }

    /// The period a message due at `due` belongs to: warm-up or measured, as nothing becomes due
    /// later.
    #[must_use]
    pub fn of_due(&self, due: Time) -> Period {
        if due < self.measured_from() { Period::WarmUp } else { Period::Measured }
    }

    /// The period in which a moment lies.
    #[must_use]
    pub fn at(&self, time: Time) -> Period {
        if time < self.measured_from() {
            Period::WarmUp
        } else if time < self.load_stop() {
            Period::Measured
        } else {
            Period::Drain
        }
    }

    /// Start and end of a period.
    #[must_use]
    pub fn span(&self, period: Period) -> (Time, Time) {
        match period {
            Period::WarmUp => (self.warm_up.unwrap_or_default(), self.measured_from()),
            Period::Measured => (self.measured_from(), self.load_stop()),
            Period::Drain => (self.load_stop(), self.close()),
            Period::Closed => (self.close(), self.close()),
        }
    }
}

/// When an event happened; an attempt or a submission, when it ended.
#[must_use]
pub fn time_of(event: &Event) -> Option<Time> {
    match event {
        Event::Run(_) | Event::Calibrated(_) => None,
        Event::Period { at, .. }
        | Event::Offered { at, .. }
        | Event::Confirmed { at, .. }
        | Event::Foreign { at, .. }
        | Event::AnotherRun { at, .. }
        | Event::Session { at, .. }
        | Event::Target { at, .. }
        | Event::Queue { at, .. }
        | Event::QueueStates { at, .. }
        | Event::Limit { at, .. }
        | Event::Shortage { at, .. }
        | Event::Disk { at, .. }
        | Event::Port { at, .. }
        | Event::Struck { at, .. }
        | Event::RefusedConnections { at, .. }
        | Event::ContentDiffers { at, .. }
        | Event::Network { at, .. }
        | Event::Interrupted { at } => Some(*at),
        Event::Submitted(submitted) => Some(submitted.done),
        Event::Attempt(attempt) => Some(attempt.ended),
        Event::Dsn(dsn) => Some(dsn.at),
        Event::Notice(notice) => Some(notice.at),
        Event::Recognised(recognised) => Some(recognised.attempt.ended),
        Event::Readdressed(seen) => Some(seen.at),
        Event::Pulse(pulse) => Some(pulse.at),
        Event::Usage(usage) => Some(usage.at),
        Event::Abused(abused) => Some(abused.at),
        Event::Unanswered(unanswered) => Some(unanswered.at),
        Event::Hiccup { to, .. } => Some(*to),
        Event::Overhead(overhead) => Some(overhead.at),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn observed(events: &[(u64, Period)]) -> Periods {
        let mut periods = Periods::default();
        for (second, period) in events {
            let at = Time(second * 1_000_000_000);
            periods.observe(&Event::Period { at, period: *period }, Some(at));
        }
        periods
    }

    #[test]
    fn a_message_counts_where_it_was_due() {
        let all = [(0, Period::WarmUp), (5, Period::Measured), (15, Period::Drain)];
        let periods = observed(&all);
        assert_eq!(periods.of_due(Time(4_999_999_999)), Period::WarmUp);
        assert_eq!(periods.of_due(Time(5_000_000_000)), Period::Measured);
        assert!((periods.measured_s() - 10.0).abs() < 1e-9);
        assert!(!periods.complete());
    }

    #[test]
    fn a_journal_cut_short_ends_with_its_last_event() {
        let mut periods = observed(&[(5, Period::Measured)]);
        periods.observe(&Event::Interrupted { at: Time(9) }, Some(Time(8_000_000_000)));
        assert_eq!(periods.close(), Time(8_000_000_000));
        assert!((periods.measured_s() - 3.0).abs() < 1e-9);
        assert!(periods.interrupted);
    }

    #[test]
    fn a_run_that_never_reached_its_measured_period_measured_nothing() {
        let periods = observed(&[(0, Period::WarmUp), (3, Period::Closed)]);
        assert!(periods.measured_s() < 1e-9);
        assert_eq!(periods.of_due(Time(1)), Period::WarmUp);
    }
}
