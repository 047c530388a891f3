//! What is tried once more at the end of a search, because later trials speak against it.

use super::Step;
use crate::measure::capacity::classify::Goal;
use crate::measure::capacity::loads::{CONTRADICTING, Evidence, Load};
use crate::measure::capacity::results::{Outcome, Trial};

/// What later trials speak against is tried once more: a lower bound that was last good before some
/// load was bad; an upper bound at which less was delivered than was sustained since; a higher load
/// that was good before the upper bound was bad, for as long as it was good then.
pub(crate) fn again(
    trials: &[Trial],
    evidence: &Evidence,
    (lower, upper): (Option<&Load>, &Load),
    goal: &Goal,
) -> Option<Step> {
    let outcome = |place: usize| trials[place].outcome();
    let last_good = |load: &Load| {
        load.trials.iter().rev().copied().find(|place| outcome(*place) == Outcome::Good)
    };
    let full = |load: &Load| Step::Try { rate: load.rate, full: true };
    if let Some(lower) = lower {
        let good = last_good(lower).unwrap_or(0);
        let again = lower.trials.iter().filter(|place| **place > good).count();
        let mut places = evidence.loads.iter().flat_map(|load| &load.trials);
        let is_doubted = places.any(|place| *place > good && outcome(*place) == Outcome::Bad);
        if is_doubted && again < CONTRADICTING {
            return Some(full(lower));
        }
        if is_outdone(upper, lower, goal) {
            return Some(full(upper));
        }
    }
    let newest = upper.trials.last().copied().unwrap_or(0);
    let doubted = |load: &&Load| {
        let good = last_good(load);
        let bad_since = good.map(|good| load.trials.iter().filter(|at| **at > good).count());
        load.rate > upper.rate * (1.0 + goal.width)
            && good.is_some_and(|good| good < newest)
            && bad_since.is_some_and(|bad| bad < CONTRADICTING)
    };
    let higher = evidence.loads.iter().rev().find(doubted)?;
    let is_full = |place: &usize| trials[*place].duration_s >= goal.final_s;
    let full = higher.trials.iter().any(|at| outcome(*at) == Outcome::Good && is_full(at));
    Some(Step::Try { rate: higher.rate, full })
}

/// Whether more was sustained after the trials at `upper` than was delivered in them.
fn is_outdone(upper: &Load, lower: &Load, goal: &Goal) -> bool {
    let is_older = lower.trials.first() > upper.trials.last();
    let delivered = upper.delivered.filter(|_| is_older).and_then(|it| it.saturated);
    delivered.is_some_and(|it| it.per_s * (1.0 + goal.width) < lower.proved())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::capacity::classify::Bound;
    use crate::measure::capacity::delivered::{Delivered, Estimate};
    use crate::measure::capacity::loads::tests::limited;

    const GOAL: Goal = Goal { final_s: 10.0, sum_s: 30.0, loss: 0.001, exceed: 0.5, width: 0.05 };

    fn good(rate: f64) -> Trial {
        limited(rate, 10.0, 1e9)
    }

    fn bad(rate_per_s: f64) -> Trial {
        let reasons = vec!["p99".to_owned()];
        Trial { rate_per_s, duration_s: 10.0, reasons, ..Trial::default() }
    }

    fn silent(rate: f64) -> Trial {
        Trial { good: false, without_data: vec!["p99".to_owned()], ..good(rate) }
    }

    fn tried(trials: &[Trial], goal: &Goal) -> Option<(f64, bool)> {
        let evidence = Evidence::of(trials, goal);
        let (lower, upper) = evidence.bounds();
        match again(trials, &evidence, (lower, upper.expect("an upper bound")), goal)? {
            Step::Try { rate, full } => Some((rate, full)),
            Step::Done(_) => None,
        }
    }

    #[test]
    fn a_lower_bound_is_tried_again_after_a_load_was_bad() {
        let mut trials = vec![good(80.0), good(80.0), bad(84.0), bad(84.0)];
        assert_eq!(tried(&trials, &GOAL), Some((80.0, true)));
        trials.push(silent(80.0));
        assert_eq!(tried(&trials, &GOAL), Some((80.0, true)), "once more");
        trials.push(silent(80.0));
        assert_eq!(tried(&trials, &GOAL), None, "twice is enough");
    }

    #[test]
    fn a_lower_bound_that_was_good_last_is_not_in_doubt() {
        let trials = [bad(84.0), bad(84.0), good(80.0), good(80.0), good(60.0)];
        assert_eq!(tried(&trials, &GOAL), None);
    }

    /// What is sustained up to 100/s was bad at 80/s since.
    #[test]
    fn a_higher_load_that_was_good_is_tried_again() {
        let goal = Goal { width: 0.25, ..GOAL };
        let with = |rate: f64, duration_s: f64, since: &[Trial]| {
            let higher = Trial { duration_s, ..good(rate) };
            let trials = [&[higher], &[bad(80.0), bad(80.0)][..], since].concat();
            tried(&trials, &goal)
        };
        assert_eq!(with(101.0, 10.0, &[]), Some((101.0, true)));
        assert_eq!(with(101.0, 5.0, &[]), Some((101.0, false)), "for as long as it was good");
        assert_eq!(with(100.0, 10.0, &[]), None, "at the width");
        assert_eq!(with(90.0, 10.0, &[]), None, "within the width");
        assert_eq!(with(101.0, 10.0, &[silent(101.0)]), Some((101.0, true)));
        assert_eq!(with(101.0, 10.0, &[silent(101.0), silent(101.0)]), None, "twice is enough");
    }

    fn load(rate: f64, trials: &[usize], per_s: f64, is_saturated: bool) -> Load {
        let exactly = Estimate { per_s, error: 0.0, rounding: 0.0 };
        let saturated = is_saturated.then_some(exactly);
        Load {
            rate,
            bound: Bound::Undecided,
            is_exhausted: false,
            is_silent: false,
            is_bad: is_saturated,
            trials: trials.to_vec(),
            delivered: Some(Delivered { most: exactly, mean: exactly, saturated }),
        }
    }

    #[test]
    fn an_upper_bound_is_outdone_by_what_was_sustained_since() {
        let outdone = |delivered: f64, places: [usize; 2], width: f64| {
            let upper = load(100.0, &places[..1], delivered, true);
            is_outdone(&upper, &load(80.0, &places[1..], 90.0, false), &Goal { width, ..GOAL })
        };
        assert!(outdone(40.0, [0, 1], 0.05) && outdone(75.0, [0, 1], 0.05));
        assert!(!outdone(40.0, [1, 0], 0.05), "before");
        assert!(!outdone(78.0, [0, 1], 0.05), "within the width");
        assert!(!outdone(64.0, [0, 1], 0.25), "at the width");
        let trials = [limited(100.0, 10.0, 40.0), limited(100.0, 10.0, 40.0)];
        let trials = [&trials[..], &[good(80.0), good(80.0)]].concat();
        assert_eq!(tried(&trials, &GOAL), Some((100.0, true)));
    }
}
