//! `mailbench capacity` finds a planted limit within its stated width, says so when the generator
//! and not the target sets the limit, and goes on where it was interrupted.

use std::path::Path;
use std::process::Output;

use serde_json::Value;

use crate::other_readers_agree::junit;
use crate::support::mailbench;

/// One destination that takes 50 messages a second, and a bound that a deferral breaks.
const LIMITED: &str = r#"
name = "limited"
[target.retry]
schedule = "fixed"
first = "5s"
[load]
rate = "40/s"
arrival = "constant"
drain = "10m"
[message]
size = "2KiB"
[simulate]
service = "2ms"
intake = "1ms"
[[destination]]
domain = "a.test"
[[fault]]
stage = "rcpt-to"
limit = { rate = "50/s" }
[thresholds]
"e2e_response.p95" = "< 1s"
"#;

fn capacity(folder: &Path, scenario: &str, more: &[&str]) -> (Output, Value) {
    let file = folder.join("scenario-in.toml");
    std::fs::write(&file, scenario).expect("written");
    let out = folder.join("out");
    let mut command = mailbench();
    command.arg("capacity").arg(&file).arg("--output").arg(&out).args(more);
    let output = command.output().expect("mailbench runs");
    let text = std::fs::read_to_string(out.join("capacity.json"));
    let text = text.unwrap_or_else(|error| panic!("{error}: {output:?}"));
    (output, serde_json::from_str(&text).expect("JSON"))
}

fn bounds(report: &Value) -> (f64, f64) {
    let bound = |name: &str| report[name].as_f64().unwrap_or_else(|| panic!("{name}: {report}"));
    (bound("lower_bound_per_s"), bound("upper_bound_per_s"))
}

/// Five minutes a trial, so that the second's worth that a bucket lets through at first is
/// little: the limit seen lies at most 50 / (warm-up and trial) above the one planted.
#[test]
fn a_planted_rate_limit_is_found_within_the_width() {
    let place = tempfile::tempdir().expect("a folder");
    let more = ["--simulate", "--trial", "300", "--width", "0.02"];
    let (output, report) = capacity(place.path(), LIMITED, &more);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let (lower, upper) = bounds(&report);
    assert!(upper / lower <= 1.02 + 1e-9, "{lower} {upper}");
    // The threshold lets a twentieth be late: 50 / 0.95 at most.
    let burst = 50.0 / 310.0;
    assert!(lower <= 50.0 / 0.95 + burst && upper >= 50.0, "{lower} {upper}");
    assert_eq!(report["limited_by"], "target", "{report}");
    assert!(report["reason"].as_str().is_some_and(|why| why.contains("e2e_response")));
    assert!(report["curve"].as_array().is_some_and(|curve| curve.len() == 10), "{report}");
    let shown = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(shown.contains("SIMULATED") && shown.contains("CAPACITY: "), "{shown}");
    let curve = shown.lines().skip_while(|line| !line.contains("CURVE")).take(11);
    let widths: Vec<usize> = curve.map(|line| line.chars().count()).collect();
    assert!(widths.len() == 11 && widths.iter().all(|width| *width <= 80), "{widths:?}: {shown}");
    for name in ["capacity.html", "summary.md", "capacity.csv"] {
        let text = std::fs::read_to_string(place.path().join("out").join(name)).expect("a file");
        assert!(text.len() > 400, "{name}");
    }
    let page = std::fs::read_to_string(place.path().join("out/capacity.html")).expect("a page");
    let classes = page.split("class=\"").skip(1).filter_map(|rest| rest.split('"').next());
    for class in classes.flat_map(str::split_whitespace).filter(|it| it.starts_with("c-")) {
        let styled = page.contains(&format!(".{class} {{ --c:"));
        assert!(styled, "something in a colour that the style has not: {class}");
    }
    if let Some(read) = junit(&place.path().join("out/junit.xml")) {
        assert_eq!(read["totals"]["tests"], 1);
        assert_eq!(read["cases"][0][2], "passed", "{read}");
    }
    // Taken up again, nothing is left to try and the answer is the same.
    let (_, again) = capacity(place.path(), LIMITED, &more);
    assert_eq!((&again["trials"], bounds(&again)), (&report["trials"], (lower, upper)));
    assert_eq!(again["target"], report["target"]);
    assert!(again["target"].as_str().is_some_and(|target| !target.is_empty()), "{again}");
}

