//! How much worse one side is than the other in one figure, on the logarithmic scale, and how
//! well that is known. Above zero is worse.

use statrs::distribution::{ContinuousCDF, Normal};

use super::power;
use super::signed_rank::{Differences, critical_at};

/// What one pair of runs says of the shift. A figure that is only a lower bound leaves one end
/// open, a missing one both.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Range {
    /// The shift is at least this.
    pub least: f64,
    /// The shift is at most this.
    pub most: f64,
    /// As measured; `None` where one side has no value.
    pub seen: Option<f64>,
}

impl Range {
    /// Nothing is known.
    pub const UNKNOWN: Range = Range { least: f64::NEG_INFINITY, most: f64::INFINITY, seen: None };

    /// A shift whose true value may lie anywhere below, or above.
    #[must_use]
    pub fn new(seen: f64, (below, above): (bool, bool)) -> Range {
        let least = if below { f64::NEG_INFINITY } else { seen };
        let most = if above { f64::INFINITY } else { seen };
        Range { least, most, seen: Some(seen) }
    }
}

/// What is known of a shift.
#[derive(Clone, Debug)]
pub enum Shift {
    /// From pairs of runs.
    Pairs(Pairs),
    /// From one run a side, with a standard error.
    Single {
        /// The logarithm of the ratio.
        centre: f64,
        /// Its standard error.
        error: f64,
        /// Whether the true one may lie anywhere below, and anywhere above.
        open: (bool, bool),
        /// How far below, and above, it may lie without the instrument's own delays.
        doubt: (f64, f64),
    },
}

/// Differences of pairs: as measured, and the least and the most that they can be. Each claim is
/// tested on those that speak most against it, so it holds whatever is not known.
#[derive(Clone, Debug)]
pub struct Pairs {
    seen: Differences,
    least: Differences,
    most: Differences,
    /// How many may lie anywhere below, and how many anywhere above.
    open: (usize, usize),
}

impl Pairs {
    /// Whether `further` pairs could decide anything at a one-sided `level`, if all of them, and all
    /// that are known, spoke for one claim: those that may lie anywhere hold the highest ranks
    /// against it.
    fn could_decide(&self, further: usize, level: f64) -> bool {
        let count = self.least.count() + further;
        let against = |open: usize| (count - open + 1..=count).sum::<usize>();
        let critical = critical_at(count, level).map(|(critical, _)| critical);
        critical.is_some_and(|critical| against(self.open.0.min(self.open.1)) <= critical)
    }
}

impl Shift {
    /// From pairs; `None` where none has a value on both sides.
    #[must_use]
    pub fn of_pairs(ranges: &[Range]) -> Option<Shift> {
        let seen: Vec<f64> = ranges.iter().filter_map(|range| range.seen).collect();
        let least: Vec<f64> = ranges.iter().map(|range| range.least).collect();
        let most: Vec<f64> = ranges.iter().map(|range| range.most).collect();
        Some(Shift::Pairs(Pairs {
            seen: Differences::new(&seen)?,
            least: Differences::new(&least)?,
            most: Differences::new(&most)?,
            open: (infinite(&least), infinite(&most)),
        }))
    }

    /// Best estimate, of what was measured.
    #[must_use]
    pub fn estimate(&self) -> f64 {
        match self {
            Shift::Pairs(pairs) => pairs.seen.estimate(),
            Shift::Single { centre, .. } => *centre,
        }
    }

    /// Interval at `alpha`, two-sided, with infinite ends where nothing is known; `None` where
    /// there is too little data for one.
    #[must_use]
    pub fn interval(&self, alpha: f64) -> Option<(f64, f64)> {
        match self {
            Shift::Pairs(pairs) => {
                Some((pairs.least.interval(alpha)?.0, pairs.most.interval(alpha)?.1))
            }
            Shift::Single { centre, error, open, doubt } => {
                let reach = error * standard().inverse_cdf(1.0 - alpha / 2.0);
                let low = if open.0 { f64::NEG_INFINITY } else { centre - doubt.0 - reach };
                let high = if open.1 { f64::INFINITY } else { centre + doubt.1 + reach };
                Some((low, high))
            }
        }
    }

    /// Odds of data this bad, were the true shift `bound`.
    #[must_use]
    pub fn above(&self, bound: f64) -> f64 {
        match self {
            Shift::Pairs(pairs) => pairs.least.above(bound),
            Shift::Single { open: (true, _), .. } => 1.0,
            Shift::Single { centre, error, doubt, .. } => tail(centre - doubt.0 - bound, *error),
        }
    }

    /// Odds of data this good, were the true shift `bound`.
    #[must_use]
    pub fn below(&self, bound: f64) -> f64 {
        match self {
            Shift::Pairs(pairs) => pairs.most.below(bound),
            Shift::Single { open: (_, true), .. } => 1.0,
            Shift::Single { centre, error, doubt, .. } => tail(bound - centre - doubt.1, *error),
        }
    }

