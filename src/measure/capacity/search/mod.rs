//! What to try next: a ramp by doubling; where a trial saturated the target, a little below and a
//! little above what it delivered, else bisection on a logarithmic scale; each load tried until it is
//! classified; at the end what later trials speak against once more. A function of the trials so
//! far.

mod doubts;

use super::classify::{Bound, Goal};
use super::delivered::T_SEARCH;
use super::loads::{Evidence, Load, needed};
use super::results::Trial;
use doubts::again;

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

/// How far below and above what a saturated target delivered its limit is looked for, as a share of
/// the width.
const BESIDE: f64 = 0.4;

/// Loads that differ by less than this share of the width are one load.
const CLOSEST: f64 = 0.3;

/// A load beyond the limit that is to be recognised as such lies so many errors above it.
const ERRORS: f64 = 1.1;

/// Trials of full length after which the interval is not narrowed any further: one that is still too
/// wide then is so because deliveries vary.
const MOST_FULL: usize = 24;

/// A limit that moves more often than this is not going to be found.
const MOST_CONTRADICTIONS: usize = 3;

/// The step that follows `trials`.
#[must_use]
pub fn next(trials: &[Trial], goal: &Goal, range: &Range) -> Step {
    let evidence = Evidence::of(trials, goal);
    let (lower, upper) = evidence.bounds();
    if evidence.contradictions.len() >= MOST_CONTRADICTIONS {
        return Step::Done(bounds(&evidence));
    }
    let Some(upper) = upper else { return ramp(&evidence, range) };
    let full = |rate: f64| Step::Try { rate, full: true };
    let from = lower.map_or(0.0, |load| load.rate);
    if let Some(rate) = beside(&evidence, (from, upper.rate), goal, range) {
        return full(rate);
    }
    if let Some(rate) = open(&evidence, from, upper.rate) {
        return full(rate);
    }
    if !is_narrow_enough(trials, (lower, upper), goal)
        && let Some(rate) = between(&evidence, (from, upper.rate), goal, range)
    {
        return full(rate);
    }
    again(trials, &evidence, (lower, upper), goal).unwrap_or(Step::Done(bounds(&evidence)))
}

/// Whether the interval is as narrow as was asked for, or as it can become.
fn is_narrow_enough(trials: &[Trial], (lower, upper): (Option<&Load>, &Load), goal: &Goal) -> bool {
    let reached = |lower: &Load| {
        // Closer loads do not help where what is not known of this one is more.
        let unknown = lower.rate / lower.proved() - 1.0;
        upper.rate / lower.proved() - 1.0 <= goal.width || upper.rate / lower.rate - 1.0 <= unknown
    };
    let full = trials.iter().filter(|trial| trial.duration_s >= goal.final_s).count();
    full >= MOST_FULL || lower.is_some_and(reached)
}

/// The highest load between two rates that further trials may decide.
fn open(evidence: &Evidence, lower: f64, upper: f64) -> Option<f64> {
    let is_open = |load: &&Load| load.bound == Bound::Undecided && !load.is_exhausted;
    let inside = |load: &&Load| load.rate > lower && load.rate < upper;
    evidence.loads.iter().filter(inside).rfind(is_open).map(|load| load.rate)
}

/// Upwards, while nothing speaks against it.
fn ramp(evidence: &Evidence, range: &Range) -> Step {
    let Some(highest) = evidence.loads.last() else {
        return Step::Try { rate: range.first.clamp(range.least, range.most), full: false };
    };
    let at_top = highest.rate >= range.most;
    let is_open = highest.bound == Bound::Undecided && !highest.is_exhausted;
    if is_open && (highest.is_bad || at_top) {
        return Step::Try { rate: highest.rate, full: true };
    }
    if !at_top {
        return Step::Try { rate: (highest.rate * 2.0).min(range.most), full: false };
    }
    let (lower, _) = evidence.bounds();
    let below = open(evidence, lower.map_or(0.0, |load| load.rate), highest.rate);
    below.map_or(Step::Done(bounds(evidence)), |rate| Step::Try { rate, full: true })
}