#[test]
fn a_target_that_sustains_all_offered_load_is_not_the_limit() {
    let place = tempfile::tempdir().expect("a folder");
    let easy = LIMITED.replace("limit = { rate = \"50/s\" }", "delay = \"1ms\"");
    let more = ["--simulate", "--quick", "--max-rate", "120", "--set", "load.arrival=poisson"];
    let (output, report) = capacity(place.path(), &easy, &more);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(
        (&report["limited_by"], &report["lower_bound_per_s"]),
        (&"max-rate".into(), &120.0.into())
    );
    assert!(report["upper_bound_per_s"].is_null());
    assert!(report["reason"].as_str().is_some_and(|why| why.contains("bounded by --max-rate")));
    // A fifth beyond the answer would be above what was asked for.
    let curve = report["curve"].as_array().expect("a curve");
    let drawn: Vec<Option<f64>> = curve.iter().map(|point| point["rate_per_s"].as_f64()).collect();
    assert_eq!(drawn, [30.0, 60.0, 108.0, 120.0].map(Some));
    // At one rate each trial has mail of its own: the same mail again would prove nothing.
    let trials = report["trials"].as_array().expect("trials");
    let top = trials.iter().filter(|trial| trial["rate_per_s"] == 120.0);
    let seeds: Vec<String> = top.map(|trial| trial["seed"].to_string()).collect();
    assert!(seeds.len() >= 2 && seeds.windows(2).all(|pair| pair[0] != pair[1]), "{seeds:?}");
}

/// What a limit of `rate` lets through without one deferral in a trial of `seconds`, warm-up
/// included: the bucket is full at first, which is one second's worth.
fn sustained(rate: f64, seconds: f64) -> f64 {
    rate * (1.0 + 1.0 / seconds)
}

/// The real relay before a sink that takes 30 messages a second: short trials, a coarse answer.
#[test]
fn the_real_target_is_searched_too() {
    let place = tempfile::tempdir().expect("a folder");
    let real = LIMITED.replace("50/s", "30/s").replace("40/s", "160/s");
    let real = real.replace("5s", "1s").replace("10m", "20s");
    let real = real.replace("\"e2e_response.p95\" = \"< 1s\"", "deferred = \"== 0\"");
    let more =
        ["--trial", "1", "--width", "1", "--no-curve", "--max-rate", "400", "--allow", "health"];
    let (output, report) = capacity(place.path(), &real, &more);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let (lower, upper) = bounds(&report);
    // A busy machine sends in bunches, which the limit strikes earlier, down to what it lets
    // through for ever.
    assert!(lower <= sustained(30.0, 1.5) * 1.05 && upper >= 30.0, "{lower} {upper}");
    assert!(upper / lower <= 2.01, "{lower} {upper}");
    assert_eq!((&report["limited_by"], &report["simulated"]), (&"target".into(), &false.into()));
    let trial = report["trials"][0]["folder"].as_str().expect("a folder");
    assert!(place.path().join("out").join(trial).join("report.json").exists());
}

