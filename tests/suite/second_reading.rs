//! A second reading of the journal, in another language (`tests/truth`), finds the same figures as
//! the report: for real runs (see `shipped_scenarios_run`) and for simulated ones.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::support::{Lab, SMALL, mailbench, skip};

/// A Python that reads TOML (3.11); none where there is none, which in CI is a failure.
fn python() -> Option<Command> {
    let mut python = Command::new("python3");
    let probed = Command::new("python3").args(["-c", "import tomllib"]).output();
    if probed.is_ok_and(|output| output.status.success()) {
        python.arg("-B");
        return Some(python);
    }
    skip("the second reading of journals", "python3 from 3.11 on is not there");
    None
}

fn read(script: &str, folders: &[PathBuf]) -> Option<Output> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/truth").join(script);
    let mut command = python()?;
    command.arg(script).arg(env!("CARGO_BIN_EXE_mailbench")).args(folders);
    Some(command.output().expect("python runs"))
}

/// Asserts that the figures of these runs are what another program makes of their journals.
#[track_caller]
pub(crate) fn assert_agrees(folders: &[PathBuf]) {
    let Some(output) = read("check.py", folders) else { return };
    let shown = String::from_utf8_lossy(&output.stdout);
    let failed = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{shown}\n{failed}");
    assert_eq!(shown.matches(", 0 differ").count(), folders.len(), "{shown}");
}

/// Simulates a scenario with its events; its folder, or those of its variants.
fn simulated(path: &Path, place: &Path, more: &[&str]) -> Vec<PathBuf> {
    let name = path.file_stem().expect("a name");
    let folder = place.join(name);
    let mut command = mailbench();
    command.arg("simulate").arg(path).args(more).arg("--journal").arg("--quiet");
    let output = command.arg("--output").arg(&folder).output().expect("mailbench runs");
    if output.status.code() == Some(104) {
        let why = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(why.contains("cannot simulate"), "{}: {why}", path.display());
        return Vec::new();
    }
    assert!(matches!(output.status.code(), Some(0 | 96 | 97 | 99)), "{name:?}: {output:?}");
    if folder.join("report.json").exists() {
        return vec![folder];
    }
    let variants = std::fs::read_dir(&folder).expect("variants").flatten();
    let variants: Vec<PathBuf> =
        variants.map(|it| it.path()).filter(|path| path.join("report.json").exists()).collect();
    assert!(variants.len() >= 2, "{name:?}");
    variants
}

fn scenarios(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let entries = std::fs::read_dir(folder).expect("the scenarios").flatten();
    let paths = entries.map(|entry| entry.path());
    let mut paths: Vec<PathBuf> =
        paths.filter(|path| path.extension().is_some_and(|ext| ext == "toml")).collect();
    paths.sort();
    paths
}

const MODEL: [&str; 8] = [
    "--set",
    "simulate.service={ dist = \"exponential\", mean = \"8ms\" }",
    "--set",
    "simulate.connect=2ms",
    "--set",
    "simulate.intake=1ms",
    "--set",
    "simulate.commit=2ms",
];

#[test]
fn every_simulated_scenario_is_read_the_same() {
    let place = tempfile::tempdir().expect("a folder");
    let shipped = scenarios("scenarios");
    let folders: Vec<PathBuf> =
        shipped.iter().flat_map(|path| simulated(path, place.path(), &MODEL)).collect();
    assert!(folders.len() >= 14, "{folders:?}");
    assert_agrees(&folders);
}

/// In a short form, their outages in it.
#[test]
fn the_planning_scenarios_are_read_the_same() {
    let place = tempfile::tempdir().expect("a folder");
    let short = ["--set", "load.duration=40s", "--set", "load.warm_up=5s", "--set"];
    let short = [&short[..], &["load.rate=20/s"]].concat();
    for path in scenarios("scenarios/planning") {
        let text = std::fs::read_to_string(&path).expect("a scenario");
        let outage = text.contains("during");
        let window = ["--set", "fault.0.during=8s..20s", "--set", "target.retry.first=3s"];
        let more = [&short[..], if outage { &window[..] } else { &[] }].concat();
        assert_agrees(&simulated(&path, place.path(), &more));
    }
}

#[test]
fn a_closed_load_and_one_that_is_cut_off_are_read_the_same() {
    let open = "model = \"open\"\narrival = \"constant\"\nrate = \"60/s\"\n";
    let closed = SMALL.replace(open, "model = \"closed\"\nthink_time = \"5ms\"\n");
    let closed = Lab::new(&closed).set("load.sessions", "3").run();
    let cut = Lab::small(HANGS).set("target.kind", "direct").set("load.drain", "1s").run();
    assert!(cut.report()["latency"]["submit_response"]["censored"].as_u64() > Some(0), "{cut}");
    assert_agrees(&[closed.path.clone(), cut.path.clone()]);
}

/// Straight to the sink, which answers a tenth of the messages never.
const HANGS: &str = "[[fault]]\nstage = \"end-of-data\"\nodds = 0.1\nstall = \"5m\"\n";

/// Otherwise the check would be one that cannot fail.
#[test]
fn every_changed_figure_of_a_report_is_found() {
    let ran = Lab::small("[thresholds]\n\"e2e_response.p95\" = \"< 5s\"\nlost = \"== 0\"\n").run();
    assert_agrees(std::slice::from_ref(&ran.path));
    let Some(output) = read("control.py", std::slice::from_ref(&ran.path)) else { return };
    let shown = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{shown}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(shown.contains(" 0 changes not found"), "{shown}");
}

#[test]
fn a_corrupted_report_and_an_unchecked_field_fail() {
    let ran = Lab::small("").run();
    let path = ran.path.join("report.json");
    let text = std::fs::read_to_string(&path).expect("a report");
    let mut report = ran.report();
    report["latency"]["e2e_response"]["p50"] = 1.into();
    assert_differs(&ran.path, &report.to_string(), "latency.e2e_response.p50");
    let mut report = ran.report();
    report["queue"]["a_new_figure"] = 1.into();
    assert_differs(&ran.path, &report.to_string(), "queue.a_new_figure");
    let rows = ran.path.join("timeseries.csv");
    let series = std::fs::read_to_string(&rows).expect("rows");
    std::fs::write(&rows, series.replacen("measured,60,", "measured,61,", 1)).expect("written");
    assert_differs(&ran.path, &text, "timeseries.csv");
}

fn assert_differs(folder: &Path, report: &str, what: &str) {
    std::fs::write(folder.join("report.json"), report).expect("written");
    let Some(output) = read("check.py", &[folder.to_owned()]) else { return };
    let shown = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{shown}");
    assert!(shown.contains(what), "{shown}");
}