/// A load not yet tried a little below, or a little above, what a saturated target delivered.
fn beside(
    evidence: &Evidence,
    (lower, upper): (f64, f64),
    goal: &Goal,
    range: &Range,
) -> Option<f64> {
    let seen = evidence.saturated()?;
    let window_s = needed(goal) as f64 * goal.final_s * 0.75;
    let noise = evidence.dispersion.unwrap_or(0.0);
    let error = T_SEARCH * (noise / (seen.per_s.max(f64::MIN_POSITIVE) * window_s)).sqrt();
    let above = (BESIDE * goal.width).max(ERRORS * error + 1.0 / (seen.per_s * window_s));
    let candidates = [seen.per_s * (1.0 - BESIDE * goal.width), seen.per_s * (1.0 + above)];
    let apart = 1.0 + CLOSEST * goal.width;
    let mut fresh = candidates.into_iter().map(readable).filter(|rate| {
        let is_new = |load: &Load| load.rate / rate > apart || rate / load.rate > apart;
        *rate > lower * apart
            && rate * apart < upper
            && *rate >= range.least
            && evidence.loads.iter().all(is_new)
    });
    fresh.next()
}

/// The middle of the widest gap between loads that were tried, if there is one wide enough.
fn between(
    evidence: &Evidence,
    (lower, upper): (f64, f64),
    goal: &Goal,
    range: &Range,
) -> Option<f64> {
    let inner = evidence.loads.iter().map(|load| load.rate);
    let rates: Vec<f64> = inner.filter(|rate| *rate >= lower && *rate <= upper).collect();
    if lower <= 0.0 {
        // Nothing is known to be sustained: down, as far as may be, but not below what decides
        // nothing for want of data.
        let lowest = rates.first().copied().filter(|rate| *rate > range.least)?;
        let is_silent = evidence.loads.first().is_some_and(|load| load.is_silent);
        if !is_silent {
            return Some((lowest / 2.0).max(range.least));
        }
    }
    let gaps = rates.windows(2).map(|pair| (pair[1] / pair[0], pair[0], pair[1]));
    let (ratio, from, to) = gaps.max_by(|a, b| a.0.total_cmp(&b.0))?;
    (ratio > 1.0 + 2.0 * CLOSEST * goal.width).then(|| middle(from, to))
}

/// Geometric mean, to three digits, so that a rate reads well.
fn middle(lower: f64, upper: f64) -> f64 {
    let mean = (lower * upper).sqrt();
    let rounded = readable(mean);
    if rounded > lower && rounded < upper { rounded } else { mean }
}

/// To four digits, as they are written: 20.4 and not 20.400000000000002.
fn readable(rate: f64) -> f64 {
    let decimals = 3 - rate.log10().floor() as i32;
    let unit = 10_f64.powi(decimals.abs());
    if decimals > 0 { (rate * unit).round() / unit } else { (rate / unit).round() * unit }
}

/// How many more trials there may be: a guess, for people.
#[must_use]
pub fn remaining(trials: &[Trial], goal: &Goal, range: &Range) -> u32 {
    let evidence = Evidence::of(trials, goal);
    let steps = match evidence.bounds() {
        _ if evidence.saturated().is_some() => 3.0,
        (Some(lower), Some(upper)) => halvings(upper.rate / lower.rate, goal.width),
        (None, Some(_)) => 1.0 + halvings(2.0, goal.width),
        (_, None) => {
            let top = trials.iter().map(|trial| trial.rate_per_s).fold(range.first, f64::max);
            let doublings = (range.most / top).log2().clamp(1.0, 4.0) / 2.0;
            doublings + 2.0 + halvings(2.0, goal.width)
        }
    };
    (steps * needed(goal) as f64).ceil() as u32
}

fn halvings(ratio: f64, width: f64) -> f64 {
    (ratio.ln() / (1.0 + width).ln()).log2().ceil().max(0.0)
}

/// The bounds that trials have proved.
#[must_use]
pub fn proved(trials: &[Trial], goal: &Goal) -> Bounds {
    bounds(&Evidence::of(trials, goal))
}

fn bounds(evidence: &Evidence) -> Bounds {
    let (lower, upper) = evidence.bounds();
    Bounds { lower: lower.map(Load::proved), upper: upper.map(|load| load.rate) }
}