/// Real mail straight to the sink, which refuses what is beyond 30 a second: found to a fifth.
#[test]
fn a_planted_limit_of_real_mail_is_found_within_the_width() {
    let place = tempfile::tempdir().expect("a folder");
    let real = LIMITED.replace("50/s", "30/s").replace("40/s", "160/s");
    // A second has too few messages for a percentile, and without data nothing is decided.
    let real = real.replace("\"e2e_response.p95\" = \"< 1s\"", "lost = \"== 0\"");
    let more = ["--set", "target.kind=direct", "--trial", "1", "--width", "0.2", "--no-curve"];
    let more = [&more[..], &["--max-rate", "400", "--allow", "health"]].concat();
    let (output, report) = capacity(place.path(), &real, &more);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let ((lower, upper), planted) = (bounds(&report), sustained(30.0, 1.5));
    assert!(upper / lower <= 1.2 + 1e-9, "{lower} {upper}");
    assert!(lower <= planted * 1.05 && upper >= planted * 0.85, "{lower} {planted} {upper}");
    assert_eq!(report["limited_by"], "target", "{report}");
    assert!(report["reason"].as_str().is_some_and(|why| why.contains("refused")), "{report}");
}

/// One session, and a sink that takes 50 ms over each message: 20 a second is all that the
/// generator can offer, and the sink is not to blame.
#[test]
fn a_generator_with_too_few_sessions_is_the_limit() {
    let place = tempfile::tempdir().expect("a folder");
    let slow = LIMITED.replace("\"rcpt-to\"", "\"end-of-data\"");
    let slow = slow.replace("limit = { rate = \"50/s\" }", "delay = \"50ms\"");
    let more = ["--set", "target.kind=direct", "--set", "load.sessions=1", "--no-curve"];
    let more = [&more[..], &["--trial", "1", "--width", "0.6", "--max-rate", "80"]].concat();
    let (output, report) = capacity(place.path(), &slow, &more);
    assert_eq!(report["limited_by"], "generator", "{report}");
    let reason = report["reason"].as_str().expect("a reason");
    assert!(reason.contains("instrument-limited"), "{reason}");
    assert!(reason.contains("the instrument was the bottleneck"), "{reason}");
    assert!(report["lower_bound_per_s"].as_f64() <= Some(21.0), "{report}");
    assert!(report["upper_bound_per_s"].is_null(), "no limit of the target's: {report}");
    assert_eq!((&report["exit_code"], output.status.code()), (&96.into(), Some(96)), "{report}");
}

/// Every message takes two seconds, and ten seconds have too few to state the percentile that must be
/// below 100 ms: nothing is known to hold.
#[test]
fn a_threshold_without_data_is_not_met() {
    let place = tempfile::tempdir().expect("a folder");
    let slow = LIMITED.replace("limit = { rate = \"50/s\" }", "delay = \"1ms\"");
    let slow = slow.replace("\"2ms\"", "\"2s\"").replace("e2e_response.p95", "e2e_response.p999");
    let slow = slow.replace("\"< 1s\"", "\"< 100ms\"");
    let more = ["--simulate", "--quick", "--max-rate", "40"];
    let (output, report) = capacity(place.path(), &slow, &more);
    assert_eq!(output.status.code(), Some(96), "{output:?}");
    assert_eq!((&report["limited_by"], &report["exit_code"]), (&"inconclusive".into(), &96.into()));
    assert!(report["lower_bound_per_s"].is_null(), "{report}");
    let reason = report["reason"].as_str().expect("a reason");
    assert!(reason.contains("e2e_response.p999") && reason.contains("--trial"), "{reason}");
    let trials = report["trials"].as_array().expect("trials");
    assert!(trials.iter().all(|trial| trial["good"] == false), "{report}");
    let shown = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(shown.contains("inconclusive"), "{shown}");
}

#[test]
fn the_committed_schema_is_current() {
    let schema = mailbench::report::capacity::schema().expect("a schema");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema/capacity.schema.json");
    if std::env::var_os("MAILBENCH_BLESS").is_some() {
        std::fs::write(&path, &schema).expect("written");
    }
    let committed = std::fs::read_to_string(&path).expect("the schema is committed");
    assert_eq!(committed, schema, "run with MAILBENCH_BLESS=1");
}
