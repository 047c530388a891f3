//! Recovery on backlogs drawn by hand.

use super::*;
use crate::measure::synthetic::ms;

/// A disturbance of these seconds.
fn fault(name: &str, from: u64, to: Option<u64>) -> Disturbance {
    let to = to.map(|to| ms(to * 1000));
    Disturbance { kind: Kind::Fault, name: name.to_owned(), from: ms(from * 1000), to }
}

/// Steps of millisecond and level, closed at 100 s.
fn seen(of: Vec<Disturbance>, steps: &[(u64, u64)]) -> Vec<RecoveryFacts> {
    let mut recovery = Recovery::new(of, Time::ZERO);
    steps.iter().for_each(|(at, level)| recovery.step(ms(*at), *level));
    recovery.facts(ms(100_000), Time::ZERO)
}

fn one(of: Disturbance, steps: &[(u64, u64)]) -> (f64, bool) {
    let facts = seen(vec![of], steps);
    assert_eq!(facts.len(), 1, "{facts:?}");
    (facts[0].recovery_time_s, facts[0].at_least)
}

/// Twenty waited before the outage of 30 s to 40 s; 900 wait at its end.
const OUTAGE: [(u64, u64); 4] = [(500, 12), (8_000, 20), (9_000, 15), (35_000, 900)];

#[test]
fn recovery_runs_from_the_end_to_the_return_into_the_band() {
    let steps = [&OUTAGE[..], &[(47_000, 21), (48_500, 20), (60_000, 3)]].concat();
    let facts = seen(vec![fault("down", 30, Some(40))], &steps);
    let RecoveryFacts { band, backlog_peak, recovery_time_s, at_least, .. } = facts[0];
    assert_eq!((band, backlog_peak, recovery_time_s, at_least), (20, 900, 8.5, false));
    assert_eq!((facts[0].kind.as_str(), facts[0].name.as_str()), ("fault", "down"));
    assert_eq!((facts[0].from_s, facts[0].to_s), (30.0, Some(40.0)));
}

#[test]
fn without_a_backlog_before_the_floor_is_the_band() {
    let steps = [(31_000, 400), (45_000, FLOOR + 1), (46_000, FLOOR)];
    assert_eq!(one(fault("down", 30, Some(40)), &steps), (6.0, false));
}

#[test]
fn a_backlog_that_never_left_its_band_recovered_at_once() {
    assert_eq!(one(fault("slow", 30, Some(40)), &[(1_000, 9), (32_000, 8)]), (0.0, false));
    assert_eq!(one(fault("slow", 30, Some(40)), &[]), (0.0, false));
}

#[test]
fn one_that_does_not_recover_by_the_close_took_at_least_until_then() {
    assert_eq!(one(fault("down", 30, Some(40)), &OUTAGE), (60.0, true));
    // It never ended, or ends after the close: nothing is known but that it is not over.
    assert_eq!(one(fault("down", 30, None), &OUTAGE), (0.0, true));
    assert_eq!(one(fault("down", 30, Some(400)), &OUTAGE), (0.0, true));
}

#[test]
fn a_relapse_counts_and_a_moment_above_the_band_does_not() {
    let back = [(50_000, 20), (60_000, 21)];
    let relapse = [&OUTAGE[..], &back, &[(61_001, 20)]].concat();
    assert_eq!(one(fault("down", 30, Some(40)), &relapse), (21.001, false));
    let moment = [&OUTAGE[..], &back, &[(60_999, 20)]].concat();
    assert_eq!(one(fault("down", 30, Some(40)), &moment), (10.0, false));
    // Above it to the close, in several steps.
    let open = [&OUTAGE[..], &back, &[(60_500, 22), (99_500, 23)]].concat();
    assert_eq!(one(fault("down", 30, Some(40)), &open), (60.0, true));
}

#[test]
fn overlapping_disturbances_have_one_band_and_each_its_own_end() {
    let steps = [&OUTAGE[..], &[(70_000, 20)]].concat();
    let both = vec![fault("b", 34, Some(60)), fault("a", 30, Some(40))];
    let facts = seen(both, &steps);
    let shown = facts.iter().map(|it| (it.name.as_str(), it.band, it.recovery_time_s));
    assert_eq!(shown.collect::<Vec<_>>(), [("a", 20, 30.0), ("b", 20, 10.0)]);
}

#[test]
fn what_strikes_before_the_last_is_recovered_from_has_the_band_of_that() {
    let again = fault("again", 50, Some(55));
    let steps = [&OUTAGE[..], &[(80_000, 2)]].concat();
    let facts = seen(vec![fault("down", 30, Some(40)), again.clone()], &steps);
    assert_eq!(facts.iter().map(|it| it.band).collect::<Vec<_>>(), [20, 20]);
    assert_eq!(facts[0].recovery_time_s, 40.0);
    // Recovered in between: what follows is the second one's doing, and the band is new.
    let steps = [&OUTAGE[..], &[(45_000, 10), (51_000, 2_000), (70_000, 10)]].concat();
    let facts = seen(vec![fault("down", 30, Some(40)), again], &steps);
    let shown: Vec<_> = facts.iter().map(|it| (it.recovery_time_s, it.at_least)).collect();
    assert_eq!(shown, [(5.0, false), (15.0, false)]);
    assert_eq!(facts[1].band, 20, "the highest of the minute before, the outage left out");
}

#[test]
fn a_disturbance_from_the_start_has_the_floor_for_its_band() {
    let steps = [(100, 30), (5_000, 300), (20_000, 5)];
    assert_eq!(one(fault("down", 0, Some(10)), &steps), (10.0, false));
    let facts = seen(vec![fault("down", 0, Some(10))], &steps);
    assert_eq!(facts[0].band, FLOOR);
}

#[test]
fn the_band_forgets_what_was_more_than_a_minute_ago() {
    let steps = [(1_000, 500), (5_000, 7), (81_000, 90), (95_000, 7)];
    let facts = seen(vec![fault("down", 80, Some(90))], &steps);
    assert_eq!((facts[0].band, facts[0].recovery_time_s), (7, 5.0));
}

#[test]
fn what_begins_after_the_close_never_was() {
    assert!(seen(vec![fault("late", 100, Some(110))], &OUTAGE).is_empty());
    assert!(seen(Vec::new(), &OUTAGE).is_empty());
}

#[test]
fn the_longest_is_a_bound_when_any_is() {
    let of = |recovery_time_s: f64, at_least| RecoveryFacts {
        recovery_time_s,
        at_least,
        ..RecoveryFacts::default()
    };
    assert_eq!(longest([of(3.0, false), of(8.0, false)].iter()), Some((8.0, false)));
    assert_eq!(longest([of(9.0, false), of(2.0, true)].iter()), Some((9.0, true)));
    assert_eq!(longest([].iter()), None);
}
