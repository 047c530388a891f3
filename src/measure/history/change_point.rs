//! Where a series changed for good: E-divisive means (Matteson & James 2014) as in Hunter
//! (Fleming et al. 2023), with Welch's t-test for significance.
//!
//! The series is split where the two sides are farthest apart, each side again, as long as a split
//! is likely; then splits that do not stand against their neighbours are taken back, the weakest
//! first.

use statrs::distribution::{ContinuousCDF, StudentsT};

/// Odds at which a split is tried, and at which it stands in the end.
const TRIED: f64 = 0.01;
const STANDS: f64 = 0.001;

/// Fewest values on a side of a split: with two, one outlier would make a change.
const LEAST: usize = 3;

/// A change: the first value after it, and its odds were there none.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Change {
    /// Index of the first value that is different.
    pub at: usize,
    /// Odds of such a difference by chance.
    pub odds: f64,
}

/// The changes of a series, in order.
#[must_use]
pub fn changes(values: &[f64]) -> Vec<Change> {
    let mut splits = Vec::new();
    split(values, 0, &mut splits);
    splits.sort_unstable();
    loop {
        let found = weigh(values, &splits);
        let weakest = found.iter().max_by(|a, b| a.odds.total_cmp(&b.odds));
        match weakest {
            Some(weakest) if weakest.odds > STANDS => splits.retain(|at| *at != weakest.at),
            _ => return found,
        }
    }
}

/// Each split with the odds of the segments beside it.
fn weigh(values: &[f64], splits: &[usize]) -> Vec<Change> {
    let edges: Vec<usize> =
        std::iter::once(0).chain(splits.iter().copied()).chain([values.len()]).collect();
    let change = |edges: &[usize]| {
        let odds = welch(&values[edges[0]..edges[1]], &values[edges[1]..edges[2]]);
        Change { at: edges[1], odds }
    };
    edges.windows(3).map(change).collect()
}

fn split(values: &[f64], offset: usize, into: &mut Vec<usize>) {
    let Some(at) = farthest(values) else { return };
    let (before, after) = values.split_at(at);
    if welch(before, after) > TRIED {
        return;
    }
    into.push(offset + at);
    split(before, offset, into);
    split(after, offset + at, into);
}

/// Where the two sides are farthest apart by energy distance, weighed by their sizes.
fn farthest(values: &[f64]) -> Option<usize> {
    let places = LEAST..=values.len().checked_sub(LEAST)?;
    places.map(|at| (at, distance(values, at))).max_by(|a, b| a.1.total_cmp(&b.1)).map(|it| it.0)
}

fn distance(values: &[f64], at: usize) -> f64 {
    let (before, after) = values.split_at(at);
    let (m, n) = (before.len() as f64, after.len() as f64);
    let mean = |a: &[f64], b: &[f64], count: f64| {
        let sum: f64 = a.iter().map(|x| b.iter().map(|y| (x - y).abs()).sum::<f64>()).sum();
        sum / count
    };
    let within = |side: &[f64], count: f64| mean(side, side, (count * (count - 1.0)).max(1.0));
    let energy = 2.0 * mean(before, after, m * n) - within(before, m) - within(after, n);
    m * n / (m + n) * energy
}

/// Welch's t-test, two-sided: odds of means this far apart, were they the same.
#[must_use]
pub fn welch(a: &[f64], b: &[f64]) -> f64 {
    let (a, b) = (Moments::of(a), Moments::of(b));
    let error = a.error + b.error;
    if error <= 0.0 {
        return if a.mean == b.mean { 1.0 } else { 0.0 };
    }
    let freedom = error.powi(2)
        / (a.error.powi(2) / (a.count - 1.0).max(1.0) + b.error.powi(2) / (b.count - 1.0).max(1.0));
    let statistic = ((a.mean - b.mean) / error.sqrt()).abs();
    StudentsT::new(0.0, 1.0, freedom).map_or(1.0, |law| 2.0 * law.sf(statistic))
}

struct Moments {
    count: f64,
    mean: f64,
    /// Squared standard error of the mean.
    error: f64,
}

impl Moments {
    fn of(values: &[f64]) -> Moments {
        let count = values.len() as f64;
        let mean = values.iter().sum::<f64>() / count.max(1.0);
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        Moments { count, mean, error: squares / (count - 1.0).max(1.0) / count.max(1.0) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::{Key, Purpose, Seed};
    use rand_distr::{Distribution, Normal};

    /// scipy 1.17.1, `scipy.stats.ttest_ind(a, b, equal_var=False)`.
    #[test]
    fn welch_is_that_of_scipy() {
        let odds = welch(&[10.1, 9.8, 10.3, 10.0, 9.9, 10.2], &[11.0, 11.3, 10.8, 11.1]);
        assert!((odds - 0.000_233_885_471_449_379_35).abs() < 1e-10, "{odds}");
        assert_eq!((welch(&[1.0; 4], &[1.0; 4]), welch(&[1.0; 4], &[2.0; 4])), (1.0, 0.0));
    }

    fn series(seed: u64, count: u32, at: u32, step: f64) -> Vec<f64> {
        let law = Normal::new(0.0, 0.03).expect("a law");
        let mut random = Seed(seed).stream(Purpose::ThinkTime, Key::default());
        let value = |n: u32| law.sample(&mut random) + if n >= at { step } else { 0.0 };
        (0..count).map(value).collect()
    }

    #[test]
    fn a_step_is_found_where_it_is() {
        let mut alone = 0;
        for seed in 0..20 {
            let found = changes(&series(seed, 60, 40, 0.15));
            assert!(found.iter().any(|change| change.at.abs_diff(40) <= 1), "{found:?}");
            alone += usize::from(found.len() == 1);
        }
        assert!(alone >= 16, "{alone} of 20 without a false alarm");
        let two: Vec<f64> =
            series(3, 40, 20, 0.2).into_iter().chain(series(4, 20, 0, -0.1)).collect();
        let places: Vec<usize> = changes(&two).iter().map(|change| change.at).collect();
        assert!(places.contains(&20) && places.contains(&40), "{places:?}");
    }

    /// The odds are those of one split; the best of some fifty is looked at, so that a twentieth of
    /// even series, not a thousandth, shows a change.
    #[test]
    fn an_even_series_seldom_has_a_change() {
        let alarms = (0..200).filter(|seed| !changes(&series(*seed, 60, 60, 0.0)).is_empty());
        let alarms = alarms.count();
        assert!(alarms <= 24, "{alarms} of 200");
        assert!(changes(&[]).is_empty() && changes(&[1.0; 5]).is_empty());
    }

    #[test]
    fn a_single_outlier_is_no_change() {
        let mut values = series(9, 40, 40, 0.0);
        values[25] += 1.0;
        assert!(changes(&values).is_empty());
    }
}
