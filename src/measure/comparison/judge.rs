//! The verdict on each figure and on all of them.
//!
//! A margin stands between a difference and a complaint. Worse than the margin beyond doubt is a
//! regression, better beyond doubt improved; not worse than the margin beyond doubt is all that
//! "no difference shown" says; the rest is inconclusive.

use std::collections::BTreeMap;

use super::Terms;
use super::figure::Figure;
use super::holm;
use super::results::{Better, Outcome, Row};
use super::shift::Shift;
use crate::ledger::class::Class;
use crate::measure::results::{Reason, Results, Verdict};
use crate::measure::verdict::{INVALID, REGRESSION};

/// One figure of two sides, about to be judged.
pub struct Question {
    /// The figure; its value is of no account.
    pub figure: Figure,
    /// Base and new, as shown.
    pub shown: (f64, Option<f64>),
    /// How much worse new is.
    pub shift: Option<Shift>,
    /// Whether base or new is only known to be at least what is shown.
    pub at_least: (bool, bool),
}

/// How much worse `new` is, on the logarithmic scale.
#[must_use]
pub fn worse(base: &Figure, new: &Figure) -> f64 {
    let rise = (new.value / base.value).ln();
    if base.better == Better::Lower { rise } else { -rise }
}

/// Judges questions of one family together; `alpha` is two-sided.
#[must_use]
pub fn rows(questions: &[Question], terms: &Terms, alpha: f64) -> Vec<Row> {
    let gated = |question: &Question| terms.gate.contains(&question.figure.name);
    let decisive: Vec<usize> = (0..questions.len()).filter(|n| gated(&questions[*n])).collect();
    let odds = |n: usize| {
        let question = &questions[n];
        let margin = margin(&question.figure, terms);
        question.shift.as_ref().map_or(1.0, |shift| shift.above(margin))
    };
    let raw: Vec<f64> = decisive.iter().map(|n| odds(*n)).collect();
    let corrected: BTreeMap<usize, f64> =
        decisive.iter().copied().zip(holm::adjusted(&raw)).collect();
    let row = |(n, question): (usize, &Question)| {
        let p_worse = corrected.get(&n).copied().unwrap_or_else(|| odds(n));
        row(question, terms, alpha, (gated(question), p_worse))
    };
    questions.iter().enumerate().map(row).collect()
}

/// The margin on the logarithmic scale.
fn margin(figure: &Figure, terms: &Terms) -> f64 {
    let share = if figure.throughput { terms.throughput_margin } else { terms.latency_margin };
    share.ln_1p()
}

fn row(question: &Question, terms: &Terms, alpha: f64, (gated, p_worse): (bool, f64)) -> Row {
    let Question { figure, shown, shift, at_least } = question;
    let margin = margin(figure, terms);
    let verdict = shift.as_ref().map(|shift| outcome(shift, margin, alpha, p_worse));
    let (verdict, note) = caution(verdict, *at_least, shift.as_ref(), alpha);
    let ratio =
        |worse: f64| if figure.better == Better::Lower { worse.exp() } else { (-worse).exp() };
    let interval = shift.as_ref().and_then(|shift| shift.interval(alpha));
    let ends = interval.map(|(low, high)| (ratio(low), ratio(high)));
    Row {
        metric: figure.name.clone(),
        unit: figure.unit.to_owned(),
        better: figure.better,
        gated,
        base: shown.0,
        new: shown.1,
        ratio: shift.as_ref().map(|shift| ratio(shift.estimate())),
        low: ends.map(|(a, b)| a.min(b)),
        high: ends.map(|(a, b)| a.max(b)),
        detectable: shift.as_ref().and_then(Shift::detectable),
        pairs: shift.as_ref().map_or(0, Shift::pairs),
        p_worse: shift.is_some().then_some(p_worse),
        verdict,
        note,
        base_at_least: at_least.0,
        new_at_least: at_least.1,
    }
}

fn outcome(shift: &Shift, margin: f64, alpha: f64, p_worse: f64) -> Outcome {
    let level = alpha / 2.0 + 1e-12;
    if p_worse <= level {
        Outcome::Regression
    } else if shift.below(-margin) <= level {
        Outcome::Improved
    } else if shift.below(margin) <= level {
        Outcome::NoDifferenceShown
    } else {
        Outcome::Inconclusive
    }
}

