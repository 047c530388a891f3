//! The herd: whether everything that waited comes at once when a destination, or the target
//! itself, is back.

use std::time::Duration;

use super::results::HerdFacts;
use crate::clock::Time;

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
            index: peak as f64 / mean,
            fano: squares / counts.len() as f64 / mean,
        })
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

    fn seconds(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    #[test]
    fn an_even_stream_is_no_herd_and_a_burst_is() {
        let even = (0..200).map(|n| ms(n * 10));
        let herd = facts(even, ms(0), seconds(2)).expect("enough");
        assert_eq!((herd.index, herd.fano, herd.peak_per_s), (1.0, 0.0, 100.0));
        let burst = (0..200).map(|n| ms(500 + n % 100));
        let herd = facts(burst, ms(0), seconds(2)).expect("enough");
        assert_eq!((herd.index, herd.peak_per_s, herd.over_s), (20.0, 2000.0, 2.0));
        assert!(herd.fano > 100.0);
    }

    #[test]
    fn what_came_before_or_long_after_does_not_count() {
        let starts = (0..100).map(|n| ms(n * 100));
        assert!(facts(starts.clone(), ms(9_500), seconds(2)).is_none(), "five are too few");
        let herd = facts(starts.clone(), ms(2000), seconds(4)).expect("enough");
        assert_eq!(herd.index, 1.0);
        assert!(facts(starts, ms(0), Duration::from_millis(500)).is_none());
    }
}