    /// Odds of data this good, were the true shift above `bound`, however little.
    #[must_use]
    pub fn not_above(&self, bound: f64) -> f64 {
        match self {
            Shift::Pairs(pairs) => pairs.most.not_above(bound),
            Shift::Single { centre, error, open: (_, false), doubt } if *error <= 0.0 => {
                if centre + doubt.1 <= bound { 0.0 } else { 1.0 }
            }
            Shift::Single { .. } => self.below(bound),
        }
    }

    /// The smallest shift that is found to be above `margin` with power 0.8, at a one-sided
    /// `level`. `of_pairs`: the same without a margin, of so many pairs whose differences have a
    /// standard deviation of 1 ([`power::detectable`]). `None` where there are too few pairs for
    /// any, or for their spread to be known.
    #[must_use]
    pub fn detectable(
        &self,
        margin: f64,
        level: f64,
        of_pairs: impl FnOnce(usize) -> Option<f64>,
    ) -> Option<f64> {
        match self {
            Shift::Pairs(pairs) if pairs.seen.count() < 2 => None,
            Shift::Pairs(pairs) => {
                Some(margin + of_pairs(pairs.seen.count())? * pairs.seen.spread())
            }
            Shift::Single { error, .. } => {
                let quantile = |share| standard().inverse_cdf(share);
                Some(margin + (quantile(1.0 - level) + quantile(power::FOUND)) * error)
            }
        }
    }

    /// Whether `further` pairs could decide anything at a one-sided `level`, whatever they show.
    #[must_use]
    pub fn could_decide(&self, further: usize, level: f64) -> bool {
        match self {
            Shift::Pairs(pairs) => pairs.could_decide(further, level),
            Shift::Single { .. } => false,
        }
    }

    /// Pairs of runs with a value on both sides.
    #[must_use]
    pub fn pairs(&self) -> u32 {
        match self {
            Shift::Pairs(pairs) => u32::try_from(pairs.seen.count()).unwrap_or(u32::MAX),
            Shift::Single { .. } => 1,
        }
    }
}

fn infinite(values: &[f64]) -> usize {
    values.iter().filter(|value| value.is_infinite()).count()
}

fn standard() -> Normal {
    Normal::standard()
}

