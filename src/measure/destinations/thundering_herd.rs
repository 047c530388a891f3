//! Thundering herd: whether everything that waited comes at once when a destination, or the target
//! itself, is back.
//!
//! Even independent attempts have a busiest stretch: of 600 stretches with 0.2 attempts each the
//! busiest has about three, fifteen times the mean. So the index is the busiest stretch over what
//! the busiest of as many Poisson counts of the same mean would be, `E[max of n]`; 1 is no burst,
//! whatever the rate. The Fano factor (variance over mean) needs no such correction.

use std::time::Duration;

use crate::clock::Time;
use crate::measure::results::HerdFacts;

/// Length of the stretches in which attempts are counted.
const BUCKET: Duration = Duration::from_millis(100);

/// Fewer stretches, or fewer attempts, show no pattern.
const LEAST: usize = 10;

/// The herd among attempts that started at `starts`, over `span` after `healed`; none where there
/// is too little to see. Attempts that come independently of each other have a Fano factor of 1.
#[must_use]
pub fn facts(
    starts: impl Iterator<Item = Time>,
    healed: Time,
    span: Duration,
) -> Option<HerdFacts> {
    let mut buckets = Buckets::new(healed, span);
    starts.for_each(|start| buckets.add(start));
    buckets.facts(span)
}

/// Counts attempts as they come.
#[derive(Clone, Debug)]
pub struct Buckets {
    healed: Time,
    counts: Vec<u64>,
}

impl Buckets {
    /// Counts over `span` from `healed` on.
    #[must_use]
    pub fn new(healed: Time, span: Duration) -> Buckets {
        Buckets { healed, counts: vec![0; length(span)] }
    }

    /// An attempt that began.
    pub fn add(&mut self, start: Time) {
        if start < self.healed {
            return;
        }
        let bucket = start.since(self.healed).as_nanos() / BUCKET.as_nanos();
        let bucket = usize::try_from(bucket).ok().and_then(|bucket| self.counts.get_mut(bucket));
        bucket.into_iter().for_each(|count| *count += 1);
    }

    /// The facts over the first `span` of what was counted.
    #[must_use]
    pub fn facts(&self, span: Duration) -> Option<HerdFacts> {
        let counts = self.counts.get(..length(span).min(self.counts.len()))?;
        let sum: u64 = counts.iter().sum();
        if counts.len() < LEAST || sum < LEAST as u64 {
            return None;
        }
        let mean = sum as f64 / counts.len() as f64;
        let squares: f64 = counts.iter().map(|count| (*count as f64 - mean).powi(2)).sum();
        let peak = counts.iter().copied().max().unwrap_or(0);
        Some(HerdFacts {
            over_s: (BUCKET * u32::try_from(counts.len()).unwrap_or(u32::MAX)).as_secs_f64(),
            peak_per_s: peak as f64 / BUCKET.as_secs_f64(),
            index: peak as f64 / expected_peak(mean, counts.len()),
            peak_to_mean: peak as f64 / mean,
            fano: squares / counts.len() as f64 / mean,
        })
    }
}

/// The expected greatest of `n` independent Poisson counts of this mean:
/// `Σ (1 − F(k)ⁿ)` over `k ≥ 0`, with `F` the distribution function.
fn expected_peak(mean: f64, n: usize) -> f64 {
    /// Terms below this add nothing.
    const NOTHING: f64 = 1e-9;
    let n = n as f64;
    let (mut below, mut k, mut expected) = (0.0, 0.0, 0.0);
    // By its logarithm, since e^-mean is nothing for a large mean.
    let mut ln_term = -mean;
    loop {
        below += ln_term.exp();
        let exceeds = 1.0 - below.min(1.0).powf(n);
        expected += exceeds;
        if k > mean && exceeds < NOTHING {
            return expected;
        }
        k += 1.0;
        ln_term += mean.ln() - k.ln();
    }
}

fn length(span: Duration) -> usize {
    usize::try_from(span.as_nanos() / BUCKET.as_nanos()).unwrap_or(MOST).min(MOST)
}

/// An hour of stretches.
const MOST: usize = 36_000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::synthetic::ms;
    use crate::seed::{Key, Purpose, Seed};
    use rand_distr::{Distribution, Exp1};

    fn seconds(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    #[test]
    fn an_even_stream_is_no_herd_and_a_burst_is() {
        let even = (0..200).map(|n| ms(n * 10));
        let herd = facts(even, ms(0), seconds(2)).expect("enough");
        assert_eq!((herd.peak_to_mean, herd.fano, herd.peak_per_s), (1.0, 0.0, 100.0));
        assert!(herd.index < 1.0, "more even than chance: {}", herd.index);
        let burst = (0..200).map(|n| ms(500 + n % 100));
        let herd = facts(burst, ms(0), seconds(2)).expect("enough");
        assert_eq!((herd.peak_to_mean, herd.peak_per_s, herd.over_s), (20.0, 2000.0, 2.0));
        assert!(herd.fano > 100.0 && herd.index > 10.0, "{herd:?}");
    }

    #[test]
    fn what_came_before_or_long_after_does_not_count() {
        let starts = (0..100).map(|n| ms(n * 100));
        assert!(facts(starts.clone(), ms(9_500), seconds(2)).is_none(), "five are too few");
        let herd = facts(starts.clone(), ms(2000), seconds(4)).expect("enough");
        assert_eq!(herd.peak_to_mean, 1.0);
        assert!(facts(starts, ms(0), Duration::from_millis(500)).is_none());
    }

    /// Poisson arrivals over a minute.
    fn poisson(per_s: f64, seed: u64) -> Vec<Time> {
        let mut stream = Seed(seed).stream(Purpose::Arrival, Key::default());
        let (mut at, mut times) = (0.0, Vec::new());
        while at < 60.0 {
            let gap: f64 = Exp1.sample(&mut stream);
            at += gap / per_s;
            times.push(Time::from_offset(Duration::from_secs_f64(at)));
        }
        times
    }

    #[test]
    fn independent_attempts_have_an_index_of_one_at_any_rate() {
        for per_s in [2.0, 20.0, 100.0, 1000.0] {
            let of = |seed| facts(poisson(per_s, seed).into_iter(), ms(0), seconds(60));
            let all: Vec<HerdFacts> = (0..20).filter_map(of).collect();
            let mean = all.iter().map(|it| it.index).sum::<f64>() / 20.0;
            assert!((mean - 1.0).abs() < 0.1, "{per_s}/s: {mean}");
            assert!(all.iter().all(|it| (0.5..2.0).contains(&it.index)), "{per_s}/s: {all:?}");
            assert!(all.iter().all(|it| (it.fano - 1.0).abs() < 0.3), "{per_s}/s: {all:?}");
        }
    }

    #[test]
    fn a_planted_burst_is_found_at_any_rate() {
        for per_s in [2.0_f64, 20.0, 100.0, 1000.0] {
            // What a second and a half of the load would be, at least twenty, at once.
            let burst = (per_s * 1.5).max(20.0) as usize;
            let all = poisson(per_s, 1).into_iter().chain(vec![ms(7_050); burst]);
            let herd = facts(all, ms(0), seconds(60)).expect("enough");
            assert!(herd.index > 4.0 && herd.fano > 1.5, "{per_s}/s: {herd:?}");
        }
    }
}
