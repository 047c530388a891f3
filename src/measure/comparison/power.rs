//! How large a regression a comparison finds, and how often.
//!
//! The decision that is asked about is the real one: a signed-rank test of the shift against the
//! margin, one-sided at half of the look's alpha, divided among the gated figures (Holm's first
//! step: the others are taken to have no effect), with a second look at all pairs where an
//! extension is allowed. Differences of logarithms are taken to be normal, so that a shift in
//! units of their standard deviation says everything.

use statrs::distribution::{Continuous as _, ContinuousCDF as _, Normal};

use super::signed_rank::critical_at;

/// How often the smallest detectable effect is found.
pub const FOUND: f64 = 0.8;

/// Largest number of pairs whose power is integrated exactly; beyond, a formula is as good.
const EXACT_PAIRS: usize = 14;

/// Points of the grid over which ranks are integrated.
const GRID: usize = 200;

/// The largest shift that is asked about, in standard deviations: where any is found four times in
/// five, it is smaller. With a critical value of 0, which asks most, 64 pairs need 2.7.
const FARTHEST: f64 = 3.0;

/// Efficiency of the signed-rank test against that of the mean, of normal values: 3/π in the
/// limit; with few pairs it loses this much times the squared normal quantile of its level,
/// divided by the pairs. Fitted to exact integrals of 12 to 30 pairs at levels from 0.025 to
/// 0.001, which it meets within 2 %.
const EFFICIENCY: f64 = 0.955;
const EFFICIENCY_LOST: f64 = 0.47;

/// Numbers of pairs after which the data are looked at, one or two; the second is looked at only
/// where the first was inconclusive.
pub type Looks<'a> = &'a [usize];

/// The shift beyond the margin that is found with power 0.8, in standard deviations of the
/// differences of pairs. `level`: the one-sided level of a look. `None` where no shift is found so
/// often, since there are too few pairs for any to be.
#[must_use]
pub fn detectable(looks: Looks<'_>, level: f64) -> Option<f64> {
    let probit = |shift: f64| quantile(found(looks, level, shift));
    let wanted = quantile(FOUND);
    let (mut low, mut high) = ((0.0, probit(0.0)), (FARTHEST, probit(FARTHEST)));
    if high.1 < wanted {
        return None;
    }
    // A shift and the quantile of its power lie close to a line.
    for _ in 0..8 {
        let share = ((wanted - low.1) / (high.1 - low.1)).clamp(0.05, 0.95);
        let middle = low.0 + share * (high.0 - low.0);
        let power = probit(middle);
        if (power - wanted).abs() < 0.005 {
            return Some(middle);
        }
        if power < wanted { low = (middle, power) } else { high = (middle, power) }
    }
    Some(high.0)
}

/// Probability that a shift of `shift` standard deviations beyond the margin is found.
#[must_use]
pub fn found(looks: Looks<'_>, level: f64, shift: f64) -> f64 {
    match *looks {
        [pairs] => found_at(pairs, level, shift),
        [first, all] => {
            let (one, two) = (found_at(first, level, shift), found_at(all, level, shift));
            one + two - both(one, two, (first as f64 / all as f64).sqrt())
        }
        _ => 0.0,
    }
}

fn found_at(pairs: usize, level: f64, shift: f64) -> f64 {
    let Some((critical, attained)) = critical_at(pairs, level) else { return 0.0 };
    if pairs <= EXACT_PAIRS {
        return rejects(pairs, critical, shift);
    }
    let (count, edge) = (pairs as f64, quantile(1.0 - attained));
    let efficiency = EFFICIENCY - EFFICIENCY_LOST * edge.powi(2) / count;
    Normal::standard().cdf(shift * (count * efficiency.max(0.3)).sqrt() - edge)
}

fn quantile(share: f64) -> f64 {
    Normal::standard().inverse_cdf(share.clamp(1e-12, 1.0 - 1e-12))
}

/// Points over which the first look is integrated.
const FIRST_LOOK: u32 = 100;

