//! How much worse one side is than the other in one figure, on the logarithmic scale, and how
//! well that is known. Above zero is worse.

use statrs::distribution::{ContinuousCDF, Normal};

use super::signed_rank::Differences;

/// Effect over its standard error at which a two-sided test at 0.05 finds it four times in five:
/// 1.96 + 0.84.
const FOUND: f64 = 2.8;

/// Efficiency of the signed-rank test against the mean's, of normal values: 3/π.
const EFFICIENCY: f64 = 0.955;

/// What is known of a shift.
#[derive(Clone, Debug)]
pub enum Shift {
    /// From pairs of runs.
    Pairs(Differences),
    /// From one run a side, with a standard error.
    Single {
        /// The logarithm of the ratio.
        centre: f64,
        /// Its standard error.
        error: f64,
    },
}

impl Shift {
    /// Best estimate.
    #[must_use]
    pub fn estimate(&self) -> f64 {
        match self {
            Shift::Pairs(differences) => differences.estimate(),
            Shift::Single { centre, .. } => *centre,
        }
    }

    /// Interval at `alpha`, two-sided; `None` where there is too little data for one.
    #[must_use]
    pub fn interval(&self, alpha: f64) -> Option<(f64, f64)> {
        match self {
            Shift::Pairs(differences) => differences.interval(alpha),
            Shift::Single { centre, error } => {
                let reach = error * standard().inverse_cdf(1.0 - alpha / 2.0);
                Some((centre - reach, centre + reach))
            }
        }
    }

    /// Odds of data this bad, were the true shift `bound`.
    #[must_use]
    pub fn above(&self, bound: f64) -> f64 {
        match self {
            Shift::Pairs(differences) => differences.above(bound),
            Shift::Single { centre, error } => tail(centre - bound, *error),
        }
    }

    /// Odds of data this good, were the true shift `bound`.
    #[must_use]
    pub fn below(&self, bound: f64) -> f64 {
        match self {
            Shift::Pairs(differences) => differences.below(bound),
            Shift::Single { centre, error } => tail(bound - centre, *error),
        }
    }

    /// Smallest effect that such data finds four times in five, as a share.
    #[must_use]
    pub fn detectable(&self) -> Option<f64> {
        let error = match self {
            Shift::Pairs(differences) if differences.count() < 2 => return None,
            Shift::Pairs(differences) => {
                differences.deviation() / (EFFICIENCY * differences.count() as f64).sqrt()
            }
            Shift::Single { error, .. } => *error,
        };
        Some((FOUND * error).exp() - 1.0)
    }

    /// Pairs of runs.
    #[must_use]
    pub fn pairs(&self) -> u32 {
        match self {
            Shift::Pairs(differences) => u32::try_from(differences.count()).unwrap_or(u32::MAX),
            Shift::Single { .. } => 1,
        }
    }
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

    /// The formula's own table: run-to-run variation of 1, 2, 3, 5, 10 % at ten pairs detect 1.3, 2.6, 3.9, 6.6, 13.7 %.
    #[test]
    fn the_smallest_effect_is_as_tabulated() {
        let table = [(0.01, 0.013), (0.02, 0.026), (0.03, 0.039), (0.05, 0.066), (0.10, 0.137)];
        for (noise, wanted) in table {
            // Ten differences whose standard deviation is that of two runs.
            let spread = noise * 2.0_f64.sqrt() * (9.0_f64 / 10.0).sqrt();
            let values: Vec<f64> =
                (0..10).map(|n| if n % 2 == 0 { spread } else { -spread }).collect();
            let shift = Shift::Pairs(Differences::new(&values).expect("values"));
            let found = shift.detectable().expect("pairs");
            assert!((found - wanted).abs() < 0.001, "{noise}: {found}");
        }
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
        let shift = Shift::Single { centre: 0.2, error: 0.1 };
        let (low, high) = shift.interval(0.05).expect("always");
        assert!((low - 0.004).abs() < 1e-3 && (high - 0.396).abs() < 1e-3, "{low} {high}");
        assert!(shift.above(0.0) < 0.025 && shift.below(0.0) > 0.97);
        assert_eq!(shift.pairs(), 1);
    }
}
