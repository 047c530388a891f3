//! A rate is of events inside the measured period: what a target delivers afterwards, or was given
//! before, does not make it faster.

use mailbench::ledger::event::{AttemptOutcome, Ceiling, Event, Period, Usage};
use mailbench::measure::results::Results;

use crate::made_up_runs::{Run, accepted, ms, steady};

/// Eighty messages a second for ten seconds, all accepted at once; `delivered` says when each is.
fn eighty(delivered: impl Fn(u64) -> u64, warm_up_ms: u64, more: &str) -> Run {
    let mut run = Run::new(steady(80, 10, more));
    if warm_up_ms > 0 {
        run.events[1] = Event::Period { at: ms(0), period: Period::WarmUp };
        run.period(warm_up_ms, Period::Measured);
    }
    for id in 0..800 + warm_up_ms * 80 / 1000 {
        let due = id * 1000 / 80;
        run.submit(id, [due, due, due, due + 2].map(ms), accepted());
        run.attempt(id, 1, ms(delivered(id)), AttemptOutcome::Taken);
    }
    run
}

/// One each 25 ms: 40 a second.
fn forty_a_second(id: u64) -> u64 {
    id * 25 + 5
}

/// The target keeps half of a core busy.
fn busy(run: &mut Run, seconds: u64) {
    for second in 0..=seconds {
        let (at, cpu_us) = (ms(second * 1000), second * 500_000);
        run.events.push(Event::Usage(Usage { at, cpu_us, ..Usage::default() }));
    }
}

fn statuses(results: &Results) -> Vec<(&str, bool)> {
    results.thresholds.iter().map(|it| (it.expr.as_str(), it.ok)).collect()
}

#[test]
fn a_target_of_forty_a_second_delivers_forty_of_eighty_however_long_it_drains() {
    let thresholds = "[thresholds]\n\"delivered.rate\" = \"<= 41/s\"\ngoodput = \"<= 41/s\"\n\
                      \"delivered{destination=a.test}.rate\" = \"<= 41/s\"\n\
                      \"accepted.rate\" = \">= 79/s\"\n";
    let mut run = eighty(forty_a_second, 0, thresholds);
    run.pulses(20, 0);
    busy(&mut run, 20);
    run.end(10_000, 20_500, 0);
    let results = run.judge().results;
    let rate = |name: &str| (results.rates[name] * 10.0).round() / 10.0;
    assert_eq!(results.counts["delivered"], 800, "all of it, in the end");
    assert_eq!(["offered", "accepted", "delivered"].map(rate), [80.0, 80.0, 40.0]);
    assert!((rate("goodput") - 40.0).abs() < 0.2, "{}", rate("goodput"));
    assert_eq!(results.destinations[0].rates["delivered"], results.rates["delivered"]);
    assert!(statuses(&results).iter().all(|(_, ok)| *ok), "{:?}", results.thresholds);
    let sizing = results.sizing.expect("sizing");
    assert_eq!((sizing.delivered_per_s.round(), sizing.headroom), (40.0, 1.0));
    assert!(!sizing.sustained);
    let per_core = sizing.per_core_per_s.expect("of half a core");
    assert!((per_core - 80.0).abs() < 2.0, "{per_core}");
}

#[test]
fn a_target_that_keeps_up_has_headroom_and_a_goodput_of_what_is_offered() {
    let mut run = eighty(|id| id * 1000 / 80 + 5, 0, "");
    run.pulses(10, 0);
    busy(&mut run, 10);
    run.end(10_000, 10_500, 0);
    let results = run.judge().results;
    assert!((results.rates["delivered"] - 80.0).abs() < 0.2 && results.rates["goodput"] > 79.8);
    let sizing = results.sizing.expect("sizing");
    assert!(sizing.sustained && sizing.headroom > 3.0, "{sizing:?}");
}