/// Takes back what a bound does not bear out: a value that is only known to be at least so large
/// can prove its own side worse, never better.
fn caution(
    verdict: Option<Outcome>,
    (base, new): (bool, bool),
    shift: Option<&Shift>,
    alpha: f64,
) -> (Outcome, Option<String>) {
    let cut_off = "cut off by the end of the run: the value is a lower bound";
    match verdict {
        None => (
            Outcome::Inconclusive,
            Some("one side has no such figure, or too few samples for it".to_owned()),
        ),
        Some(Outcome::Regression) if base => (Outcome::Inconclusive, Some(cut_off.to_owned())),
        Some(Outcome::Improved | Outcome::NoDifferenceShown) if new => {
            (Outcome::Inconclusive, Some(cut_off.to_owned()))
        }
        Some(verdict) if shift.is_some_and(|shift| shift.interval(alpha).is_none()) => {
            (verdict, Some("too few pairs for an interval".to_owned()))
        }
        Some(verdict) => (verdict, (base || new).then(|| cut_off.to_owned())),
    }
}

/// Broken obligations: counts, in which chance has no part. Mail that is lost in one run and not
/// in the other is a difference by itself.
#[must_use]
pub fn violations(base: &[&Results], new: &[&Results]) -> Vec<Row> {
    let classes = Class::ALL.into_iter().filter(|class| class.is_violation()).map(Class::name);
    let names = classes.chain(["phantom", "duplicates_unexcused"]);
    let sum = |side: &[&Results], name: &str| {
        let counts = side.iter().map(|run| run.counts.get(name).copied().unwrap_or(0));
        counts.sum::<u64>() as f64
    };
    let counted = names.map(|name| (name, sum(base, name), sum(new, name)));
    let found = counted.filter(|(_, base, new)| base + new > 0.0);
    found.map(|(name, base, new)| count(name, base, new)).collect()
}

fn count(name: &str, base: f64, new: f64) -> Row {
    let verdict = match base.total_cmp(&new) {
        std::cmp::Ordering::Less => Outcome::Regression,
        std::cmp::Ordering::Equal => Outcome::NoDifferenceShown,
        std::cmp::Ordering::Greater => Outcome::Improved,
    };
    Row {
        metric: name.to_owned(),
        unit: String::new(),
        better: Better::Lower,
        gated: true,
        base,
        new: Some(new),
        ratio: None,
        low: None,
        high: None,
        detectable: None,
        pairs: 0,
        p_worse: None,
        verdict,
        note: Some("counted over all runs of a side".to_owned()),
        base_at_least: false,
        new_at_least: false,
    }
}

/// The worst of what decides; improved only where something is and nothing is worse.
#[must_use]
pub fn overall(rows: &[Row]) -> Outcome {
    let decisive = || rows.iter().filter(|row| row.gated).map(|row| row.verdict);
    match decisive().max() {
        None => Outcome::Inconclusive,
        Some(Outcome::NoDifferenceShown) if decisive().any(|one| one == Outcome::Improved) => {
            Outcome::Improved
        }
        Some(worst) => worst,
    }
}

/// One reason a figure that calls for one.
#[must_use]
pub fn reasons(side: &str, rows: &[Row], inconclusive_fails: bool) -> Vec<Reason> {
    let reason = |row: &Row| {
        let (class, exit_code) = match row.verdict {
            Outcome::Regression => ("regression", REGRESSION),
            Outcome::Inconclusive if inconclusive_fails => ("inconclusive", INVALID),
            _ => return None,
        };
        let ratio = row.ratio.map_or(String::new(), |ratio| format!(" ({ratio:.3} of the base)"));
        let words = row.verdict.words();
        let message = format!("{side}: {}{ratio}: {words}", row.metric);
        Some(Reason { class: class.to_owned(), exit_code, message })
    };
    rows.iter().filter(|row| row.gated).filter_map(reason).collect()
}

