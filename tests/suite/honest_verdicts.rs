//! Promise: what was not shown is not a pass, and a stored run is judged to the same bytes.

use mailbench::ledger::event::{AttemptOutcome, Dsn, DsnAction, DsnRecipient, Event};
use mailbench::measure::results::{LedgerVerdict, Results, ThresholdStatus};
use mailbench::probe::{MessageId, ProbeId};

use crate::made_up_runs::{Run, accepted, ms, steady};

const FAULTS: &str = "[[fault]]\nname = \"no\"\nstage = \"rcpt-to\"\nreject = \"550 5.1.1 no\"\n";

fn thresholds(lines: &str) -> String {
    format!("[thresholds]\n{lines}\n")
}

/// 100/s for `seconds`, all accepted in 2 ms; what the sink does is the caller's.
fn offered(seconds: u32, more: &str, mut sink: impl FnMut(&mut Run, u64, u64)) -> Run {
    let mut run = Run::new(steady(100, seconds, more));
    for id in 0..u64::from(seconds) * 100 {
        let due = id * 10;
        run.submit(id, [due, due, due, due + 2].map(ms), accepted());
        sink(&mut run, id, due);
    }
    run
}

fn delivered(seconds: u32, more: &str) -> Run {
    let mut run = offered(seconds, more, |run, id, due| {
        run.attempt(id, 1, ms(due + 5), AttemptOutcome::Taken);
    });
    run.pulses(u64::from(seconds), 0);
    run.end(u64::from(seconds) * 1000, u64::from(seconds) * 1000 + 500, 0);
    run
}

fn bounce(id: u64, at: u64) -> Event {
    let recipient = DsnRecipient {
        probe: Some(ProbeId(id)),
        action: DsnAction::Failed,
        status: "5.1.1".to_owned(),
        diagnostic: String::new(),
    };
    Event::Dsn(Dsn {
        at: ms(at),
        session: 1,
        null_sender: true,
        message: Some(MessageId(id)),
        recipients: vec![recipient],
        flaws: Vec::new(),
    })
}

fn classes(results: &Results) -> Vec<&str> {
    results.verdict.reasons.iter().map(|reason| reason.class.as_str()).collect()
}

#[test]
fn a_clean_run_passes_with_every_figure() {
    let more = thresholds(
        "lost = \"== 0\"\n\"e2e_response.p99\" = [\"< 1s\", \"> 1ms\"]\n\
         \"e2e_response{destination=a.test}.p50\" = \"< 20ms\"\n\"delivered.rate\" = \">= 99/s\"\n\
         drain_time = \"< 1s\"\n\"backlog.max\" = \"< 5\"\n\"attempts_per_delivery.mean\" = \"== 1\"",
    );
    let findings = delivered(10, &more).judge();
    let results = &findings.results;
    assert_eq!(results.verdict.exit_code, 0, "{:?}", results.verdict);
    assert_eq!(results.thresholds.len(), 8);
    assert!(results.thresholds.iter().all(|result| result.ok), "{:?}", results.thresholds);
    assert_eq!(results.thresholds[0].line, 17, "the line of `lost` in the scenario");
    assert_eq!(results.load.planned_messages, Some(1000));
    assert_eq!(results.latency["e2e_response"].count, 1000);
    assert_eq!(results.destinations[0].latency["e2e_response"].count, 1000);
    assert_eq!((findings.series.len(), findings.attempts.len()), (11, 1000));
    assert!(findings.attempts.rows().all(|attempt| attempt.confirmed));
    assert!((results.rates["delivered"] - 100.0).abs() < 1e-9);
    assert_eq!(results.correctness.verdict, LedgerVerdict::Valid);
}

#[test]
fn a_sink_that_rejects_everything_delivers_nothing_and_fails_the_run() {
    let mut run = offered(10, FAULTS, |run, id, due| {
        run.attempt(id, 1, ms(due + 5), AttemptOutcome::Rejected);
        run.events.push(bounce(id, due + 9));
    });
    run.end(10_000, 10_500, 0);
    let results = run.judge().results;
    assert_eq!((results.counts["delivered"], results.counts["bounced"]), (0, 1000));
    assert_eq!(results.latency["e2e_response"].count, 0, "no end-to-end sample");
    assert_eq!((results.verdict.exit_code, classes(&results)), (96, vec!["nothing-delivered"]));
}

