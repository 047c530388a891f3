//! Where a series changed for good: binary segmentation by means, as E-divisive (Matteson & James
//! 2014) and Hunter (Fleming et al. 2023) do it, with a test that allows for runs that resemble
//! their neighbours.
//!
//! The series is split where the means of the two sides are farthest apart for their standard
//! error. A machine that is slow today is slow tomorrow: values are taken for a first-order
//! autoregressive process, AR(1), whose coefficient is estimated from what is left when the
//! two means are taken away. Whether the split stands is decided by a parametric bootstrap: how
//! often series of that process without a change have a split as good anywhere. The coefficient is
//! known to about 1/√n only, and a series whose estimate is too low by chance is the one that
//! makes an alarm; so every series of the bootstrap draws its coefficient from what the true one may
//! be. So neither the choice of the place nor the autocorrelation makes alarms. Each side is split
//! again. Several changes look like autocorrelation to one split, so that shorter windows are
//! searched, too, at stricter levels.

use rand_distr::{Distribution as _, StandardNormal};

use super::split::{LACKS_ROUGHLY, LEAST, best, corrected};
use crate::seed::{Key, Purpose, Seed};

/// Where a split is looked for: in all of a segment, and in overlapping windows of a half and of
/// a quarter. The window is chosen, too, where its own estimate is lowest, so it is held to be
/// twice as far off (fitted to series of 30 to 120 values with coefficients up to 0.8: false alarms
/// keep to 5 % up to 0.7, to 7 % at 0.8).
const SCALES: [Scale; 3] = [
    Scale { parts: 1, level: 0.02, replicates: 1_499, unknown: 1.0 },
    Scale { parts: 2, level: 0.001, replicates: 1_999, unknown: 2.0 },
    Scale { parts: 4, level: 0.0005, replicates: 1_999, unknown: 2.0 },
];

struct Scale {
    /// A window's share of the segment, as a divisor.
    parts: usize,
    /// Odds at which a split of one window stands.
    level: f64,
    /// Series without a change that a split is held against.
    replicates: u32,
    /// Standard error of a coefficient, in units of that of a fixed stretch.
    unknown: f64,
}

impl Scale {
    /// A coefficient that the process may have, where `estimate` was found: normal about it, with
    /// the standard error of long series (Bartlett).
    fn coefficient(&self, estimate: f64, count: usize, standard: f64) -> f64 {
        let error = ((1.0 - estimate * estimate) / count.max(1) as f64).sqrt();
        (estimate + self.unknown * error * standard).clamp(0.0, MOST)
    }
}

/// Shortest window but the whole: with fewer values autocorrelation cannot be estimated.
const WINDOW: usize = 20;

/// A value farther from the median than this many (robust) standard deviations counts as so far
/// away: a change moves many values, an outlier is one.
const OUTLIER: f64 = 4.0;

/// What an estimated coefficient lacks, in units of 1 over the number of values: means were taken
/// away, at the place where that takes most (fitted to series of 20 to 150 values with
/// coefficients up to 0.7, such that false alarms keep to the level from 30 values on).
const LACKS: f64 = 4.0;

/// Largest coefficient of a series of the bootstrap.
const MOST: f64 = 0.97;

/// No split with a smaller statistic stands, whatever the length.
const HOPELESS: f64 = 2.5;

/// A change: the first value after it, and its odds were there none.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Change {
    /// Index of the first value that is different.
    pub at: usize,
    /// Odds of a split as good by chance, in a series as autocorrelated as this one.
    pub odds: f64,
}

/// The changes of a series, in order.
#[must_use]
pub fn changes(values: &[f64]) -> Vec<Change> {
    let mut found = Vec::new();
    split(values, 0, &mut found);
    found.sort_unstable_by_key(|change: &Change| change.at);
    found
}

/// Lag-1 autocorrelation of a series within the segments between its changes, corrected for the
/// bias of short series; `None` of one too short or without any variation.
#[must_use]
pub fn autocorrelation(values: &[f64], changes: &[Change]) -> Option<f64> {
    let edges = changes.iter().map(|change| change.at).chain([values.len()]);
    let mut from = 0;
    let mut rest = Vec::new();
    for to in edges {
        let segment = &values[from..to];
        let mean = segment.iter().sum::<f64>() / segment.len().max(1) as f64;
        rest.extend(segment.iter().map(|value| value - mean));
        from = to;
    }
    let squares: f64 = rest.iter().map(|value| value * value).sum();
    let products: f64 = rest.windows(2).map(|two| two[0] * two[1]).sum();
    let enough = values.len() >= 2 * LEAST && squares > 0.0;
    enough.then(|| corrected(products / squares, values.len(), LACKS_ROUGHLY))
}

