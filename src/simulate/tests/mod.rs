//! The simulation against queueing theory, against itself, and against the ledger's rules.

use super::model::Model;
use super::simulate;
use crate::ledger::class::Class;
use crate::measure::results::{Findings, HealthStatus, Results};
use crate::scenario::model::{Encoding, Extension};
use crate::scenario::{Loaded, parse};

mod flow;

pub(super) fn loaded(text: &str) -> Loaded {
    match parse("a.toml", text, &[]) {
        Ok(loaded) => loaded,
        Err(problems) => panic!("{problems}"),
    }
}

fn findings(text: &str) -> Findings {
    let loaded = loaded(text);
    let model = Model::of(&loaded.scenario).expect("a model");
    simulate(&loaded, &model, "", &mut |_| {})
}

fn results(text: &str) -> Results {
    findings(text).results
}

/// Mean wait in the queue, milliseconds, with 250,000 messages at `rate`.
fn mean_wait_ms(rate: &str, servers: u32, service: &str) -> f64 {
    let text = format!(
        "seed = 3\n\
         [target.delivery]\nconcurrency = {servers}\nper_destination = {servers}\n\
         [load]\nrate = \"{rate}/s\"\nwarm_up = \"20s\"\nmessages = 250000\ndrain = \"10m\"\n\
         [simulate]\nservice = {service}\n\
         [[destination]]\ndomain = \"a.test\"\n"
    );
    let results = results(&text);
    assert_eq!(results.counts["delivered"], 250_000);
    let wait = &results.latency["queue_time"];
    wait.mean.expect("a mean") / 1e3
}

fn assert_within(seen: f64, theory: f64, share: f64) {
    assert!((seen / theory - 1.0).abs() < share, "{seen} ms, theory {theory} ms");
}

const EXPONENTIAL: &str = "{ dist = \"exponential\", mean = \"10ms\" }";

#[test]
fn one_server_waits_as_m_m_1() {
    // rho / (mu - lambda), mu = 100/s.
    assert_within(mean_wait_ms("50", 1, EXPONENTIAL), 0.5 / 50.0 * 1e3, 0.02);
}

#[test]
fn several_servers_wait_as_m_m_c() {
    // Erlang C for four servers at rho 0.6: 0.28704; the wait is C / (c mu - lambda).
    let offered = 2.4_f64;
    let terms: f64 = (0..4).map(|k| offered.powi(k) / f64::from((1..=k).product::<i32>())).sum();
    let last = offered.powi(4) / 24.0 / (1.0 - 0.6);
    let erlang_c = last / (terms + last);
    assert!((erlang_c - 0.287_04).abs() < 1e-4);
    assert_within(mean_wait_ms("240", 4, EXPONENTIAL), erlang_c / 160.0 * 1e3, 0.02);
}

#[test]
fn any_service_law_waits_as_m_g_1() {
    // Pollaczek-Khinchine: lambda E[S^2] / (2 (1 - rho)). Constant, then uniform 5 to 15 ms.
    assert_within(mean_wait_ms("60", 1, "\"10ms\""), 60.0 * 1e-4 / 0.8 * 1e3, 0.02);
    let uniform = "{ dist = \"uniform\", min = \"5ms\", max = \"15ms\" }";
    let second = (0.015_f64.powi(3) - 0.005_f64.powi(3)) / 3.0 / 0.010;
    assert_within(mean_wait_ms("60", 1, uniform), 60.0 * second / 0.8 * 1e3, 0.02);
}

/// Greylisting, an outage, a rejecting and a withholding destination; several recipients.
pub(super) const EVENTFUL: &str = r#"
seed = 11
[target.retry]
schedule = "exponential"
first = "2s"
factor = 2.0
cap = "30s"
jitter = 0.2
give_up_after = "60s"
[target.delivery]
concurrency = 20
per_destination = 5
[load]
rate = "100/s"
warm_up = "2s"
duration = "60s"
drain = "5m"
[message]
recipients = 3
[simulate]
service = { dist = "exponential", mean = "5ms" }
connect = "1ms"
intake = "300us"
commit = "2ms"
[[destination]]
domain = "well.test"
[[destination]]
domain = "down.test"
[[destination]]
domain = "grey.test"
[[destination]]
domain = "no.test"
[[fault]]
destination = "down.test"
stage = "connect"
during = "10s..30s"
refuse = true
[[fault]]
destination = "grey.test"
stage = "rcpt-to"
attempts = "1"
defer = "451 4.7.1 wait"
[[fault]]
destination = "no.test"
stage = "rcpt-to"
odds = 0.25
reject = "550 5.1.1 no"
[[fault]]
destination = "no.test"
stage = "end-of-data"
attempts = "1"
odds = 0.1
disconnect = "rst"
[thresholds]
lost = "== 0"
"e2e_response.p99" = "< 10m"
"#;

