//! Files for other programs are read back by other programs: Prometheus' parser, another
//! HdrHistogram, a JSON Schema checker. `tests/all` installs them into `target/venv`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use hdrhistogram::Histogram;
use mailbench::measure::results::{Findings, ThresholdStatus};
use mailbench::report::view::View;
use mailbench::report::{self, Format};
use serde_json::Value;

use crate::report_formats::fixture::clean;
use crate::report_formats::fixture::rich::rich;
use crate::support::skip;

/// Runs a reader; none where they are not installed, which in CI is a failure.
pub(crate) fn read(reader: &str, arguments: &[&Path]) -> Option<Value> {
    let output = run(reader, arguments)?;
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{reader} cannot read it: {said}");
    Some(serde_json::from_slice(&output.stdout).expect("JSON"))
}

fn run(reader: &str, arguments: &[&Path]) -> Option<std::process::Output> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let python = root.join("target/venv/bin/python");
    if !python.is_file() {
        skip("readers of our files", &format!("{} is not there", python.display()));
        return None;
    }
    let script = root.join("tests/suite/readers.py");
    Some(Command::new(python).arg(script).arg(reader).args(arguments).output().expect("python"))
}

fn stored(format: Format, findings: &Findings) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("file");
    let text = report::render(format, findings, &View::plain(80)).expect("text");
    std::fs::write(&path, text).expect("written");
    (folder, path)
}

/// The value of a sample with these labels among others.
pub(crate) fn sample(read: &Value, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
    let has = |sample: &Value| labels.iter().all(|(key, value)| sample[1][key] == *value);
    let mut samples = read.as_array().expect("samples").iter();
    samples.find(|sample| sample[0] == name && has(sample)).and_then(|sample| sample[2].as_f64())
}

#[test]
fn prometheus_reads_the_metrics() {
    for findings in [rich(), clean()] {
        let (_folder, path) = stored(Format::Openmetrics, &findings);
        let Some(read) = read("openmetrics", &[&path]) else { return };
        for (name, count) in findings.results.counts.iter().filter(|(name, _)| *name != "deferred")
        {
            let seen = sample(&read, "mailbench_probes_total", &[("outcome", name)]);
            assert_eq!(seen, Some(*count as f64), "{name}");
        }
        let whole = sample(&read, "mailbench_e2e_response_seconds_bucket", &[("le", "+Inf")]);
        let count = sample(&read, "mailbench_e2e_response_seconds_count", &[]);
        assert!(whole.is_some() && whole == count, "{whole:?} {count:?}");
        for fault in &findings.results.faults {
            let labels = [("fault", fault.name.as_str())];
            let struck = sample(&read, "mailbench_fault_strikes_total", &labels);
            assert_eq!(struck, Some(fault.struck as f64));
        }
        for (number, strike) in findings.results.chaos.iter().enumerate() {
            let number = (number + 1).to_string();
            let labels = [("strike", number.as_str()), ("stat", "down")];
            assert_eq!(sample(&read, "mailbench_chaos_seconds", &labels), strike.down_s);
        }
        let code = sample(&read, "mailbench_exit_code", &[]);
        assert_eq!(code, Some(f64::from(findings.results.verdict.exit_code)));
    }
}

#[test]
fn prometheus_refuses_what_is_cut_short() {
    let (_folder, path) = stored(Format::Openmetrics, &clean());
    let text = std::fs::read_to_string(&path).expect("text");
    std::fs::write(&path, text.replace("# EOF\n", "")).expect("written");
    let Some(output) = run("openmetrics", &[&path]) else { return };
    assert!(!output.status.success());
}

#[test]
fn another_hdrhistogram_finds_the_same_percentiles() {
    let findings = rich();
    let (_folder, path) = stored(Format::Hlog, &findings);
    let Some(read) = read("hlog", &[&path]) else { return };
    let tags = read.as_object().expect("tags");
    let mut wanted: Vec<(&str, Histogram<u64>)> = Vec::new();
    for interval in &findings.intervals {
        let ours = mailbench::measure::latency::samples::interval(&interval.values);
        match wanted.iter_mut().find(|(metric, _)| *metric == interval.metric) {
            Some((_, whole)) => whole.add(&ours).expect("the same bounds"),
            None => wanted.push((&interval.metric, ours)),
        }
    }
    assert_eq!(tags.len(), wanted.len());
    for (metric, ours) in wanted {
        let theirs = &tags[metric];
        assert_eq!(theirs["count"].as_u64(), Some(ours.len()), "{metric}");
        let quantiles = [0.5, 0.9, 0.99, 0.999, 1.0];
        let same: Vec<u64> = quantiles.map(|q| ours.value_at_quantile(q)).into();
        assert_eq!(theirs["values"], serde_json::json!(same), "{metric}");
    }
}