fn split(values: &[f64], offset: usize, into: &mut Vec<Change>) {
    let Some(change) = change(values) else { return };
    into.push(Change { at: offset + change.at, ..change });
    let (before, after) = values.split_at(change.at);
    split(before, offset, into);
    split(after, offset + change.at, into);
}

/// The change of a segment that stands best, if any stands, in the widest windows that show one.
fn change(values: &[f64]) -> Option<Change> {
    SCALES.iter().find_map(|scale| {
        let found = windows(values.len(), scale.parts).filter_map(|(from, to)| {
            let change = change_within(&values[from..to], scale)?;
            Some(Change { at: from + change.at, ..change })
        });
        found.min_by(|a, b| a.odds.total_cmp(&b.odds))
    })
}

/// Windows of a share of `count` values, each half a window after the one before it.
fn windows(count: usize, parts: usize) -> impl Iterator<Item = (usize, usize)> {
    let length = count / parts;
    let enough = parts == 1 || length >= WINDOW;
    let last = if enough { 2 * parts - 1 } else { 0 };
    // The last ends where the values do.
    (0..last)
        .map(move |n| n * (count - length) / (2 * parts - 2).max(1))
        .map(move |from| (from, from + length))
}

fn change_within(values: &[f64], scale: &Scale) -> Option<Change> {
    let clipped = clipped(values);
    let best = best(&clipped).filter(|best| best.statistic >= HOPELESS)?;
    if !moves_the_median(&clipped, best.at) {
        return None;
    }
    let coefficient = corrected(best.lag_one, values.len(), LACKS);
    let odds = odds(best.statistic, values.len(), coefficient, scale)?;
    // Of all windows of this width together.
    let odds = (odds * (2 * scale.parts - 1) as f64).min(1.0);
    Some(Change { at: best.at, odds })
}

/// Odds of a split as good in a series without a change; `None` above the level.
fn odds(statistic: f64, count: usize, estimate: f64, scale: &Scale) -> Option<f64> {
    let key = Key { subject: count as u64, ..Key::default() };
    let mut random = Seed(0).stream(Purpose::Resampling, key);
    let mut draw = || -> f64 { StandardNormal.sample(&mut random) };
    let all = f64::from(scale.replicates + 1);
    let mut as_good = 1;
    for _ in 0..scale.replicates {
        let coefficient = scale.coefficient(estimate, count, draw());
        let innovation = (1.0 - coefficient * coefficient).sqrt();
        let mut value = draw();
        let mut next = || {
            let now = value;
            value = coefficient * value + innovation * draw();
            now
        };
        let series: Vec<f64> = (0..count).map(|_| next()).collect();
        as_good += u32::from(best(&clipped(&series)).is_some_and(|it| it.statistic >= statistic));
        if f64::from(as_good) > scale.level * all + 1e-9 {
            return None;
        }
    }
    Some(f64::from(as_good) / all)
}

/// The values with outliers drawn in.
fn clipped(values: &[f64]) -> Vec<f64> {
    let centre = median(values.to_vec());
    let reach = 1.4826 * median(values.iter().map(|value| (value - centre).abs()).collect());
    if reach <= 0.0 {
        return values.to_vec();
    }
    let (low, high) = (centre - OUTLIER * reach, centre + OUTLIER * reach);
    values.iter().map(|value| value.clamp(low, high)).collect()
}

fn median(mut values: Vec<f64>) -> f64 {
    if values.is_empty() {
        return 0.0;
    }
    let middle = values.len() / 2;
    *values.select_nth_unstable_by(middle, f64::total_cmp).1
}