/// P(a normal error ≥ `distance`). Without an error there is nothing to chance.
fn tail(distance: f64, error: f64) -> f64 {
    if error > 0.0 {
        standard().sf(distance / error)
    } else if distance > 0.0 {
        0.0
    } else {
        1.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(values: &[Range]) -> Shift {
        Shift::of_pairs(values).expect("values")
    }

    fn closed(values: impl IntoIterator<Item = f64>) -> Vec<Range> {
        values.into_iter().map(|value| Range::new(value, (false, false))).collect()
    }

    /// Ten pairs at a run-to-run variation of 3 %, one gated figure, a margin of 5 %: a regression
    /// of 10 % is found some seven times in ten, one of 3.9 % (inside the margin) never.
    #[test]
    fn the_smallest_effect_lies_beyond_the_margin() {
        let spread = 0.03 * 2.0_f64.sqrt();
        let values = closed((0..10).map(|n| if n % 2 == 0 { spread } else { -spread }));
        let shift = pairs(&values);
        let at = |level: f64| {
            let margin = 0.05_f64.ln_1p();
            shift.detectable(margin, level, |pairs| power::detectable(&[pairs], level))
        };
        let found = at(0.025).expect("enough pairs");
        assert!((0.08..0.12).contains(&found.exp_m1()), "{found}");
        assert!(at(0.025 / 4.0).expect("enough") > found, "four questions ask for more");
        assert_eq!(at(0.0005), None, "too few pairs for this level");
    }

    /// scipy 1.17.1, `scipy.stats.norm.sf`.
    #[test]
    fn tails_are_those_of_scipy() {
        for (at, wanted) in
            [(-3.0, 0.998_650_101_9), (0.5, 0.308_537_538_7), (2.5, 0.006_209_665_3)]
        {
            assert!((tail(at, 1.0) - wanted).abs() < 1e-9, "{at}");
        }
        assert_eq!((tail(0.1, 0.0), tail(-0.1, 0.0)), (0.0, 1.0));
    }

    #[test]
    fn a_single_pair_of_runs_has_an_interval_by_its_error() {
        let shift =
            Shift::Single { centre: 0.2, error: 0.1, open: (false, false), doubt: (0.0, 0.0) };
        let (low, high) = shift.interval(0.05).expect("always");
        assert!((low - 0.004).abs() < 1e-3 && (high - 0.396).abs() < 1e-3, "{low} {high}");
        assert!(shift.above(0.0) < 0.025 && shift.below(0.0) > 0.97);
        assert_eq!(shift.pairs(), 1);
        // 0.05 of a margin, and 1.96 + 0.84 errors.
        let found = shift.detectable(0.05, 0.025, |_| None).expect("always");
        assert!((found - 0.330).abs() < 1e-3, "{found}");
    }

    #[test]
    fn an_open_end_proves_nothing_on_its_side() {
        for (open, above, below) in
            [((true, false), 1.0, 1.0), ((false, true), 0.0, 1.0), ((true, true), 1.0, 1.0)]
        {
            let shift = Shift::Single { centre: 1.0, error: 0.0, open, doubt: (0.0, 0.0) };
            assert_eq!((shift.above(0.0), shift.below(0.0)), (above, below), "{open:?}");
            let (low, high) = shift.interval(0.05).expect("always");
            assert_eq!((low.is_infinite(), high.is_infinite()), open);
        }
    }

    #[test]
    fn a_pair_that_lacks_a_figure_counts_against_every_claim() {
        let mut values = closed((0..12).map(|n| 0.3 + 0.001 * f64::from(n)));
        let whole = pairs(&values).above(0.05);
        values[3] = Range::UNKNOWN;
        let lacking = pairs(&values);
        assert!(lacking.above(0.05) > whole && lacking.pairs() == 11);
        // The rank of the unknown one is the highest: 12, of 12 pairs.
        assert!((lacking.above(0.05) - 70.0 / 4096.0).abs() < 1e-12, "{}", lacking.above(0.05));
        assert!(Shift::of_pairs(&[Range::UNKNOWN; 8]).is_none());
    }

    /// 14 more pairs after six: of 20, at 0.025, ranks up to a sum of 52 may speak against a claim
    /// (Wilcoxon's table), and 20 + 19 = 39, 20 + 19 + 18 = 57.
    #[test]
    fn more_pairs_decide_nothing_where_too_many_are_open_already() {
        let with = |both: usize, above: usize| {
            let mut values = closed([0.1; 6]);
            values[..both].fill(Range::UNKNOWN);
            values[both..both + above].fill(Range::new(0.1, (false, true)));
            pairs(&values)
        };
        assert!(with(0, 0).could_decide(14, 0.025) && with(2, 0).could_decide(14, 0.025));
        assert!(!with(3, 0).could_decide(14, 0.025));
        assert!(with(0, 6).could_decide(14, 0.025), "each can still be shown to be worse");
        assert!(with(2, 4).could_decide(14, 0.025) && !with(3, 3).could_decide(14, 0.025));
        assert!(!with(0, 0).could_decide(0, 0.001), "six pairs are too few");
        let both = pairs(&vec![Range::new(0.3, (true, true)); 10]);
        assert!(!both.could_decide(10, 0.0125), "both sides are bounds in every pair");
    }

    /// The true shift may be 0.1 lower, or 0.3 higher, than the 0.2 that were seen.
    #[test]
    fn doubt_moves_each_end_the_way_that_speaks_against_a_claim() {
        let shift =
            |error| Shift::Single { centre: 0.2, error, open: (false, false), doubt: (0.1, 0.3) };
        let (low, high) = shift(0.1).interval(0.05).expect("always");
        let reach = 0.195_996_4;
        assert!((low - (0.1 - reach)).abs() < 1e-6 && (high - (0.5 + reach)).abs() < 1e-6);
        let is = |odds: f64, distance: f64| {
            assert!((odds - tail(distance, 0.1)).abs() < 1e-12, "{odds} {distance}");
        };
        is(shift(0.1).above(0.05), 0.05);
        is(shift(0.1).below(0.55), 0.05);
        is(shift(0.1).not_above(0.55), 0.05);
        let certain = |bound| shift(0.0).not_above(bound);
        assert_eq!([0.45, 0.5, 0.55].map(certain), [1.0, 0.0, 0.0]);
    }

    #[test]
    fn one_pair_says_nothing_of_its_spread() {
        let of =
            |count: usize| pairs(&closed(vec![0.1; count])).detectable(0.05, 0.025, |_| Some(1.0));
        assert_eq!((of(1), of(2)), (None, Some(0.05)));
    }

    #[test]
    fn equal_pairs_are_not_above_what_they_are_equal_to() {
        let tied = pairs(&closed([0.0; 8]));
        assert!(tied.not_above(0.0) < 0.005 && tied.above(0.0) > 0.99);
        let same =
            Shift::Single { centre: 0.0, error: 0.0, open: (false, false), doubt: (0.0, 0.0) };
        assert!(same.not_above(0.0) < 0.005 && same.above(0.0) > 0.99);
    }
}
