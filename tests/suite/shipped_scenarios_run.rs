//! Every scenario in `scenarios/` runs in a short form, and its ledger is clean.

use std::path::Path;

use crate::second_reading::assert_agrees;
use crate::support::{Lab, Ran, mailbench, pass_over, side_by_side};

fn shipped() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let entries = std::fs::read_dir(folder).expect("the scenarios").flatten();
    let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    let mut names: Vec<String> = names.filter(|name| name.ends_with(".toml")).collect();
    names.sort();
    assert!(names.len() >= 8, "{names:?}");
    names
}

#[test]
fn all_pass_check() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let paths = shipped().into_iter().map(|name| root.join("scenarios").join(name));
    let output = mailbench().arg("check").args(paths).output().expect("mailbench runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// What faults and chaos need to fall into three seconds.
const SOONER: [(&str, &str, &str); 19] = [
    ("bad-clients.toml", "abuse.0.during", "1s..2s"),
    ("bad-clients.toml", "abuse.1.during", "1s..2s"),
    ("bad-clients.toml", "abuse.2.during", "1s..2s"),
    ("bad-clients.toml", "abuse.3.during", "1s..2s"),
    ("bad-clients.toml", "abuse.4.during", "1s..2s"),
    ("bad-clients.toml", "abuse.5.during", "1s..2s"),
    ("bad-clients.toml", "abuse.6.during", "1s..2s"),
    ("broken-tls.toml", "fault.stall.during", "1s..2s"),
    ("broken-tls.toml", "fault.withdrawn.during", "1s..2s"),
    ("crash-recovery.toml", "chaos.0.at", "1s"),
    ("crash-recovery.toml", "chaos.0.kill", "{ restart_after = \"1s\" }"),
    ("deferral-storm.toml", "fault.storm.during", "1s..2s"),
    ("destination-outage.toml", "fault.outage.during", "1s..2s"),
    ("isolation.toml", "fault.sick.during", "1s..2s"),
    ("outage-and-herd.toml", "fault.outage.during", "1s..2s"),
    ("pause.toml", "chaos.0.at", "1s"),
    ("pause.toml", "chaos.0.pause", "1s"),
    ("power-cut.toml", "chaos.0.at", "1s"),
    ("power-cut.toml", "chaos.0.power_cut.restart_after", "500ms"),
];

/// Scenarios at once: short runs that mostly wait.
const AT_ONCE: usize = 4;

#[test]
fn all_run_short_with_a_clean_ledger() {
    side_by_side(shipped(), AT_ONCE, |name| runs_short(name));
}

/// A short run may have too few samples for a percentile (96) or miss a bound meant for the full
/// form (99); what it may not do is fail to run, or break the ledger.
fn runs_short(name: &str) {
    let whole = Lab::shipped(name)
        .set("load.warm_up", "500ms")
        .set("load.duration", "3s")
        .set("load.drain", "30s");
    let sooner = SOONER.iter().filter(|(of, _, _)| *of == name);
    let short = sooner.fold(whole, |lab, (_, key, value)| lab.set(key, value));
    if compares(name) {
        return compares_short(name, short.arg("--pairs=1"));
    }
    let ran = short.run();
    if is_missing(name, &ran) {
        return;
    }
    assert!([0, 96, 99].contains(&ran.code), "{name}: {ran}");
    assert!(ran.count("accepted") > 0, "{name}: {ran}");
    for class in ["lost", "corrupted", "phantom", "misrouted", "duplicates_unexcused"] {
        assert_eq!(ran.count(class), 0, "{name}: {class}\n{ran}");
    }
    assert_agrees(std::slice::from_ref(&ran.path));
}

/// Whether its target is not installed here, or this machine does not let it have a disk.
fn is_missing(name: &str, ran: &Ran) -> bool {
    let is_optional = std::env::var_os("MAILBENCH_REQUIRE_CLIENTS").is_none()
        || ran.stderr.contains("[target.disk] needs");
    let missing = ran.code == 106 && is_optional;
    if missing {
        pass_over(name, ran.stderr.trim());
    }
    missing
}

fn compares(name: &str) -> bool {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios").join(name);
    std::fs::read_to_string(path).expect("a scenario").contains("[compare]")
}

/// One pair decides nothing (96), and every run of it must keep the ledger clean.
fn compares_short(name: &str, lab: Lab) {
    let ran = lab.run();
    if is_missing(name, &ran) {
        return;
    }
    assert!([96, 99].contains(&ran.code), "{name}: {ran}");
    let runs = std::fs::read_dir(ran.path.join("runs")).expect("runs").flatten();
    let mut seen = Vec::new();
    for run in runs {
        let text = std::fs::read_to_string(run.path().join("report.json")).expect("a report");
        let report: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        assert!(report["counts"]["accepted"].as_u64() > Some(0), "{name}: {ran}");
        for class in ["lost", "corrupted", "phantom", "misrouted", "duplicates_unexcused"] {
            assert_eq!(report["counts"][class], 0, "{name}: {class}\n{ran}");
        }
        seen.push(run.path());
    }
    assert!(seen.len() >= 2, "{name}: {ran}");
    assert_agrees(&seen);
}
