//! Promise: can the instrument's error change this answer? A threshold that only its own lag,
//! pauses or waits for a processor decide is inconclusive; one that holds in spite of them is met.

use std::process::Child;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use mailbench::ledger::event::{AttemptOutcome, CpuWait, Event, Overhead};
use mailbench::measure::results::{HealthStatus, Results, ThresholdStatus};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::made_up_runs::{Run, accepted, ms, steady};
use crate::support::{Lab, Ran, wait_until};

/// Messages due every `gap` milliseconds for a minute, each handed out so late and then served in
/// 2 ms; accepted and delivered at once.
fn run(gap: u64, more: &str, late: impl Fn(u64) -> u64) -> Run {
    let mut run = Run::new(steady((1000 / gap) as u32, 60, more));
    for id in 0..60_000 / gap {
        let due = id * gap;
        let sent = due + late(due);
        run.submit(id, [due, sent, sent, sent + 2].map(ms), accepted());
        run.attempt(id, 1, ms(sent + 3), AttemptOutcome::Taken);
    }
    run.pulses(60, 0);
    run
}

fn judged(mut run: Run) -> Results {
    run.end(60_000, 61_000, 0);
    run.judge().results
}

fn thresholds(lines: &[&str]) -> String {
    format!("[thresholds]\n{}\n", lines.join("\n"))
}

/// Stopped for 0.3 s at half time: what was due meanwhile is handed out at its end.
fn stopped(more: &str) -> Results {
    let mut run = run(10, more, |due| 30_300_u64.saturating_sub(due) * u64::from(due >= 30_000));
    run.events.push(Event::Hiccup { from: ms(30_000), to: ms(30_302) });
    judged(run)
}

#[test]
fn a_pause_of_mailbench_decides_no_threshold() {
    let results = stopped(&thresholds(&["\"submit_response.p999\" = \"< 100ms\""]));
    assert_eq!(results.thresholds[0].status, ThresholdStatus::Inconclusive);
    let reason = results.thresholds[0].reason.as_deref().expect("a reason");
    assert!(reason.contains("a pause of mailbench of 302ms at 30.0s"), "{reason}");
    assert_eq!((results.verdict.status.as_str(), results.verdict.exit_code), ("invalid", 96));
    let classes: Vec<_> = results.verdict.reasons.iter().map(|it| it.class.as_str()).collect();
    assert_eq!(classes, ["inconclusive"], "{:?}", results.verdict.reasons);
}

#[test]
fn a_threshold_that_holds_in_spite_of_a_pause_is_met() {
    let met =
        thresholds(&["\"submit_response.p99\" = \"< 100ms\"", "\"e2e_response.max\" = \"< 5s\""]);
    let results = stopped(&met);
    assert_eq!(results.verdict.exit_code, 0, "{:?}", results.verdict);
    assert_eq!(results.health.status, HealthStatus::Warn);
    let response = &results.latency["submit_response"];
    let doubtful: Vec<&str> = response.doubtful.iter().map(|one| one.stat.as_str()).collect();
    assert_eq!(doubtful, ["p999", "max"], "30 of 6,000 are half a percent");
    let p999 = &response.doubtful[0];
    assert!(p999.least < 3_000 && p999.most > 200_000, "{p999:?}");
    assert!(results.warnings.iter().any(|warning| warning.id == "doubtful"));
    let missed = stopped(&thresholds(&["\"submit_response.p99\" = \"< 1ms\""]));
    assert_eq!(missed.verdict.exit_code, 99, "2 ms without any pause");
}

#[test]
fn without_thresholds_a_pause_warns_where_it_leaves_the_percentiles_alone() {
    let results = stopped("");
    assert_eq!(results.verdict.exit_code, 0, "{:?}", results.verdict);
    assert_eq!(results.health.status, HealthStatus::Warn);
    assert_eq!(results.health.hiccups[0].length_us, 302_000);
}

/// Fifty a second, six milliseconds late: no answer in seconds hangs on it.
#[test]
fn a_lag_that_cannot_change_an_answer_voids_nothing() {
    let late = |due: u64| if due.is_multiple_of(200) { 6 } else { 1 };
    let lines = ["\"submit_response.p99\" = \"< 2s\"", "\"e2e_response.p99\" = \"< 5s\""];
    let results = judged(run(20, &thresholds(&lines), late));
    assert_eq!(results.verdict.exit_code, 0, "{:?}", results.verdict);
    assert_eq!(results.health.status, HealthStatus::Warn);
    assert!(results.thresholds.iter().all(|it| it.status == ThresholdStatus::Met));
    let close = judged(run(20, &thresholds(&["\"submit_response.p99\" = \"< 7ms\""]), late));
    assert_eq!(close.thresholds[0].status, ThresholdStatus::Inconclusive, "8 ms, 6 of them lag");
    assert_eq!(close.verdict.exit_code, 96);
}

/// Two of five messages half a second late. The service time never shows it, and would be longer
/// had they come in time.
#[test]
fn a_figure_that_lag_makes_look_better_is_judged_in_its_own_direction() {
    let lines = ["\"submit_service.p99\" = \"< 50ms\"", "\"submit_service.p50\" = \"< 50ms\""];
    let late = |due: u64| if due % 50 < 20 { 500 } else { 0 };
    let results = judged(run(10, &thresholds(&lines), late));
    assert_eq!(results.thresholds[0].status, ThresholdStatus::Inconclusive);
    assert_eq!(results.thresholds[1].status, ThresholdStatus::Met);
    let p99 = results.latency["submit_service"].doubtful.iter().find(|one| one.stat == "p99");
    assert!(p99.expect("in doubt").most > 400_000);
}

