//! What is tried once more at the end of a search, because later trials speak against it.

use super::classify::Goal;
use super::loads::{CONTRADICTING, Evidence, Load};
use super::results::{Outcome, Trial};
use super::search::Step;

/// What later trials speak against is tried once more: a lower bound that was last good before some
/// load was bad; an upper bound at which less was delivered than was sustained since; a higher load
/// that was good before the upper bound was bad, for as long as it was good then.
pub(super) fn again(
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
