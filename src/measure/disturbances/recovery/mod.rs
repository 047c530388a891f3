//! Recovery: how long after a fault or a chaos event the queue is as it was before.
//!
//! `drain_time` counts from the end of the load and says nothing about an outage that ended an
//! hour earlier. Here every fault window and every act of chaos (a *disturbance*) has a time of its
//! own: from its end until the backlog is back within the band that it had before, and stays there.
//!
//! * **Band.** From zero to the highest backlog within [`REFERENCE`] before the disturbance, or to
//!   [`FLOOR`] probes if that is more. Time in which an earlier disturbance was in force, or not
//!   recovered from, is left out. Where less than [`SHORTEST`] is left, nothing is known of before:
//!   the band is that of the disturbance before it or, of the first one, the floor.
//! * **Stays.** Until the close, or until the next disturbance begins, which then is the cause of
//!   what follows. A rise above the band for less than [`STANDING`] is no relapse: what a queue
//!   holds only for a moment is not a standing queue (as in CoDel, RFC 8289 §3, where the minimum
//!   over an interval decides).
//! * **Never.** A disturbance that the backlog had not recovered from at the close took at least
//!   until then; one that never ended has a lower bound of zero. One that begins after the close
//!   never was.

use std::time::Duration;

use crate::clock::Time;
use crate::measure::results::RecoveryFacts;
pub use crate::metric::disturbance::Kind;

/// How far back before a disturbance the backlog is looked at.
pub const REFERENCE: Duration = Duration::from_secs(60);

/// With less undisturbed load before a disturbance, nothing is known of how the backlog was.
pub const SHORTEST: Duration = Duration::from_secs(1);

/// Least upper end of a band, probes.
pub const FLOOR: u64 = 5;

/// How long the backlog must lie above the band to be a relapse.
pub const STANDING: Duration = Duration::from_secs(1);

/// A fault window or a chaos event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disturbance {
    /// Which of the two.
    pub kind: Kind,
    /// Name of the rule, or kind of the act.
    pub name: String,
    /// When it began.
    pub from: Time,
    /// When it ended; `None`: not in this run.
    pub to: Option<Time>,
}

/// Watches the backlog, level by level.
#[derive(Clone, Debug)]
pub struct Recovery {
    /// In order of their beginning.
    watches: Vec<Watch>,
    /// Beginnings and ends, in order: between two of them nothing begins or ends.
    edges: Vec<Time>,
    /// When the load began.
    start: Time,
    now: Time,
    level: u64,
}

#[derive(Clone, Debug)]
struct Watch {
    of: Disturbance,
    /// Highest backlog in the undisturbed part of the reference window, and how long that is.
    before: u64,
    calm: Duration,
    /// Upper end of the band; known once the disturbance has begun.
    band: Option<u64>,
    peak: u64,
    /// Since when the backlog is within the band, short rises above it aside.
    back: Option<Time>,
    /// Since when it is above.
    above: Option<Time>,
    /// `back`, once nothing can change it.
    settled: Option<Time>,
}

impl Recovery {
    /// Watches from `start`, the beginning of the load, on.
    #[must_use]
    pub fn new(mut disturbances: Vec<Disturbance>, start: Time) -> Recovery {
        disturbances.sort_by_key(|it| it.from);
        let ends = disturbances.iter().filter_map(|it| it.to);
        let begins = disturbances.iter().map(|it| it.from);
        let references = begins.clone().map(reference).chain([start]);
        let mut edges: Vec<Time> = begins.chain(ends).chain(references).collect();
        edges.sort_unstable();
        edges.dedup();
        edges.reverse();
        let watches = disturbances.into_iter().map(Watch::new).collect();
        Recovery { watches, edges, start, now: Time::ZERO, level: 0 }
    }

