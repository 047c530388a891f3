//! Real MTAs as targets: started, fed, greylisted, drained, stopped; their bounces are understood,
//! their retries come when the scenario says, and nothing of them is left behind.
//!
//! A kind that is not on this machine is passed over with a line that says so, unless
//! `MAILBENCH_REQUIRE_CLIENTS=1`. They are looked for under `MAILBENCH_MTA_PREFIX`, where
//! `tests/mtas/install` unpacks them.

use std::path::PathBuf;
use std::time::Duration;

use crate::support::{Lab, Ran, pass_over, skip};

/// One destination refuses a part of its recipients.
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
name = "unknown users"
destination = "strict.test"
stage = "rcpt-to"
odds = 0.3
reject = "550 5.1.1 No such user"
"#;

/// The other one greylists.
const GREYLIST: &str = r#"
[[fault]]
name = "greylist"
destination = "grey.test"
stage = "rcpt-to"
attempts = "1"
defer = "451 4.7.1 Greylisted"
"#;

/// What is promised of a kind.
pub(crate) struct Promise {
    pub(crate) kind: &'static str,
    /// A file of its own, below the prefix; empty for the embedded relay.
    pub(crate) file: &'static str,
    /// When it tries again; `None`: it cannot be told, and takes minutes.
    pub(crate) retry: Option<Retry>,
}

/// What is promised of a retry.
pub(crate) struct Retry {
    /// The delay before the first one that is asked for, in seconds.
    pub(crate) first_s: u64,
    /// How late it may come: the kind's own grain, and room for a slow machine.
    grain_s: f64,
}

/// Kinds that drop the privileges of root.
const NEED_ROOT: [&str; 2] = ["postfix", "opensmtpd"];

/// Whether the kind is here; says so if not.
pub(crate) fn is_here(promise: &Promise) -> bool {
    if promise.file.is_empty() {
        return true;
    }
    let prefix = std::env::var_os("MAILBENCH_MTA_PREFIX").map(PathBuf::from);
    let missing = match prefix {
        None => Some("MAILBENCH_MTA_PREFIX is not set".to_owned()),
        Some(prefix) if !prefix.join(promise.file).exists() => {
            Some(format!("{} is not unpacked", promise.file))
        }
        Some(_)
            if NEED_ROOT.contains(&promise.kind) && !nix::unistd::Uid::effective().is_root() =>
        {
            Some("it needs root".to_owned())
        }
        Some(_) => None,
    };
    match &missing {
        // `tests/mtas/install` leaves it out, too.
        Some(_) if promise.kind == "haraka" && !has_npm() => {
            pass_over("haraka", "there is no npm to install it");
        }
        Some(missing) => skip(promise.kind, missing),
        None => {}
    }
    missing.is_none()
}

fn has_npm() -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join("npm").is_file())
}

fn lab(promise: &Promise) -> Lab {
    let lab = |scenario: &str| Lab::new(scenario).set("target.kind", promise.kind);
    match &promise.retry {
        Some(retry) => {
            let first = format!("{}s", retry.first_s);
            lab(&format!("{MIXED}{GREYLIST}")).set("target.retry.first", &first)
        }
        None => lab(MIXED),
    }
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
    assert!(warnings.contains("could not be applied to"));
    assert_every_refusal_came_back(&ran);
    let log = std::fs::read_to_string(ran.path.join("target.log")).expect("target.log");
    assert!(log.contains("grey.test"), "its own log is kept");
    let queue = &ran.report()["queue"];
    assert_eq!((&queue["length_end"], &queue["proved_empty"]), (&0.into(), &true.into()));
    if let Some(retry) = &promise.retry {
        assert_first_retry(&ran, retry);
        let states = column_maxima(&ran, &["queue_deferred", "queue_frozen"]);
        assert!(states[0] >= Some(10) && states[1] == Some(0), "by state: {states:?}");
        let most = queue["length_max"].as_u64().expect("a queue length");
        assert!(most >= 10, "the greylisted mail was seen in the queue: {queue}");
    }
}

fn assert_every_refusal_came_back(ran: &Ran) {
    let refused = attempts(ran).into_iter().filter(|row| row.outcome == "rejected");
    let measured = refused.filter(|row| row.number == 1).count() as u64;
    assert!(measured > 0, "{ran}");
    assert_eq!(ran.count("bounced"), measured, "every refusal came back as a DSN\n{ran}");
    assert_eq!(ran.count("delivered"), 40 - measured, "{ran}");
}

/// The greatest values of columns of `timeseries.csv`; none where nothing stands.
fn column_maxima(ran: &Ran, names: &[&str]) -> Vec<Option<u64>> {
    let text = std::fs::read_to_string(ran.path.join("timeseries.csv")).expect("timeseries.csv");
    let mut lines = text.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let head = lines.next().expect("a head");
    let rows: Vec<Vec<&str>> = lines.collect();
    let place = |name: &&str| head.iter().position(|it| it == name).expect("a column");
    let most = |place: usize| rows.iter().filter_map(|row| row[place].parse().ok()).max();
    names.iter().map(place).map(most).collect()
}