/// P(both looks find it): two normal statistics that share the first look's data.
fn both(one: f64, two: f64, correlation: f64) -> f64 {
    if one <= 0.0 || two <= 0.0 {
        return 0.0;
    }
    let law = Normal::standard();
    let (a, b) = (quantile(one), quantile(two));
    let spread = (1.0 - correlation.powi(2)).max(1e-12).sqrt();
    let low = -8.0;
    let step = (a - low).max(0.0) / f64::from(FIRST_LOOK);
    let at = |n: u32| {
        let x = low + (f64::from(n) + 0.5) * step;
        law.pdf(x) * law.cdf((b - correlation * x) / spread)
    };
    (0..FIRST_LOOK).map(at).sum::<f64>() * step
}

/// P(the ranks of the values below zero add up to at most `critical`), of `count` normal values
/// with mean `shift` and standard deviation 1.
///
/// Values come in order of their distance from zero, so that their rank is their place: the
/// chance of a sum after the first `n` of them, all within a distance, is an integral over that
/// of the first `n − 1` (Klotz 1963, *Small sample power and efficiency for the one sample
/// Wilcoxon and normal scores tests*).
#[must_use]
pub fn rejects(count: usize, critical: usize, shift: f64) -> f64 {
    let law = Normal::standard();
    let step = (shift + 7.0) / GRID as f64;
    let sides: Vec<(f64, f64)> = (0..=GRID)
        .map(|at| at as f64 * step)
        .map(|distance| (law.pdf(distance - shift) * step, law.pdf(distance + shift) * step))
        .collect();
    // By sum of ranks below zero, over the grid of distances; `all` is of every sum.
    let mut chances = vec![vec![0.0; GRID + 1]; critical + 1];
    chances[0].fill(1.0);
    let mut all = vec![1.0; GRID + 1];
    for rank in 1..=count {
        for sum in (0..=critical).rev() {
            let below = sum.checked_sub(rank).map(|at| chances[at].clone());
            integrate(&mut chances[sum], below.as_deref(), rank, &sides);
        }
        let same = all.clone();
        integrate(&mut all, Some(&same), rank, &sides);
    }
    // What a grid makes of all sums together is 1 but for its own error, which they share.
    let rejected: f64 = chances.iter().map(|sum| sum[GRID]).sum();
    rejected / all[GRID]
}

