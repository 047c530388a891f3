//! Each check at its bounds.

use super::*;
use crate::measure::synthetic::ms;
use crate::measure::validity::contention::Excess;
use std::time::Duration;

fn load() -> LoadFacts {
    LoadFacts {
        model: ModelKind::Open,
        arrival: "poisson".to_owned(),
        planned_per_s: Some(100.0),
        peak_planned_per_s: Some(100.0),
        offered_per_s: 100.0,
        planned_messages: Some(1000),
        offered_messages: 1000,
        sessions: 10,
    }
}

fn kept<T>(value: T) -> &'static T {
    Box::leak(Box::new(value))
}

fn latency(p50_ms: u64, p99_ms: u64) -> &'static Latency {
    kept(Latency { p50: Some(p50_ms * 1000), p99: Some(p99_ms * 1000), ..Latency::default() })
}

fn amiss(overall: f64) -> Distance {
    Distance { overall, disturbed: 0.0, worst_at: None }
}

/// `e2e_response`: its median, its 99th percentile, and the least that may be, milliseconds.
fn e2e(p50_ms: u64, p99_ms: u64, least_ms: u64) -> &'static BTreeMap<String, Latency> {
    let range = BTreeMap::from([("p99".to_owned(), (least_ms * 1000, p99_ms * 1000))]);
    let latency = Latency { range, ..latency(p50_ms, p99_ms).clone() };
    kept(BTreeMap::from([("e2e_response".to_owned(), latency)]))
}

fn graded(change: impl FnOnce(&mut Evidence<'static>)) -> Health {
    let instrument = Instrument {
        shortfall: Some(0.0),
        lag: latency(0, 0),
        arrivals: Some(amiss(0.02)),
        validity: kept(Validity::default()),
        from: Time::ZERO,
        pulses: &[],
        excused: &|_| false,
        ceiling: None,
        cores: Some(2),
        overflow: (0, 1000),
        damage: None,
        shortage: None,
        disk: None,
    };
    let (load, none) = (kept(load()), kept(BTreeMap::new()));
    let mut evidence = Evidence { load, latency: none, undecided: true, instrument };
    change(&mut evidence);
    grade(&evidence)
}

fn status(health: &Health, id: &str) -> HealthStatus {
    health.checks.iter().find(|check| check.id == id).expect(id).status
}

fn pulses(count: u64, make: impl Fn(u64) -> Pulse) -> &'static [Pulse] {
    kept((0..count).map(|n| Pulse { at: ms(n * 1000), ..make(n) }).collect::<Vec<_>>())
}

#[test]
fn a_quiet_instrument_is_valid() {
    let health = graded(|_| {});
    assert_eq!(health.status, HealthStatus::Valid, "{:?}", health.checks);
}

#[test]
fn saturation_counts_only_more_than_is_on_its_way() {
    let waiting = |n: u32| pulses(20, move |_| Pulse { waiting: n, ..Pulse::default() });
    let (few, many) = (waiting(1), waiting(50));
    let health = graded(|evidence| evidence.instrument.pulses = few);
    assert_eq!(status(&health, "sessions_saturated"), HealthStatus::Valid);
    let health = graded(|evidence| evidence.instrument.pulses = many);
    assert_eq!(status(&health, "sessions_saturated"), HealthStatus::Invalid);
}

#[test]
fn what_waits_for_a_target_that_we_took_down_is_no_saturation() {
    let many = pulses(20, |n| Pulse { waiting: if n < 8 { 50 } else { 0 }, ..Pulse::default() });
    let health = graded(|evidence| {
        (evidence.instrument.pulses, evidence.instrument.excused) = (many, &|at| at < ms(8000));
    });
    assert_eq!(status(&health, "sessions_saturated"), HealthStatus::Valid);
}

#[test]
fn too_little_headroom_voids_the_run_and_none_known_says_nothing() {
    let with = |ceiling| graded(|evidence| evidence.instrument.ceiling = Some(ceiling));
    assert_eq!(status(&with(1000.0), "headroom"), HealthStatus::Valid);
    assert_eq!(status(&with(150.0), "headroom"), HealthStatus::Warn);
    assert_eq!(status(&with(110.0), "headroom"), HealthStatus::Invalid);
    assert!(graded(|_| {}).checks.iter().all(|check| check.id != "headroom"));
}