/// Ten seconds of warm-up fill a queue that then never drains: at its end, and 5 s later.
#[test]
fn mail_of_the_warm_up_that_still_waits_is_not_of_the_period() {
    let mut run = eighty(forty_a_second, 10_000, "[thresholds]\npending = \"<= 800\"\n");
    run.pulses(20, 0);
    // 25 s at 40/s of 1,600.
    run.events.retain(|event| match event {
        Event::Attempt(attempt) => attempt.ended < ms(25_000),
        Event::Confirmed { at, .. } => *at < ms(25_000),
        _ => true,
    });
    run.end(20_000, 25_000, 600);
    let results = run.judge().results;
    let count = |name: &str| results.counts[name];
    assert_eq!((count("offered"), count("accepted")), (800, 800), "of ten seconds");
    assert_eq!(count("accepted"), count("delivered") + count("pending"));
    assert_eq!(results.rates["offered"], 80.0);
    assert!((results.rates["delivered"] - 40.0).abs() < 0.2, "{}", results.rates["delivered"]);
    // Delivered in the period: the second half of the warm-up's, and no other.
    assert_eq!(results.destinations[0].counts, {
        let mut all = results.counts.clone();
        // Those of the run as a whole, which belong to no recipient.
        let of_the_run = [
            "phantom",
            "dsn_unmatched",
            "foreign",
            "dsn_non_null_sender",
            "auto_replies",
            "outside_connections",
        ];
        all.retain(|name, _| !of_the_run.contains(&name.as_str()));
        all
    });
}

#[test]
fn what_still_waits_of_the_warm_up_is_counted_apart_and_decides() {
    let mut run = eighty(|id| id * 1000 / 80 + 5, 2_000, "[thresholds]\npending = \"== 0\"\n");
    run.pulses(12, 0);
    // The first message is never delivered.
    run.events.retain(|event| !matches!(event, Event::Attempt(attempt) if attempt.probe.0 == 0));
    run.end(12_000, 13_000, 1);
    let results = run.judge().results;
    assert_eq!((results.counts["offered"], results.counts["pending"]), (800, 0));
    assert_eq!(results.counts_outside_period, [("pending".to_owned(), 1)].into());
    assert_eq!(statuses(&results), [("pending == 0", false)]);
    assert_eq!(results.verdict.exit_code, 99);
    assert!(results.verdict.reasons.iter().any(|reason| reason.class == "pending"));
}

const OUTAGE: &str = "[[fault]]\nname = \"outage\"\nstage = \"connect\"\nduring = \"2s..5s\"\n\
                      refuse = true\n[thresholds]\n";

/// What is due while the destination is down is delivered from 6 s on, 160 a second.
fn through_an_outage(id: u64) -> u64 {
    let due = id * 1000 / 80;
    match due {
        0..2000 => due + 5,
        _ => (due + 5).max(6_000 + (id - 160) * 1000 / 160),
    }
}

#[test]
fn a_fault_has_a_recovery_time_of_its_own() {
    let thresholds =
        "recovery_time = \"< 3s\"\n\"recovery_time{fault=outage}.max\" = \"> 2900ms\"\n";
    let mut run = eighty(through_an_outage, 0, &[OUTAGE, thresholds].concat());
    run.pulses(10, 0);
    run.end(10_000, 10_500, 0);
    let results = run.judge().results;
    let [recovery] = &results.queue.recovery[..] else { panic!("{:?}", results.queue.recovery) };
    assert_eq!((recovery.name.as_str(), recovery.kind.as_str()), ("outage", "fault"));
    assert_eq!((recovery.from_s, recovery.to_s, recovery.band), (2.0, Some(5.0), 5));
    assert!((recovery.recovery_time_s - 4.94).abs() < 0.1, "{recovery:?}");
    assert!(recovery.backlog_peak > 300 && !recovery.at_least, "{recovery:?}");
    assert_eq!(results.queue.recovery_time_max_s, Some(recovery.recovery_time_s));
    assert!(results.queue.drain_time_s.is_some_and(|seconds| seconds < 0.1), "long over by then");
    let held = statuses(&results);
    assert_eq!(held.iter().map(|(_, ok)| *ok).collect::<Vec<_>>(), [false, true]);
}