/// What an XML parser finds in a JUnit document, its totals checked against its cases.
pub(crate) fn junit(path: &Path) -> Option<Value> {
    let read = read("junit", &[path])?;
    let cases = read["cases"].as_array().expect("cases");
    let count = |kind: &str| cases.iter().filter(|case| case[2] == kind).count();
    assert_eq!(read["totals"]["tests"], cases.len(), "{read}");
    assert_eq!(read["totals"]["failures"], count("failed"), "{read}");
    assert_eq!(read["totals"]["errors"], count("error"), "{read}");
    assert_eq!(read["same"], true, "the outer totals are the inner ones");
    let names: BTreeSet<String> =
        cases.iter().map(|case| format!("{}/{}", case[0], case[1])).collect();
    assert_eq!(names.len(), cases.len(), "GitLab drops second cases of one name: {read}");
    Some(read)
}

#[test]
fn an_xml_parser_reads_the_cases_of_a_run() {
    for findings in [rich(), clean()] {
        let (_folder, path) = stored(Format::Junit, &findings);
        let Some(read) = junit(&path) else { return };
        let results = &findings.results;
        assert_eq!(read["name"], format!("mailbench.{}", results.run.name));
        let cases = read["cases"].as_array().expect("cases");
        for threshold in &results.thresholds {
            let met = threshold.status == ThresholdStatus::Met;
            let case = cases.iter().find(|case| case[1] == threshold.expr.as_str());
            assert_eq!(case.expect("a case")[2] == "passed", met, "{}", threshold.expr);
        }
        let passes = results.verdict.exit_code == 0;
        assert_eq!(cases.iter().all(|case| case[2] == "passed"), passes, "{read}");
        assert!(read["out"].as_str().is_some_and(|out| out.contains(&results.run.name)));
    }
}

#[test]
fn every_committed_report_fits_the_schema() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let schema = root.join("schema/report.schema.json");
    let (_folder, fresh) = stored(Format::Json, &rich());
    let mut files = committed(&root.join("reports"), "report.json");
    assert!(!files.is_empty(), "there are committed reports");
    files.push(fresh);
    all_fit(&schema, &files);
}

/// Nothing, where the checker is not installed.
fn all_fit(schema: &Path, files: &[PathBuf]) {
    let mut arguments = vec![schema];
    arguments.extend(files.iter().map(PathBuf::as_path));
    let Some(found) = read("schema", &arguments) else { return };
    for (file, errors) in found.as_object().expect("an object") {
        assert_eq!(errors, &serde_json::json!([]), "{file}");
    }
}

#[test]
fn every_committed_examination_fits_the_schema() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let files = committed(&root.join("reports"), "conformance.json");
    assert!(files.len() >= 5, "one a target: {files:?}");
    all_fit(&root.join("schema/conformance.schema.json"), &files);
}

#[test]
fn the_schema_refuses_an_unknown_verdict() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let committed = root.join("reports/conformance/relay/conformance.json");
    let text = std::fs::read_to_string(committed).expect("an examination");
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("conformance.json");
    let damaged = text.replacen("\"conforms\"", "\"perhaps\"", 1);
    std::fs::write(&path, damaged).expect("written");
    let schema = root.join("schema/conformance.schema.json");
    let Some(found) = read("schema", &[&schema, &path]) else { return };
    let errors = found.as_object().expect("an object").values().next().expect("the file");
    assert!(!errors.as_array().expect("errors").is_empty());
}

#[test]
fn the_schema_refuses_a_damaged_report() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (_folder, path) = stored(Format::Json, &rich());
    let text = std::fs::read_to_string(&path).expect("text");
    let mut report: Value = serde_json::from_str(&text).expect("JSON");
    report["verdict"]["exit_code"] = serde_json::json!("none");
    std::fs::write(&path, report.to_string()).expect("written");
    let Some(found) = read("schema", &[&root.join("schema/report.schema.json"), &path]) else {
        return;
    };
    let errors = found.as_object().expect("an object").values().next().expect("the file");
    assert!(!errors.as_array().expect("errors").is_empty());
}

/// Every file of this name that is committed; a user's own runs beside them are not.
fn committed(folder: &Path, wanted: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        if path.is_dir() && !name.starts_with('2') {
            found.extend(committed(&path, wanted));
        } else if name == wanted {
            found.push(path);
        }
    }
    found
}