#[test]
fn cpu_is_judged_by_all_cores() {
    let busy = pulses(11, |n| Pulse { cpu_us: n * 1_900_000, ..Pulse::default() });
    let health = graded(|evidence| evidence.instrument.pulses = busy);
    assert_eq!(status(&health, "own_cpu"), HealthStatus::Invalid);
    let health = graded(|evidence| {
        (evidence.instrument.pulses, evidence.instrument.cores) = (busy, Some(8))
    });
    assert_eq!(status(&health, "own_cpu"), HealthStatus::Valid);
    let decided =
        graded(|evidence| (evidence.instrument.pulses, evidence.undecided) = (busy, false));
    assert_eq!(status(&decided, "own_cpu"), HealthStatus::Warn);
}

#[test]
fn a_damaged_journal_and_an_overflow_void_the_run() {
    let health = graded(|evidence| evidence.instrument.damage = Some("cut short"));
    assert_eq!(status(&health, "journal"), HealthStatus::Invalid);
    let health = graded(|evidence| evidence.instrument.overflow = (1, 1000));
    assert_eq!(status(&health, "histogram_overflow"), HealthStatus::Invalid);
}

#[test]
fn a_load_that_was_not_offered_is_invalid() {
    let health = graded(|evidence| evidence.instrument.shortfall = Some(0.4));
    assert_eq!(status(&health, "offered_shortfall"), HealthStatus::Invalid);
}

#[test]
fn arrivals_by_another_law_are_a_warning_and_then_invalid() {
    let with = |distance| graded(|evidence| evidence.instrument.arrivals = Some(distance));
    for (overall, disturbed, grade) in [
        (0.05, 0.0, HealthStatus::Valid),
        (0.2, 0.0, HealthStatus::Warn),
        (0.6, 0.9, HealthStatus::Invalid),
        (0.01, 0.02, HealthStatus::Warn),
        (0.09, 0.12, HealthStatus::Invalid),
    ] {
        let health = with(Distance { overall, disturbed, worst_at: Some(ms(9000)) });
        assert_eq!(status(&health, "inter_arrival_distribution"), grade, "{overall} {disturbed}");
        let check = health
            .checks
            .iter()
            .find(|check| check.id == "inter_arrival_distribution")
            .expect("a check");
        assert_eq!(check.advice.contains("worst from 9.0s on"), disturbed > 0.0, "{check:?}");
    }
    let closed = kept(LoadFacts { model: ModelKind::Closed, ..load() });
    let health = graded(|evidence| {
        (evidence.load, evidence.instrument.arrivals) = (closed, Some(amiss(0.9)))
    });
    assert!(health.checks.iter().all(|check| check.id != "inter_arrival_distribution"));
}

/// By what hangs on it: nothing that a threshold decides in spite of it, the larger part of a
/// headline figure, or a small part of a large one.
#[test]
fn a_lag_voids_a_run_only_where_an_answer_hangs_on_it() {
    let lag = latency(1, 80);
    let with = |latency, undecided| {
        let health = graded(|evidence| {
            (evidence.instrument.lag, evidence.latency, evidence.undecided) =
                (lag, latency, undecided);
        });
        status(&health, "schedule_lag_p99")
    };
    assert_eq!(with(e2e(4, 90, 10), true), HealthStatus::Invalid);
    assert_eq!(with(e2e(4, 90, 10), false), HealthStatus::Warn);
    assert_eq!(with(e2e(400, 4000, 3920), true), HealthStatus::Warn);
    let small = latency(1, 6);
    let health =
        graded(|evidence| (evidence.instrument.lag, evidence.latency) = (small, e2e(1, 9, 3)));
    assert_eq!(status(&health, "schedule_lag_p99"), HealthStatus::Warn, "six milliseconds");
}

/// The bound of a lag that grew with it: four busy loops, lag and service time alike too long.
#[test]
fn starvation_does_not_move_its_own_guard() {
    let starved = latency(20, 83);
    let health = graded(|evidence| {
        (evidence.instrument.lag, evidence.latency) = (starved, e2e(60, 174, 12))
    });
    assert_eq!(status(&health, "schedule_lag_p99"), HealthStatus::Invalid);
}