    /// Whether there is nothing to watch.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.watches.is_empty()
    }

    /// From `at` on the backlog is `level`. Times never go back.
    pub fn step(&mut self, at: Time, level: u64) {
        if !self.watches.is_empty() {
            self.hold_until(at);
        }
        self.level = level;
    }

    /// The level so far lasts until `at`.
    fn hold_until(&mut self, at: Time) {
        while let Some(edge) = self.edges.last().copied().filter(|edge| *edge <= at) {
            self.stretch(edge);
            self.edges.pop();
            self.begin(edge);
        }
        self.stretch(at);
    }

    /// One level, with no edge inside.
    fn stretch(&mut self, to: Time) {
        let (from, level, start) = (self.now, self.level, self.start);
        if to <= from {
            return;
        }
        let calm = from >= start && !self.watches.iter().any(Watch::is_disturbed);
        for watch in &mut self.watches {
            match watch.band {
                Some(band) => watch.follow((from, to), level, band),
                None if calm && from >= reference(watch.of.from) => watch.refer((from, to), level),
                None => {}
            }
        }
        self.now = to;
    }

    /// Disturbances that begin now settle what came before, and get their band.
    fn begin(&mut self, now: Time) {
        for index in 0..self.watches.len() {
            if self.watches[index].of.from != now {
                continue;
            }
            let (earlier, rest) = self.watches.split_at_mut(index);
            earlier.iter_mut().for_each(|watch| watch.settle(now));
            let band = match rest[0].calm >= SHORTEST {
                true => rest[0].before.max(FLOOR),
                false => earlier.last().and_then(|watch| watch.band).unwrap_or(FLOOR),
            };
            (rest[0].band, rest[0].peak) = (Some(band), self.level);
        }
    }

    /// The facts at the close, in order of beginning; times as seconds since `zero`.
    #[must_use]
    pub fn facts(mut self, close: Time, zero: Time) -> Vec<RecoveryFacts> {
        if self.watches.is_empty() {
            return Vec::new();
        }
        self.hold_until(close);
        let within = self.watches.into_iter().filter(|watch| watch.of.from < close);
        within.map(|watch| watch.facts(close, zero)).collect()
    }
}

/// When the reference window of a disturbance begins.
fn reference(from: Time) -> Time {
    Time(from.0.saturating_sub(Time::from_offset(REFERENCE).0))
}

impl Watch {
    fn new(of: Disturbance) -> Watch {
        let (before, calm, peak) = (0, Duration::ZERO, 0);
        Watch { of, before, calm, band: None, peak, back: None, above: None, settled: None }
    }

    /// Whether it is in force, or the backlog is not back from it.
    fn is_disturbed(&self) -> bool {
        self.band.is_some() && self.settled.is_none() && self.back.is_none()
    }

    /// The backlog was `level` for so long in the reference window.
    fn refer(&mut self, (from, to): (Time, Time), level: u64) {
        self.before = self.before.max(level);
        self.calm += to.since(from);
    }

    /// The backlog was `level` for so long since the disturbance began.
    fn follow(&mut self, (from, to): (Time, Time), level: u64, band: u64) {
        if self.settled.is_some() {
            return;
        }
        self.peak = self.peak.max(level);
        if self.of.to.is_none_or(|end| from < end) {
            return;
        }
        if level > band {
            let above = *self.above.get_or_insert(from);
            if to.since(above) >= STANDING {
                self.back = None;
            }
        } else {
            self.above = None;
            self.back.get_or_insert(from);
        }
    }

    /// Another disturbance begins: one that the backlog is back from has been recovered from.
    fn settle(&mut self, now: Time) {
        if self.of.to.is_some_and(|end| end <= now) && self.settled.is_none() {
            self.settled = self.back;
        }
    }

    fn facts(self, close: Time, zero: Time) -> RecoveryFacts {
        let end = self.of.to.filter(|end| *end <= close);
        let back = self.settled.or(self.back).filter(|_| end.is_some());
        let until = back.or(end.map(|_| close));
        let span = end.zip(until).map_or(Duration::ZERO, |(end, until)| until.since(end));
        RecoveryFacts {
            kind: self.of.kind.name().to_owned(),
            name: self.of.name,
            from_s: offset(self.of.from, zero),
            to_s: end.map(|end| offset(end, zero)),
            band: self.band.unwrap_or(FLOOR),
            backlog_peak: self.peak,
            recovery_time_s: span.as_secs_f64(),
            at_least: back.is_none(),
        }
    }
}

/// Seconds from `zero`, negative before it.
fn offset(at: Time, zero: Time) -> f64 {
    at.since(zero).as_secs_f64() - zero.since(at).as_secs_f64()
}

/// The longest recovery, and whether that is a lower bound: one that had not ended may be longer
/// than any that had. None without a disturbance.
#[must_use]
pub fn longest<'a>(
    recoveries: impl Iterator<Item = &'a RecoveryFacts> + Clone,
) -> Option<(f64, bool)> {
    let longest = recoveries.clone().map(|it| it.recovery_time_s).max_by(f64::total_cmp)?;
    let mut recoveries = recoveries;
    Some((longest, recoveries.any(|it| it.at_least)))
}

#[cfg(test)]
mod tests;
