//! What the trials and the curve come to.

use super::classify::Goal;
use super::loads::{Evidence, Load};
use super::results::{Capacity, Contradiction, Point, Trial};
use crate::measure::results::Tool;
use crate::measure::verdict::INVALID;

/// Version of the shape of [`Capacity`].
pub const SCHEMA_VERSION: u32 = 1;

/// Share of what the generator can offer that it can be trusted to offer well.
pub const TRUSTED: f64 = 0.8;

/// The 99th percentile over that at half the capacity that makes a knee.
const KNEE: f64 = 2.0;

/// A search that has just begun.
#[must_use]
pub fn begun(capacity: Capacity) -> Capacity {
    Capacity {
        schema_version: SCHEMA_VERSION,
        tool: Tool { name: "mailbench".to_owned(), version: env!("CARGO_PKG_VERSION").to_owned() },
        limited_by: "unfinished".to_owned(),
        exit_code: INVALID,
        ..capacity
    }
}

/// What set the limit, why, and whether that is an answer.
struct Conclusion {
    limited_by: &'static str,
    reason: String,
    is_answer: bool,
}

/// The bounds that the trials prove, and what set them.
pub fn bounds(capacity: &mut Capacity, goal: &Goal) {
    let evidence = Evidence::of(&capacity.trials, goal);
    let (lower, upper) = evidence.bounds();
    capacity.lower_bound_per_s = lower.map(|load| match upper {
        Some(_) => load.proved(),
        // Nothing speaks against it.
        None => load.rate,
    });
    let by_instrument = upper.is_some_and(|load| is_by_instrument(capacity, load));
    capacity.upper_bound_per_s = upper.map(|load| load.rate).filter(|_| !by_instrument);
    capacity.width_reached = width(capacity);
    capacity.contradictions.clone_from(&evidence.contradictions);
    let moved = evidence.contradictions.iter().rfind(|it| has_moved(it, capacity, goal.width));
    capacity.unstable = moved.is_some();
    let Conclusion { limited_by, reason, is_answer } = if let Some(why) = &capacity.not_empty {
        inconclusive(why.clone())
    } else if let Some(moved) = moved {
        unstable(moved, capacity)
    } else {
        limit(capacity, &evidence)
    };
    capacity.exit_code = if is_answer { 0 } else { INVALID };
    (capacity.limited_by, capacity.reason) = (limited_by.to_owned(), reason);
}

/// Upper over lower bound less 1.
fn width(capacity: &Capacity) -> Option<f64> {
    let (lower, upper) = capacity.lower_bound_per_s.zip(capacity.upper_bound_per_s)?;
    (lower > 0.0).then(|| upper / lower - 1.0)
}

/// Whether the answer now lies beyond what was found at the rate first.
fn has_moved(found: &Contradiction, capacity: &Capacity, width: f64) -> bool {
    let rate = found.rate_per_s;
    if found.sustained_first {
        capacity.upper_bound_per_s.is_some_and(|upper| upper * (1.0 + width) < rate)
    } else {
        capacity.lower_bound_per_s.is_some_and(|lower| lower > rate * (1.0 + width))
    }
}

fn unstable(found: &Contradiction, capacity: &Capacity) -> Conclusion {
    let rate = |rate: f64| format!("{rate:.1}/s");
    let first = if found.sustained_first { "sustained" } else { "not sustained" };
    let then = if found.sustained_first { "not any more" } else { "sustained" };
    let now = match (capacity.lower_bound_per_s, capacity.upper_bound_per_s) {
        (Some(lower), Some(upper)) => {
            format!("; at the end it sustained {}, not {}", rate(lower), rate(upper))
        }
        (Some(lower), None) => format!("; at the end it sustained {}", rate(lower)),
        (None, Some(upper)) => format!("; at the end it did not sustain {}", rate(upper)),
        (None, None) => String::new(),
    };
    let reason = format!(
        "the limit moved during the search: {} was {first} in trial {} and {then} in trial {}{now}",
        rate(found.rate_per_s),
        found.trial,
        found.contradicted_by
    );
    Conclusion { limited_by: "unstable", reason, is_answer: false }
}