#[test]
fn a_stop_of_the_instrument_is_seen_and_named() {
    let stopped = Validity::planted(&[(30_000, 30_302)], Excess::default(), 6_000);
    let looks = pulses(60, |_| Pulse { hiccup_us: 200, ..Pulse::default() });
    let with = |latency, undecided| {
        let validity = kept(Validity::planted(&[(30_000, 30_302)], Excess::default(), 6_000));
        graded(|evidence| {
            (evidence.instrument.validity, evidence.instrument.pulses) = (validity, looks);
            (evidence.latency, evidence.undecided) = (latency, undecided);
        })
    };
    let health = with(e2e(4, 250, 6), true);
    assert_eq!(status(&health, "hiccup_max"), HealthStatus::Invalid);
    assert_eq!(status(&health, "stalled"), HealthStatus::Valid, "half a percent of the time");
    let facts: Vec<(f64, u64)> = health.hiccups.iter().map(|it| (it.at_s, it.length_us)).collect();
    assert_eq!(facts, [(30.0, 302_000)]);
    assert_eq!(stopped.causes(), "a pause of mailbench of 302ms at 30.0s");
    assert_eq!(status(&with(e2e(4, 250, 6), false), "hiccup_max"), HealthStatus::Warn);
    assert_eq!(status(&with(e2e(4, 9, 8), true), "hiccup_max"), HealthStatus::Warn);
}

#[test]
fn with_a_quarter_of_the_time_missing_no_threshold_saves_a_run() {
    let looks = pulses(60, |_| Pulse::default());
    let gone = kept(Validity::planted(&[(30_000, 47_000)], Excess::default(), 6_000));
    let health = graded(|evidence| {
        (evidence.instrument.validity, evidence.instrument.pulses, evidence.undecided) =
            (gone, looks, false);
    });
    assert_eq!(status(&health, "stalled"), HealthStatus::Invalid);
}

#[test]
fn an_older_journal_has_the_worst_of_each_second() {
    let looks = |us| pulses(60, move |n| Pulse { hiccup_us: us * (n % 2), ..Pulse::default() });
    let (calm, stalls) = (looks(4_000), looks(19_000));
    let with = |looks| status(&graded(|evidence| evidence.instrument.pulses = looks), "hiccup_max");
    assert_eq!((with(calm), with(stalls)), (HealthStatus::Valid, HealthStatus::Warn));
}

#[test]
fn waits_for_a_processor_are_judged_by_the_message() {
    let with = |each_ms: u64, median_ms, undecided| {
        let traffic = Duration::from_millis(each_ms * 6_000);
        let excess = Excess { traffic, target: traffic / 10, ..Excess::default() };
        let validity = kept(Validity::planted(&[], excess, 6_000));
        let health = graded(|evidence| {
            (evidence.instrument.validity, evidence.undecided) = (validity, undecided);
            evidence.latency = e2e(median_ms, 4 * median_ms, median_ms);
        });
        [status(&health, "cpu_wait"), status(&health, "target_cpu_wait")]
    };
    use HealthStatus::{Invalid, Valid, Warn};
    assert_eq!(with(1, 4, true), [Valid, Valid]);
    assert_eq!(with(20, 100, true), [Warn, Warn]);
    assert_eq!(with(20, 30, true), [Invalid, Warn]);
    assert_eq!(with(20, 30, false), [Warn, Warn]);
    assert!(graded(|_| {}).checks.iter().all(|check| check.id != "cpu_wait"), "not looked at");
}

#[test]
fn a_sink_that_holds_the_target_up_is_invalid() {
    for (us, grade) in
        [(800, HealthStatus::Valid), (12_000, HealthStatus::Warn), (60_000, HealthStatus::Invalid)]
    {
        let slow = pulses(20, move |_| Pulse { sink_us: us, ..Pulse::default() });
        let health = graded(|evidence| evidence.instrument.pulses = slow);
        assert_eq!(status(&health, "sink_processing"), grade, "{us}");
    }
}
