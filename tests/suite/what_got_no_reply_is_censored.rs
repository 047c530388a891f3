//! Promise: mail that never got an answer is in every percentile, as longer than it was watched,
//! and a figure that it can raise is marked as a bound in every format.

use std::time::Duration;

use mailbench::ledger::event::{AttemptOutcome, Event, NoAnswer, SubmitResult, Unanswered};
use mailbench::measure::results::{Findings, Latency, ThresholdStatus};
use mailbench::probe::MessageId;
use mailbench::report::view::View;
use mailbench::report::{self, Format};
use mailbench::smtp::stage::Stage;

use crate::made_up_runs::{Run, accepted, ms, steady};
use crate::offered::{offered, open};
use crate::receiver::{Manner, Receiver};
use crate::support::free_address;

const THRESHOLDS: &str = "[thresholds]\n\"submit_response.p99\" = \"< 1s\"\n\
                          \"submit_response.p50\" = \"< 1s\"\n\"e2e_response.p99\" = \"< 1s\"\n";

/// Says, as a run of ours does just before the end of the submission, why it got no answer.
fn unanswered(run: &mut Run, id: u64, at: u64, how: NoAnswer, (stage, age_ms): (Stage, u64)) {
    let (message, at) = (MessageId(id), ms(at));
    let stages = vec![(stage, u32::try_from(age_ms * 1000).expect("an age"))];
    let event = Event::Unanswered(Unanswered { message, at, how, stages });
    run.events.insert(run.events.len() - 1, event);
}

/// 2,000 messages at 100/s; of the last 1,840 each twentieth, 92 in all, hangs after its final dot
/// until it is given up at 30 s, 10 to 28 s after it was due.
fn hung(records: bool) -> Run {
    let mut run = Run::new(steady(100, 20, THRESHOLDS));
    for id in 0..2000 {
        let due = id * 10;
        if id >= 160 && id % 20 == 0 {
            let cause = "given up at the end of the run".to_owned();
            let given_up = SubmitResult::Indeterminate { cause };
            run.submit(id, [due, due, due, 30_000].map(ms), given_up);
            if records {
                let stage = (Stage::EndOfData, 30_000 - due);
                unanswered(&mut run, id, 30_000, NoAnswer::GivenUp, stage);
            }
        } else {
            run.submit(id, [due, due, due, due + 5].map(ms), accepted());
            run.attempt(id, 1, ms(due + 20), AttemptOutcome::Taken);
        }
    }
    run.pulses(20, 0);
    run.end(20_000, 31_000, 0);
    run
}

fn assert_bound(latency: &Latency, censored: u64, p99_us: u64) {
    assert_eq!((latency.count, latency.censored), (2000 - censored, censored));
    assert!(latency.p99.expect("a value") >= p99_us, "{:?}", latency.p99);
    assert_eq!(latency.p50.map(|us| us < 30_000), Some(true));
    assert_eq!(latency.at_least, ["p99", "mean", "max"]);
}

#[test]
fn submissions_that_hang_until_the_close_are_in_the_percentiles() {
    // Twenty of 2,000 waited for longer than this one, due 0.2 s apart from 1.6 s on.
    let p99_us = 30_000_000 - 1_600_000 - 20 * 200_000;
    for records in [true, false] {
        let results = hung(records).judge().results;
        assert_eq!(results.counts["indeterminate"], 92);
        assert_bound(&results.latency["submit_response"], 92, p99_us);
        assert_bound(&results.latency["submit_service"], 92, p99_us);
        assert_bound(&results.latency["e2e_response"], 92, p99_us);
        let status = |n: usize| results.thresholds[n].status;
        assert_eq!(
            [status(0), status(1), status(2)],
            [ThresholdStatus::Missed, ThresholdStatus::Met, ThresholdStatus::Missed]
        );
        let actual = results.thresholds[0].actual.as_deref().expect("a figure");
        assert!(actual.starts_with(">= "), "{actual}");
        assert_eq!(results.verdict.exit_code, 99, "{:?}", results.verdict);
        let stage = &results.latency["stage_end_of_data"];
        if records {
            assert_bound(stage, 92, p99_us);
        } else {
            assert_eq!(stage.censored, 0, "earlier journals do not say it");
        }
    }
}

