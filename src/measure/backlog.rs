//! The backlog: mail the target answers for and has neither delivered nor returned, at the
//! resolution of single events.

use std::time::Duration;

use crate::clock::Time;

/// The backlog over time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Curve {
    /// From each time on, the level; in order of time.
    steps: Vec<(Time, u64)>,
    /// Whether there was a probe at all.
    probes: bool,
}

impl Curve {
    /// The curve of probes that were each owed from their acceptance until delivered or returned.
    /// One that was delivered before its acceptance was read was never owed.
    #[must_use]
    pub fn of(owed: impl Iterator<Item = (Time, Option<Time>)>) -> Curve {
        let mut changes: Vec<(Time, bool)> = Vec::new();
        let mut owed = owed.peekable();
        let probes = owed.peek().is_some();
        for (from, to) in owed.filter(|(from, to)| to.is_none_or(|to| to > *from)) {
            changes.push((from, true));
            changes.extend(to.map(|to| (to, false)));
        }
        // At one time the falls come first: what ends as another begins does not overlap it.
        changes.sort_unstable();
        let mut steps: Vec<(Time, u64)> = Vec::new();
        let mut level = 0_u64;
        for (time, rises) in changes {
            level = if rises { level + 1 } else { level.saturating_sub(1) };
            match steps.last_mut() {
                Some(last) if last.0 == time => last.1 = level,
                _ => steps.push((time, level)),
            }
        }
        Curve { steps, probes }
    }

    /// Whether there was no probe: nothing can be said, not even that all was delivered at once.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        !self.probes
    }

    /// The level at a moment.
    #[must_use]
    pub fn at(&self, time: Time) -> u64 {
        match self.steps.partition_point(|(step, _)| *step <= time) {
            0 => 0,
            after => self.steps[after - 1].1,
        }
    }

    /// The highest level over a span, and when it was first reached.
    #[must_use]
    pub fn peak(&self, from: Time, to: Time) -> (u64, Time) {
        let mut best = (self.at(from), from);
        for (time, level) in self.within(from, to) {
            if *level > best.0 {
                best = (*level, *time);
            }
        }
        best
    }

    /// The mean level over a span; zero for an empty one.
    #[must_use]
    pub fn mean(&self, from: Time, to: Time) -> f64 {
        let length = to.since(from).as_secs_f64();
        if length <= 0.0 {
            return 0.0;
        }
        let mut area = 0.0;
        let mut last = (from, self.at(from));
        for step in self.within(from, to) {
            area += last.1 as f64 * step.0.since(last.0).as_secs_f64();
            last = *step;
        }
        area += last.1 as f64 * to.since(last.0).as_secs_f64();
        area / length
    }

    /// How long after `from` the backlog was gone for good; `None` when it never was.
    #[must_use]
    pub fn drained_after(&self, from: Time) -> Option<Duration> {
        match self.steps.last() {
            None => Some(Duration::ZERO),
            Some((time, 0)) => Some(time.since(from)),
            Some(_) => None,
        }
    }

    fn within(&self, from: Time, to: Time) -> &[(Time, u64)] {
        let first = self.steps.partition_point(|(step, _)| *step <= from);
        let end = self.steps.partition_point(|(step, _)| *step < to);
        self.steps.get(first..end).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn s(seconds: u64) -> Time {
        Time(seconds * 1_000_000_000)
    }

    /// Levels: 1 from 1 s, 2 from 3 s, 1 from 5 s, 0 from 9 s.
    fn two() -> Curve {
        Curve::of([(s(1), Some(s(9))), (s(3), Some(s(5)))].into_iter())
    }

    #[test]
    fn the_level_follows_every_event() {
        let levels: Vec<u64> = (0..10).map(|second| two().at(s(second))).collect();
        assert_eq!(levels, [0, 1, 1, 2, 2, 1, 1, 1, 1, 0]);
    }

    #[test]
    fn a_peak_between_two_seconds_is_seen() {
        let brief = (Time(2_400_000_000), Some(Time(2_400_000_001)));
        let curve = Curve::of([(s(1), Some(s(4))), brief].into_iter());
        assert_eq!(curve.peak(s(0), s(9)), (2, Time(2_400_000_000)));
        assert_eq!(curve.peak(s(3), s(9)), (1, s(3)));
    }

    #[test]
    fn the_mean_is_weighted_by_time() {
        assert!((two().mean(s(0), s(10)) - 1.0).abs() < 1e-9);
        assert!((two().mean(s(4), s(6)) - 1.5).abs() < 1e-9);
        assert!(two().mean(s(4), s(4)).abs() < 1e-9);
    }

    #[test]
    fn draining_is_timed_to_the_last_probe_and_never_guessed() {
        assert_eq!(two().drained_after(s(4)), Some(Duration::from_secs(5)));
        assert_eq!(two().drained_after(s(20)), Some(Duration::ZERO));
        assert_eq!(Curve::of([(s(1), None)].into_iter()).drained_after(s(4)), None);
    }

    #[test]
    fn what_arrived_before_its_acceptance_was_read_was_never_owed() {
        let at_once = Curve::of([(s(3), Some(s(2)))].into_iter());
        assert_eq!((at_once.peak(s(0), s(9)).0, at_once.is_empty()), (0, false));
        assert_eq!(at_once.drained_after(s(4)), Some(Duration::ZERO));
        assert!(Curve::of(std::iter::empty()).is_empty());
    }
}
