//! The verdict on each figure and on all of them.
//!
//! A margin stands between a difference and a complaint. Worse than the margin beyond doubt is a
//! regression, better beyond doubt improved; not worse than the margin beyond doubt is all that
//! "no difference shown" says; the rest is inconclusive.

use std::collections::BTreeMap;

use super::Terms;
use super::holm;
use super::question::{Look, Powers, Question, margin};
use super::results::{Design, Outcome, Row};
use super::shift::Shift;
use crate::ledger::class::Class;
use crate::measure::correctness::counts::FLAGS;
use crate::measure::results::{Reason, Results, Verdict};
use crate::measure::verdict::{INVALID, REGRESSION};
use crate::metric::figure::Better;

/// Judges questions of one family together.
#[must_use]
pub fn rows(questions: &[Question], terms: &Terms, look: Look) -> Vec<Row> {
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
    let mut powers = Powers::new(look, raw.len());
    let row = |(n, question): (usize, &Question)| {
        let p_worse = corrected.get(&n).copied().unwrap_or_else(|| odds(n));
        let detectable = powers.detectable(question, terms, gated(question));
        Row { detectable, ..row(question, terms, look.alpha, (gated(question), p_worse)) }
    };
    questions.iter().enumerate().map(row).collect()
}

fn row(question: &Question, terms: &Terms, alpha: f64, (gated, p_worse): (bool, f64)) -> Row {
    let Question { figure, shown, shift, at_least, .. } = question;
    let margin = margin(figure, terms);
    let verdict = shift
        .as_ref()
        .map_or(Outcome::Inconclusive, |shift| outcome(shift, margin, alpha, p_worse));
    let ratio = |worse: f64| {
        let ratio = if figure.better == Better::Lower { worse.exp() } else { (-worse).exp() };
        Some(ratio).filter(|ratio| ratio.is_finite() && *ratio > 0.0)
    };
    let interval = shift.as_ref().and_then(|shift| shift.interval(alpha));
    let ends = interval.map(|(low, high)| match figure.better {
        Better::Lower => (ratio(low), ratio(high)),
        Better::Higher => (ratio(high), ratio(low)),
    });
    let bounded = at_least.0 || at_least.1 || decided_by_doubt(question, margin, alpha);
    Row {
        metric: figure.name.clone(),
        unit: figure.unit.to_owned(),
        better: figure.better,
        gated,
        base: shown.0,
        new: shown.1,
        base_at_least: at_least.0,
        new_at_least: at_least.1,
        ratio: shift.as_ref().and_then(|shift| ratio(shift.estimate())),
        low: ends.and_then(|ends| ends.0),
        high: ends.and_then(|ends| ends.1),
        detectable: None,
        pairs: shift.as_ref().map_or(0, Shift::pairs),
        p_worse: shift.is_some().then_some(p_worse),
        verdict,
        lacks_data: verdict == Outcome::Inconclusive && (bounded || question.missing.is_some()),
        note: note(question, alpha),
    }
}

/// Whether the figures as they stand would decide, were it not for the instrument's own delays.
fn decided_by_doubt(question: &Question, margin: f64, alpha: f64) -> bool {
    question.undoubted.as_ref().is_some_and(|shift| {
        outcome(shift, margin, alpha, shift.above(margin)) != Outcome::Inconclusive
    })
}

fn outcome(shift: &Shift, margin: f64, alpha: f64, p_worse: f64) -> Outcome {
    let level = alpha / 2.0 + 1e-12;
    if p_worse <= level {
        Outcome::Regression
    } else if shift.below(-margin) <= level {
        Outcome::Improved
    } else if shift.not_above(margin) <= level {
        Outcome::NoDifferenceShown
    } else {
        Outcome::Inconclusive
    }
}

/// What a reader has to know of a figure's data.
fn note(question: &Question, alpha: f64) -> Option<String> {
    let bounded = question.at_least.0 || question.at_least.1;
    let bound = bounded.then(|| {
        "a value marked >= is a lower bound, since some mail had no final answer".to_owned()
    });
    let doubt = question
        .undoubted
        .is_some()
        .then(|| "mailbench's own delays may have made a good part of it in some run".to_owned());
    let few = question
        .shift
        .as_ref()
        .is_some_and(|shift| shift.interval(alpha).is_none())
        .then(|| "too few pairs for an interval".to_owned());
    let all: Vec<String> =
        [question.missing.clone(), bound, doubt, few].into_iter().flatten().collect();
    (!all.is_empty()).then(|| all.join("; "))
}