/// Threads of mailbench waited 20 ms a message for a processor, and every time is longer by it.
fn starved(more: &str) -> Results {
    let mut run = Run::new(steady(100, 60, more));
    for id in 0..6000 {
        let due = id * 10;
        run.submit(id, [due, due, due, due + 12 + id % 20].map(ms), accepted());
        run.attempt(id, 1, ms(due + 14 + id % 20), AttemptOutcome::Taken);
    }
    for second in 0..=60 {
        let traffic = CpuWait { us: second * 2_000_000, turns: second * 1_000, ran_us: 0 };
        let at = ms(second * 1000);
        run.events.push(Event::Overhead(Overhead { at, traffic, ..Overhead::default() }));
    }
    run.pulses(60, 0);
    judged(run)
}

#[test]
fn starvation_known_only_as_a_sum_decides_nothing_either() {
    let none = starved("");
    assert_eq!(none.verdict.exit_code, 96, "the larger part of the median: {:?}", none.verdict);
    let check = none.health.checks.iter().find(|check| check.id == "cpu_wait").expect("a check");
    assert_eq!(check.status, HealthStatus::Invalid);
    assert!((check.value - 19.0).abs() < 0.2, "100 us each turn are usual: {}", check.value);
    let open = starved(&thresholds(&["\"submit_response.p50\" = \"< 10ms\""]));
    assert_eq!(open.thresholds[0].status, ThresholdStatus::Inconclusive);
    let met = starved(&thresholds(&["\"submit_response.p99\" = \"< 1s\""]));
    assert_eq!((met.verdict.exit_code, met.health.status), (0, HealthStatus::Warn));
}

/// A run that is stopped for 0.3 s in its midst, with this threshold.
fn stopped_for_real(threshold: &str) -> Ran {
    let lab = Lab::small(&thresholds(&[threshold]))
        .set("target.kind", "direct")
        .set("load.rate", "100/s")
        .set("load.sessions", "50")
        .set("load.duration", "5s");
    let child = lab.start();
    let journal = lab.path().join("journal.bin");
    wait_until("traffic", || std::fs::metadata(&journal).is_ok_and(|file| file.len() > 60_000));
    stop_for(&child, Duration::from_millis(300));
    lab.finish(child)
}

#[expect(clippy::disallowed_methods, reason = "a test holds another process")]
fn stop_for(child: &Child, time: Duration) {
    let pid = Pid::from_raw(i32::try_from(child.id()).expect("a pid"));
    kill(pid, Signal::SIGSTOP).expect("stopped");
    std::thread::sleep(time);
    kill(pid, Signal::SIGCONT).expect("goes on");
}

fn longest_hiccup_us(ran: &Ran) -> u64 {
    ran.report()["health"]["hiccups"][0]["length_us"].as_u64().expect("a pause")
}

#[test]
fn a_stopped_process_is_seen_and_its_threshold_inconclusive() {
    let ran = stopped_for_real("\"submit_response.p99\" = \"< 200ms\"");
    ran.assert_code(96);
    assert!(longest_hiccup_us(&ran) >= 290_000, "{ran}");
    let report = ran.report();
    assert_eq!(report["thresholds"][0]["status"], "inconclusive", "{ran}");
    let reason = report["thresholds"][0]["reason"].as_str().expect("a reason");
    assert!(reason.contains("a pause of mailbench of"), "{reason}");
    assert!(ran.stdout.contains("a pause of mailbench of"), "{ran}");
    let series = std::fs::read_to_string(ran.path.join("timeseries.csv")).expect("rows");
    let mut rows = csv::Reader::from_reader(series.as_bytes());
    let column = rows.headers().expect("a header").iter().position(|it| it == "hiccup_us");
    let column = column.expect("the column");
    let worst = rows.records().filter_map(|row| row.ok()?.get(column)?.parse::<u64>().ok()).max();
    assert!(worst.is_some_and(|worst| worst >= 290_000), "{series}");
}

#[test]
fn a_stopped_process_passes_where_its_thresholds_hold_all_the_same() {
    let ran = stopped_for_real("\"submit_response.p99\" = \"< 60s\"");
    ran.assert_code(0);
    assert!(longest_hiccup_us(&ran) >= 290_000, "{ran}");
    let report = ran.report();
    assert_eq!(report["thresholds"][0]["status"], "met", "{ran}");
    assert_ne!(report["health"]["status"], "valid", "{ran}");
    let doubtful = report["latency"]["submit_response"]["doubtful"].as_array().expect("a list");
    assert!(doubtful.iter().any(|one| one["stat"] == "p99"), "{ran}");
}

/// Four busy threads a core, for as long as the run lasts.
#[test]
fn starvation_is_recorded() {
    let busy = AtomicBool::new(true);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let ran = std::thread::scope(|scope| {
        for _ in 0..4 * cores {
            scope.spawn(|| {
                // A minute at most, should the run never end.
                let until = std::time::Duration::from_secs(60);
                let since = mailbench::clock::Clock::start();
                while busy.load(Ordering::Relaxed) && since.now().offset() < until {
                    std::hint::spin_loop();
                }
            });
        }
        let ran = Lab::small("").set("target.kind", "direct").set("load.rate", "100/s").run();
        busy.store(false, Ordering::Relaxed);
        ran
    });
    let health = &ran.report()["health"];
    let waited = health["contention"]["wait_per_message_us"].as_u64().expect("looked at");
    assert!(waited > 0, "{ran}");
    let check = health["checks"].as_array().expect("checks").iter();
    assert!(check.into_iter().any(|check| check["id"] == "cpu_wait"), "{ran}");
}