fn inconclusive(reason: String) -> Conclusion {
    Conclusion { limited_by: "inconclusive", reason, is_answer: false }
}

fn limit(capacity: &Capacity, evidence: &Evidence) -> Conclusion {
    let (lower, upper) = evidence.bounds();
    match (lower, upper) {
        (Some(load), None) if load.rate >= capacity.most_per_s => ceiling(capacity),
        (_, None) => undecided(capacity),
        (_, Some(upper)) if is_by_instrument(capacity, upper) => Conclusion {
            limited_by: "generator",
            reason: format!(
                "instrument-limited: every trial at {:.1}/s was invalid: {}",
                upper.rate,
                first_reason(capacity, upper)
            ),
            is_answer: false,
        },
        (None, Some(upper)) if evidence.loads.iter().any(|load| load.is_silent) => {
            let why = undecided(capacity).reason;
            inconclusive(format!("{why}; {:.1}/s is not sustained", upper.rate))
        }
        (lower, Some(upper)) => Conclusion {
            limited_by: "target",
            reason: first_reason(capacity, upper),
            is_answer: lower.is_some(),
        },
    }
}

/// The trials decide nothing; why.
fn undecided(capacity: &Capacity) -> Conclusion {
    match capacity.trials.iter().rev().find_map(|trial| trial.without_data.first()) {
        Some(why) => inconclusive(format!(
            "the trials decide nothing: {why}; longer trials (--trial SECONDS) have more samples"
        )),
        None if capacity.trials.is_empty() => Conclusion {
            limited_by: "unfinished",
            reason: "no load was classified".to_owned(),
            is_answer: false,
        },
        None => {
            inconclusive("the trials contradict one another: no load was classified".to_owned())
        }
    }
}

fn of_load<'a>(capacity: &'a Capacity, load: &'a Load) -> impl Iterator<Item = &'a Trial> {
    load.trials.iter().filter_map(|place| capacity.trials.get(*place)).filter(|trial| !trial.good)
}

/// Whether all that was bad at a load is the instrument's doing.
fn is_by_instrument(capacity: &Capacity, load: &Load) -> bool {
    let mut bad = of_load(capacity, load).peekable();
    bad.peek().is_some() && bad.all(|trial| trial.generator)
}

fn first_reason(capacity: &Capacity, load: &Load) -> String {
    let of_one = of_load(capacity, load).find_map(|trial| trial.reasons.first()).cloned();
    of_one.unwrap_or_else(|| {
        let delivered = load.delivered.and_then(|it| it.saturated).map_or(0.0, |it| it.per_s);
        format!("saturated, it delivered {delivered:.1} a second of {:.1} offered", load.rate)
    })
}

/// Why the search went no higher: the lowest of what bounds it.
fn ceiling(capacity: &Capacity) -> Conclusion {
    let most = capacity.most_per_s;
    let answer = |limited_by, reason| Conclusion { limited_by, reason, is_answer: true };
    if capacity.max_rate_per_s.is_some_and(|rate| rate <= most) {
        let reason = format!("bounded by --max-rate: everything held up to {most:.0}/s");
        return answer("max-rate", reason);
    }
    let is_bound = |ceiling: &f64| (TRUSTED * ceiling - most).abs() < 1e-6 * most;
    let held = format!("generator-limited: everything held up to {most:.0}/s");
    let reason = if let Some(ceiling) = capacity.calibrated_per_s.filter(is_bound) {
        format!(
            "{held}, and the instrument's calibrated ceiling is {ceiling:.0}/s, of which four \
             fifths can be trusted"
        )
    } else if let Some(ceiling) = capacity.ceiling_per_s {
        format!(
            "{held}, and the generator offers {ceiling:.0}/s to the sink alone, of which four \
             fifths can be trusted"
        )
    } else {
        format!("{held}, the bound set")
    };
    answer("generator", reason)
}