#[test]
fn a_backlog_that_is_not_back_at_the_close_meets_no_bound() {
    let mut run =
        eighty(|id| id * 1000 / 80 + 5, 0, &[OUTAGE, "recovery_time = \"< 1h\"\n"].concat());
    run.pulses(10, 0);
    run.events.retain(|event| match event {
        Event::Attempt(attempt) => attempt.ended < ms(2_000),
        Event::Confirmed { at, .. } => *at < ms(2_000),
        _ => true,
    });
    run.end(10_000, 20_000, 640);
    let results = run.judge().results;
    assert!(results.queue.recovery[0].at_least && results.queue.recovery_time_max_at_least);
    assert_eq!(results.queue.recovery[0].recovery_time_s, 15.0);
    assert_eq!(results.thresholds[0].actual.as_deref(), Some(">= 15s"));
    assert_eq!(results.verdict.exit_code, 99);
}

#[test]
fn without_a_fault_that_ends_there_is_no_recovery() {
    let more = "[[fault]]\nname = \"always\"\nstage = \"banner\"\ndelay = \"1ms\"\n\
                [thresholds]\nrecovery_time = \"< 1h\"\n";
    let mut run = eighty(|id| id * 1000 / 80 + 5, 0, more);
    run.pulses(10, 0);
    run.end(10_000, 10_500, 0);
    let results = run.judge().results;
    assert!(results.queue.recovery.is_empty() && results.queue.recovery_time_max_s.is_none());
    assert_eq!((results.thresholds[0].ok, results.verdict.exit_code), (false, 96));
}

#[test]
fn connections_are_known_while_no_port_is_closed_or_where_logged() {
    use mailbench::ledger::event::SessionChange;
    let thresholds = "connection_attempts = \"== 200\"\n\
                      \"connection_attempts.per_delivery\" = \"<= 0.25\"\n";
    let judged = |more: Vec<Event>| {
        let mut run = eighty(through_an_outage, 0, &[OUTAGE, thresholds].concat());
        run.pulses(10, 0);
        for session in 0..80 {
            let (at, change) = (ms(session * 100), SessionChange::Opened);
            run.events.push(Event::Session { session, at, change });
        }
        run.events.extend(more);
        run.end(10_000, 10_500, 0);
        run.judge().results
    };
    let closed = Event::Port { at: ms(2_000), destination: None, closed_by: Some(0) };
    let unknown = judged(vec![closed.clone()]);
    assert_eq!(unknown.queue.connection_attempts.as_ref().and_then(|it| it.count), None);
    assert_eq!(unknown.verdict.exit_code, 96, "{:?}", unknown.thresholds);
    let refused = Event::RefusedConnections { at: ms(10_400), count: 120 };
    let known = judged(vec![closed, refused]);
    let facts = known.queue.connection_attempts.as_ref().expect("facts");
    assert_eq!(
        (facts.count, facts.refused, facts.per_delivery),
        (Some(200), Some(120), Some(0.25))
    );
    assert!(statuses(&known).iter().all(|(_, ok)| *ok), "{:?}", known.thresholds);
}

/// Bursts of ten times the mean: the instrument has to keep up with those.
#[test]
fn the_instruments_headroom_is_over_the_peak_of_the_load() {
    let headroom = |arrival: &str| {
        let scenario = steady(80, 10, "").replace("arrival = \"constant\"", arrival);
        let mut run = Run::new(scenario);
        for id in 0..800 {
            let due = id * 1000 / 80;
            run.submit(id, [due, due, due, due + 2].map(ms), accepted());
            run.attempt(id, 1, ms(due + 5), AttemptOutcome::Taken);
        }
        let ceiling = Ceiling { per_s: Some(2_400.0), ..Ceiling::default() };
        run.events.push(Event::Calibrated(ceiling));
        run.pulses(10, 0);
        run.end(10_000, 10_500, 0);
        let results = run.judge().results;
        let check = results.health.checks.iter().find(|check| check.id == "headroom");
        (results.load.peak_planned_per_s, check.map(|check| check.value))
    };
    assert_eq!(headroom("arrival = \"constant\""), (Some(80.0), Some(30.0)));
    let bursts = "arrival = \"on-off\"\non = \"1s\"\noff = \"9s\"";
    assert_eq!(headroom(bursts), (Some(800.0), Some(3.0)));
}
