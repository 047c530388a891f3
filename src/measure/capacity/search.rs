//! What to try next: a ramp by doubling, then bisection on a logarithmic scale, each load tried
//! until it is classified. A function of the trials so far.

use super::classify::{Bound, Goal, Seconds, classify};
use super::results::Trial;

/// Where the search may go.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Range {
    /// It begins here, messages a second.
    pub first: f64,
    /// Never below this.
    pub least: f64,
    /// Never above this: more the generator cannot be trusted to offer.
    pub most: f64,
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Step {
    /// A trial at this rate; a full one, or one that only feels its way.
    Try {
        /// Messages a second.
        rate: f64,
        /// Whether it counts in full.
        full: bool,
    },
    /// Nothing more to try.
    Done(Bounds),
}

/// The relevant bounds: the smallest load that is not sustained, and the largest below it that is.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Bounds {
    /// Sustained.
    pub lower: Option<f64>,
    /// Not sustained.
    pub upper: Option<f64>,
}

/// A load and what its trials come to.
#[derive(Clone, Copy, Debug)]
struct Load {
    rate: f64,
    seconds: Seconds,
    bound: Bound,
}

/// The step that follows `trials`.
#[must_use]
pub fn next(trials: &[Trial], goal: &Goal, range: &Range) -> Step {
    let loads = loads(trials, goal);
    let bounds = bounds(&loads);
    let undecided = |from: f64, to: f64| {
        let mut between = loads.iter().filter(move |load| load.rate > from && load.rate < to);
        between.rfind(|load| load.bound == Bound::Undecided)
    };
    match (bounds.lower, bounds.upper) {
        (_, None) => ramp(&loads, range, bounds),
        (None, Some(upper)) => {
            if let Some(load) = undecided(0.0, upper) {
                return Step::Try { rate: load.rate, full: true };
            }
            if upper <= range.least {
                return Step::Done(bounds);
            }
            Step::Try { rate: (upper / 2.0).max(range.least), full: true }
        }
        (Some(lower), Some(upper)) => {
            if let Some(load) = undecided(lower, upper) {
                return Step::Try { rate: load.rate, full: true };
            }
            if upper / lower - 1.0 <= goal.width {
                return Step::Done(bounds);
            }
            Step::Try { rate: middle(lower, upper), full: true }
        }
    }
}

/// Upwards, while nothing speaks against it.
fn ramp(loads: &[Load], range: &Range, bounds: Bounds) -> Step {
    let Some(highest) = loads.last() else {
        return Step::Try { rate: range.first.clamp(range.least, range.most), full: false };
    };
    let bad = highest.seconds.full_bad + highest.seconds.short_bad > 0.0;
    let at_top = highest.rate >= range.most;
    if at_top && highest.bound == Bound::Lower {
        return Step::Done(bounds);
    }
    if highest.bound == Bound::Undecided && (bad || at_top) {
        return Step::Try { rate: highest.rate, full: true };
    }
    Step::Try { rate: (highest.rate * 2.0).min(range.most), full: false }
}

/// Geometric mean, to three digits, so that a rate reads well.
fn middle(lower: f64, upper: f64) -> f64 {
    let mean = (lower * upper).sqrt();
    let unit = 10_f64.powi(mean.log10().floor() as i32 - 3);
    let rounded = (mean / unit).round() * unit;
    if rounded > lower && rounded < upper { rounded } else { mean }
}

/// How many more trials there may be: a guess, for people.
#[must_use]
pub fn remaining(trials: &[Trial], goal: &Goal, range: &Range) -> u32 {
    let each = (goal.sum_s * (1.0 - goal.exceed) / goal.final_s).ceil().max(1.0);
    let bounds = bounds(&loads(trials, goal));
    let steps = match (bounds.lower, bounds.upper) {
        (Some(lower), Some(upper)) => halvings(upper / lower, goal.width),
        (None, Some(_)) => 1.0 + halvings(2.0, goal.width),
        (_, None) => {
            let top = trials.iter().map(|trial| trial.rate_per_s).fold(range.first, f64::max);
            let doublings = (range.most / top).log2().clamp(1.0, 4.0) / 2.0;
            doublings + 2.0 + halvings(2.0, goal.width)
        }
    };
    (steps * each).ceil() as u32
}

fn halvings(ratio: f64, width: f64) -> f64 {
    (ratio.ln() / (1.0 + width).ln()).log2().ceil().max(0.0)
}

/// The bounds that trials have proved.
#[must_use]
pub fn proved(trials: &[Trial], goal: &Goal) -> Bounds {
    bounds(&loads(trials, goal))
}

fn bounds(loads: &[Load]) -> Bounds {
    let upper = loads.iter().find(|load| load.bound == Bound::Upper).map(|load| load.rate);
    let mut below = loads.iter().filter(|load| upper.is_none_or(|upper| load.rate < upper));
    let lower = below.rfind(|load| load.bound == Bound::Lower);
    Bounds { lower: lower.map(|load| load.rate), upper }
}