/// The search was ended before it was done.
pub fn unfinished(capacity: &mut Capacity) {
    "unfinished".clone_into(&mut capacity.limited_by);
    "interrupted; the same command with the same --output goes on".clone_into(&mut capacity.reason);
}

/// Knee, behaviour under overload, and what was in use at the capacity.
pub fn curve(capacity: &mut Capacity) {
    let points = &capacity.curve;
    let near = |share: f64| points.iter().find(|point| (point.share - share).abs() < 1e-9);
    let half = near(0.5).and_then(|point| point.seen.e2e_p99_us);
    let over = |point: &&Point| {
        let limit = half.map(|half| half as f64 * KNEE);
        point.share > 0.5
            && limit.zip(point.seen.e2e_p99_us).is_some_and(|(limit, p99)| p99 as f64 > limit)
    };
    capacity.knee_per_s = points.iter().find(over).map(|point| point.rate_per_s);
    let top = points.last().filter(|point| point.share > 1.0);
    let full = near(1.0).filter(|point| point.seen.goodput_per_s > 0.0);
    capacity.overload_goodput =
        top.zip(full).map(|(top, full)| top.seen.goodput_per_s / full.seen.goodput_per_s);
    let last = points.iter().rfind(|point| point.share <= 1.0);
    if let Some(last) = last {
        (capacity.resources, capacity.per_core_per_s) =
            (last.resources.clone(), last.per_core_per_s);
    }
}