/// Whether what is typical changed, too: most values equal and one outlier are no change.
fn moves_the_median(values: &[f64], at: usize) -> bool {
    let (before, after) = values.split_at(at);
    let mean = |side: &[f64]| side.iter().sum::<f64>() / side.len().max(1) as f64;
    let by_mean = mean(after) - mean(before);
    let by_median = median(after.to_vec()) - median(before.to_vec());
    by_median * by_mean.signum() >= 0.5 * by_mean.abs()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_distr::Normal;

    fn series(seed: u64, count: u32, at: u32, step: f64) -> Vec<f64> {
        correlated(seed, count, 0.0, (at, step))
    }

    /// Values that vary by 3 % and resemble their neighbours, with a step.
    fn correlated(seed: u64, count: u32, by: f64, (at, step): (u32, f64)) -> Vec<f64> {
        let law = Normal::new(0.0, 0.03).expect("a law");
        let mut random = Seed(seed).stream(Purpose::ThinkTime, Key::default());
        let mut value = law.sample(&mut random);
        let mut next = |n: u32| {
            let now = value;
            value = by * value + (1.0 - by * by).sqrt() * law.sample(&mut random);
            now + if n >= at { step } else { 0.0 }
        };
        (0..count).map(&mut next).collect()
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
        let near = |at: usize| places.iter().any(|place| place.abs_diff(at) <= 1);
        assert!(places.len() == 2 && near(20) && near(40), "{places:?}");
    }

    fn share(of: u64, wanted: impl Fn(u64) -> bool) -> f64 {
        (0..of).filter(|seed| wanted(*seed)).count() as f64 / of as f64
    }

    /// Series without a change seldom show one, however much runs resemble their neighbours; a
    /// step of 15 % (five standard deviations), eight runs ago, is still found.
    #[test]
    fn autocorrelation_makes_no_changes_and_hides_none() {
        for (by, alarms, hits) in
            [(0.0, 0.05, 0.95), (0.3, 0.06, 0.9), (0.5, 0.06, 0.8), (0.7, 0.07, 0.7)]
        {
            let false_alarms = share(100, |seed| {
                !changes(&correlated(1_000 + seed, 60, by, (60, 0.0))).is_empty()
            });
            assert!(false_alarms <= alarms, "{false_alarms} of even series at {by}");
            let found = share(40, |seed| {
                let found = changes(&correlated(seed, 60, by, (52, 0.15)));
                found.iter().any(|change| change.at.abs_diff(52) <= 3)
            });
            assert!(found >= hits, "{found} of steps at {by}");
            println!("autocorrelation {by}: false alarms {false_alarms}, found {found}");
        }
    }

    #[test]
    fn the_autocorrelation_is_that_between_changes() {
        let estimate = |by, step| {
            let of = |seed| {
                let values = correlated(seed, 200, by, (100, step));
                autocorrelation(&values, &[Change { at: 100, odds: 0.0 }]).expect("enough")
            };
            (0..20).map(of).sum::<f64>() / 20.0
        };
        assert!(estimate(0.0, 0.3) < 0.1, "a step is no autocorrelation");
        assert!((estimate(0.5, 0.3) - 0.5).abs() < 0.08, "{}", estimate(0.5, 0.3));
        assert_eq!(autocorrelation(&[1.0; 3], &[]), None);
    }

    #[test]
    fn values_without_variation_change_where_they_step() {
        let step: Vec<f64> = (0..30).map(|n| if n < 26 { 1.0 } else { 1.2 }).collect();
        assert_eq!(changes(&step).iter().map(|change| change.at).collect::<Vec<_>>(), [26]);
        assert!(changes(&[]).is_empty() && changes(&[1.0; 50]).is_empty());
        assert!(changes(&[1.0; 5]).is_empty());
    }

    #[test]
    fn a_single_outlier_is_no_change() {
        let alarms = share(40, |seed| {
            let mut values = series(500 + seed, 40, 40, 0.0);
            values[20 + seed as usize % 20] += 1.0;
            !changes(&values).is_empty()
        });
        assert!(alarms <= 0.1, "{alarms}");
        for at in [25, 36, 37, 39] {
            let mut even = [0.0; 40];
            even[at] = 1.0;
            assert!(changes(&even).is_empty(), "of even values, at {at}");
        }
    }

    #[test]
    fn windows_overlap_and_reach_the_end() {
        assert_eq!(windows(60, 1).collect::<Vec<_>>(), [(0, 60)]);
        assert_eq!(windows(61, 2).collect::<Vec<_>>(), [(0, 30), (15, 45), (31, 61)]);
        assert_eq!(windows(30, 2).count(), 0, "too short");
        assert_eq!(windows(80, 4).map(|it| it.1).max(), Some(80));
    }
}
