//! How much a target delivered in a trial, with its interval, and whether a backlog built up.
//!
//! The backlog of a stable queue is autocorrelated: near its limit it wanders as a random walk, and
//! the interval of an ordinary regression through it is far too narrow. Two consequences. The slope
//! is estimated as for a random walk (generalised least squares: the mean of its increments). And
//! the decision rests on what varies least: arrivals are known, so over a stretch in which the
//! target always had mail waiting its deliveries alone are the noise.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::measure::aggregates::timeline::Timeline;

/// Student's t, two-sided 95 %, for the nine degrees of freedom of ten parts.
const T: f64 = 2.262;

/// Parts into which a stretch is divided to see how much its parts differ.
const PARTS: usize = 10;

/// Variance of a count that begins and ends at an arbitrary moment between two events of an even
/// stream: it is no noise of the target.
const ROUNDING: f64 = 1.0 / 6.0;

/// A backlog that drains this many times faster than mail was offered did not build up because the
/// target is too slow.
const FAST_DRAIN: f64 = 1.5;

/// What a target delivered in one trial.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Throughput {
    /// Most that was delivered over at least half of the measured period, messages a second.
    pub per_s: f64,
    /// Length of that stretch, seconds.
    pub window_s: f64,
    /// Deliveries over the measured period, messages a second.
    pub mean_per_s: f64,
    /// Length of the measured period, seconds.
    pub measured_s: f64,
    /// Growth of the backlog over the measured period, messages a second (negative: it shrank).
    pub growth_per_s: f64,
    /// Half the width of its 95 % interval, messages a second.
    pub growth_error_per_s: f64,
    /// Messages due and not delivered at the end of the load.
    pub backlog_end: f64,
    /// The stretch to the end of the load over which the target was never without work; null where
    /// there is none.
    pub saturated: Option<Saturated>,
}

/// A stretch over which a backlog built up and never fell back: what was delivered is all the target
/// delivers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Saturated {
    /// Deliveries, messages a second.
    pub per_s: f64,
    /// Seconds.
    pub window_s: f64,
    /// Variance over mean of the number of deliveries in equal parts: 0 for an even stream, 1 for
    /// independent deliveries.
    pub dispersion: f64,
}

/// The circumstances of a trial.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Conditions {
    /// Offered, messages a second.
    pub rate: f64,
    /// Recipients of a message, mean.
    pub recipients: f64,
    /// From the end of the load to an empty queue, seconds; `None`: it did not drain.
    pub drain_s: Option<f64>,
}

impl Throughput {
    /// Reads a trial; `None` where it had no steps.
    #[must_use]
    pub fn of(timeline: &Timeline, conditions: &Conditions) -> Option<Throughput> {
        let (step, from) = (timeline.step_s(), timeline.warm_up());
        let levels = timeline.outstanding();
        let end = levels.len().checked_sub(1).filter(|end| *end > from)?;
        let recipients = if conditions.recipients > 0.0 { conditions.recipients } else { 1.0 };
        let finished = timeline.finished_before();
        let trial = Trial { finished: &finished, levels: &levels, step, recipients, from, end };
        let (start, stop) = trial.best();
        let (growth_per_s, growth_error_per_s) = trial.growth();
        Some(Throughput {
            per_s: trial.rate(start, stop),
            window_s: (stop - start) as f64 * step,
            mean_per_s: trial.rate(from, end),
            measured_s: (end - from) as f64 * step,
            growth_per_s,
            growth_error_per_s,
            backlog_end: trial.level(end),
            saturated: trial.saturated(conditions),
        })
    }
}

fn drains_fast(backlog: f64, conditions: &Conditions) -> bool {
    conditions.drain_s.is_some_and(|seconds| backlog - 1.0 > FAST_DRAIN * conditions.rate * seconds)
}

/// A trial's steps, in messages.
struct Trial<'a> {
    /// Finished before each step, and before the end.
    finished: &'a [u64],
    /// Outstanding at the same moments.
    levels: &'a [i64],
    step: f64,
    recipients: f64,
    /// Its measured period: from this step to this one.
    from: usize,
    end: usize,
}

