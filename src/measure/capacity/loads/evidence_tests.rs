//! What counts as evidence, rule by rule.

use super::tests::limited;
use super::*;
use crate::measure::capacity::results::Seen;
use crate::measure::capacity::throughput::Saturated;

const GOAL: Goal = Goal { final_s: 10.0, sum_s: 30.0, loss: 0.001, exceed: 0.5, width: 0.05 };

/// A trial without a word about deliveries.
fn plain(rate_per_s: f64, duration_s: f64, good: bool) -> Trial {
    let reasons = if good { Vec::new() } else { vec!["p99".to_owned()] };
    Trial { rate_per_s, duration_s, good, reasons, ..Trial::default() }
}

fn of(trials: &[Trial]) -> Evidence {
    Evidence::of(trials, &GOAL)
}

/// A trial at 20/s of a saturated target that delivered 18/s, with deliveries that vary so much.
fn short_of(dispersion: f64) -> Trial {
    let saturated = Saturated { per_s: 18.0, window_s: 10.0, dispersion };
    let mut trial = limited(20.0, 10.0, 18.0);
    trial.seen.throughput.as_mut().expect("what it delivered").saturated = Some(saturated);
    trial
}

#[test]
fn a_fifth_of_the_width_may_be_missing() {
    assert!((tolerance(&GOAL) - 0.01).abs() < 1e-12);
}

#[test]
fn trials_that_the_instrument_spoiled_contradict_nothing() {
    let good = plain(80.0, 10.0, true);
    let spoiled = Trial { generator: true, ..plain(80.0, 10.0, false) };
    let trials = [good.clone(), good.clone(), spoiled.clone(), spoiled];
    assert!(of(&trials).contradictions.is_empty());
    let bad = plain(80.0, 10.0, false);
    assert_eq!(of(&[good.clone(), good.clone(), bad.clone(), bad.clone()]).contradictions.len(), 1);
    assert!(of(&[good.clone(), good.clone(), bad, good]).contradictions.is_empty(), "one in two");
}

#[test]
fn what_was_contradicted_counts_no_more() {
    let trials = [80.0, 80.0, 47.0, 47.0].map(|limit| limited(80.0, 10.0, limit));
    assert_eq!(of(&trials).loads[0].trials, [2, 3]);
}

/// 18 of 20 a second are no contradiction where deliveries vary by as much.
#[test]
fn chance_contradicts_nothing() {
    let held = limited(20.0, 10.0, 1e9);
    let with = |dispersion: f64| {
        let trials = [held.clone(), held.clone(), short_of(dispersion), short_of(dispersion)];
        of(&trials).contradictions.len()
    };
    assert_eq!((with(0.0), with(1.0)), (1, 0));
}

/// One short good trial at 80/s proves nothing by itself; that a clearly lower rate failed since
/// makes it count.
#[test]
fn a_lower_rate_that_fails_makes_a_short_good_trial_count() {
    let good = plain(80.0, 5.0, true);
    let found = |before: &Trial, other: Trial, goal: &Goal| {
        found_first(&[(0, before)], &[before.clone(), other], goal)
    };
    let fails = |rate: f64| plain(rate, 5.0, false);
    assert_eq!(found(&good, fails(60.0), &GOAL), Some(true));
    assert_eq!(found(&good, fails(78.0), &GOAL), None, "within the width");
    let wide = Goal { width: 0.25, ..GOAL };
    assert_eq!(found(&good, fails(64.0), &wide), None, "at the width");
    assert_eq!(found(&good, plain(60.0, 5.0, true), &GOAL), None, "it held");
    assert_eq!(found(&fails(80.0), fails(60.0), &GOAL), None, "it failed itself");
    let mut less = limited(80.0, 5.0, 80.0);
    less.seen.throughput.as_mut().expect("what it delivered").per_s = 70.0;
    assert_eq!(found(&less, fails(60.0), &GOAL), None, "it delivered less");
}

#[test]
fn the_dispersion_is_the_mean_of_saturated_trials() {
    let idle = limited(20.0, 10.0, 1e9);
    assert_eq!(dispersion(&[short_of(1.0), idle.clone(), short_of(3.0)]), Some(2.0));
    assert_eq!(dispersion(&[idle]), None);
}

/// Two full trials are needed; a load that four leave undecided is left.
#[test]
fn a_load_is_exhausted_after_two_trials_more_than_needed() {
    let mut less = limited(20.0, 10.0, 30.0);
    let seen = less.seen.throughput.as_mut().expect("what it delivered");
    (seen.per_s, seen.mean_per_s) = (18.0, 18.0);
    let exhausted = |count: usize| {
        let load = of(&vec![less.clone(); count]).loads.remove(0);
        assert_eq!(load.bound, Bound::Undecided);
        load.is_exhausted
    };
    assert_eq!([2, 3, 4, 5].map(exhausted), [false, false, true, true]);
}

#[test]
fn seconds_of_overload_count_as_good_and_those_without_data_nowhere() {
    let silent = |trial: Trial| Trial { without_data: vec!["p99".to_owned()], ..trial };
    let overload = |trial: Trial| Trial { only_overload: true, ..trial };
    let of = |trial: Trial| seconds(&[(0, &trial)], &GOAL);
    let good = Seconds { full_good: 10.0, ..Seconds::default() };
    let bad = Seconds { full_bad: 10.0, ..Seconds::default() };
    assert_eq!(of(overload(plain(20.0, 10.0, false))), good);
    assert_eq!(of(silent(overload(plain(20.0, 10.0, false)))), Seconds::default());
    assert_eq!(of(silent(plain(20.0, 10.0, false))), bad);
    assert_eq!(of(plain(20.0, 9.0, false)).short_bad, 9.0);
    let seen = Seen::default();
    assert_eq!(of(Trial { seen, ..plain(20.0, 9.0, true) }).short_good, 9.0);
}