/// Broken obligations: counts, in which chance has no part. Mail that is lost in one run and not
/// in the other is a difference by itself.
#[must_use]
pub fn violations(base: &[&Results], new: &[&Results]) -> Vec<Row> {
    let classes = Class::ALL.into_iter().filter(|class| class.is_violation()).map(Class::name);
    let flags = FLAGS.map(|(_, counted)| counted);
    let names = classes.chain(flags).chain(["duplicates_unexcused"]);
    let sum = |side: &[&Results], name: &str| {
        let counts = side.iter().map(|run| run.count_anywhere(name));
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
        base: Some(base),
        new: Some(new),
        base_at_least: false,
        new_at_least: false,
        ratio: None,
        low: None,
        high: None,
        detectable: None,
        pairs: 0,
        p_worse: None,
        verdict,
        lacks_data: false,
        note: Some("counted over all runs of a side".to_owned()),
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

/// One reason a figure that calls for one. What decides and lacks the data for it always does; a
/// figure whose data leave it open only of a design that was to decide it.
#[must_use]
pub fn reasons(side: &str, rows: &[Row], design: Design) -> Vec<Reason> {
    let reason = |row: &Row| {
        let (class, exit_code) = match row.verdict {
            Outcome::Regression => ("regression", REGRESSION),
            Outcome::Inconclusive if design.must_decide(row) => ("inconclusive", INVALID),
            _ => return None,
        };
        let ratio = row.ratio.map_or(String::new(), |ratio| format!(" ({ratio:.3} of the base)"));
        let words = row.verdict.words();
        let why = row.note.as_ref().filter(|_| row.verdict == Outcome::Inconclusive);
        let why = why.map_or(String::new(), |why| format!(": {why}"));
        let message = format!("{side}: {}{ratio}: {words}{why}", row.metric);
        Some(Reason { class: class.to_owned(), exit_code, message })
    };
    rows.iter().filter(|row| row.gated).filter_map(reason).collect()
}

/// The verdict of a comparison from its reasons. Its word never says less than its exit code.
#[must_use]
pub fn verdict(worst: Outcome, reasons: Vec<Reason>) -> Verdict {
    let exit_code = crate::measure::verdict::exit_code(&reasons, false, &[]);
    let status = match exit_code {
        0 => worst.words(),
        REGRESSION => Outcome::Regression.words(),
        INVALID => Outcome::Inconclusive.words(),
        _ => "fail",
    };
    Verdict { status: status.to_owned(), exit_code, reasons }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::comparison::figure::blank;
    use crate::measure::comparison::question::{Looks, open};
    use crate::measure::comparison::shift::Range;

    fn question(name: &str, differences: &[f64]) -> Question {
        of_ranges(name, differences, (false, false))
    }

    /// Every pair with the same bounds.
    fn of_ranges(name: &str, differences: &[f64], at_least: (bool, bool)) -> Question {
        let figure = blank(name);
        let ends = open(figure.better, at_least);
        let ranges: Vec<Range> = differences.iter().map(|it| Range::new(*it, ends)).collect();
        let shift = Shift::of_pairs(&ranges);
        Question {
            figure,
            shown: (Some(1.0), Some(1.0)),
            shift,
            at_least,
            undoubted: None,
            missing: None,
        }
    }

    const ONCE: Look = Look { alpha: 0.05, looks: Looks::Once };

    fn spread(around: f64) -> Vec<f64> {
        (0..10).map(|n| around + 0.004 * (f64::from(n) - 4.5)).collect()
    }

    fn judged(questions: &[Question]) -> Vec<Outcome> {
        rows(questions, &Terms::default(), ONCE).iter().map(|row| row.verdict).collect()
    }

    const GATED: &str = "e2e_response.p50";

    #[test]
    fn a_difference_within_the_margin_is_no_regression() {
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

    /// Six pairs have 64 signs: one that is all worse has odds of 1/64.
    #[test]
    fn odds_equal_to_the_level_decide() {
        let look = Look { alpha: 1.0 / 32.0, looks: Looks::Once };
        let six = question(GATED, &spread(0.3)[..6]);
        assert_eq!(rows(&[six], &Terms::default(), look)[0].verdict, Outcome::Regression);
    }

    #[test]
    fn too_few_pairs_prove_nothing() {
        assert_eq!(judged(&[question(GATED, &[0.5; 5])]), [Outcome::Inconclusive]);
        assert_eq!(judged(&[question(GATED, &[])]), [Outcome::Inconclusive]);
    }

    #[test]
    fn a_lower_bound_can_prove_its_own_side_worse_and_never_better() {
        let with =
            |name, around, at_least| judged(&[of_ranges(name, &spread(around), at_least)])[0];
        assert_eq!(with(GATED, 0.3, (false, true)), Outcome::Regression);
        assert_eq!(with(GATED, 0.3, (true, false)), Outcome::Inconclusive);
        assert_eq!(with(GATED, -0.3, (true, false)), Outcome::Improved);
        assert_eq!(with(GATED, -0.3, (false, true)), Outcome::Inconclusive);
        assert_eq!(with(GATED, 0.0, (false, true)), Outcome::Inconclusive);
        assert_eq!(with(GATED, 0.0, (true, false)), Outcome::NoDifferenceShown);
        // More is better: a lower bound of the new side makes that one better than it looks.
        assert_eq!(with("delivered.rate", 0.3, (false, true)), Outcome::Inconclusive);
        assert_eq!(with("delivered.rate", 0.3, (true, false)), Outcome::Regression);
        assert_eq!(with("delivered.rate", -0.3, (false, true)), Outcome::Improved);
    }

    #[test]
    fn what_decides_without_data_is_a_reason_everywhere() {
        let lacking = Question {
            missing: Some("base: 50 samples, p99 needs 368".to_owned()),
            ..question("e2e_response.p99", &[])
        };
        let bound = of_ranges(GATED, &spread(0.0), (true, true));
        let rows = rows(&[lacking, bound], &Terms::default(), ONCE);
        for design in [Design::Single, Design::Paired] {
            let reasons = reasons("new", &rows, design);
            assert_eq!(reasons.len(), 2, "{reasons:?}");
            assert!(reasons[0].message.ends_with("inconclusive: base: 50 samples, p99 needs 368"));
            let verdict = verdict(Outcome::Inconclusive, reasons);
            assert_eq!((verdict.exit_code, verdict.status.as_str()), (96, "inconclusive"));
        }
        // Data that leave it open are no missing data.
        let wide = judge_one(&spread(0.05));
        assert!(!wide.lacks_data && reasons("new", &[wide], Design::Single).is_empty());
    }

    fn judge_one(differences: &[f64]) -> Row {
        rows(&[question(GATED, differences)], &Terms::default(), ONCE).remove(0)
    }

    #[test]
    fn the_word_never_says_less_than_the_exit_code() {
        let reason = |exit_code| Reason { class: String::new(), exit_code, message: String::new() };
        let word = |code| verdict(Outcome::Improved, vec![reason(code)]).status;
        assert_eq!([97, 99, 98, 96].map(word), ["fail", "fail", "regression", "inconclusive"]);
        assert_eq!(verdict(Outcome::Improved, Vec::new()).status, "improved");
    }

    #[test]
    fn several_figures_and_an_extension_change_what_can_be_found() {
        let of = |names: &[&str], looks| {
            let questions: Vec<Question> =
                names.iter().map(|name| question(name, &spread(0.0))).collect();
            let look = Look { alpha: 0.025, looks };
            rows(&questions, &Terms::default(), look)[0].detectable.expect("enough pairs")
        };
        let one = of(&[GATED], Looks::Once);
        let four = [GATED, "e2e_response.p99", "submit_response.p99", "delivered.rate"];
        assert!(one > 0.05, "beyond the margin");
        assert!(of(&four, Looks::Once) > one);
        assert!(of(&four, Looks::MayExtend) < of(&four, Looks::Once));
    }

    #[test]
    fn a_rate_is_shown_the_way_it_reads() {
        let rate = question("delivered.rate", &spread(0.2));
        let row = rows(&[rate], &Terms::default(), ONCE).remove(0);
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