impl Trial<'_> {
    fn level(&self, at: usize) -> f64 {
        self.levels[at] as f64 / self.recipients
    }

    /// The stretch of at least half the measured period over which most was delivered. No target
    /// delivers more than it can over any stretch, so that the best is no exaggeration, but for the
    /// noise of its deliveries.
    fn best(&self) -> (usize, usize) {
        let half = (self.end - self.from).div_ceil(2);
        let starts = self.from..=self.end - half;
        let all = starts.flat_map(|start| (start + half..=self.end).map(move |stop| (start, stop)));
        let rate = |window: &(usize, usize)| self.rate(window.0, window.1);
        all.max_by(|a, b| rate(a).total_cmp(&rate(b))).unwrap_or((self.from, self.end))
    }

    /// From the lowest backlog of the measured period to the end of the load, if that is a third of
    /// it at least and the backlog accounts for what is missing.
    fn saturated(&self, conditions: &Conditions) -> Option<Saturated> {
        let start = self.busy_from(conditions)?;
        if 3 * (self.end - start) < self.end - self.from {
            return None;
        }
        let per_s = self.rate(start, self.end);
        let window_s = (self.end - start) as f64 * self.step;
        let built_up = self.level(self.end) - self.level(start);
        let missing = (conditions.rate - per_s) * window_s;
        let accounted = built_up >= 2.0 && built_up >= missing / 2.0;
        let saturated = accounted && !drains_fast(self.level(self.end), conditions);
        saturated.then(|| Saturated { per_s, window_s, dispersion: self.dispersion(start) })
    }

    /// From where on the target had work all the time: after the lowest backlog, and after the last
    /// that may have been worked off before the next step.
    fn busy_from(&self, conditions: &Conditions) -> Option<usize> {
        let lowest = (self.from..=self.end).rev().min_by_key(|at| self.levels[*at])?;
        let enough = 1.0 + (conditions.rate * self.step).ceil();
        let idle = (lowest..=self.end).rev().find(|at| self.level(*at) < enough);
        Some(idle.map_or(lowest, |idle| idle + 1)).filter(|start| *start < self.end)
    }

    fn finished(&self, start: usize, stop: usize) -> f64 {
        (self.finished[stop] - self.finished[start]) as f64 / self.recipients
    }

    fn rate(&self, start: usize, stop: usize) -> f64 {
        self.finished(start, stop) / ((stop - start) as f64 * self.step)
    }

    /// Mean increment of the backlog a second and its error.
    fn growth(&self) -> (f64, f64) {
        let (from, end) = (self.from, self.end);
        let parts = PARTS.min(end - from);
        let at = |part: usize| self.level(from + (end - from) * part / parts);
        let grown: Vec<f64> = (0..parts).map(|part| at(part + 1) - at(part)).collect();
        let seconds = (end - from) as f64 * self.step;
        let error = T * (long_run_variance(&grown) * parts as f64).sqrt() / seconds;
        ((self.level(end) - self.level(from)) / seconds, error)
    }

    fn dispersion(&self, start: usize) -> f64 {
        let length = (self.end - start) / PARTS;
        if length == 0 {
            return 1.0;
        }
        let first = self.end - length * PARTS;
        let parts = (0..PARTS).map(|part| first + part * length);
        let counts: Vec<f64> = parts.map(|at| self.finished(at, at + length)).collect();
        let mean = counts.iter().sum::<f64>() / PARTS as f64;
        if mean <= 0.0 {
            return 1.0;
        }
        (long_run_variance(&counts) - ROUNDING).max(0.0) / mean
    }
}

/// Variance of one part that stands for a long row of such parts: corrected by the correlation of
/// each with the next one, as of a first-order autoregression.
fn long_run_variance(parts: &[f64]) -> f64 {
    let count = parts.len() as f64;
    let mean = parts.iter().sum::<f64>() / count;
    let squares: f64 = parts.iter().map(|it| (it - mean).powi(2)).sum();
    if squares <= 0.0 {
        return 0.0;
    }
    let pairs = parts.windows(2).map(|pair| (pair[0] - mean) * (pair[1] - mean));
    let correlation = (pairs.sum::<f64>() / squares).clamp(-0.5, 0.8);
    squares / (count - 1.0) * (1.0 + correlation) / (1.0 - correlation)
}

#[cfg(test)]
mod exact_tests;

#[cfg(test)]
mod tests {
    use super::super::delivered::{Delivered, Sustained};
    use super::*;
    use crate::clock::Time;

    /// Ten seconds of measuring after two of warm-up; mail due at `due`, each taking `service` at
    /// one server.
    fn one_server(due: &[f64], service: f64) -> (Timeline, f64) {
        let at = |seconds: f64| Time((seconds * 1e9) as u64);
        let mut timeline = Timeline::new(at(0.0), at(2.0), at(12.0));
        let mut free = 0.0_f64;
        for due in due {
            timeline.due(at(*due));
            free = free.max(*due) + service;
            timeline.finished(at(free));
        }
        (timeline, (free - 12.0).max(0.0))
    }

    fn even(rate: f64) -> Vec<f64> {
        (0..(12.0 * rate) as u32).map(|index| f64::from(index) / rate).collect()
    }

    /// Bursts: twice the rate in the first half of every fourth of the load, then none.
    fn bursts(rate: f64) -> Vec<f64> {
        let bent = |at: f64| (at / 3.0).floor() * 3.0 + (at % 3.0) / 2.0;
        even(rate).into_iter().map(bent).collect()
    }