#[cfg(test)]
mod edge_tests;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::capacity::loads::tests::limited;
    use crate::measure::capacity::results::Seen;

    const GOAL: Goal = Goal { final_s: 10.0, sum_s: 10.0, loss: 0.0, exceed: 0.0, width: 0.05 };

    fn trial(rate: f64, reasons: &[&str], generator: bool) -> Trial {
        Trial {
            rate_per_s: rate,
            duration_s: 10.0,
            good: reasons.is_empty(),
            reasons: reasons.iter().map(|it| (*it).to_owned()).collect(),
            generator,
            ..Trial::default()
        }
    }

    fn concluded(trials: Vec<Trial>) -> Capacity {
        let mut capacity = begun(Capacity { trials, most_per_s: 400.0, ..Capacity::default() });
        bounds(&mut capacity, &GOAL);
        capacity
    }

    #[test]
    fn what_set_the_limit_is_named() {
        let target = concluded(vec![trial(100.0, &[], false), trial(200.0, &["p99"], false)]);
        assert_eq!((target.limited_by.as_str(), target.reason.as_str()), ("target", "p99"));
        assert_eq!((target.lower_bound_per_s, target.exit_code), (Some(100.0), 0));
        let top = concluded(vec![trial(400.0, &[], false)]);
        assert_eq!(top.limited_by, "generator");
        assert!(top.reason.contains("generator-limited") && top.upper_bound_per_s.is_none());
        let spoiled = concluded(vec![trial(100.0, &[], false), trial(200.0, &["lag"], true)]);
        assert_eq!((spoiled.limited_by.as_str(), spoiled.exit_code), ("generator", INVALID));
        assert!(spoiled.reason.contains("instrument-limited") && spoiled.reason.contains("lag"));
        assert_eq!((spoiled.lower_bound_per_s, spoiled.upper_bound_per_s), (Some(100.0), None));
        let nothing = concluded(vec![trial(1.0, &["p99"], false)]);
        assert_eq!((nothing.lower_bound_per_s, nothing.exit_code), (None, INVALID));
    }

    #[test]
    fn the_bound_that_ended_the_search_is_named() {
        let reason = |most_per_s, ceiling_per_s, calibrated_per_s| {
            let trials = vec![trial(most_per_s, &[], false)];
            let begun = Capacity {
                trials,
                most_per_s,
                ceiling_per_s,
                calibrated_per_s,
                ..begun(Capacity::default())
            };
            let mut capacity = begun;
            bounds(&mut capacity, &GOAL);
            capacity.reason
        };
        let calibrated = reason(400.0, Some(900.0), Some(500.0));
        assert!(calibrated.contains("calibrated ceiling is 500/s"), "{calibrated}");
        let tried = reason(400.0, Some(500.0), Some(900.0));
        assert!(tried.contains("offers 500/s to the sink alone"), "{tried}");
        let other = reason(400.0, None, Some(900.0));
        assert!(other.contains("the bound set"), "{other}");
        let mut capacity = begun(Capacity {
            trials: vec![trial(400.0, &[], false)],
            most_per_s: 400.0,
            max_rate_per_s: Some(400.0),
            calibrated_per_s: Some(500.0),
            ..Capacity::default()
        });
        bounds(&mut capacity, &GOAL);
        assert_eq!((capacity.limited_by.as_str(), capacity.exit_code), ("max-rate", 0));
        assert!(capacity.reason.contains("bounded by --max-rate"), "{}", capacity.reason);
    }

    #[test]
    fn a_limit_that_moved_is_no_answer() {
        let at = |rate, limit| limited(rate, 10.0, limit);
        let held = [at(80.0, 80.0), at(84.0, 80.0)];
        let fell = [at(80.0, 47.0), at(80.0, 47.0), at(46.0, 47.0), at(48.0, 47.0)];
        let capacity = concluded([&held[..], &fell[..]].concat());
        assert_eq!((capacity.limited_by.as_str(), capacity.exit_code), ("unstable", INVALID));
        assert!(capacity.unstable && capacity.contradictions.len() == 1);
        let reason = &capacity.reason;
        assert!(reason.contains("80.0/s was sustained in trial 1"), "{reason}");
        assert!(reason.contains("not any more in trial 3"), "{reason}");
    }

    #[test]
    fn a_queue_that_is_not_empty_between_trials_is_no_answer() {
        let mut capacity = begun(Capacity {
            trials: vec![trial(100.0, &[], false), trial(200.0, &["p99"], false)],
            not_empty: Some("549 messages".to_owned()),
            ..Capacity::default()
        });
        bounds(&mut capacity, &GOAL);
        assert_eq!((capacity.limited_by.as_str(), capacity.exit_code), ("inconclusive", INVALID));
        assert_eq!(capacity.reason, "549 messages");
    }

    #[test]
    fn trials_without_data_are_no_answer() {
        let mut silent = trial(100.0, &[], false);
        (silent.good, silent.without_data) = (false, vec!["threshold p99".to_owned()]);
        let capacity = concluded(vec![silent.clone(), silent]);
        assert_eq!((capacity.limited_by.as_str(), capacity.exit_code), ("inconclusive", INVALID));
        assert!(capacity.reason.contains("threshold p99"), "{}", capacity.reason);
    }

    #[test]
    fn the_knee_and_the_overload_are_read_off_the_curve() {
        let point = |share: f64, p99: u64, goodput: f64| Point {
            share,
            rate_per_s: share * 100.0,
            seen: Seen { e2e_p99_us: Some(p99), goodput_per_s: goodput, ..Seen::default() },
            ..Point::default()
        };
        let curve_of = vec![
            point(0.25, 9, 25.0),
            point(0.5, 10, 50.0),
            point(0.8, 15, 80.0),
            point(0.9, 21, 90.0),
            point(1.0, 60, 100.0),
            point(1.2, 900, 70.0),
        ];
        let mut capacity = Capacity { curve: curve_of, ..Capacity::default() };
        curve(&mut capacity);
        assert_eq!((capacity.knee_per_s, capacity.overload_goodput), (Some(90.0), Some(0.7)));
    }
}
