//! What is asked of one figure: its shift between two sides, what is not known of it, and how the
//! answer will be decided.

use std::collections::BTreeMap;

use super::figure::Figure;
use super::shift::{Range, Shift};
use super::{Terms, power};
use crate::metric::figure::Better;

/// One figure of two sides, about to be judged.
pub struct Question {
    /// The figure; its value is of no account.
    pub figure: Figure,
    /// Base and new, as shown; `None` where no run of a side has the figure.
    pub shown: (Option<f64>, Option<f64>),
    /// How much worse new is; `None` where no pair has the figure on both sides.
    pub shift: Option<Shift>,
    /// Whether base or new is only known to be at least what is shown.
    pub at_least: (bool, bool),
    /// Where the instrument's own delays may have made a good part of base or new: the shift as if
    /// they had not.
    pub undoubted: Option<Shift>,
    /// What is missing, in words.
    pub missing: Option<String>,
}

/// How the questions of one family are decided.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    /// Odds of a false alarm of this look, two-sided.
    pub alpha: f64,
    /// Which looks there are.
    pub looks: Looks,
}

/// How often the data of a comparison are looked at.
#[derive(Clone, Copy, Debug)]
pub enum Looks {
    /// Once.
    Once,
    /// Once more after as many pairs again, where this look is inconclusive.
    MayExtend,
    /// This is the second look; the first was after so many pairs.
    Extended(usize),
}

impl Looks {
    /// The numbers of pairs looked at, of a figure that has `pairs` now.
    #[must_use]
    pub fn at(self, pairs: usize) -> Vec<usize> {
        match self {
            Looks::MayExtend => vec![pairs, 2 * pairs],
            Looks::Extended(first) if first < pairs => vec![first, pairs],
            Looks::Once | Looks::Extended(_) => vec![pairs],
        }
    }
}

/// How much worse `new` is, on the logarithmic scale.
#[must_use]
pub fn worse(base: &Figure, new: &Figure) -> f64 {
    let rise = new.log() - base.log();
    if base.better == Better::Lower { rise } else { -rise }
}

/// Which way the true shift may lie further than it was measured, below and above: a lower bound
/// of a figure of which less is better leaves its own side worse than it looks.
#[must_use]
pub fn open(better: Better, (base, new): (bool, bool)) -> (bool, bool) {
    if better == Better::Lower { (base, new) } else { (new, base) }
}

/// What one pair says of the shift, the instrument's own delays apart.
#[must_use]
pub fn undoubted(base: Option<&Figure>, new: Option<&Figure>) -> Range {
    let (Some(base), Some(new)) = (base, new) else { return Range::UNKNOWN };
    Range::new(worse(base, new), open(base.better, (base.at_least, new.at_least)))
}

/// How far below, and above, the true shift may lie without the instrument's own delays.
#[must_use]
pub fn doubt(base: &Figure, new: &Figure) -> (f64, f64) {
    let ((base_down, base_up), (new_down, new_up)) = (base.doubt(), new.doubt());
    match base.better {
        Better::Lower => (new_down + base_up, new_up + base_down),
        Better::Higher => (new_up + base_down, new_down + base_up),
    }
}

/// What one pair says of the shift.
#[must_use]
pub fn range(base: Option<&Figure>, new: Option<&Figure>) -> Range {
    let known = undoubted(base, new);
    let (less, more) = base.zip(new).map_or((0.0, 0.0), |(base, new)| doubt(base, new));
    Range { least: known.least - less, most: known.most + more, ..known }
}

/// The margin on the logarithmic scale.
pub(super) fn margin(figure: &Figure, terms: &Terms) -> f64 {
    let share = if figure.throughput { terms.throughput_margin } else { terms.latency_margin };
    share.ln_1p()
}

/// What can be found, by number of pairs and whether the figure decides: few numbers for many
/// figures.
pub(super) struct Powers {
    look: Look,
    /// How many figures decide.
    family: usize,
    known: BTreeMap<(usize, bool), Option<f64>>,
}

impl Powers {
    /// Of `family` figures that decide.
    pub(super) fn new(look: Look, family: usize) -> Powers {
        Powers { look, family: family.max(1), known: BTreeMap::new() }
    }

    /// The smallest regression that is found with power 0.8, as a share. What only informs is
    /// asked alone, and extends nothing.
    pub(super) fn detectable(
        &mut self,
        question: &Question,
        terms: &Terms,
        gated: bool,
    ) -> Option<f64> {
        let looks = if gated { self.look.looks } else { Looks::Once };
        let family = if gated { self.family } else { 1 };
        let level = self.look.alpha / 2.0 / family as f64;
        let of_pairs = |pairs: usize| {
            let known = self.known.entry((pairs, gated));
            *known.or_insert_with(|| power::detectable(&looks.at(pairs), level))
        };
        let margin = margin(&question.figure, terms);
        let shift = question.shift.as_ref()?.detectable(margin, level, of_pairs)?;
        Some(shift.exp_m1())
    }
}

