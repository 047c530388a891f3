//! The backlog: mail the target answers for and has neither delivered nor returned, at the
//! resolution of single events.

use std::time::Duration;

use crate::clock::Time;

/// Changes between two levels that are written down.
const BLOCK: usize = 1024;

/// The backlog over time: eight bytes a change, and every [`BLOCK`] changes the level.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Curve {
    /// In order of time.
    changes: Vec<Change>,
    /// The level before each block.
    levels: Vec<u64>,
    /// Whether there was a probe at all.
    probes: bool,
}

/// A rise or a fall by one: its time, doubled, and one more for a rise. So at one time the falls
/// come first: what ends as another begins does not overlap it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Change(u64);

impl Change {
    fn new(at: Time, rises: bool) -> Change {
        Change(at.0.min(u64::MAX >> 1) << 1 | u64::from(rises))
    }

    fn at(self) -> Time {
        Time(self.0 >> 1)
    }

    fn applied(self, level: u64) -> u64 {
        if self.0 & 1 == 1 { level + 1 } else { level.saturating_sub(1) }
    }
}

/// Collects when probes were owed.
#[derive(Debug, Default)]
pub struct Owed {
    changes: Vec<Change>,
    probes: bool,
}

impl Owed {
    /// Takes note of a probe that was owed from its acceptance until delivered or returned. One
    /// that was delivered before its acceptance was read was never owed.
    pub fn add(&mut self, from: Time, to: Option<Time>) {
        self.probes = true;
        if to.is_none_or(|to| to > from) {
            self.changes.push(Change::new(from, true));
            self.changes.extend(to.map(|to| Change::new(to, false)));
        }
    }

    /// The curve of all of them.
    #[must_use]
    pub fn curve(self) -> Curve {
        let Owed { mut changes, probes } = self;
        changes.sort_unstable();
        let mut levels = Vec::with_capacity(changes.len() / BLOCK + 1);
        let mut level = 0;
        for block in changes.chunks(BLOCK) {
            levels.push(level);
            level = block.iter().fold(level, |level, change| change.applied(level));
        }
        Curve { changes, levels, probes }
    }
}

impl Curve {
    /// The curve of probes that were owed for these spans.
    #[must_use]
    pub fn of(spans: impl Iterator<Item = (Time, Option<Time>)>) -> Curve {
        let mut owed = Owed::default();
        spans.for_each(|(from, to)| owed.add(from, to));
        owed.curve()
    }

    /// Whether there was no probe: nothing can be said, not even that all was delivered at once.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        !self.probes
    }

    /// The level at a moment.
    #[must_use]
    pub fn at(&self, time: Time) -> u64 {
        self.level_after(self.changes.partition_point(|change| change.at() <= time))
    }

    /// The highest level over a span, and when it was first reached.
    #[must_use]
    pub fn peak(&self, from: Time, to: Time) -> (u64, Time) {
        let mut best = (self.at(from), from);
        for (time, level) in self.within(from, to) {
            if level > best.0 {
                best = (level, time);
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
            last = step;
        }
        area += last.1 as f64 * to.since(last.0).as_secs_f64();
        area / length
    }

    /// How long after `from` the backlog was gone for good; `None` when it never was.
    #[must_use]
    pub fn drained_after(&self, from: Time) -> Option<Duration> {
        match self.changes.last() {
            None => Some(Duration::ZERO),
            Some(last) if self.at(last.at()) == 0 => Some(last.at().since(from)),
            Some(_) => None,
        }
    }

    /// Every step from the epoch to `to`: from each time on, the level.
    pub fn steps(&self, to: Time) -> impl Iterator<Item = (Time, u64)> + '_ {
        self.within(Time::ZERO, to)
    }

    /// The level after so many changes.
    fn level_after(&self, count: usize) -> u64 {
        let Some(level) = count.checked_sub(1).map(|last| last / BLOCK) else { return 0 };
        let start = self.levels[level];
        let block = &self.changes[level * BLOCK..count];
        block.iter().fold(start, |level, change| change.applied(level))
    }

    /// The steps after `from` and before `to`: from each time on, the level.
    fn within(&self, from: Time, to: Time) -> impl Iterator<Item = (Time, u64)> + '_ {
        let first = self.changes.partition_point(|change| change.at() <= from);
        let end = self.changes.partition_point(|change| change.at() < to).max(first);
        let mut level = self.level_after(first);
        // What changes at one time is one step.
        self.changes[first..end].chunk_by(|a, b| a.at() == b.at()).map(move |changes| {
            level = changes.iter().fold(level, |level, change| change.applied(level));
            (changes[0].at(), level)
        })
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
    fn levels_hold_across_blocks() {
        // A rise a second, and from the second 2 * BLOCK on a fall a second.
        let count = 2 * BLOCK as u64;
        let spans = (1..=count).map(|second| (s(second), Some(s(second + count))));
        let curve = Curve::of(spans);
        assert!(curve.levels.len() > 3);
        for second in [1, 2, 1023, 1024, 1025, 2000, 2047] {
            assert_eq!(curve.at(s(second)), second);
            assert_eq!(curve.at(s(second + count)), count - second, "on the way down");
        }
        assert_eq!(curve.peak(s(0), s(3 * count)), (count, s(count)));
        assert_eq!(curve.peak(s(1030), s(1040)), (1039, s(1039)), "before its end");
        assert!((curve.mean(s(0), s(2 * count)) - count as f64 / 2.0).abs() < 1e-6);
        assert_eq!(curve.drained_after(s(count)), Some(Duration::from_secs(count)));
    }

    #[test]
    fn what_arrived_before_its_acceptance_was_read_was_never_owed() {
        let at_once = Curve::of([(s(3), Some(s(2)))].into_iter());
        assert_eq!((at_once.peak(s(0), s(9)).0, at_once.is_empty()), (0, false));
        assert_eq!(at_once.drained_after(s(4)), Some(Duration::ZERO));
        assert!(Curve::of(std::iter::empty()).is_empty());
    }
}
