//! What a search comes to, at the edges of each rule.

use super::*;
use crate::measure::capacity::results::Seen;

const GOAL: Goal = Goal { final_s: 10.0, sum_s: 10.0, loss: 0.0, exceed: 0.0, width: 0.05 };

fn trial(rate_per_s: f64, reasons: &[&str]) -> Trial {
    let reasons = reasons.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>();
    Trial { rate_per_s, duration_s: 10.0, good: reasons.is_empty(), reasons, ..Trial::default() }
}

fn concluded(trials: Vec<Trial>) -> Capacity {
    let mut capacity = begun(Capacity { trials, most_per_s: 400.0, ..Capacity::default() });
    bounds(&mut capacity, &GOAL);
    capacity
}

#[test]
fn a_search_that_has_begun_is_no_answer_yet() {
    let capacity = begun(Capacity { name: "s".to_owned(), ..Capacity::default() });
    assert_eq!((capacity.schema_version, capacity.tool.name.as_str()), (1, "mailbench"));
    assert_eq!((capacity.limited_by.as_str(), capacity.exit_code), ("unfinished", INVALID));
    assert_eq!(capacity.name, "s");
    let mut stopped = concluded(vec![trial(100.0, &[]), trial(200.0, &["p99"])]);
    unfinished(&mut stopped);
    assert_eq!(stopped.limited_by, "unfinished");
    assert!(stopped.reason.contains("the same command"), "{}", stopped.reason);
}

#[test]
fn the_width_is_upper_over_lower_bound() {
    let reached = |lower: f64, upper: f64| {
        width(&Capacity {
            lower_bound_per_s: Some(lower),
            upper_bound_per_s: Some(upper),
            ..Capacity::default()
        })
    };
    assert!(reached(100.0, 104.0).is_some_and(|width| (width - 0.04).abs() < 1e-12));
    assert_eq!(reached(0.0, 104.0), None);
    let found = concluded(vec![trial(100.0, &[]), trial(150.0, &["p99"])]);
    assert_eq!(found.width_reached, Some(0.5));
}

/// 5 % below or above what was found first is still the same.
#[test]
fn a_limit_has_moved_when_the_answer_lies_beyond_the_width() {
    let moved = |sustained_first: bool, lower: f64, upper: f64, width: f64| {
        let found =
            Contradiction { rate_per_s: 100.0, sustained_first, ..Contradiction::default() };
        let capacity = Capacity {
            lower_bound_per_s: Some(lower),
            upper_bound_per_s: Some(upper),
            ..Capacity::default()
        };
        has_moved(&found, &capacity, width)
    };
    assert!(moved(true, 50.0, 95.0, 0.05) && !moved(true, 50.0, 98.0, 0.05));
    assert!(!moved(true, 50.0, 80.0, 0.25), "at the width");
    assert!(moved(false, 106.0, 200.0, 0.05) && !moved(false, 104.0, 200.0, 0.05));
    assert!(!moved(false, 125.0, 200.0, 0.25), "at the width");
}

#[test]
fn without_an_upper_bound_below_the_highest_rate_nothing_is_known() {
    let open = concluded(vec![trial(100.0, &[])]);
    assert_eq!((open.limited_by.as_str(), open.exit_code), ("inconclusive", INVALID));
    assert!(open.reason.contains("contradict one another"), "{}", open.reason);
    assert_eq!(concluded(Vec::new()).limited_by, "unfinished");
    assert_eq!(concluded(vec![trial(1.0, &["p99"])]).limited_by, "target");
}

/// At 1/s a threshold has no data, at 100/s it is missed: whether anything is sustained is open.
#[test]
fn a_bad_load_above_silent_ones_is_inconclusive() {
    let silent =
        Trial { good: false, without_data: vec!["threshold p99".to_owned()], ..trial(1.0, &[]) };
    let found = concluded(vec![silent.clone(), silent, trial(100.0, &["p99"])]);
    assert_eq!((found.limited_by.as_str(), found.exit_code), ("inconclusive", INVALID));
    assert!(found.reason.contains("100.0/s is not sustained"), "{}", found.reason);
}

/// Four fifths of the calibrated ceiling, as it was computed once and written.
#[test]
fn a_ceiling_is_the_bound_but_for_rounding() {
    let mut capacity = begun(Capacity {
        trials: vec![trial(400.0, &[])],
        most_per_s: 400.0,
        calibrated_per_s: Some(500.000_1),
        ..Capacity::default()
    });
    bounds(&mut capacity, &GOAL);
    assert!(capacity.reason.contains("calibrated ceiling"), "{}", capacity.reason);
}

fn point(share: f64, p99: u64, goodput: f64) -> Point {
    let seen = Seen { e2e_p99_us: Some(p99), goodput_per_s: goodput, ..Seen::default() };
    Point { share, rate_per_s: share * 100.0, seen, ..Point::default() }
}

fn read(points: Vec<Point>) -> Capacity {
    let mut capacity = Capacity { curve: points, ..Capacity::default() };
    curve(&mut capacity);
    capacity
}

#[test]
fn a_knee_is_over_twice_the_time_at_half_the_capacity() {
    assert_eq!(read(vec![point(0.5, 10, 50.0), point(1.0, 20, 100.0)]).knee_per_s, None);
    assert_eq!(read(vec![point(0.5, 10, 50.0), point(1.0, 21, 100.0)]).knee_per_s, Some(100.0));
}

#[test]
fn overload_is_only_beyond_the_capacity() {
    assert_eq!(read(vec![point(1.0, 20, 100.0)]).overload_goodput, None);
    let over = |full| read(vec![point(1.0, 20, full), point(1.2, 90, 60.0)]).overload_goodput;
    assert_eq!((over(100.0), over(0.0)), (Some(0.6), None));
}

#[test]
fn resources_are_those_at_the_highest_point_that_is_no_overload() {
    let of = |share: f64| Point { per_core_per_s: Some(share), ..point(share, 20, 100.0) };
    let found = read(vec![of(0.5), of(1.0), of(1.2)]);
    assert_eq!(found.per_core_per_s, Some(1.0));
}
