//! Real MTAs as targets: started, fed, greylisted, drained, stopped; their bounces are understood,
//! their retries come when the scenario says, and nothing of them is left behind.
//!
//! A kind that is not on this machine is passed over with a line that says so, unless
//! `MAILBENCH_REQUIRE_CLIENTS=1`. They are looked for under `MAILBENCH_MTA_PREFIX`, where
//! `tests/mtas/install` unpacks them.

use std::path::PathBuf;
use std::time::Duration;

use crate::support::{Lab, Ran};

/// One destination greylists, another refuses every fifth recipient.
const MIXED: &str = r#"
name = "real"
seed = 7
[target.retry]
schedule = "fixed"
jitter = 0.0
give_up_after = "10m"
[load]
warm_up = "0s"
arrival = "constant"
rate = "20/s"
duration = "2s"
drain = "30s"
sessions = 5
[message]
size = "2KiB"
[[destination]]
domain = "grey.test"
[[destination]]
domain = "strict.test"
[[fault]]
name = "greylist"
destination = "grey.test"
stage = "rcpt-to"
attempts = "1"
defer = "451 4.7.1 Greylisted"
[[fault]]
name = "unknown users"
destination = "strict.test"
stage = "rcpt-to"
odds = 0.3
reject = "550 5.1.1 No such user"
"#;

/// What is promised of a kind.
struct Promise {
    kind: &'static str,
    /// A file of its own, below the prefix.
    file: &'static str,
    /// The delay before the first retry that is asked for, in seconds.
    first_s: u64,
    /// How late it may come: its own grain, and room for a slow machine.
    grain_s: f64,
}

/// Whether the kind is here; says so if not.
fn is_here(promise: &Promise) -> bool {
    let prefix = std::env::var_os("MAILBENCH_MTA_PREFIX").map(PathBuf::from);
    let missing = match prefix {
        None => Some("MAILBENCH_MTA_PREFIX is not set".to_owned()),
        Some(prefix) if !prefix.join(promise.file).exists() => {
            Some(format!("{} is not unpacked", promise.file))
        }
        Some(_) if !nix::unistd::Uid::effective().is_root() => Some("it needs root".to_owned()),
        Some(_) => None,
    };
    if let Some(missing) = &missing {
        let required = std::env::var("MAILBENCH_REQUIRE_CLIENTS").is_ok_and(|value| value == "1");
        assert!(!required, "{} is required: {missing}", promise.kind);
        eprintln!("skipped: {}: {missing}", promise.kind);
    }
    missing.is_none()
}

fn lab(promise: &Promise) -> Lab {
    let first = format!("{}s", promise.first_s);
    Lab::new(MIXED).set("target.kind", promise.kind).set("target.retry.first", &first)
}

/// The whole of it, for one kind.
fn keeps(promise: &Promise) {
    if !is_here(promise) {
        return;
    }
    let ran = lab(promise).set("target.delivery.ordering", "due-time").run();
    ran.assert_code(0);
    assert_eq!(ran.report()["target"]["kind"], promise.kind);
    let version = ran.report()["target"]["version"].to_string();
    assert!(version.contains(|c: char| c.is_ascii_digit()), "{version}");
    assert_eq!(ran.count("accepted"), 40, "{ran}");
    let warnings = ran.report()["warnings"].to_string();
    assert!(warnings.contains("not told all of the scenario: target.delivery.ordering"));
    assert_every_refusal_came_back(&ran);
    assert_first_retry(&ran, promise);
    let log = std::fs::read_to_string(ran.path.join("target.log")).expect("target.log");
    assert!(log.contains("@grey.test"), "its own log is kept");
    let queue = &ran.report()["queue"];
    assert_eq!((&queue["length_end"], &queue["proved_empty"]), (&0.into(), &true.into()));
    let most = queue["length_max"].as_u64().expect("a queue length");
    assert!(most >= 10, "the greylisted mail was seen in the queue: {queue}");
}

fn assert_every_refusal_came_back(ran: &Ran) {
    let refused = attempts(ran).into_iter().filter(|row| row.outcome == "rejected");
    let measured = refused.filter(|row| row.number == 1).count() as u64;
    assert!(measured > 0, "{ran}");
    assert_eq!(ran.count("bounced"), measured, "every refusal came back as a DSN\n{ran}");
    assert_eq!(ran.count("delivered"), 40 - measured, "{ran}");
}

