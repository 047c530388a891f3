//! Each rule of the search by itself, against rates worked out by hand.

use super::*;
use crate::measure::capacity::delivered::{Delivered, Estimate};
use crate::measure::capacity::loads::tests::limited;

const GOAL: Goal = Goal { final_s: 10.0, sum_s: 30.0, loss: 0.001, exceed: 0.5, width: 0.05 };
const RANGE: Range = Range { first: 10.0, least: 1.0, most: 80.0 };

fn exactly(per_s: f64) -> Estimate {
    Estimate { per_s, error: 0.0, rounding: 0.0 }
}

fn load(rate: f64, bound: Bound) -> Load {
    Load {
        rate,
        bound,
        is_exhausted: false,
        is_silent: false,
        is_bad: bound == Bound::Upper,
        trials: Vec::new(),
        delivered: None,
    }
}

/// A load that saturated the target, which delivered so much.
fn saturated(rate: f64, per_s: f64) -> Load {
    let delivered =
        Delivered { most: exactly(per_s), mean: exactly(per_s), saturated: Some(exactly(per_s)) };
    Load { delivered: Some(delivered), ..load(rate, Bound::Upper) }
}

fn of(loads: Vec<Load>, dispersion: Option<f64>) -> Evidence {
    Evidence { loads, dispersion, ..Evidence::default() }
}

fn proved(rate: f64, per_s: f64) -> Load {
    let delivered = Delivered { most: exactly(per_s), mean: exactly(per_s), saturated: None };
    Load { delivered: Some(delivered), ..load(rate, Bound::Lower) }
}

#[test]
fn an_interval_is_narrow_enough_within_the_width_or_what_is_not_known() {
    let enough = |lower: &Load, upper: f64| {
        is_narrow_enough(&[], (Some(lower), &load(upper, Bound::Upper)), &GOAL)
    };
    let exact = proved(100.0, 100.0);
    assert!(enough(&exact, 104.0) && !enough(&exact, 106.0));
    // An eleventh of the rate is not known.
    let vague = proved(100.0, 90.0);
    assert!(enough(&vague, 110.0) && !enough(&vague, 112.0));
}

#[test]
fn after_many_full_trials_the_interval_is_narrowed_no_more() {
    let enough = |full: usize, short: usize| {
        let trials = [vec![limited(20.0, 10.0, 1e9); full], vec![limited(20.0, 5.0, 1e9); short]];
        is_narrow_enough(&trials.concat(), (None, &load(40.0, Bound::Upper)), &GOAL)
    };
    assert!(enough(24, 0) && !enough(23, 10));
}

#[test]
fn the_highest_undecided_load_inside_is_tried_first() {
    let undecided = |rate| load(rate, Bound::Undecided);
    let done = |rate| Load { is_exhausted: true, ..undecided(rate) };
    let all = vec![undecided(10.0), undecided(20.0), done(30.0), undecided(40.0)];
    assert_eq!(open(&of(all, None), 10.0, 40.0), Some(20.0));
    assert_eq!(open(&of(vec![undecided(10.0), undecided(40.0)], None), 10.0, 40.0), None);
    assert_eq!(open(&of(vec![load(20.0, Bound::Lower)], None), 10.0, 40.0), None);
}

fn beside_of(others: &[f64], bounds: (f64, f64), least: f64) -> Option<f64> {
    let mut loads: Vec<Load> = others.iter().map(|rate| load(*rate, Bound::Undecided)).collect();
    loads.push(saturated(40.0, 20.0));
    beside(&of(loads, None), bounds, &GOAL, &Range { least, ..RANGE })
}

/// 20 a second were delivered: 2 % below and above are 19.6 and 20.4; what is nearer than 1.5 % to
/// another load is that one.
#[test]
fn a_limit_is_looked_for_beside_what_a_saturated_target_delivered() {
    assert_eq!(beside_of(&[], (10.0, 40.0), 1.0), Some(19.6));
    assert_eq!(beside_of(&[19.6], (10.0, 40.0), 1.0), Some(20.4));
    assert_eq!(beside_of(&[19.7], (10.0, 40.0), 1.0), Some(20.4), "nearly the same");
    assert_eq!(beside_of(&[19.4], (10.0, 40.0), 1.0), Some(20.4), "nearly the same");
    assert_eq!(beside_of(&[19.0], (10.0, 40.0), 1.0), Some(19.6));
    assert_eq!(beside_of(&[19.6, 20.4], (10.0, 40.0), 1.0), None);
}