/// Of 2,000 a tenth finds no connection, at once; then as many wait for 20 s in vain.
fn failed(age_ms: u64) -> Findings {
    let mut run = Run::new(steady(100, 20, THRESHOLDS));
    for id in 0..2000 {
        let due = id * 10;
        if id % 10 == 0 {
            let (stage, cause) = (Stage::Connect, "connection refused".to_owned());
            let not_sent = SubmitResult::NotSent { stage, cause };
            run.submit(id, [due, due, due, due + age_ms].map(ms), not_sent);
            let stage = (Stage::Connect, age_ms);
            unanswered(&mut run, id, due + age_ms, NoAnswer::Failed, stage);
        } else {
            run.submit(id, [due, due, due, due + 5].map(ms), accepted());
            run.attempt(id, 1, ms(due + 20), AttemptOutcome::Taken);
        }
    }
    run.pulses(20, 0);
    run.end(20_000, 41_000, 0);
    run.judge()
}

#[test]
fn connections_that_fail_improve_no_percentile_and_do_not_vanish() {
    for (age_ms, p99_us) in [(0, 5_000), (20_000, 20_000_000)] {
        let results = failed(age_ms).results;
        for metric in ["submit_response", "submit_service", "e2e_response"] {
            let latency = &results.latency[metric];
            assert_eq!((latency.count, latency.censored, latency.failed), (1800, 200, 200));
            assert!(latency.p50.expect("a value") >= 5_000, "{metric} {age_ms}");
            assert!(latency.p99.expect("a value") >= p99_us, "{metric} {age_ms}");
            assert_eq!(latency.at_least, ["p95", "p99", "mean", "max"], "{metric} {age_ms}");
        }
        assert_eq!(results.latency["stage_connect"].failed, 200);
        assert_eq!(results.thresholds[0].status, ThresholdStatus::Missed);
        assert_eq!(results.thresholds[1].status, ThresholdStatus::Met);
    }
}

#[test]
fn slow_refusals_have_their_own_metric_and_threshold() {
    let threshold = "[thresholds]\n\"refused_response.p50\" = \"< 1s\"\n";
    let mut run = Run::new(steady(100, 20, threshold));
    for id in 0..2000 {
        let due = id * 10;
        if id % 10 == 0 {
            let reply = mailbench::smtp::reply::Reply::new(451, None, "later");
            let refused = SubmitResult::Refused { stage: Stage::RcptTo, reply };
            run.submit(id, [due, due, due, due + 9000].map(ms), refused);
        } else {
            run.submit(id, [due, due, due, due + 5].map(ms), accepted());
            run.attempt(id, 1, ms(due + 20), AttemptOutcome::Taken);
        }
    }
    run.pulses(20, 0);
    run.end(20_000, 31_000, 0);
    let results = run.judge().results;
    let refused = &results.latency["refused_response"];
    assert_eq!((refused.count, refused.censored, refused.min), (200, 0, Some(9_000_000)));
    assert_eq!(results.latency["submit_response"].censored, 0);
    assert_eq!(results.thresholds[0].status, ThresholdStatus::Missed);
}

#[test]
fn a_retry_that_is_still_due_is_a_censored_gap() {
    let mut run = Run::new(steady(10, 10, ""));
    for id in 0..100 {
        let due = id * 100;
        run.submit(id, [due, due, due, due + 5].map(ms), accepted());
        run.attempt(id, 1, ms(due + 20), AttemptOutcome::Deferred);
        if id < 60 {
            run.attempt(id, 2, ms(due + 2021), AttemptOutcome::Taken);
        }
    }
    run.end(10_000, 60_000, 40);
    let results = run.judge().results;
    let gap = &results.latency["retry_gap"];
    assert_eq!((gap.count, gap.censored), (60, 40));
    assert!(gap.p90.expect("a value") >= 50_000_000 && gap.at_least.contains(&"p90".to_owned()));
    assert_eq!(results.destinations[0].latency["retry_gap"].censored, 40);
}

#[test]
fn rows_and_tags_keep_apart_the_warm_up_and_what_has_no_end() {
    let scenario = steady(100, 20, "").replace("warm_up = \"0s\"", "warm_up = \"10s\"");
    let mut run = Run::new(scenario);
    // Due in the warm-up: answered; due in the measured period: none is.
    run.events.retain(|event| !matches!(event, Event::Period { .. }));
    run.period(0, mailbench::ledger::event::Period::WarmUp);
    run.period(10_000, mailbench::ledger::event::Period::Measured);
    for id in 0..3000 {
        let due = id * 10;
        if due < 10_000 {
            run.submit(id, [due, due, due, due + 2].map(ms), accepted());
            run.attempt(id, 1, ms(due + 12_000), AttemptOutcome::Taken);
        } else {
            let cause = "given up at the end of the run".to_owned();
            let given_up = SubmitResult::Indeterminate { cause };
            run.submit(id, [due, due, due, 37_000].map(ms), given_up);
        }
    }
    run.end(30_000, 37_500, 0);
    let findings = run.judge();
    let log = report::render(Format::Hlog, &findings, &View::plain(80)).expect("text");
    let tags =
        |tag: &str| log.lines().filter(|line| line.starts_with(&format!("Tag={tag},"))).count();
    assert_eq!((tags("e2e_response"), tags("submit_response")), (0, 0), "nothing measured ended");
    assert!(tags("e2e_response.warm-up") > 0 && tags("submit_response.warm-up") > 0);
    assert!(tags("e2e_response.censored") == 1 && tags("submit_response.censored") == 1);
    assert!(log.contains("2000 of 2000 observations of e2e_response have no end"), "{log}");
    let later = findings.series.iter().filter(|row| row.t_s >= 10 && row.e2e_p50_us.is_some());
    let rows: Vec<_> = later.map(|row| (row.t_s, row.e2e_censored, row.e2e_p50_us)).collect();
    assert_eq!(rows.len(), 1, "{rows:?}");
    assert_eq!((rows[0].0, rows[0].1), (37, 2000));
    assert!(rows[0].2 >= Some(7_100_000), "{rows:?}");
}