#[cfg(test)]
mod tests {
    use super::super::figure::blank;
    use super::*;

    #[test]
    fn the_numbers_of_pairs_that_are_looked_at() {
        assert_eq!(Looks::Once.at(10), [10]);
        assert_eq!(Looks::MayExtend.at(10), [10, 20]);
        assert_eq!(Looks::Extended(10).at(20), [10, 20]);
        assert_eq!(Looks::Extended(10).at(10), [10], "the rest lacks the figure");
        assert_eq!(Looks::Extended(10).at(7), [7]);
    }

    /// A rate that halves is worse by ln 2; what each side may be besides adds up.
    #[test]
    fn doubt_of_both_sides_adds_up_the_way_the_figure_is_better() {
        let of = |name: &str, value: f64, least: f64, most: f64| {
            figure(name, value, Some((least, most)))
        };
        let rate = |value, least, most| of("delivered.rate", value, least, most);
        let (base, new) = (rate(100.0, 80.0, 120.0), rate(50.0, 40.0, 75.0));
        assert!((worse(&base, &new) - 2.0_f64.ln()).abs() < 1e-12);
        let close = |(a, b): (f64, f64), (c, d): (f64, f64)| {
            assert!((a - c).abs() < 1e-12 && (b - d).abs() < 1e-12, "{a} {b}, {c} {d}");
        };
        close(doubt(&base, &new), (1.5_f64.ln() + 1.25_f64.ln(), 1.25_f64.ln() + 1.2_f64.ln()));
        let time = |value, least, most| of("drain_time", value, least, most);
        let (base, new) = (time(100.0, 80.0, 120.0), time(50.0, 40.0, 75.0));
        close(doubt(&base, &new), (1.25_f64.ln() + 1.2_f64.ln(), 1.5_f64.ln() + 1.25_f64.ln()));
    }

    /// What informs only is asked alone and once; what decides among two, at half the level.
    #[test]
    fn a_figure_is_found_at_its_share_of_the_level() {
        let ranges: Vec<Range> =
            (0..10).map(|n| Range::new(0.01 * f64::from(n), (false, false))).collect();
        let question = Question {
            figure: figure("e2e_response.p50", 1.0, None),
            shown: (None, None),
            shift: Shift::of_pairs(&ranges),
            at_least: (false, false),
            undoubted: None,
            missing: None,
        };
        let shift = question.shift.as_ref().expect("pairs");
        let expected = |looks: &[usize], level: f64| {
            let margin = 0.05_f64.ln_1p();
            shift.detectable(margin, level, |_| power::detectable(looks, level)).map(f64::exp_m1)
        };
        let mut powers = Powers::new(Look { alpha: 0.05, looks: Looks::MayExtend }, 2);
        let mut found = |gated| powers.detectable(&question, &Terms::default(), gated);
        assert_eq!(found(true), expected(&[10, 20], 0.0125));
        assert_eq!(found(false), expected(&[10], 0.025));
    }

    fn figure(name: &str, value: f64, within: Option<(f64, f64)>) -> Figure {
        Figure { value, within, ..blank(name) }
    }

    /// New three times as slow as base; what of that the instrument's delays can have made decides.
    #[test]
    fn a_figure_in_doubt_leaves_open_what_its_doubt_reaches() {
        let base = figure("e2e_response.p99", 100.0, None);
        let shift = |within| {
            let new = figure("e2e_response.p99", 300.0, within);
            range(Some(&base), Some(&new))
        };
        let sure = shift(None);
        assert_eq!((Some(sure.least), Some(sure.most)), (sure.seen, sure.seen));
        let doubtful = shift(Some((90.0, 300.0)));
        assert!((doubtful.least - 0.9_f64.ln()).abs() < 1e-12, "{doubtful:?}");
        assert!((doubtful.most - 3.0_f64.ln()).abs() < 1e-12, "{doubtful:?}");
        let hidden = shift(Some((300.0, 600.0)));
        assert!((hidden.most - 6.0_f64.ln()).abs() < 1e-12, "{hidden:?}");
        let slow_base = figure("e2e_response.p99", 100.0, Some((20.0, 100.0)));
        let worse = range(Some(&slow_base), Some(&figure("e2e_response.p99", 100.0, None)));
        assert!((worse.most - 5.0_f64.ln()).abs() < 1e-12, "the base may have been faster");
        let open = Figure { at_least: true, ..figure("e2e_response.p99", 300.0, None) };
        assert_eq!(range(Some(&base), Some(&open)).most, f64::INFINITY);
    }
}