/// The loads that were tried, in order of rate.
fn loads(trials: &[Trial], goal: &Goal) -> Vec<Load> {
    let mut loads: Vec<Load> = Vec::new();
    for trial in trials {
        let at = loads.iter().position(|load| load.rate == trial.rate_per_s);
        let at = at.unwrap_or_else(|| {
            let seconds = Seconds::default();
            loads.push(Load { rate: trial.rate_per_s, seconds, bound: Bound::Undecided });
            loads.len() - 1
        });
        let seconds = &mut loads[at].seconds;
        let full = trial.duration_s >= goal.final_s;
        *match (full, trial.good) {
            (true, true) => &mut seconds.full_good,
            (true, false) => &mut seconds.full_bad,
            (false, true) => &mut seconds.short_good,
            (false, false) => &mut seconds.short_bad,
        } += trial.duration_s;
    }
    loads.iter_mut().for_each(|load| load.bound = classify(&load.seconds, goal));
    loads.sort_by(|a, b| a.rate.total_cmp(&b.rate));
    loads
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOAL: Goal = Goal { final_s: 10.0, sum_s: 30.0, loss: 0.001, exceed: 0.5, width: 0.05 };
    const RANGE: Range = Range { first: 10.0, least: 1.0, most: 1e5 };

    /// Searches on a target that answers by `good(rate, number of the trial)`.
    fn search(range: Range, good: impl Fn(f64, usize) -> bool) -> (Bounds, Vec<Trial>) {
        let mut trials: Vec<Trial> = Vec::new();
        loop {
            assert!(trials.len() < 200, "no end: {:?}", proved(&trials, &GOAL));
            match next(&trials, &GOAL, &range) {
                Step::Done(bounds) => return (bounds, trials),
                Step::Try { rate, full } => {
                    let duration_s = if full { 10.0 } else { 5.0 };
                    let good = good(rate, trials.len());
                    trials.push(Trial { rate_per_s: rate, duration_s, good, ..Trial::default() });
                }
            }
        }
    }

    #[test]
    fn a_planted_limit_is_found_within_the_width() {
        for limit in [1.5, 9.0, 40.0, 777.0, 4321.0, 99_000.0] {
            let (bounds, trials) = search(RANGE, |rate, _| rate <= limit);
            let (lower, upper) = (bounds.lower.expect("lower"), bounds.upper.expect("upper"));
            assert!(lower <= limit && limit < upper, "{lower} {limit} {upper}");
            assert!(upper / lower <= 1.05 + 1e-9, "{lower} {upper}");
            assert!(trials.len() < 50, "{} trials for {limit}", trials.len());
        }
    }

    #[test]
    fn a_target_beyond_the_generator_ends_at_its_ceiling() {
        let range = Range { most: 500.0, ..RANGE };
        let (bounds, _) = search(range, |_, _| true);
        assert_eq!(bounds, Bounds { lower: Some(500.0), upper: None });
    }

    #[test]
    fn a_target_that_bears_nothing_has_no_lower_bound() {
        let (bounds, _) = search(RANGE, |_, _| false);
        assert_eq!(bounds, Bounds { lower: None, upper: Some(1.0) });
    }

    #[test]
    fn one_unlucky_trial_in_three_does_not_move_the_answer() {
        let (bounds, _) = search(RANGE, |rate, number| rate <= 300.0 && number % 3 != 2);
        let (lower, upper) = (bounds.lower.expect("lower"), bounds.upper.expect("upper"));
        assert!(upper / lower <= 1.05 + 1e-9 && lower <= 300.0, "{lower} {upper}");
        assert!(lower > 200.0, "{lower}");
    }

    #[test]
    fn the_answer_lies_below_the_smallest_load_that_fails() {
        // Good at 160 and above 500 again: loss inversion.
        let (bounds, _) = search(RANGE, |rate, _| rate <= 160.0 || rate > 500.0);
        assert!(bounds.upper.is_some_and(|upper| upper <= 500.0), "{bounds:?}");
    }

    #[test]
    fn a_search_taken_up_again_goes_on_where_it_was() {
        let (bounds, trials) = search(RANGE, |rate, _| rate <= 777.0);
        for cut in 0..trials.len() {
            let Step::Try { rate, .. } = next(&trials[..cut], &GOAL, &RANGE) else {
                panic!("it was not done")
            };
            assert_eq!(rate, trials[cut].rate_per_s);
        }
        assert_eq!(next(&trials, &GOAL, &RANGE), Step::Done(bounds));
        assert!(remaining(&trials[..3], &GOAL, &RANGE) > remaining(&trials, &GOAL, &RANGE));
    }
}
