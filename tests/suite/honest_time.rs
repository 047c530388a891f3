//! Promise: a stall of the path is seen in the times from when mail was due, and nothing else
//! than a stall of the path is.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::Deserializer;
use mailbench::ledger::event::{AttemptOutcome, SubmitResult};
use mailbench::measure::results::{Findings, HealthCheck, HealthStatus, ThresholdStatus};
use mailbench::smtp::reply::Reply;
use mailbench::smtp::stage::Stage;

use crate::made_up_runs::{Run, accepted, ms, steady};

/// 100/s for a minute over a path that serves one message a millisecond; for 1.4 s from 30 s on
/// it serves none. The generator itself is never late.
fn stalled() -> Run {
    let mut run = Run::new(steady(100, 60, ""));
    let mut free = 0;
    for id in 0..6000 {
        let due = id * 10;
        let mut sent = due.max(free);
        if (30_000..31_400).contains(&sent) {
            sent = 31_400;
        }
        free = sent + 1;
        run.submit(id, [due, due, sent, free].map(ms), accepted());
        run.attempt(id, 1, ms(free + 1), AttemptOutcome::Taken);
    }
    run.pulses(60, 0);
    run.end(60_000, 61_000, 0);
    run
}

#[test]
fn a_stall_shows_in_response_time_and_not_in_service_time() {
    let findings = stalled().judge();
    let latency = &findings.results.latency;
    let millis = |us: Option<u64>| us.expect("enough samples") as f64 / 1e3;
    let response = &latency["submit_response"];
    assert_eq!((response.count, response.censored), (6000, 0));
    assert!((millis(response.p99) - 870.0).abs() < 20.0, "{:?}", response.p99);
    assert!((p98(&findings) - 330.0).abs() < 10.0, "{}", p98(&findings));
    assert!(millis(latency["submit_service"].p99) < 1.1, "service stays at its base");
    assert_eq!(findings.results.health.status, HealthStatus::Valid);
    assert_eq!(findings.results.verdict.exit_code, 0, "{:?}", findings.results.verdict);
}

/// Milliseconds; from the embedded histogram, as a reader of the report would.
fn p98(findings: &Findings) -> f64 {
    let bytes = STANDARD.decode(&findings.results.latency["submit_response"].hdr).expect("base64");
    let read: Histogram<u64> =
        Deserializer::new().deserialize(&mut &bytes[..]).expect("a histogram");
    read.value_at_quantile(0.98) as f64 / 1e3
}

#[test]
fn a_stall_of_the_generator_itself_voids_the_run() {
    let mut run = Run::new(steady(100, 60, ""));
    for id in 0..6000 {
        let due = id * 10;
        let handed = if (30_000..31_400).contains(&due) { 31_400 } else { due };
        run.submit(id, [due, handed, handed, handed + 1].map(ms), accepted());
        run.attempt(id, 1, ms(handed + 2), AttemptOutcome::Taken);
    }
    run.pulses(60, 0);
    run.end(60_000, 61_000, 0);
    let results = run.judge().results;
    assert_eq!(results.verdict.exit_code, 96, "{:?}", results.verdict);
    let lag = results.health.checks.iter().find(|check| check.id == "schedule_lag_p99");
    assert_eq!(lag.expect("the check").status, HealthStatus::Invalid);
}

#[test]
fn a_generator_with_one_session_is_invalid_and_not_slow() {
    let threshold = "[thresholds]\n\"submit_service.p99\" = \"< 50ms\"\n";
    let mut run = Run::new(steady(100, 20, threshold));
    // 30 ms a message over one session, for mail due every 10 ms.
    for id in 0..667 {
        let sent = id * 30;
        run.submit(id, [id * 10, sent, sent, sent + 30].map(ms), accepted());
        run.attempt(id, 1, ms(sent + 31), AttemptOutcome::Taken);
    }
    run.pulses(20, 400);
    run.end(20_000, 21_000, 0);
    let results = run.judge().results;
    assert_eq!((results.verdict.exit_code, results.verdict.status.as_str()), (96, "invalid"));
    // By service time all would be well, but only because mail waited at the generator.
    assert_eq!(results.thresholds[0].status, ThresholdStatus::Inconclusive);
    let bad = |check: &&HealthCheck| check.status == HealthStatus::Invalid;
    let spoiled: Vec<&str> =
        results.health.checks.iter().filter(bad).map(|check| check.id.as_str()).collect();
    assert_eq!(
        spoiled,
        [
            "offered_shortfall",
            "schedule_lag_p99",
            "inter_arrival_distribution",
            "sessions_saturated"
        ]
    );
}

#[test]
fn fast_rejections_do_not_improve_a_percentile() {
    let mut run = Run::new(steady(100, 20, ""));
    for id in 0..2000 {
        let due = id * 10;
        if id % 2 == 0 {
            let reply = Reply::new(550, None, "no");
            let refused = SubmitResult::Refused { stage: Stage::RcptTo, reply };
            run.submit(id, [due, due, due, due].map(ms), refused);
        } else {
            run.submit(id, [due, due, due, due + 40].map(ms), accepted());
            run.attempt(id, 1, ms(due + 50), AttemptOutcome::Taken);
        }
    }
    run.end(20_000, 21_000, 0);
    let results = run.judge().results;
    assert_eq!(results.latency["submit_response"].count, 1000);
    assert!(results.latency["submit_response"].min >= Some(40_000));
    assert_eq!(results.counts["refused"], 1000);
}
