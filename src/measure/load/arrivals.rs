//! Whether mail arrived by the law that was planned: the gaps between the moments at which messages
//! were handed out, beside those between the moments at which they were due.
//!
//! A generator that is late by the same all the time keeps the law; one that stalls and then sends
//! in bunches breaks it, and queues form that the planned load would not have made.

use std::time::Duration;

use crate::clock::Time;
use crate::limits;

/// Gaps below which a distance says little.
const LEAST: usize = 100;

/// A gap is as planned within this, the grain of a scheduler, or within a tenth of the mean gap.
const GRAIN: Duration = Duration::from_millis(1);
const SHARE: f64 = 0.1;

/// A stretch is looked at once it holds this many messages and lasts this long. So a stretch of a
/// fast load is no shorter than a hiccup that matters, and one of a slow load has gaps enough.
const MESSAGES: usize = 256;
const LASTS: Duration = Duration::from_secs(2);

/// At a fast load one gap is within the grain whatever becomes of it: so many are taken together
/// that they should last this long.
const TOGETHER: Duration = Duration::from_millis(10);

/// A stretch is disturbed where so many of its gaps are not as planned.
const DISTURBED: f64 = 0.5;

/// When messages were due and when handed out: all of the measured period, stretch by stretch, of
/// which only the last is held.
#[derive(Clone, Debug, Default)]
pub struct Arrivals {
    due: Vec<Time>,
    handed: Vec<Time>,
    sum: Sum,
}

/// What the stretches add up to.
#[derive(Clone, Copy, Debug, Default)]
struct Sum {
    gaps: usize,
    /// Gaps not as planned, by the distance of their stretch.
    amiss: f64,
    /// Gaps of disturbed stretches.
    disturbed: usize,
    worst: (f64, Option<Time>),
}

/// How far arrivals were from the planned ones.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Distance {
    /// Kolmogorov's distance of the gaps from the planned ones, 0 to 1, what is within the grain
    /// left out: mean over the stretches, each by its gaps.
    pub overall: f64,
    /// Share of the gaps that lie in disturbed stretches.
    pub disturbed: f64,
    /// When the worst stretch began.
    pub worst_at: Option<Time>,
}

impl Arrivals {
    /// Takes note of a message, in the order in which they were handed out.
    pub fn add(&mut self, due: Time, handed: Time) {
        self.due.push(due);
        self.handed.push(handed);
        let lasts = self.due.first().map_or(Duration::ZERO, |first| due.since(*first));
        let whole = self.due.len() >= MESSAGES && lasts >= LASTS;
        if whole || self.due.len() >= limits::ARRIVALS_STRETCH {
            self.close();
            // The next gap begins where this stretch ends.
            self.due.push(due);
            self.handed.push(handed);
        }
    }

    /// Adds up the stretch that is held, and forgets it.
    fn close(&mut self) {
        let (due, handed) = (std::mem::take(&mut self.due), std::mem::take(&mut self.handed));
        let gaps = due.len().saturating_sub(1);
        let Some(distance) = distance(&due, &handed) else { return };
        self.sum.gaps += gaps;
        self.sum.amiss += distance * gaps as f64;
        self.sum.disturbed += if distance > DISTURBED { gaps } else { 0 };
        if distance > self.sum.worst.0 {
            self.sum.worst = (distance, due.iter().min().copied());
        }
    }

    /// The distance over all of them. None with too few to say.
    #[must_use]
    pub fn distance(&self) -> Option<Distance> {
        let mut all = self.clone();
        if all.due.len() > LEAST || all.sum.gaps == 0 {
            all.close();
        }
        let gaps = all.sum.gaps as f64;
        (all.sum.gaps > 0).then(|| Distance {
            overall: all.sum.amiss / gaps,
            disturbed: all.sum.disturbed as f64 / gaps,
            worst_at: all.sum.worst.1,
        })
    }
}

/// Kolmogorov's distance of one stretch. None with too few to say.
fn distance(due: &[Time], handed: &[Time]) -> Option<f64> {
    let together = together(due);
    let (planned, seen) = (gaps(due, together), gaps(handed, together));
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

/// How many gaps to take together, as long as enough are left.
fn together(due: &[Time]) -> usize {
    let (Some(first), Some(last)) = (due.iter().min(), due.iter().max()) else { return 1 };
    let gaps = due.len().saturating_sub(1);
    let mean = last.since(*first).as_secs_f64() / gaps.max(1) as f64;
    // None of them has a length: as many as are allowed.
    let wanted = TOGETHER.as_secs_f64() / mean.max(f64::MIN_POSITIVE);
    (wanted as usize).min(gaps / LEAST).max(1)
}

/// Seconds from each moment to the one so many later, sorted.
fn gaps(moments: &[Time], together: usize) -> Vec<f64> {
    let mut moments = moments.to_vec();
    moments.sort_unstable();
    let taken: Vec<Time> = moments.into_iter().step_by(together).collect();
    let mut gaps: Vec<f64> =
        taken.windows(2).map(|pair| pair[1].since(pair[0]).as_secs_f64()).collect();
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
        arrivals.distance().expect("enough").overall
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

    /// A hundred thousand messages at 1,000/s, of which those of ten seconds go out in bunches of a
    /// hundred milliseconds.
    fn disturbed(from_s: u64) -> Distance {
        let mut arrivals = Arrivals::default();
        for number in 0..100_000 {
            let due = number * 1_000;
            let bunched = (from_s..from_s + 10).contains(&(due / 1_000_000));
            let handed = if bunched { (due / 100_000 + 1) * 100_000 } else { due };
            arrivals.add(Time(due * 1000), Time(handed * 1000));
        }
        assert!(arrivals.due.len() < 2_100, "{}", arrivals.due.len());
        arrivals.distance().expect("enough")
    }

    #[test]
    fn a_disturbance_is_found_wherever_it_is() {
        for from_s in [0, 45, 90] {
            let Distance { overall, disturbed, worst_at } = disturbed(from_s);
            assert!((0.07..0.13).contains(&disturbed), "{from_s}: {disturbed}");
            assert!((0.07..0.11).contains(&overall), "{from_s}: {overall}");
            let at = worst_at.expect("a moment").seconds();
            assert!((from_s as f64 - 2.1..from_s as f64 + 10.0).contains(&at), "{from_s}: {at}");
        }
        let calm = disturbed(1_000);
        assert_eq!((calm.overall, calm.disturbed), (0.0, 0.0));
    }

    #[test]
    fn a_burst_of_messages_due_at_one_time_is_held_in_bounded_memory() {
        let mut arrivals = Arrivals::default();
        (0..400_000).for_each(|_| arrivals.add(Time(5), Time(5)));
        assert!(arrivals.due.len() <= limits::ARRIVALS_STRETCH);
        assert_eq!(arrivals.distance().map(|distance| distance.overall), Some(0.0));
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
