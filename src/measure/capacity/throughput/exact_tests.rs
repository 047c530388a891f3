//! Throughput of trials with few steps, against values worked out by hand.

use super::*;
use crate::clock::Time;

/// What was finished before each step, of deliveries a step.
fn sums(deliveries: &[u64]) -> Vec<u64> {
    let mut sums = vec![0];
    sums.extend(deliveries.iter().scan(0, |sum, count| {
        *sum += count;
        Some(*sum)
    }));
    sums
}

/// A trial with steps of a second, and one of warm-up.
fn trial<'a>(finished: &'a [u64], levels: &'a [i64]) -> Trial<'a> {
    let end = finished.len() - 1;
    Trial { finished, levels, step: 1.0, recipients: 1.0, from: 1, end }
}

const AT_TEN: Conditions = Conditions { rate: 10.0, recipients: 1.0, drain_s: Some(100.0) };

/// Six delivered a second of ten offered, from the third second on; the levels of a backlog that
/// may have been worked off within a step of ten messages are those below eleven.
const BUSY: [i64; 14] = [0, 0, 0, 0, 3, 7, 10, 11, 15, 19, 23, 27, 31, 35];

#[test]
fn a_load_without_steps_has_no_throughput() {
    assert_eq!(Throughput::of(&Timeline::default(), &AT_TEN), None);
}

#[test]
fn lengths_are_seconds_and_no_recipients_count_as_one() {
    let at = |seconds: u64| Time(seconds * 1_000_000_000);
    let mut timeline = Timeline::new(at(0), at(2), at(12));
    for second in 0..12 {
        timeline.due(at(second));
        timeline.finished(at(second));
    }
    let none = Conditions { recipients: 0.0, ..AT_TEN };
    let seen = Throughput::of(&timeline, &none).expect("steps");
    assert_eq!((seen.measured_s, seen.mean_per_s), (10.0, 1.0));
    assert!((5.0..=10.0).contains(&seen.window_s), "{seen:?}");
    assert_eq!(seen.per_s * seen.window_s, (seen.per_s * seen.window_s).round());
}

/// 1.5 times ten messages over one second are 15.
#[test]
fn a_backlog_drains_fast_beyond_one_and_a_half_times_the_offered_rate() {
    let fast = |backlog, drain_s| drains_fast(backlog, &Conditions { drain_s, ..AT_TEN });
    assert!(fast(16.1, Some(1.0)) && fast(16.5, Some(1.0)));
    assert!(!fast(16.0, Some(1.0)) && !fast(15.5, Some(1.0)));
    assert!(!fast(1.0, Some(0.0)) && !fast(1e9, None));
}

#[test]
fn a_backlog_is_of_messages() {
    let finished = [0; 14];
    assert_eq!(Trial { recipients: 2.0, ..trial(&finished, &BUSY) }.level(13), 17.5);
}

#[test]
fn the_best_stretch_is_half_of_the_period_at_least() {
    let finished = sums(&[9, 0, 0, 0, 5, 5, 5, 5, 5, 0, 0]);
    assert_eq!(trial(&finished, &[]).best(), (4, 9));
    let early = sums(&[0, 9, 1, 1, 1, 1, 0, 0, 0, 0, 0]);
    assert_eq!(trial(&early, &[]).best(), (1, 6));
}

#[test]
fn a_target_is_busy_once_a_step_cannot_work_off_its_backlog() {
    let finished = [0; 14];
    assert_eq!(trial(&finished, &BUSY).busy_from(&AT_TEN), Some(7));
    let mut late = [0; 14];
    late[13] = 11;
    assert_eq!(trial(&finished, &late).busy_from(&AT_TEN), None, "nothing comes after it");
    late[12] = 11;
    assert_eq!(trial(&finished, &late).busy_from(&AT_TEN), Some(12));
}

/// Six a second from the seventh second to the thirteenth.
#[test]
fn what_a_busy_target_delivers_is_all_it_can() {
    let finished = sums(&[0, 10, 10, 10, 7, 6, 7, 6, 6, 6, 6, 6, 6]);
    let saturated = trial(&finished, &BUSY).saturated(&AT_TEN).expect("busy");
    assert_eq!(saturated, Saturated { per_s: 6.0, window_s: 6.0, dispersion: 1.0 });
    let drained = Conditions { drain_s: Some(1.0), ..AT_TEN };
    assert_eq!(trial(&finished, &BUSY).saturated(&drained), None);
}

/// Of twelve steps four are a third; three are not.
#[test]
fn a_target_must_be_busy_for_a_third_of_the_period() {
    let finished = sums(&[6; 13]);
    let from = |start: usize| {
        let mut levels = [0; 14];
        (start..14).for_each(|at| levels[at] = 20 + 4 * (at - start) as i64);
        trial(&finished, &levels).saturated(&AT_TEN).map(|it| it.window_s)
    };
    assert_eq!((from(9), from(10)), (Some(4.0), None));
}

/// Twenty are offered and six delivered a second, 56 too few in four seconds; the backlog grew by 16.
#[test]
fn a_backlog_that_does_not_account_for_what_is_missing_is_no_overload() {
    let finished = sums(&[6; 13]);
    let levels = [0, 0, 0, 0, 4, 8, 12, 16, 20, 24, 28, 32, 36, 40];
    let at_twenty = Conditions { rate: 20.0, ..AT_TEN };
    assert_eq!(trial(&finished, &levels).saturated(&at_twenty), None);
}

/// The backlog grows by 4, 2, 4 and 2 in half seconds: 6 a second. Their variance is 4/3, a third of
/// it for a long row, since each is followed by its opposite (a correlation of -0.5 at least).
#[test]
fn growth_is_the_mean_increment_with_its_error() {
    let levels = [0, 0, 0, 4, 6, 10, 12];
    let short = Trial { step: 0.5, from: 2, end: 6, ..trial(&[0; 7], &levels) };
    let (growth, error) = short.growth();
    assert_eq!(growth, 6.0);
    let expected = 2.262 * (4.0_f64 / 3.0 / 3.0 * 4.0).sqrt() / 2.0;
    assert!((error - expected).abs() < 1e-12, "{error} {expected}");
}

/// Two and six by turns in ten parts of two steps: a variance of 40/9, a third of it for a long row,
/// a sixth off for whole messages, over a mean of four.
#[test]
fn dispersion_is_the_variance_of_parts_over_their_mean() {
    let mut deliveries = vec![7, 5];
    (0..5).for_each(|_| deliveries.extend([0, 2, 1, 5]));
    let finished = sums(&deliveries);
    let dispersion = trial(&finished, &[]).dispersion(1);
    let expected = (40.0 / 9.0 / 3.0 - 1.0 / 6.0) / 4.0;
    assert!((dispersion - expected).abs() < 1e-12, "{dispersion} {expected}");
    assert_eq!(trial(&[3; 23], &[]).dispersion(1), 1.0, "nothing was delivered");
    assert_eq!(trial(&finished, &[]).dispersion(14), 1.0, "too short for ten parts");
}

/// Deviations -1.5, -0.5, 1.5 and 0.5: squares 5, products of neighbours 0.75.
#[test]
fn a_long_row_varies_by_what_neighbours_have_in_common() {
    let expected = 5.0 / 3.0 * 1.15 / 0.85;
    assert!((long_run_variance(&[1.0, 2.0, 4.0, 3.0]) - expected).abs() < 1e-12);
    assert!((long_run_variance(&[1.0, 3.0]) - 2.0 / 3.0).abs() < 1e-12);
    assert_eq!((long_run_variance(&[]), long_run_variance(&[7.0])), (0.0, 0.0));
}