/// The verdict of a comparison from its reasons.
#[must_use]
pub fn verdict(worst: Outcome, reasons: Vec<Reason>) -> Verdict {
    let exit_code = crate::measure::verdict::exit_code(&reasons, false, &[]);
    Verdict { status: worst.words().to_owned(), exit_code, reasons }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::comparison::signed_rank::Differences;

    fn question(name: &str, differences: &[f64]) -> Question {
        let figure = Figure {
            name: name.to_owned(),
            unit: "us",
            better: Better::Lower,
            throughput: false,
            value: 0.0,
            at_least: false,
            error: 0.0,
        };
        let shift = Differences::new(differences).map(Shift::Pairs);
        Question { figure, shown: (1.0, Some(1.0)), shift, at_least: (false, false) }
    }

    fn spread(around: f64) -> Vec<f64> {
        (0..10).map(|n| around + 0.004 * (f64::from(n) - 4.5)).collect()
    }

    fn judged(questions: &[Question]) -> Vec<Outcome> {
        rows(questions, &Terms::default(), 0.05).iter().map(|row| row.verdict).collect()
    }

    const GATED: &str = "e2e_response.p50";

    #[test]
    fn the_margin_stands_between_a_difference_and_a_complaint() {
        let verdict = |around: f64| judged(&[question(GATED, &spread(around))])[0];
        assert_eq!(verdict(0.15), Outcome::Regression);
        assert_eq!(verdict(0.02), Outcome::NoDifferenceShown, "worse, but within the margin");
        assert_eq!(verdict(0.05), Outcome::Inconclusive);
        assert_eq!(verdict(-0.02), Outcome::NoDifferenceShown);
        assert_eq!(verdict(-0.15), Outcome::Improved);
    }

    #[test]
    fn several_questions_need_stronger_answers() {
        // Six pairs can reject one question at 0.025, not one of four.
        let six = &spread(0.3)[..6];
        assert_eq!(judged(&[question(GATED, six)]), [Outcome::Regression]);
        let quiet = spread(0.0);
        let four = ["e2e_response.p99", "submit_response.p99", "delivered.rate"];
        let mut questions = vec![question(GATED, six)];
        questions.extend(four.map(|name| question(name, &quiet)));
        assert_eq!(judged(&questions)[0], Outcome::Inconclusive);
        // What only informs is no question of the family.
        let lone = [question("x", &quiet), question(GATED, six), question("y", &quiet)];
        assert_eq!(judged(&lone)[1], Outcome::Regression);
    }

    #[test]
    fn too_few_pairs_prove_nothing() {
        assert_eq!(judged(&[question(GATED, &[0.5; 5])]), [Outcome::Inconclusive]);
        assert_eq!(judged(&[question(GATED, &[])]), [Outcome::Inconclusive]);
    }

    #[test]
    fn a_lower_bound_can_prove_its_own_side_worse_and_never_better() {
        let with = |around, at_least| {
            judged(&[Question { at_least, ..question(GATED, &spread(around)) }])[0]
        };
        assert_eq!(with(0.3, (false, true)), Outcome::Regression);
        assert_eq!(with(0.3, (true, false)), Outcome::Inconclusive);
        assert_eq!(with(-0.3, (true, false)), Outcome::Improved);
        assert_eq!(with(-0.3, (false, true)), Outcome::Inconclusive);
        assert_eq!(with(0.0, (false, true)), Outcome::Inconclusive);
    }

    #[test]
    fn a_rate_is_shown_the_way_it_reads() {
        let mut rate = question("delivered.rate", &spread(0.2));
        (rate.figure.better, rate.figure.throughput) = (Better::Higher, true);
        let row = rows(&[rate], &Terms::default(), 0.05).remove(0);
        assert_eq!(row.verdict, Outcome::Regression);
        let (low, ratio, high) = (row.low.unwrap_or(0.0), row.ratio.unwrap_or(0.0), row.high);
        assert!((ratio - (-0.2_f64).exp()).abs() < 1e-6);
        assert!(low < ratio && high.is_some_and(|high| ratio < high));
    }

    #[test]
    fn the_worst_figure_that_decides_is_the_verdict() {
        let all = |outcomes: &[Outcome]| {
            let rows: Vec<Row> = outcomes
                .iter()
                .map(|verdict| Row { verdict: *verdict, ..count("x", 0.0, 1.0) })
                .collect();
            overall(&rows)
        };
        use Outcome::{Improved, Inconclusive, NoDifferenceShown, Regression};
        assert_eq!(all(&[Improved, NoDifferenceShown]), Improved);
        assert_eq!(all(&[Improved, Inconclusive]), Inconclusive);
        assert_eq!(all(&[Improved, Inconclusive, Regression]), Regression);
        assert_eq!(all(&[NoDifferenceShown]), NoDifferenceShown);
        assert_eq!(all(&[]), Inconclusive);
    }
}
