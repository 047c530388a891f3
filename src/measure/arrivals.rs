//! Whether mail arrived by the law that was planned: the gaps between the moments at which messages
//! were handed out, beside those between the moments at which they were due.
//!
//! A generator that is late by the same all the time keeps the law; one that stalls and then sends
//! in bunches breaks it, and queues form that the planned load would not have made.

use std::time::Duration;

use crate::clock::Time;

/// Messages that are looked at: the first of the measured period.
const SAMPLE: usize = 4096;

/// Gaps below which a distance says little.
const LEAST: usize = 100;

/// A gap is as planned within this, the grain of a scheduler, or within a tenth of the mean gap.
const GRAIN: Duration = Duration::from_millis(1);
const SHARE: f64 = 0.1;

/// When messages were due, and when handed out.
#[derive(Debug, Default)]
pub struct Arrivals {
    due: Vec<Time>,
    handed: Vec<Time>,
}

impl Arrivals {
    /// Takes note of a message.
    pub fn add(&mut self, due: Time, handed: Time) {
        if self.due.len() < SAMPLE {
            self.due.push(due);
            self.handed.push(handed);
        }
    }

    /// Kolmogorov's distance of the gaps from the planned ones, 0 to 1, what is within the grain
    /// left out. None with too few to say.
    #[must_use]
    pub fn distance(&self) -> Option<f64> {
        let (planned, seen) = (gaps(&self.due), gaps(&self.handed));
        if planned.len() < LEAST {
            return None;
        }
        let count = planned.len() as f64;
        let mean = planned.iter().sum::<f64>() / count;
        let grain = GRAIN.as_secs_f64().max(SHARE * mean);
        let below = |gap: f64| planned.partition_point(|one| *one < gap) as f64;
        let upto = |gap: f64| planned.partition_point(|one| *one <= gap) as f64;
        let distances = (0_u32..).zip(&seen).map(|(before, gap)| {
            let before = f64::from(before);
            (before + 1.0 - upto(gap + grain)).max(below(gap - grain) - before)
        });
        Some(distances.fold(0.0, f64::max) / count)
    }
}

/// Seconds from each moment to the next, sorted.
fn gaps(moments: &[Time]) -> Vec<f64> {
    let mut moments = moments.to_vec();
    moments.sort_unstable();
    let mut gaps: Vec<f64> =
        moments.windows(2).map(|pair| pair[1].since(pair[0]).as_secs_f64()).collect();
    gaps.sort_by(f64::total_cmp);
    gaps
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::{Key, Purpose, Seed};
    use rand::RngExt;

    /// A thousand messages, due by `due` microseconds and handed out by `handed` of that.
    fn distance(due: impl Fn(u64) -> u64, handed: impl Fn(u64) -> u64) -> f64 {
        let mut arrivals = Arrivals::default();
        let at = |us: u64| Time(us * 1000);
        for number in 0..1000 {
            let due = due(number);
            arrivals.add(at(due), at(handed(due)));
        }
        arrivals.distance().expect("enough")
    }

    fn constant(number: u64) -> u64 {
        number * 10_000
    }

    /// Exponential gaps of 10 ms in the mean.
    fn poisson() -> Vec<u64> {
        let mut random = Seed(5).stream(Purpose::Arrival, Key::default());
        let mut at = 0.0;
        let gaps = (0..1000).map(|_| {
            at += -10_000.0 * (1.0 - random.random::<f64>()).ln();
            at as u64
        });
        gaps.collect()
    }

    #[test]
    fn late_by_the_same_or_by_a_little_is_by_the_law() {
        assert_eq!(distance(constant, |due| due + 700_000), 0.0);
        assert_eq!(distance(constant, |due| due + due / 10_000 % 2 * 400), 0.0, "within the grain");
        let times = poisson();
        assert!(distance(|number| times[number as usize], |due| due + 50) < 0.01);
    }

    #[test]
    fn bunches_and_another_law_are_seen() {
        // Whatever was due in 50 ms goes out at its end: four of five gaps are none.
        let bunched = |due: u64| (due / 50_000 + 1) * 50_000;
        let seen = distance(constant, bunched);
        assert!((0.75..=0.85).contains(&seen), "{seen}");
        let times = poisson();
        let seen = distance(|number| times[number as usize], bunched);
        assert!(seen > 0.5, "{seen}");
        let evenly = |due: u64| times.partition_point(|one| *one < due) as u64 * 10_000;
        let seen = distance(|number| times[number as usize], evenly);
        assert!((0.5..0.7).contains(&seen), "a constant law for an exponential one: {seen}");
    }

    #[test]
    fn few_messages_say_nothing() {
        let mut arrivals = Arrivals::default();
        for number in 0..50 {
            arrivals.add(Time(number), Time(number));
        }
        assert_eq!(arrivals.distance(), None);
    }
}