#[test]
fn every_probe_ends_in_its_class() {
    let results = results(EVENTFUL);
    let count = |name: &str| results.counts[name];
    assert_eq!(count("offered"), count("accepted"));
    assert_eq!(count("accepted"), count("delivered") + count("bounced"));
    assert!(count("bounced") > 500, "a quarter of a quarter: {}", count("bounced"));
    assert!(count("duplicates_withheld") > 50, "{}", count("duplicates_withheld"));
    assert_eq!(count("duplicates_unexcused"), 0);
    assert_eq!((results.verdict.exit_code, results.queue.proved_empty), (0, true));
    assert!(results.run.simulated && results.target.kind.contains("simulated"));
    let grey = &results.destinations[2];
    assert_eq!(grey.counts["deferred"], grey.counts["delivered"], "once each");
    let gap = &results.retry_curve[0];
    assert!(gap.p5_s >= 1.6 && gap.p50_s < 2.5 && gap.early == 0, "{gap:?}");
    let herd = results.queue.herd.as_ref().expect("an outage healed");
    assert!(herd.peak_to_mean > 1.0);
    // Mail of 20 s, less what had its last chance before, a quarter of all.
    assert!((1000..2500).contains(&results.queue.backlog_max), "{}", results.queue.backlog_max);
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_does_not() {
    let bytes = |text: &str| {
        let findings = findings(text);
        serde_json::to_string(&(&findings.results, &findings.series)).expect("JSON")
    };
    let first = bytes(EVENTFUL);
    assert_eq!(first, bytes(EVENTFUL));
    assert_ne!(first, bytes(&EVENTFUL.replace("seed = 11", "seed = 12")));
}

#[test]
fn what_is_given_up_is_returned_and_what_is_left_is_pending() {
    let text = EVENTFUL
        .replace("10s..30s", "10s..10m")
        .replace("give_up_after = \"60s\"", "give_up_after = \"30s\"");
    let whole = results(&text);
    assert_eq!(whole.counts["accepted"], whole.counts["delivered"] + whole.counts["bounced"]);
    assert!(whole.destinations[1].counts["bounced"] > 1000);
    let short = results(&text.replace("drain = \"5m\"", "drain = \"5s\""));
    assert!(short.counts["pending"] > 100);
    assert_eq!((short.verdict.exit_code, short.queue.drain_time_s), (99, None));
    assert!(short.latency["e2e_response"].censored > 0);
}

#[test]
fn an_intake_slower_than_the_load_is_seen_to_hold_it_back() {
    let disk = EVENTFUL.replace("commit = \"2ms\"", "commit = \"30ms\"\ncommit_batch = 1");
    let results = results(&disk);
    let sizing = results.sizing.as_ref().expect("sizing");
    assert!(sizing.limited_by.contains("disk") || sizing.limited_by.contains("sessions"));
    assert!(sizing.headroom < 1.05, "{}", sizing.headroom);
    let offered = results.health.checks.iter().find(|check| check.id == "offered_shortfall");
    assert_eq!(offered.expect("a check").status, HealthStatus::Invalid);
    assert_reconciled(&results);
}

/// Every probe that was due has exactly one class.
fn assert_reconciled(results: &Results) {
    let odd = results.warnings.iter().find(|warning| warning.id == "internal-error");
    assert!(odd.is_none(), "{odd:?}");
    let sum: u64 = Class::ALL.iter().map(|class| results.counts[class.name()]).sum();
    assert_eq!(sum, results.counts["offered"]);
}

/// Of 6,000 messages a two-hundredth takes the intake an hour; there is room for all of them.
const STUCK: &str = "seed = 5\n[load]\narrival = \"constant\"\nrate = \"100/s\"\nwarm_up = \"0s\"\n\
    duration = \"60s\"\ndrain = \"60s\"\nsessions = 200\n\
    [simulate]\nservice = \"1ms\"\n\
    intake = { dist = \"choice\", values = [\"1ms\", \"1h\"], weights = [199, 1] }\n\
    [[destination]]\ndomain = \"a.test\"\n\
    [thresholds]\n\"submit_response.p999\" = \"< 1s\"\n\"e2e_response.max\" = \"< 1s\"\n";

#[test]
fn what_is_in_a_session_at_the_close_is_counted_and_censored() {
    let results = results(STUCK);
    let indeterminate = results.counts["indeterminate"];
    assert!((10..60).contains(&indeterminate), "{indeterminate} of 6,000");
    assert_eq!(results.counts["offered"], 6000);
    assert_eq!(results.counts["accepted"], 6000 - indeterminate);
    assert_reconciled(&results);
    for metric in ["submit_response", "submit_service", "e2e_response"] {
        let latency = &results.latency[metric];
        assert_eq!((latency.count, latency.censored), (6000 - indeterminate, indeterminate));
        assert!(latency.p999.expect("a value") >= 60_000_000, "{metric}");
        assert!(latency.p50.expect("a value") < 3_000, "{metric}");
        assert_eq!(latency.at_least, ["p999", "mean", "max"], "{metric}");
    }
    assert!(results.thresholds.iter().all(|threshold| !threshold.ok), "{:?}", results.thresholds);
    assert!(results.thresholds[0].actual.as_deref().is_some_and(|it| it.starts_with(">= ")));
}

#[test]
fn what_no_session_took_is_counted_and_censored() {
    let text = STUCK.replace("sessions = 200", "sessions = 5");
    let results = results(&text);
    let count = |name: &str| results.counts[name];
    assert_eq!((count("offered"), count("indeterminate")), (6000, 5));
    assert_eq!(count("accepted") + 5 + count("not_sent"), 6000);
    assert!(count("not_sent") > 3000, "{}", count("not_sent"));
    assert_reconciled(&results);
    let lag = &results.latency["schedule_lag"];
    assert_eq!(lag.censored, count("not_sent"));
    assert!(lag.p99.expect("a value") >= 60_000_000);
    assert_eq!(results.latency["submit_service"].censored, 5);
    assert_eq!(results.latency["submit_response"].censored, 5 + count("not_sent"));
    assert_eq!(results.latency["e2e_response"].censored, 5 + count("not_sent"));
}

#[test]
fn rows_and_intervals_hold_what_was_cut_off_and_no_warm_up() {
    let text = STUCK.replace("warm_up = \"0s\"", "warm_up = \"10s\"");
    let findings = findings(&text);
    let cut: u64 = findings.series.iter().map(|row| row.e2e_censored).sum();
    assert_eq!(cut, findings.results.latency["e2e_response"].censored);
    let count = |tag: &str| -> u64 {
        let intervals = findings.intervals.iter().filter(|interval| interval.tag() == tag);
        intervals.flat_map(|interval| interval.values.counted()).map(|(_, times)| times).sum()
    };
    assert_eq!(count("e2e_response"), findings.results.latency["e2e_response"].count);
    assert_eq!(count("e2e_response.censored"), cut);
    assert!((980..=1000).contains(&count("e2e_response.warm-up")));
}

#[test]
fn a_retry_that_is_still_due_and_every_place_have_their_censored() {
    let text = EVENTFUL.replace("10s..30s", "10s..10m").replace("drain = \"5m\"", "drain = \"1s\"");
    let results = results(&text);
    assert_reconciled(&results);
    assert!(results.latency["retry_gap"].censored > 0);
    for metric in ["e2e_response", "relay_latency", "queue_time", "retry_gap"] {
        let places = results.destinations.iter().filter_map(|place| place.latency.get(metric));
        let sum: u64 = places.map(|latency| latency.censored).sum();
        assert_eq!(sum, results.latency[metric].censored, "{metric}");
    }
}

/// Some 400 messages and results a second, 2 ms a commit: busy nearly all the time, nearly empty.
#[test]
fn a_disk_that_writes_nearly_empty_batches_has_room() {
    let sizing = results(EVENTFUL).sizing.expect("sizing");
    let disk = sizing.resources.iter().find(|it| it.name.contains("disk")).expect("the disk");
    assert!(disk.used < 0.05, "{}", disk.used);
    assert!(!sizing.limited_by.contains("disk"), "{}", sizing.limited_by);
}

/// A message a second, its delivery 850 ms, a commit 100 ms: results wait 20 ms for company and are
/// committed from 0.97 s to 1.07 s, where the next message has to wait for it. That one is delivered
/// later by as much, and its result shares the commit of the message after it.
#[test]
fn results_that_find_no_company_are_committed_alone() {
    let text = "seed = 3\n[load]\narrival = \"constant\"\nrate = \"1/s\"\nwarm_up = \"5s\"\n\
                duration = \"60s\"\ndrain = \"1m\"\n\
                [simulate]\nservice = \"850ms\"\ncommit = \"100ms\"\n\
                [[destination]]\ndomain = \"a.test\"\n";
    let mean = results(text).latency["submit_service"].mean.expect("a mean");
    assert_within(mean / 1e3, (170.0 + 100.0) / 2.0, 0.001);
}

#[test]
fn what_no_model_does_is_refused() {
    let chaos = EVENTFUL.to_owned() + "[[chaos]]\nat = \"5s\"\npause = \"1s\"\n";
    let refused = Model::of(&loaded(&chaos).scenario).expect_err("refused");
    assert!(refused.to_string().contains("[[chaos]]"), "{refused}");
    let mut nobody = loaded(EVENTFUL).scenario;
    nobody.message.null_sender = 0.5;
    let refused = Model::of(&nobody).expect_err("refused");
    assert!(refused.to_string().contains("null_sender"), "{refused}");
    let mut withheld = loaded(EVENTFUL).scenario;
    withheld.message.encoding = Encoding::Utf8;
    assert!(Model::of(&withheld).is_ok(), "the sink offers what UTF-8 needs");
    withheld.destinations[0].extensions = Some(vec![Extension::EightBitMime]);
    let refused = Model::of(&withheld).expect_err("refused");
    assert!(refused.to_string().contains("`encoding`"), "{refused}");
    let abuse = EVENTFUL.to_owned() + "[[abuse]]\nkind = \"idle\"\n";
    let refused = Model::of(&loaded(&abuse).scenario).expect_err("refused");
    assert!(refused.to_string().contains("[[abuse]]"), "{refused}");
    let nothing = EVENTFUL.replace("service = { dist = \"exponential\", mean = \"5ms\" }", "");
    let refused = Model::of(&loaded(&nothing).scenario).expect_err("refused");
    assert!(refused.to_string().contains("--from"), "{refused}");
}
