//! What the trials and the curve come to.

use super::classify::Goal;
use super::results::{Capacity, Point};
use super::search;
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

/// The bounds that the trials prove, and what set them.
pub fn bounds(capacity: &mut Capacity, goal: &Goal) {
    let bounds = search::proved(&capacity.trials, goal);
    (capacity.lower_bound_per_s, capacity.upper_bound_per_s) = (bounds.lower, bounds.upper);
    let at = |rate: f64| capacity.trials.iter().filter(move |it| it.rate_per_s == rate && !it.good);
    let (limited_by, reason) = match (bounds.lower, bounds.upper) {
        (None, None) => ("unfinished", "no load was classified".to_owned()),
        (Some(_), None) => ("generator", ceiling(capacity)),
        (_, Some(upper)) => {
            let reason = at(upper).flat_map(|it| it.reasons.first()).next();
            let reason = reason.cloned().unwrap_or_default();
            let generator = at(upper).all(|it| it.generator);
            (if generator { "generator" } else { "target" }, reason)
        }
    };
    capacity.exit_code = if bounds.lower.is_some() { 0 } else { INVALID };
    (capacity.limited_by, capacity.reason) = (limited_by.to_owned(), reason);
}

/// Why the search went no higher: the lowest of what bounds it.
fn ceiling(capacity: &Capacity) -> String {
    let most = capacity.most_per_s;
    let is_bound = |ceiling: &f64| (TRUSTED * ceiling - most).abs() < 1e-6 * most;
    let held = format!("generator-limited: everything held up to {most:.0}/s");
    if let Some(ceiling) = capacity.calibrated_per_s.filter(is_bound) {
        return format!(
            "{held}, and the instrument's calibrated ceiling is {ceiling:.0}/s, of which four \
             fifths can be trusted"
        );
    }
    match capacity.ceiling_per_s {
        Some(ceiling) => format!(
            "{held}, and the generator offers {ceiling:.0}/s to the sink alone, of which four \
             fifths can be trusted"
        ),
        None => format!("{held}, the bound set"),
    }
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
mod tests {
    use super::*;
    use crate::measure::capacity::results::{Seen, Trial};

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
    fn who_set_the_limit_is_told() {
        let target = concluded(vec![trial(100.0, &[], false), trial(200.0, &["p99"], false)]);
        assert_eq!((target.limited_by.as_str(), target.reason.as_str()), ("target", "p99"));
        assert_eq!((target.lower_bound_per_s, target.exit_code), (Some(100.0), 0));
        let top = concluded(vec![trial(400.0, &[], false)]);
        assert_eq!(top.limited_by, "generator");
        assert!(top.reason.contains("generator-limited") && top.upper_bound_per_s.is_none());
        let spoiled = concluded(vec![trial(100.0, &[], false), trial(200.0, &["lag"], true)]);
        assert_eq!(spoiled.limited_by, "generator");
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
        let told = reason(400.0, None, Some(900.0));
        assert!(told.contains("the bound set"), "{told}");
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