#[test]
fn a_sink_that_defers_everything_leaves_all_pending_and_is_no_pass() {
    let more = thresholds("\"e2e_response.p50\" = \"< 60s\"\ndrain_time = \"< 600s\"");
    let mut run = offered(10, &more, |run, id, due| {
        run.attempt(id, 1, ms(due + 5), AttemptOutcome::Deferred);
    });
    run.end(10_000, 40_000, 1000);
    let results = run.judge().results;
    assert_eq!((results.counts["delivered"], results.counts["pending"]), (0, 1000));
    let e2e = &results.latency["e2e_response"];
    assert_eq!((e2e.count, e2e.censored), (0, 1000));
    assert!(e2e.at_least.contains(&"p50".to_owned()));
    assert!(results.thresholds.iter().all(|it| it.status == ThresholdStatus::Missed));
    assert!(results.thresholds[0].actual.as_deref().is_some_and(|it| it.starts_with(">= ")));
    assert_eq!(results.queue.drain_time_s, None);
    assert_eq!(results.queue.backlog_end, 1000);
    assert_eq!(results.verdict.exit_code, 99);
    assert!(classes(&results).contains(&"pending"), "{:?}", results.verdict);
}

#[test]
fn nothing_accepted_is_no_pass() {
    let mut run = Run::new(steady(100, 10, ""));
    run.end(10_000, 10_500, 0);
    let results = run.judge().results;
    assert_eq!(results.verdict.exit_code, 96);
    assert!(classes(&results).contains(&"nothing-accepted"));
}

#[test]
fn too_few_samples_are_said_and_void_a_threshold() {
    let more = thresholds("\"e2e_response.p99\" = \"< 10s\"\n\"e2e_response.p95\" = \"< 10s\"");
    let results = delivered(3, &more).judge().results;
    let e2e = &results.latency["e2e_response"];
    assert_eq!((e2e.count, e2e.p99, e2e.p95.is_some()), (300, None, true));
    assert_eq!(results.thresholds[0].status, ThresholdStatus::NoData);
    assert_eq!(results.thresholds[1].status, ThresholdStatus::Met);
    assert_eq!((results.verdict.exit_code, classes(&results)), (96, vec!["no-data"]));
    let said = results.warnings.iter().find(|warning| warning.id == "too-few-samples");
    assert!(said.expect("a warning").message.contains("368"));
}

#[test]
fn a_journal_cut_short_is_judged_as_far_as_it_goes_and_void() {
    let run = delivered(10, "");
    let results = run.judge_cut(40).results;
    assert!(!results.run.complete);
    assert!(results.counts["delivered"] > 900);
    assert_eq!(results.verdict.exit_code, 96);
    let journal = results.health.checks.iter().find(|check| check.id == "journal");
    assert!(journal.expect("the check").advice.contains("cut short"));
}

#[test]
fn an_interrupted_run_is_105_and_judged_by_what_was_offered() {
    let mut run = offered(10, "", |run, id, due| {
        run.attempt(id, 1, ms(due + 5), AttemptOutcome::Taken);
    });
    run.scenario = steady(100, 60, "");
    run.events.push(Event::Interrupted { at: ms(10_000) });
    run.end(10_000, 10_500, 0);
    let results = run.judge().results;
    assert_eq!((results.verdict.exit_code, results.verdict.status.as_str()), (105, "interrupted"));
    assert_eq!(results.load.planned_messages, Some(1000), "of the part that was offered");
    assert!(results.verdict.reasons.is_empty(), "{:?}", results.verdict);
}

#[test]
fn the_same_journal_gives_the_same_bytes() {
    let run = delivered(5, FAULTS);
    let bytes = || {
        let findings = run.judge();
        let json = serde_json::to_vec(&findings.results).expect("JSON");
        let rows = serde_json::to_vec(&(&findings.series, &findings.attempts)).expect("JSON");
        (json, rows)
    };
    assert_eq!(bytes(), bytes());
}
