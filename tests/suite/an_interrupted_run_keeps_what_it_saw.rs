//! SIGINT ends a run in order, with a whole folder; SIGKILL leaves a journal that reads, and no
//! child behind.

use std::path::Path;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::support::{Lab, mailbench};

/// Everything a run folder holds, less what only later versions write.
const FILES: [&str; 7] = [
    "report.json",
    "summary.md",
    "timeseries.csv",
    "attempts.csv",
    "latency.hlog",
    "scenario.toml",
    "journal.bin",
];

fn signal(child: &std::process::Child, signal: Signal) {
    let pid = i32::try_from(child.id()).expect("a pid");
    kill(Pid::from_raw(pid), signal).expect("signalled");
}

/// Waits, at most 30 s, until the journal holds more than the set-up.
fn wait_for_traffic(run: &Path) {
    for _ in 0..600 {
        let length = std::fs::metadata(run.join("journal.bin")).map_or(0, |file| file.len());
        if length > 20_000 {
            return;
        }
        rest(Duration::from_millis(50));
    }
    panic!("no traffic within 30 s");
}

#[expect(clippy::disallowed_methods, reason = "a test waits for another process")]
fn rest(time: Duration) {
    std::thread::sleep(time);
}

#[test]
fn one_sigint_drains_and_reports() {
    let lab = Lab::small("").set("load.duration", "60s");
    let child = lab.start();
    wait_for_traffic(&lab.path());
    signal(&child, Signal::SIGINT);
    let ran = lab.finish(child);
    ran.assert_code(105);
    for file in FILES {
        assert!(ran.path.join(file).exists(), "{file} is there");
    }
    assert_eq!(ran.report()["run"]["interrupted"], true);
    assert!(ran.count("accepted") > 0);
    assert_eq!(ran.count("delivered"), ran.count("accepted"), "it drained\n{ran}");
}

#[test]
fn a_kill_leaves_a_journal_that_reads_and_no_relay() {
    let lab = Lab::small("").set("load.duration", "60s");
    let child = lab.start();
    wait_for_traffic(&lab.path());
    signal(&child, Signal::SIGKILL);
    let run = lab.path();
    let _killed = lab.finish_keeping(child);
    let output = mailbench().arg("report").arg(&run).args(["--format", "json"]).output();
    let output = output.expect("mailbench runs");
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(report["run"]["complete"], false);
    assert!(report["counts"]["accepted"].as_u64().expect("a count") > 0);
    assert_ne!(output.status.code(), Some(0), "a run cut short is no pass");
    assert_relay_gone(&run);
}

/// The relay learns from the end of its standard input that mailbench is gone.
fn assert_relay_gone(run: &Path) {
    let log = std::fs::read_to_string(run.join("target.log")).expect("its log");
    let address = log.lines().find_map(|line| line.strip_prefix("listening on "));
    let address = address.expect("its address").trim().to_owned();
    for _ in 0..200 {
        if std::net::TcpStream::connect(&address).is_err() {
            return;
        }
        rest(Duration::from_millis(50));
    }
    panic!("the relay still listens on {address}");
}