#[test]
fn what_is_tried_beside_it_lies_between_the_bounds() {
    assert_eq!(beside_of(&[], (19.0, 40.0), 1.0), Some(19.6));
    assert_eq!(beside_of(&[], (19.5, 40.0), 1.0), Some(20.4));
    assert_eq!(beside_of(&[], (30.0, 40.0), 1.0), None);
    assert_eq!(beside_of(&[], (10.0, 20.0), 1.0), Some(19.6));
    assert_eq!(beside_of(&[], (10.0, 19.7), 1.0), None);
    assert_eq!(beside_of(&[], (10.0, 15.0), 1.0), None);
    assert_eq!(beside_of(&[], (10.0, 40.0), 50.0), None);
}

#[test]
fn without_a_width_only_equal_loads_are_one() {
    let goal = Goal { width: 0.0, ..GOAL };
    let found = |others: &[f64], bounds| {
        let mut loads: Vec<Load> = others.iter().map(|it| load(*it, Bound::Undecided)).collect();
        loads.push(saturated(40.0, 20.0));
        beside(&of(loads, None), bounds, &goal, &RANGE)
    };
    assert_eq!(found(&[], (10.0, 40.0)), Some(20.0));
    assert_eq!(found(&[20.0], (10.0, 40.0)), Some(20.07));
    assert_eq!(found(&[], (20.0, 40.0)), Some(20.07));
    assert_eq!(found(&[], (10.0, 20.0)), None);
}

/// Where deliveries vary as a Poisson process, 20 a second over 15 s are known to 3.69 / √300, and a
/// load is to lie 1.1 times as far above them, and one message more.
#[test]
fn a_load_above_lies_beyond_what_deliveries_vary_by() {
    let loads = vec![load(19.6, Bound::Lower), saturated(40.0, 20.0)];
    let above = 1.1 * 3.69 / 300.0_f64.sqrt() + 1.0 / 300.0;
    let found = beside(&of(loads, Some(1.0)), (10.0, 40.0), &GOAL, &RANGE);
    assert_eq!(found, Some(readable(20.0 * (1.0 + above))));
    assert_eq!(found, Some(24.75));
}

fn between_of(rates: &[f64], bounds: (f64, f64)) -> Option<f64> {
    let loads = rates.iter().map(|rate| load(*rate, Bound::Undecided)).collect();
    between(&of(loads, None), bounds, &GOAL, &RANGE)
}

#[test]
fn the_widest_gap_is_halved_on_a_logarithmic_scale() {
    assert_eq!(between_of(&[10.0, 30.0, 70.0], (10.0, 70.0)), Some(17.32));
    assert_eq!(between_of(&[10.0, 20.0, 70.0], (10.0, 70.0)), Some(37.42));
    assert_eq!(between_of(&[10.0, 10.2], (10.0, 10.2)), None, "closer than 3 %");
    assert_eq!(between_of(&[10.0, 10.4], (10.0, 10.4)), Some(10.2));
}

#[test]
fn where_nothing_is_sustained_the_search_goes_down_to_the_least() {
    assert_eq!(between_of(&[10.0, 20.0], (0.0, 10.0)), Some(5.0));
    assert_eq!(between_of(&[1.5], (0.0, 1.5)), Some(1.0));
    assert_eq!(between_of(&[1.0], (0.0, 1.0)), None);
}

#[test]
fn rates_read_well_and_lie_inside() {
    assert_eq!(
        [readable(1234.5), readable(12345.6), readable(0.012_345_6)],
        [1235.0, 12350.0, 0.01235]
    );
    assert_eq!(middle(10.0, 30.0), 17.32);
    let inside = |lower: f64, upper: f64| {
        let middle = middle(lower, upper);
        assert!(middle > lower && middle < upper, "{lower} {middle} {upper}");
    };
    inside(1000.0, 1000.3);
    inside(1000.6, 1001.0);
}

/// Of two trials a load: halvings of a factor of two to 5 % are four (ln 2 / ln 1.05 = 14.2).
#[test]
fn what_remains_is_guessed_from_the_gap() {
    let left = |trials: &[Trial]| remaining(trials, &GOAL, &RANGE);
    let plain = |rate_per_s: f64, good: bool| Trial {
        rate_per_s,
        duration_s: 10.0,
        good,
        ..Trial::default()
    };
    // Half of three doublings, two, and four halvings.
    assert_eq!(left(&[]), 15);
    assert_eq!(left(&[plain(10.0, false), plain(10.0, false)]), 10);
    let known = [plain(10.0, true), plain(10.0, true), plain(40.0, false), plain(40.0, false)];
    assert_eq!(left(&known), 10, "five halvings of a factor of four");
    assert_eq!(left(&[limited(40.0, 10.0, 20.0)]), 6, "three loads beside what it delivered");
}
