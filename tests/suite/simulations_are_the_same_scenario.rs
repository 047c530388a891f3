//! `mailbench simulate` answers a scenario without sending mail: marked as such in every format,
//! the same bytes for the same seed, with times given or taken from a measured run.

use std::path::Path;
use std::process::Output;

use serde_json::Value;

use crate::support::mailbench;

fn simulate(scenario: &str, folder: &Path, more: &[&str]) -> Output {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut command = mailbench();
    command.arg("simulate").arg(root.join(scenario)).args(more);
    command.arg("--output").arg(folder).current_dir(folder.parent().expect("a folder"));
    command.output().expect("mailbench runs")
}

fn text(folder: &Path, name: &str) -> String {
    std::fs::read_to_string(folder.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

#[test]
fn the_same_seed_gives_the_same_files_and_all_say_that_they_are_simulated() {
    let place = tempfile::tempdir().expect("a folder");
    let [one, two] = ["one", "two"].map(|name| place.path().join(name));
    for folder in [&one, &two] {
        let more = ["--set", "simulate.service=3ms", "--set", "load.duration=10s"];
        let output = simulate("scenarios/quickstart.toml", folder, &more);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        assert!(String::from_utf8_lossy(&output.stdout).contains("SIMULATED"));
    }
    for entry in std::fs::read_dir(&one).expect("files").flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        assert_eq!(text(&one, &name), text(&two, &name), "{name}");
    }
    for name in ["report.html", "summary.md", "junit.xml", "metrics.txt", "report.json"] {
        assert!(text(&one, name).to_lowercase().contains("simulated"), "{name}");
    }
    let report: Value = serde_json::from_str(&text(&one, "report.json")).expect("JSON");
    assert_eq!(report["run"]["simulated"], true);
    assert!(report["counts"]["delivered"].as_u64().is_some_and(|count| count > 500));
    assert!(text(&one, "timeseries.csv").lines().count() > 10);
    let log = text(&one, "latency.hlog");
    for tag in ["submit_response", "e2e_response", "schedule_lag"] {
        let lines = log.lines().filter(|line| line.starts_with(&format!("Tag={tag},")));
        assert!(lines.count() >= 10, "{tag}: {log}");
    }
    assert!(!one.join("attempts.csv").exists(), "no attempt is remembered");
    assert!(text(&one, "report.html").contains("by when it ended"), "it has its heat map");
    let stored = mailbench().arg("report").arg(&one).output().expect("mailbench runs");
    let shown = String::from_utf8_lossy(&stored.stdout).into_owned();
    assert!(stored.status.success() && shown.contains("SIMULATED"), "{stored:?}");
}

#[test]
fn times_come_from_a_run_and_without_any_the_remedy_is_named() {
    let place = tempfile::tempdir().expect("a folder");
    let folder = place.path().join("from");
    let output = simulate("scenarios/quickstart.toml", &folder, &[]);
    assert_eq!(output.status.code(), Some(104), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("--from RUN"));
    let run = Path::new(env!("CARGO_MANIFEST_DIR")).join("reports/quickstart/example");
    let more = ["--from", run.to_str().expect("a path"), "--set", "load.duration=10s"];
    let output = simulate("scenarios/quickstart.toml", &folder, &more);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let of = |path: &Path| -> Value {
        let text = std::fs::read_to_string(path).expect("a report");
        serde_json::from_str(&text).expect("JSON")
    };
    let (measured, simulated) = (of(&run.join("report.json")), of(&folder.join("report.json")));
    // Of mail to the destination without a fault, what is of it alone.
    assert_eq!(measured["destinations"][0]["faulty"], false);
    let whole = |report: &Value| report["latency"].clone();
    let healthy = |report: &Value| report["destinations"][0]["latency"].clone();
    let agree = |metric: &str, of: &dyn Fn(&Value) -> Value| {
        let p50 = |report: &Value| of(report)[metric]["p50"].as_f64().expect("a p50");
        let (simulated, measured) = (p50(&simulated), p50(&measured));
        // Of times of some tens of microseconds the caches decide a part, which no model knows.
        let close = (simulated - measured).abs() <= f64::max(0.1 * measured, 20.0);
        assert!(close, "{metric}: {simulated} us, measured {measured} us");
    };
    agree("submit_service", &whole);
    agree("submit_response", &whole);
    agree("queue_time", &healthy);
    agree("relay_latency", &healthy);
    agree("e2e_response", &healthy);
}

/// The planning scenarios are simulated in a short form, every variant of each.
#[test]
fn the_planning_scenarios_are_simulated_with_their_variants() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/planning");
    let entries = std::fs::read_dir(&root).expect("the scenarios").flatten();
    let mut names: Vec<String> =
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.retain(|name| name.ends_with(".toml"));
    names.sort();
    assert!(names.len() >= 4, "{names:?}");
    for name in names {
        let place = tempfile::tempdir().expect("a folder");
        let folder = place.path().join("out");
        let more = ["--set", "load.duration=20s", "--set", "load.warm_up=5s"];
        let more = [&more[..], &["--set", "load.rate=20/s"]].concat();
        let output = simulate(&format!("scenarios/planning/{name}"), &folder, &more);
        let shown = String::from_utf8_lossy(&output.stdout).into_owned();
        // Short, it has too few samples for some bounds, or drains in another time.
        assert!(matches!(output.status.code(), Some(0 | 96 | 99)), "{name}: {output:?}");
        assert!(shown.contains("SIMULATED") && shown.contains("drained in"), "{name}: {shown}");
        let table = text(&folder, "variants.md");
        let reports: Vec<_> = std::fs::read_dir(&folder)
            .expect("variants")
            .flatten()
            .filter(|entry| entry.path().join("report.json").exists())
            .collect();
        assert!(reports.len() >= 3, "{name}");
        assert_eq!(table.lines().filter(|line| line.starts_with("| ")).count(), reports.len() + 1);
        for report in reports {
            let report = std::fs::read_to_string(report.path().join("report.json")).expect("JSON");
            let report: Value = serde_json::from_str(&report).expect("JSON");
            assert_eq!(report["counts"]["lost"], 0, "{name}");
            assert!(report["counts"]["delivered"].as_u64().is_some_and(|count| count > 100));
        }
    }
}
