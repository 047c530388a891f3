//! What a comparison can find, before any run is made: by the variation from run to run, which is
//! not known yet.

use super::question::Looks;
use super::signed_rank::fewest_pairs;
use super::{ALPHA, Terms, power};
use crate::scenario::model::Compare;

/// A comparison that was not run yet.
#[derive(Clone, Copy, Debug)]
pub struct Planned {
    /// Pairs of the first look.
    pub pairs: usize,
    /// Figures that decide.
    pub gated: usize,
    /// Share by which a latency or size may be worse.
    pub margin: f64,
    /// One-sided level of one figure at one look.
    level: f64,
    looks: Looks,
}

impl Planned {
    /// By `[compare]` and what decides in it.
    #[must_use]
    pub fn new(compare: &Compare, terms: &Terms) -> Planned {
        let looks = if compare.extend { Looks::MayExtend } else { Looks::Once };
        let alpha = if compare.extend { ALPHA / 2.0 } else { ALPHA };
        let contrasts = compare.variants.len().saturating_sub(1).max(1);
        let gated = terms.gate.len().max(1);
        Planned {
            pairs: compare.pairs as usize,
            gated,
            margin: terms.latency_margin,
            level: alpha / 2.0 / (contrasts * gated) as f64,
            looks,
        }
    }

    /// The smallest regression of a latency that is found with power 0.8, as a share, at a
    /// run-to-run variation of `variation` (a share, too): see
    /// [`Row::detectable`](super::results::Row::detectable). `None` where there are too few pairs
    /// for any.
    #[must_use]
    pub fn detectable(&self, variation: f64) -> Option<f64> {
        let standard = power::detectable(&self.looks.at(self.pairs), self.level)?;
        // The difference of two runs varies by the square root of two times as much.
        let spread = variation * std::f64::consts::SQRT_2;
        Some((self.margin.ln_1p() + standard * spread).exp_m1())
    }

    /// Fewest pairs with which a look finds anything.
    #[must_use]
    pub fn needs(&self) -> usize {
        fewest_pairs(self.level)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn planned(pairs: u32, gate: usize, extend: bool) -> Planned {
        let text = format!(
            "[load]\nrate = \"1/s\"\n[[destination]]\ndomain = \"a.test\"\n\
             [compare]\npairs = {pairs}\nextend = {extend}\n\
             [[compare.variant]]\nname = \"a\"\n[[compare.variant]]\nname = \"b\"\n"
        );
        let loaded = crate::scenario::parse("pairs.toml", &text, &[]).expect("a scenario");
        let compare = loaded.scenario.compare.expect("variants");
        let gate = (0..gate).map(|n| n.to_string()).collect();
        Planned::new(&compare, &Terms { gate, ..Terms::default() })
    }

    #[test]
    fn what_is_found_lies_beyond_the_margin_and_grows_with_the_noise() {
        let ten = planned(10, 4, true);
        let found: Vec<f64> =
            [0.01, 0.03, 0.1].iter().filter_map(|it| ten.detectable(*it)).collect();
        assert!(found.len() == 3 && found[0] > 0.05 && found.is_sorted(), "{found:?}");
    }

    /// The margin, and of a variation of 3 % the square root of two times as much.
    #[test]
    fn what_is_found_is_the_margin_and_some_deviations_of_a_difference() {
        let standard = power::detectable(&[10], 0.05 / 2.0).expect("enough pairs");
        let expected = 1.05 * (standard * 0.03 * 2.0_f64.sqrt()).exp() - 1.0;
        let found = planned(10, 1, false).detectable(0.03).expect("enough pairs");
        assert!((found - expected).abs() < 1e-12, "{found} {expected}");
    }

    #[test]
    fn too_few_pairs_find_nothing_and_say_how_many_would() {
        let six = planned(6, 4, false);
        assert_eq!((six.detectable(0.01), six.needs()), (None, 8));
        assert!(planned(8, 4, false).detectable(0.01).is_some());
    }
}