#[cfg(test)]
mod step_tests;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::capacity::loads::tests::limited;

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

    /// Searches on a target that delivers `limit(number of the trial)` a second at most.
    fn saturating(range: Range, limit: impl Fn(usize) -> f64) -> (Bounds, Vec<Trial>) {
        let mut trials: Vec<Trial> = Vec::new();
        loop {
            assert!(trials.len() < 200, "no end: {:?}", proved(&trials, &GOAL));
            match next(&trials, &GOAL, &range) {
                Step::Done(bounds) => return (bounds, trials),
                Step::Try { rate, full } => {
                    let duration_s = if full { 10.0 } else { 5.0 };
                    trials.push(limited(rate, duration_s, limit(trials.len())));
                }
            }
        }
    }

    fn contradictions(trials: &[Trial]) -> usize {
        Evidence::of(trials, &GOAL).contradictions.len()
    }

    #[test]
    fn what_a_saturated_target_delivers_leads_to_its_limit() {
        for limit in [3.0, 20.0, 100.0, 777.0] {
            let (bounds, trials) = saturating(RANGE, |_| limit);
            let (lower, upper) = (bounds.lower.expect("lower"), bounds.upper.expect("upper"));
            assert!(lower <= limit && limit <= upper, "{lower} {limit} {upper}");
            assert!(trials.len() <= 16, "{limit}: {} trials", trials.len());
            assert_eq!(contradictions(&trials), 0);
        }
    }

    /// 80 a second at first; from some trial on 47.
    #[test]
    fn a_limit_that_falls_is_found_out_whenever_it_falls() {
        let (_, steady) = saturating(RANGE, |_| 80.0);
        for fall in 4..steady.len() {
            let (bounds, trials) =
                saturating(RANGE, |number| if number < fall { 80.0 } else { 47.0 });
            let (lower, upper) = (bounds.lower.expect("lower"), bounds.upper.expect("upper"));
            assert!(lower <= 47.0 && 47.0 <= upper, "{fall}: {lower} {upper}");
            assert!(upper < 60.0, "{fall}: {lower} {upper}");
            assert!(contradictions(&trials) > 0, "from trial {}: {trials:?}", fall + 1);
        }
    }

    #[test]
    fn a_limit_that_rises_is_found_out() {
        let (bounds, trials) = saturating(RANGE, |number| if number < 5 { 47.0 } else { 80.0 });
        let (lower, upper) = (bounds.lower.expect("lower"), bounds.upper.expect("upper"));
        assert!(lower <= 80.0 && 80.0 <= upper, "{lower} {upper}");
        assert!(trials.len() < 60, "{}", trials.len());
    }

    #[test]
    fn a_limit_that_keeps_moving_ends_the_search() {
        let (_, trials) = saturating(RANGE, |number| if number / 7 % 2 == 0 { 80.0 } else { 40.0 });
        assert!(trials.len() < 100, "{}", trials.len());
    }

    #[test]
    fn a_target_that_delivers_less_under_overload_is_searched_where_it_does_not() {
        // Beyond 100 a second it collapses to 30.
        let mut trials: Vec<Trial> = Vec::new();
        let bounds = loop {
            assert!(trials.len() < 100, "{:?}", proved(&trials, &GOAL));
            match next(&trials, &GOAL, &RANGE) {
                Step::Done(bounds) => break bounds,
                Step::Try { rate, full } => {
                    let duration_s = if full { 10.0 } else { 5.0 };
                    let limit = if rate > 100.0 { 30.0 } else { 1e9 };
                    trials.push(limited(rate, duration_s, limit));
                }
            }
        };
        let (lower, upper) = (bounds.lower.expect("lower"), bounds.upper.expect("upper"));
        assert!(lower <= 100.0 && 100.0 <= upper && upper / lower < 1.06, "{lower} {upper}");
        assert_eq!(contradictions(&trials), 0);
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
    fn a_target_that_sustains_nothing_has_no_lower_bound() {
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
        assert_eq!(proved(&trials, &GOAL), bounds);
        assert!(remaining(&trials[..3], &GOAL, &RANGE) > remaining(&trials, &GOAL, &RANGE));
    }
}
