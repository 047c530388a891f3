//! `mailbench calibrate`, and what runs make of it.

use std::path::Path;

use serde_json::Value;

use mailbench::run::calibration::{self, Calibration, Floor, Point};

use crate::support::{SMALL, mailbench};

/// Runs the small scenario with the user's state in `state`; exit code and report.
fn run(state: &Path, name: &str) -> (i32, Value) {
    let scenario = state.join("small.toml");
    std::fs::write(&scenario, SMALL).expect("written");
    let output = mailbench()
        .args(["run", "small.toml", "--output", name, "--quiet"])
        .current_dir(state)
        .env("XDG_STATE_HOME", state)
        .env_remove("GITHUB_STEP_SUMMARY")
        .env_remove("GITHUB_ACTIONS")
        .output()
        .expect("mailbench starts");
    let text = std::fs::read_to_string(state.join(name).join("report.json"));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let text = text.unwrap_or_else(|error| panic!("{error}: {said}"));
    (output.status.code().unwrap_or(-1), serde_json::from_str(&text).expect("JSON"))
}

fn headroom(report: &Value) -> Option<&Value> {
    report["health"]["checks"].as_array()?.iter().find(|check| check["id"] == "headroom")
}

#[test]
fn a_run_states_its_headroom_once_the_machine_was_calibrated() {
    let state = tempfile::tempdir().expect("a folder");
    let (_, report) = run(state.path(), "before");
    assert!(headroom(&report).is_none());
    let warnings = report["warnings"].as_array().expect("warnings");
    assert!(warnings.iter().any(|warning| warning["id"] == "no-calibration"), "{warnings:?}");
    let reasons = report["verdict"]["reasons"].to_string();
    assert!(!reasons.contains("headroom") && !reasons.contains("calibration"), "{reasons}");

    let output = mailbench()
        .args(["calibrate", "--json", "--quiet"])
        .env("XDG_STATE_HOME", state.path())
        .output()
        .expect("mailbench starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let calibration: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let ceiling = calibration["ceiling"][0]["per_s"].as_f64().expect("a rate");
    assert!(ceiling > 100.0, "{calibration}");
    assert!(calibration["floor"]["e2e_p50_us"].as_u64() > Some(0), "{calibration}");

    let (_, report) = run(state.path(), "after");
    let check = headroom(&report).expect("a check");
    let offered = report["load"]["offered_per_s"].as_f64().expect("a rate");
    let value = check["value"].as_f64().expect("a number");
    assert!((value * offered / ceiling - 1.0).abs() < 0.01, "{check} {ceiling}");

    let file = state.path().join("mailbench/calibration.json");
    let text = std::fs::read_to_string(&file).expect("kept");
    let mut kept: Value = serde_json::from_str(&text).expect("JSON");
    for point in kept[0]["ceiling"].as_array_mut().expect("points") {
        point["per_s"] = 65.0.into();
    }
    std::fs::write(&file, kept.to_string()).expect("written");
    let (code, report) = run(state.path(), "tight");
    assert_eq!(code, 96, "{}", report["verdict"]);
    assert!(report["verdict"]["reasons"].to_string().contains("headroom"), "{}", report["verdict"]);
}

/// A ceiling of 8 a second, planted: the search ends at four fifths of it.
#[test]
fn a_search_for_capacity_ends_at_the_calibrated_ceiling() {
    let state = tempfile::tempdir().expect("a folder");
    let planted = Calibration {
        schema_version: 1,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        machine: mailbench::run::environment::facts().into_iter().collect(),
        at: "2026-01-01T00:00:00Z".to_owned(),
        sessions: 20,
        ceiling: vec![Point { size: 4096, per_s: 8.0 }],
        floor: Floor::default(),
    };
    let file = state.path().join("mailbench/calibration.json");
    calibration::keep(&file, &planted).expect("kept");
    std::fs::write(state.path().join("small.toml"), SMALL).expect("written");
    let searched = |name: &str, more: &[&str]| {
        let arguments = ["capacity", "small.toml", "--output", name, "--no-curve", "--trial", "1"];
        let output = mailbench()
            .args(arguments)
            .args(["--set", "target.kind=direct", "--max-rate", "12"])
            .args(more)
            .current_dir(state.path())
            .env("XDG_STATE_HOME", state.path())
            .output()
            .expect("mailbench starts");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let text = std::fs::read_to_string(state.path().join(name).join("capacity.json"));
        let text = text.unwrap_or_else(|error| panic!("{error}: {said}"));
        let report: Value = serde_json::from_str(&text).expect("JSON");
        (output.status.code(), said, report)
    };
    let search = |name: &str, more: &[&str]| searched(name, more).2;
    let report = search("bounded", &[]);
    assert_eq!((&report["calibrated_per_s"], &report["most_per_s"]), (&8.0.into(), &6.4.into()));
    let trials = report["trials"].as_array().expect("trials");
    assert!(trials.iter().all(|trial| trial["rate_per_s"].as_f64() <= Some(6.4)), "{report}");
    assert_eq!(report["limited_by"], "generator", "{report}");
    // On a busy machine the instrument may have been the bottleneck before.
    let reason = report["reason"].as_str().expect("a reason");
    assert!(
        reason.contains("calibrated ceiling is 8/s") || reason.contains("bottleneck"),
        "{reason}"
    );

    // It goes on as it is asked for now: no other judge of the trials made, no lower bound.
    let refused = |more: &[&str], why: &str| {
        let (code, said, known) = searched("bounded", more);
        assert_eq!((code, known), (Some(2), report.clone()), "{said}");
        assert!(said.contains(why) && said.contains("name another folder"), "{said}");
    };
    refused(&["--allow", "health"], "trials judged without `--allow health`");
    let calibrated = |per_s: f64| {
        let ceiling = vec![Point { size: 4096, per_s }];
        calibration::keep(&file, &Calibration { ceiling, ..planted.clone() }).expect("kept");
    };
    calibrated(2.0);
    refused(&[], "now none is to be above 1.60/s");
    calibrated(10.0);
    let raised = search("bounded", &[]);
    assert_eq!((&raised["calibrated_per_s"], &raised["most_per_s"]), (&10.0.into(), &8.0.into()));

    let report = search("unbounded", &["--allow", "health"]);
    assert_eq!((&report["calibrated_per_s"], &report["most_per_s"]), (&Value::Null, &12.0.into()));
}
