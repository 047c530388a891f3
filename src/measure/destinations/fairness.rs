//! Fairness between destinations: whether one that nothing ails waits longer than another.
//!
//! Jain's index (Jain, Chiu and Hawe, DEC-TR-301, 1984) of what each destination gets:
//! `J = (Σ x)² / (n · Σ x²)`, 1 when all get the same, `1/n` when one gets everything. What a
//! destination of `n` without a fault gets is speed: `x = 1 / mean e2e_response` of its mail of the
//! measured period, mail that had not arrived at the close counted at its age. The share that was
//! delivered in the end says nothing: it is 1 for every destination as soon as the queue drains.

use crate::measure::results::Latency;

/// Means below this, microseconds, are alike: which of two destinations is served within the same
/// millisecond is no matter of fairness.
const ALIKE_US: f64 = 1000.0;

/// A mean of fewer probes says too little.
const LEAST: u64 = 10;

/// The index over the end-to-end times of destinations; `None` with fewer than two that have enough
/// probes.
#[must_use]
pub fn fairness<'a>(times: impl Iterator<Item = &'a Latency>) -> Option<f64> {
    let enough = times.filter(|it| it.count + it.censored >= LEAST);
    let speeds = enough.filter_map(|it| it.mean).map(|mean| 1.0 / mean.max(ALIKE_US));
    jain(&speeds.collect::<Vec<_>>())
}

/// Jain's index; `None` of fewer than two, or of nothing at all.
fn jain(shares: &[f64]) -> Option<f64> {
    let sum: f64 = shares.iter().sum();
    let squares: f64 = shares.iter().map(|share| share * share).sum();
    if shares.len() < 2 || squares <= 0.0 {
        return None;
    }
    Some(sum * sum / (shares.len() as f64 * squares))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mean_ms(mean: f64) -> Latency {
        Latency { count: 8, censored: 2, mean: Some(mean * 1e3), ..Latency::default() }
    }

    fn index(means: &[f64]) -> Option<f64> {
        let all: Vec<Latency> = means.iter().copied().map(mean_ms).collect();
        fairness(all.iter())
    }

    #[test]
    fn equal_shares_are_fair_and_one_taker_is_not() {
        assert_eq!(jain(&[0.5, 0.5, 0.5]), Some(1.0));
        assert_eq!(jain(&[1.0, 0.0, 0.0, 0.0]), Some(0.25));
        assert!(jain(&[1.0, 0.8]).is_some_and(|index| (index - 0.9878).abs() < 1e-4));
    }

    #[test]
    fn there_is_no_fairness_of_one_or_of_nothing() {
        assert_eq!((jain(&[1.0]), jain(&[0.0, 0.0])), (None, None));
        let few = Latency { count: 9, mean: Some(1e6), ..Latency::default() };
        assert_eq!(fairness([&few, &few, &mean_ms(5.0)].into_iter()), None);
    }

    /// The audit's case: 2.3 ms against 4.01 s, all of it delivered. (1+s)² / 2(1+s²) with
    /// s = 2.3/4010.
    #[test]
    fn a_destination_that_waits_for_seconds_is_treated_unfairly() {
        assert!(index(&[2.3, 4010.0]).is_some_and(|index| (index - 0.500_57).abs() < 1e-4));
        assert!(index(&[20.0, 40.0]).is_some_and(|index| (index - 0.9).abs() < 1e-9));
        assert!(index(&[20.0, 21.0]).is_some_and(|index| index > 0.999));
        assert_eq!(index(&[0.2, 0.9]), Some(1.0));
    }
}