/// Formats for people and programs, and how the bound of `e2e_response.p99` reads in each.
#[test]
fn every_format_marks_a_bound() {
    let findings = hung(true).judge();
    let render = |format| report::render(format, &findings, &View::plain(120)).expect("text");
    let p99 = findings.results.latency["e2e_response"].p99.expect("a value") as f64 / 1e6;
    let bare = format!("{p99:.1}s");
    let cases = [
        (Format::Terminal, format!(">={bare}")),
        (Format::Markdown, format!("&gt;={bare}")),
        (Format::Html, format!("&gt;={bare}")),
        (Format::Junit, format!("&gt;= {bare}")),
        (Format::Json, "\"at_least\": [\n        \"p99\"".to_owned()),
        (Format::Hgrm, "92 of 2000 observations have no end; lower bounds from p99 on".to_owned()),
        (Format::Hlog, "Tag=e2e_response.censored,".to_owned()),
        (Format::Csv, ",submit_censored,e2e_censored".to_owned()),
        (
            Format::Openmetrics,
            "mailbench_censored_observations{metric=\"e2e_response\"} 92".to_owned(),
        ),
    ];
    for (format, marked) in cases {
        let text = render(format);
        assert!(text.contains(&marked), "{format:?}: no {marked} in\n{text}");
        let unmarked = text.matches(&bare).count()
            - text.matches(&format!("={bare}")).count()
            - text.matches(&format!("= {bare}")).count();
        let is_for_people = matches!(format, Format::Terminal | Format::Markdown | Format::Junit);
        assert!(!is_for_people || unmarked == 0, "{format:?}: {bare} without its mark in\n{text}");
    }
    let metrics = render(Format::Openmetrics);
    let bucket = |le: &str| format!("mailbench_e2e_response_seconds_bucket{{le=\"{le}\"}}");
    assert!(metrics.contains(&format!("{} 1908\n", bucket("3600.0"))), "{metrics}");
    assert!(metrics.contains(&format!("{} 2000\n", bucket("+Inf"))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn traffic_records_which_stage_was_under_way_and_why_there_was_no_answer() {
    let receiver = Receiver::start(Manner { wait: Duration::from_secs(60), ..Manner::default() });
    let receiver = receiver.await;
    let load = mailbench::scenario::model::Load {
        sessions: 2,
        drain: Duration::from_millis(300),
        ..open(50.0, Duration::from_millis(200))
    };
    let offered = offered(load, receiver.address).await;
    let of = |how| offered.unanswered.iter().filter(move |it| it.how == how);
    assert_eq!((of(NoAnswer::GivenUp).count(), of(NoAnswer::Unserved).count()), (2, 8));
    for given_up in of(NoAnswer::GivenUp) {
        let [(stage, age)] = given_up.stages[..] else { panic!("{given_up:?}") };
        assert_eq!(stage, Stage::EndOfData);
        assert!((300_000..10_000_000).contains(&age), "{age} µs");
    }
    assert!(of(NoAnswer::Unserved).all(|unserved| unserved.stages.is_empty()));
    for submitted in &offered.results {
        assert!(submitted.stages.iter().all(|(stage, _)| *stage != Stage::EndOfData));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_connection_fails_at_connect() {
    let address = free_address();
    let offered = offered(open(100.0, Duration::from_millis(200)), address).await;
    let failed = offered.unanswered.iter().filter(|it| it.how == NoAnswer::Failed);
    let stages: Vec<Stage> = failed.flat_map(|it| &it.stages).map(|(stage, _)| *stage).collect();
    assert!(!stages.is_empty() && stages.iter().all(|stage| *stage == Stage::Connect));
}