/// `rank` times the integral of what the value of this rank adds: above zero it leaves the sum as
/// it was, below zero it comes from a sum that is smaller by its rank.
fn integrate(above: &mut [f64], below: Option<&[f64]>, rank: usize, sides: &[(f64, f64)]) {
    let (mut total, mut last) = (0.0, 0.0);
    for at in 0..above.len() {
        let (up, down) = sides[at];
        let density = above[at] * up + below.map_or(0.0, |below| below[at] * down);
        if at > 0 {
            total += f64::midpoint(last, density) * rank as f64;
        }
        last = density;
        above[at] = total;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::{Key, Purpose, Seed};
    use rand_distr::{Distribution as _, Normal as Law};

    fn close(a: f64, b: f64, by: f64) -> bool {
        (a - b).abs() < by
    }

    #[test]
    fn without_a_shift_the_power_is_the_level() {
        for (count, level) in [(5, 0.05), (6, 0.025), (10, 0.025), (12, 0.003), (14, 0.025)] {
            let (critical, exact) = critical_at(count, level).expect("enough pairs");
            assert!(close(rejects(count, critical, 0.0), exact, 2e-3), "{count}");
        }
    }

    /// With a critical value of 0 all values must lie above zero: Φ(shift)^count.
    #[test]
    fn all_above_zero_is_a_power_of_one_chance() {
        for (count, shift) in [(6, 1.0), (8, 1.5), (10, 0.3)] {
            let theory = Normal::standard().cdf(shift).powi(count);
            assert!(close(rejects(count as usize, 0, shift), theory, 1e-3), "{count} {shift}");
        }
    }

    /// What is claimed is what many made-up tests find, one look and two.
    #[test]
    fn claimed_is_found() {
        let law = Law::new(0.0, 1.0).expect("a law");
        let cases: [(&[usize], f64); 9] = [
            (&[6], 0.025),
            (&[10], 0.025),
            (&[10], 0.025 / 4.0),
            (&[14], 0.025),
            (&[15], 0.025 / 3.0),
            (&[20], 0.0125 / 2.0),
            (&[10, 20], 0.0125),
            (&[6, 12], 0.0125 / 4.0),
            (&[20, 40], 0.0125 / 4.0),
        ];
        for (looks, level) in cases {
            let shift = detectable(looks, level).expect("enough pairs");
            let rejected = |values: &[f64]| {
                let all = crate::measure::comparison::signed_rank::Differences::new(values);
                all.is_some_and(|all| all.above(0.0) <= level)
            };
            let key = Key { subject: looks[0] as u64, ..Key::default() };
            let mut random = Seed(11).stream(Purpose::Resampling, key);
            let most = *looks.last().expect("a look");
            let hits = (0..1_000).filter(|_| {
                let values: Vec<f64> = (0..most).map(|_| shift + law.sample(&mut random)).collect();
                looks.iter().any(|look| rejected(&values[..*look]))
            });
            let share = hits.count() as f64 / 1_000.0;
            assert!(close(share, FOUND, 0.04), "{looks:?} at {level}: {share}");
        }
    }

    #[test]
    fn too_few_pairs_find_nothing_however_large() {
        assert_eq!(detectable(&[5], 0.025), None);
        assert_eq!(detectable(&[6], 0.025 / 2.0), None);
        assert!(detectable(&[5, 10], 0.0125).is_some(), "the second look can");
        assert_eq!(detectable(&[], 0.025), None);
    }

    #[test]
    fn the_smallest_shift_is_found_as_often_as_it_says() {
        let cases: [(&[usize], f64); 6] = [
            (&[6], 0.025),
            (&[10], 0.025),
            (&[14], 0.002),
            (&[30], 0.025),
            (&[64], 0.5_f64.powi(64)),
            (&[10, 20], 0.0125),
        ];
        for (looks, level) in cases {
            let shift = detectable(looks, level).expect("enough pairs");
            assert!(close(found(looks, level, shift), FOUND, 0.002), "{looks:?} at {level}");
        }
        // One chance: Φ(shift)⁶ = 0.8.
        let theory = quantile(FOUND.powf(1.0 / 6.0));
        assert!(close(detectable(&[6], 0.5_f64.powi(6)).expect("enough"), theory, 0.01));
    }

    /// Two statistics with a correlation of ½, both above their medians: 1/4 + asin(½) / 2π = 1/3.
    #[test]
    fn both_looks_share_the_data_of_the_first() {
        assert!(close(both(0.5, 0.5, 0.5), 1.0 / 3.0, 1e-4), "{}", both(0.5, 0.5, 0.5));
        assert!(close(both(0.3, 0.6, 0.0), 0.18, 1e-4), "{}", both(0.3, 0.6, 0.0));
        assert_eq!((both(0.0, 0.5, 0.5), both(0.5, 0.0, 0.5)), (0.0, 0.0));
    }

    #[test]
    fn a_second_look_finds_what_either_finds() {
        let (one, two) = (found(&[10], 0.0125, 1.0), found(&[20], 0.0125, 1.0));
        let both = both(one, two, 0.5_f64.sqrt());
        assert!(close(found(&[10, 20], 0.0125, 1.0), one + two - both, 1e-12));
        assert!(both > one * two && both < one, "{one} {two} {both}");
    }

    #[test]
    fn more_pairs_find_less() {
        let at = |pairs| detectable(&[pairs], 0.025).expect("enough");
        let shifts: Vec<f64> = [6, 8, 10, 14, 15, 20, 25, 40, 200].map(at).to_vec();
        assert!(shifts.is_sorted_by(|a, b| a > b), "{shifts:?}");
    }
}