/// A setting that was put wrongly shows here: not a retry may come early, and half of them must
/// be there by the kind's own grain.
fn assert_first_retry(ran: &Ran, promise: &Promise) {
    let mut gaps = Vec::new();
    let all = attempts(ran);
    for second in all.iter().filter(|row| row.number == 2) {
        let first = all.iter().find(|row| row.probe == second.probe && row.number == 1);
        gaps.push(second.started_s - first.expect("a first attempt").ended_s);
    }
    gaps.sort_by(f64::total_cmp);
    let first = promise.first_s as f64;
    assert!(gaps.len() >= 15, "greylisted mail was tried again: {gaps:?}");
    assert!(gaps[0] >= first - 0.1, "too early: {gaps:?}");
    assert!(gaps[gaps.len() / 2] <= first + promise.grain_s, "too late: {gaps:?}");
}

/// A row of `attempts.csv`.
struct Row {
    probe: String,
    number: u32,
    outcome: String,
    started_s: f64,
    ended_s: f64,
}

fn attempts(ran: &Ran) -> Vec<Row> {
    let text = std::fs::read_to_string(ran.path.join("attempts.csv")).expect("attempts.csv");
    let mut lines = text.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let names = lines.next().expect("a head");
    let column = |name: &str| names.iter().position(|it| *it == name).expect("a column");
    let number = |text: &str| text.parse::<f64>().expect("a number");
    let row = |line: Vec<&str>| Row {
        probe: line[column("probe")].to_owned(),
        number: number(line[column("attempt")]) as u32,
        outcome: line[column("outcome")].to_owned(),
        started_s: number(line[column("started_s")]),
        ended_s: number(line[column("ended_s")]),
    };
    lines.map(row).collect()
}

/// Nothing survives a mailbench that was killed: no process, no folder.
fn leaves_nothing(promise: &Promise) {
    if !is_here(promise) {
        return;
    }
    let lab = lab(promise);
    let mut child = lab.start();
    let begun = || lab.path().join("journal.bin").metadata().is_ok_and(|file| file.len() > 2000);
    assert!(within(&begun), "the run began");
    let marked = marked_by(child.id());
    assert!(!marked.is_empty(), "the target runs");
    child.kill().expect("killed");
    child.wait().expect("its end");
    let gone = || {
        marked.iter().all(|(pid, folder)| {
            folder_of(*pid).as_ref() != Some(folder) && !PathBuf::from(folder).exists()
        })
    };
    assert!(within(&gone), "left behind: {marked:?}");
}

/// The children of `parent` that are marked as a target's, with the folder in the mark.
fn marked_by(parent: u32) -> Vec<(u32, String)> {
    let processes = std::fs::read_dir("/proc").expect("processes").flatten();
    let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let is_child = |pid: &u32| {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        status.lines().any(|line| line == format!("PPid:\t{parent}"))
    };
    pids.filter(is_child).filter_map(|pid| Some((pid, folder_of(pid)?))).collect()
}

fn folder_of(pid: u32) -> Option<String> {
    let environment = std::fs::read(format!("/proc/{pid}/environ")).ok()?;
    let text = String::from_utf8_lossy(&environment).into_owned();
    text.split('\0').find_map(|line| line.strip_prefix("MAILBENCH_TARGET=").map(str::to_owned))
}

#[expect(clippy::disallowed_methods, reason = "a test waits for another process")]
fn within(done: &dyn Fn() -> bool) -> bool {
    (0..1500).any(|_| {
        let is_done = done();
        if !is_done {
            std::thread::sleep(Duration::from_millis(10));
        }
        is_done
    })
}

const POSTFIX: Promise =
    Promise { kind: "postfix", file: "usr/sbin/postfix", first_s: 2, grain_s: 3.0 };

#[test]
fn postfix_keeps_what_the_scenario_says() {
    keeps(&POSTFIX);
}

#[test]
fn postfix_leaves_nothing_when_mailbench_is_killed() {
    leaves_nothing(&POSTFIX);
}

const EXIM: Promise = Promise { kind: "exim", file: "usr/sbin/exim4", first_s: 2, grain_s: 3.0 };

#[test]
fn exim_keeps_what_the_scenario_says() {
    keeps(&EXIM);
}

#[test]
fn exim_leaves_nothing_when_mailbench_is_killed() {
    leaves_nothing(&EXIM);
}