    fn seen(due: &[f64], rate: f64) -> Throughput {
        let (timeline, drain) = one_server(due, 0.05);
        let conditions = Conditions { rate, recipients: 1.0, drain_s: Some(drain) };
        Throughput::of(&timeline, &conditions).expect("steps")
    }

    #[test]
    fn two_percent_beyond_a_limit_of_twenty_a_second_is_seen() {
        for (rate, expected) in [
            (40.0, Sustained::No),
            (21.0, Sustained::No),
            (20.5, Sustained::No),
            (19.9, Sustained::Yes),
            (15.0, Sustained::Yes),
        ] {
            let seen = seen(&even(rate), rate);
            assert_eq!(seen.sustains(rate, 0.01), expected, "{rate}: {seen:?}");
        }
    }

    #[test]
    fn what_is_proved_is_never_above_the_limit() {
        for rate in [18.0, 19.5, 20.0, 20.1, 20.3, 21.0, 30.0] {
            for due in [even(rate), bursts(rate)] {
                let seen = seen(&due, rate);
                let delivered = Delivered::of(&[seen], None).expect("a window");
                assert!(delivered.proved(rate) <= 20.0, "{rate}: {seen:?}");
            }
        }
    }

    #[test]
    fn the_backlog_of_bursts_is_no_overload() {
        let seen = seen(&bursts(19.0), 19.0);
        assert_ne!(seen.sustains(19.0, 0.01), Sustained::No, "{seen:?}");
    }

    #[test]
    fn growth_is_the_excess_with_an_interval() {
        let seen = seen(&even(25.0), 25.0);
        assert!((seen.growth_per_s - 5.0).abs() <= 0.2, "{seen:?}");
        assert!(seen.growth_error_per_s < 1.0 && seen.saturated.is_some(), "{seen:?}");
        assert!((seen.backlog_end - 60.0).abs() <= 2.0, "{seen:?}");
    }

    /// A stop of four seconds at the end leaves a backlog, which drains at once: no limit.
    #[test]
    fn a_backlog_that_drains_at_once_is_no_overload() {
        let at = |seconds: f64| Time((seconds * 1e9) as u64);
        let mut timeline = Timeline::new(at(0.0), at(2.0), at(12.0));
        for due in even(20.0) {
            timeline.due(at(due));
            timeline.finished(at(if due < 8.0 { due + 0.01 } else { 12.1 }));
        }
        let after = |drain| Conditions { rate: 20.0, recipients: 1.0, drain_s: Some(drain) };
        let quick = Throughput::of(&timeline, &after(0.1)).expect("steps");
        assert_ne!(quick.sustains(20.0, 0.01), Sustained::No, "{quick:?}");
        let slow = Throughput::of(&timeline, &after(4.0)).expect("steps");
        assert!(slow.saturated.is_some() && quick.saturated.is_none(), "{slow:?}");
    }

    /// Every message takes three seconds, whatever the load: the backlog is high and stays so.
    #[test]
    fn a_long_way_through_is_no_overload() {
        let at = |seconds: f64| Time((seconds * 1e9) as u64);
        let mut timeline = Timeline::new(at(0.0), at(4.0), at(14.0));
        for due in (0..280).map(|index| f64::from(index) / 20.0) {
            timeline.due(at(due));
            timeline.finished(at(due + 3.0));
        }
        let conditions = Conditions { rate: 20.0, recipients: 1.0, drain_s: Some(3.0) };
        let seen = Throughput::of(&timeline, &conditions).expect("steps");
        assert_eq!(seen.sustains(20.0, 0.01), Sustained::Yes, "{seen:?}");
    }

    #[test]
    fn rates_are_of_messages_and_not_of_recipients() {
        let (timeline, _) = one_server(&even(30.0), 0.05);
        let conditions = Conditions { rate: 15.0, recipients: 2.0, drain_s: Some(6.0) };
        let seen = Throughput::of(&timeline, &conditions).expect("steps");
        assert!((seen.per_s - 10.0).abs() < 0.2, "{seen:?}");
    }

    #[test]
    fn correlated_parts_vary_more_than_they_seem_to() {
        let apart = [1.0, 2.0, 1.0, 2.0, 1.0, 2.0, 1.0, 2.0];
        let together = [1.0, 1.0, 1.0, 1.0, 2.0, 2.0, 2.0, 2.0];
        let plain = 2.0 / 7.0;
        assert!(long_run_variance(&apart) < plain && long_run_variance(&together) > 2.0 * plain);
        assert_eq!(long_run_variance(&[3.0, 3.0, 3.0]), 0.0);
    }
}