/// A setting that was put wrongly shows here: not a retry may come early, half of them must be
/// there by the kind's own grain, and the report must say the same.
fn assert_first_retry(ran: &Ran, retry: &Retry) {
    let warnings = ran.report()["warnings"].to_string();
    assert!(!warnings.contains("-retries"), "{warnings}");
    let point = &ran.report()["retry_curve"][0];
    assert_eq!((&point["early"], &point["missed"]), (&0.into(), &0.into()), "{point}");
    let mut gaps = Vec::new();
    let all = attempts(ran);
    for second in all.iter().filter(|row| row.number == 2) {
        let first = all.iter().find(|row| row.probe == second.probe && row.number == 1);
        gaps.push(second.started_s - first.expect("a first attempt").ended_s);
    }
    gaps.sort_by(f64::total_cmp);
    let first = retry.first_s as f64;
    assert!(gaps.len() >= 15, "greylisted mail was tried again: {gaps:?}");
    assert!(gaps[0] >= first - 0.1, "too early: {gaps:?}");
    assert!(gaps[gaps.len() / 2] <= first + retry.grain_s, "too late: {gaps:?}");
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

pub(crate) const RELAY: Promise =
    Promise { kind: "relay", file: "", retry: Some(Retry { first_s: 1, grain_s: 1.0 }) };

pub(crate) const POSTFIX: Promise = Promise {
    kind: "postfix",
    file: "usr/sbin/postfix",
    retry: Some(Retry { first_s: 2, grain_s: 3.0 }),
};

#[test]
fn postfix_keeps_what_the_scenario_says() {
    keeps(&POSTFIX);
}

#[test]
fn postfix_leaves_nothing_when_mailbench_is_killed() {
    leaves_nothing(&POSTFIX);
}

pub(crate) const EXIM: Promise = Promise {
    kind: "exim",
    file: "usr/sbin/exim4",
    retry: Some(Retry { first_s: 2, grain_s: 3.0 }),
};

#[test]
fn exim_keeps_what_the_scenario_says() {
    keeps(&EXIM);
}

#[test]
fn exim_leaves_nothing_when_mailbench_is_killed() {
    leaves_nothing(&EXIM);
}

pub(crate) const OPENSMTPD: Promise =
    Promise { kind: "opensmtpd", file: "usr/sbin/smtpd", retry: None };

#[test]
fn opensmtpd_keeps_what_the_scenario_says() {
    keeps(&OPENSMTPD);
}

#[test]
fn opensmtpd_leaves_nothing_when_mailbench_is_killed() {
    leaves_nothing(&OPENSMTPD);
}

/// Its waits cannot be set, their end can.
#[test]
fn opensmtpd_gives_up_after_the_configured_time() {
    if !is_here(&OPENSMTPD) {
        return;
    }
    let always = GREYLIST.replace("attempts = \"1\"\n", "");
    let lab = Lab::new(&format!("{MIXED}{always}")).set("target.kind", "opensmtpd");
    let lab = lab.set("target.retry.give_up_after", "4s").set("load.drain", "15s");
    let ran = lab.run();
    let log = std::fs::read_to_string(ran.path.join("target.log")).expect("target.log");
    let expired = log.lines().filter(|line| line.contains("Envelope expired"));
    let ages = expired.filter_map(|line| line.split("delay=").nth(1)?.split('s').next());
    let ages: Vec<u32> = ages.map(|age| age.parse().expect("seconds")).collect();
    assert!(ages.len() >= 10, "{log}");
    // Not before its time; how late depends on how busy the machine is.
    assert!(ages.iter().all(|age| (4..=14).contains(age)), "{ages:?}");
}

pub(crate) const HARAKA: Promise = Promise {
    kind: "haraka",
    file: "node_modules/Haraka/bin/haraka",
    // It takes no less.
    retry: Some(Retry { first_s: 5, grain_s: 3.0 }),
};

#[test]
fn haraka_keeps_what_the_scenario_says() {
    keeps(&HARAKA);
}

#[test]
fn haraka_leaves_nothing_when_mailbench_is_killed() {
    leaves_nothing(&HARAKA);
}

/// The embedded relay, held to the same.
#[test]
fn the_relay_tries_again_when_the_scenario_says() {
    let ran = lab(&RELAY).run();
    ran.assert_code(0);
    assert_first_retry(&ran, RELAY.retry.as_ref().expect("it can be told"));
}

/// The watch over the curve is itself watched: waits put wrongly are found out.
fn finds_wrong_waits(promise: &Promise, first_s: u64, wrong: &str) {
    if !is_here(promise) {
        return;
    }
    let scenario = format!("{MIXED}{GREYLIST}[target.settings]\n{wrong}\n");
    let lab = Lab::new(&scenario).set("target.kind", promise.kind);
    let ran = lab.set("target.retry.first", &format!("{first_s}s")).run();
    let point = &ran.report()["retry_curve"][0];
    assert_eq!(point["early"], point["count"], "{point}");
    let warnings = ran.report()["warnings"].to_string();
    assert!(warnings.contains("early-retries"), "{warnings}");
}

#[test]
fn postfix_with_wrong_waits_is_found_out() {
    let wrong = "minimal_backoff_time = \"1s\"\nmaximal_backoff_time = \"1s\"";
    finds_wrong_waits(&POSTFIX, 4, wrong);
}

#[test]
fn haraka_with_wrong_waits_is_found_out() {
    finds_wrong_waits(&HARAKA, 12, "temp_fail_intervals = \"5s*20\"");
}
