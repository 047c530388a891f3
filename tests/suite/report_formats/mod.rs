//! Every format of a report, compared with the file in `tests/golden` that a person has read.
//!
//! After a wanted change: `MAILBENCH_BLESS=1 cargo test --test suite report_formats`, then read
//! the difference like code.

pub(crate) mod comparison;
pub(crate) mod fixture;

use std::path::{Path, PathBuf};

use hdrhistogram::Histogram;
use hdrhistogram::serialization::Deserializer;
use hdrhistogram::serialization::interval_log::{IntervalLogIterator, LogEntry};
use mailbench::measure::results::{Findings, Results};
use mailbench::report::view::View;
use mailbench::report::{self, Format};
use mailbench::scenario;

use fixture::clean;
use fixture::rich::{HOSTILE, rich};

/// The thresholds of the rich run as its user wrote them.
const ASKED: &str = r#"
name = "deferral-storm"
question = "Does anything get lost?"

[load]
rate = "1000/s"
duration = "30s"

[[destination]]
domain = "yahoo.test"

[thresholds]
"e2e_response{destination=yahoo.test}.p99" = "< 1s"
lost = "== 0"
"e2e_response.p99" = "< 2s"
"retry_gap.p9999" = "< 1m"
"#;

fn golden(name: &str, actual: &str) {
    let path: PathBuf = [env!("CARGO_MANIFEST_DIR"), "tests", "golden", name].iter().collect();
    if std::env::var_os("MAILBENCH_BLESS").is_some() {
        std::fs::write(&path, actual).expect("the golden file is written");
    }
    let wanted = std::fs::read_to_string(&path).unwrap_or_default();
    let differs = wanted.lines().zip(actual.lines()).find(|(wanted, actual)| wanted != actual);
    assert!(wanted == actual, "{name} differs, first at {differs:#?}");
}

fn summary(findings: &Findings, view: &View) -> String {
    report::render(Format::Terminal, findings, view).expect("text")
}

fn render(format: Format, findings: &Findings) -> String {
    report::render(format, findings, &View::plain(80)).expect("text")
}

#[test]
fn the_summary_is_as_recorded() {
    for (name, findings) in [("rich", rich()), ("clean", clean())] {
        for width in [80, 120] {
            let folder = "reports/deferral-storm/20261124T183000Z-k3f9".to_owned();
            let view = View { folder: Some(folder), ..View::plain(width) };
            let text = summary(&findings, &view);
            let long = text.lines().find(|line| line.chars().count() > width);
            assert_eq!(long, None, "wider than {width}");
            golden(&format!("{name}-{width}.txt"), &text);
        }
    }
}

#[test]
fn the_summary_can_be_read_in_ascii_and_in_colour() {
    let ascii = View { unicode: false, ..View::plain(80) };
    let text = summary(&rich(), &ascii);
    assert!(text.is_ascii());
    golden("rich-ascii.txt", &text);

    let colour = View { colour: true, ..View::plain(80) };
    let coloured = summary(&rich(), &colour);
    let plain = summary(&rich(), &View::plain(80));
    assert_eq!(anstream::adapter::strip_str(&coloured).to_string(), plain, "colour moves nothing");
    assert_ne!(coloured, plain);
}

#[test]
fn quiet_is_one_line() {
    let view = View { quiet: true, ..View::plain(80) };
    assert_eq!(summary(&clean(), &view), "RESULT: PASS  exit 0\n");
    assert_eq!(
        summary(&rich(), &view),
        "RESULT: FAIL  exit 97  3 accepted probes were lost (and 3 more)\n"
    );
}

#[test]
fn every_file_is_as_it_was_read() {
    for (name, findings) in [("rich", rich()), ("clean", clean())] {
        for format in [Format::Markdown, Format::Junit, Format::Openmetrics] {
            let file = format.file().expect("a file");
            golden(&format!("{name}-{file}"), &render(format, &findings));
        }
        golden(&format!("{name}-report.html"), &without_data(&render(Format::Html, &findings)));
    }
    golden("rich-timeseries.csv", &render(Format::Csv, &rich()));
    golden("rich-attempts.csv", &render(Format::Attempts, &rich()));
    golden("clean-e2e.hgrm", &render(Format::Hgrm, &clean()));
    let asked = scenario::parse("scenarios/storm.toml", ASKED, &[]).expect("a scenario");
    let annotations = report::github::annotations(&rich().results, &asked);
    golden("rich-annotations.txt", &annotations);
}

/// The page without what stands elsewhere: the results of `report.json`, style and script.
fn without_data(page: &str) -> String {
    let (before, rest) = page.split_once("id=\"report\">").expect("embedded results");
    let (data, rest) = rest.split_once("</script>").expect("their end");
    serde_json::from_str::<Results>(data).expect("results");
    let (before, after_style) = before.split_once("<style>").expect("style");
    let body = after_style.split_once("</style>").expect("its end").1;
    let policy = before.split_once("sha256-").expect("the script's digest");
    let digest_end = policy.1.find('\'').expect("its end");
    let before = format!("{}sha256-...{}", policy.0, &policy.1[digest_end..]);
    let end = rest.split_once("<script>").and_then(|(_, it)| it.split_once("</script>"));
    let end = end.expect("the script").1;
    format!("{before}<style>...</style>{body}id=\"report\">...</script>\n<script>...</script>{end}")
}

#[test]
fn json_reads_back_to_the_same_results() {
    let findings = rich();
    let text = render(Format::Json, &findings);
    let read: Results = serde_json::from_str(&text).expect("results");
    let value = |results: &Results| rounded(serde_json::to_value(results).expect("JSON"));
    assert_eq!(value(&read), value(&findings.results));
    assert_eq!(read.replies[0].example, HOSTILE);
}

#[test]
fn the_committed_schema_is_current_and_names_what_is_written() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema/report.schema.json");
    let current = report::schema().expect("a schema");
    if std::env::var_os("MAILBENCH_BLESS").is_some() {
        std::fs::write(&path, &current).expect("the schema folder is writable");
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == current, "run MAILBENCH_BLESS=1 cargo test --test suite schema");

    let keys = |value: &serde_json::Value| -> Vec<String> {
        value.as_object().expect("an object").keys().cloned().collect()
    };
    let schema: serde_json::Value = serde_json::from_str(&current).expect("JSON");
    let written: serde_json::Value =
        serde_json::from_str(&render(Format::Json, &rich())).expect("JSON");
    assert_eq!(keys(&schema["properties"]), keys(&written));
}

/// Reading a float may err in its last bit.
fn rounded(value: serde_json::Value) -> serde_json::Value {
    use serde_json::Value;
    match value {
        Value::Number(number) if number.is_f64() => {
            Value::String(format!("{:.9e}", number.as_f64().expect("a float")))
        }
        Value::Array(items) => items.into_iter().map(rounded).collect(),
        Value::Object(fields) => {
            fields.into_iter().map(|(key, value)| (key, rounded(value))).collect()
        }
        other => other,
    }
}

#[test]
fn the_interval_log_reads_back() {
    let findings = rich();
    let text = render(Format::Hlog, &findings);
    let entries: Vec<LogEntry> =
        IntervalLogIterator::new(text.as_bytes()).collect::<Result<_, _>>().expect("a log");
    assert!(entries.iter().any(|entry| matches!(entry, LogEntry::StartTime(_))));
    let read: Vec<(String, f64, Histogram<u64>)> = entries
        .iter()
        .filter_map(|entry| match entry {
            LogEntry::Interval(interval) => {
                use base64::Engine as _;
                let bytes = base64::engine::general_purpose::STANDARD
                    .decode(interval.encoded_histogram())
                    .expect("base64");
                let tag = interval.tag().expect("a tag").as_str().to_owned();
                let histogram = Deserializer::new().deserialize(&mut &bytes[..]).expect("HDR");
                Some((tag, interval.start_timestamp().as_secs_f64(), histogram))
            }
            _ => None,
        })
        .collect();
    let wanted: Vec<(String, f64, u64)> = findings
        .intervals
        .iter()
        .map(|one| (one.metric.clone(), one.start_s, one.values.counted().count() as u64))
        .collect();
    let read: Vec<(String, f64, u64)> =
        read.into_iter().map(|(tag, start, histogram)| (tag, start, histogram.len())).collect();
    assert_eq!(read, wanted);
}

/// Escaped or not, nothing a peer says may act on whoever reads it.
#[test]
fn hostile_text_is_inert_in_every_format() {
    for format in Format::ALL {
        let text = render(format, &rich());
        let acting = |c: char| c.is_control() && c != '\n';
        assert!(!text.contains(acting), "{} has control characters", format.name());
        for line in text.lines() {
            assert!(!line.trim_start().starts_with("::error"), "{}: {line}", format.name());
        }
        if matches!(format, Format::Junit | Format::Html) {
            assert!(!text.contains("</script>]]>"), "{}", format.name());
        }
    }
}

#[test]
fn a_run_folder_gets_every_file_whole() {
    let folder = tempfile::tempdir().expect("a folder");
    report::write_all(&rich(), folder.path()).expect("written");
    let mut files: Vec<String> = std::fs::read_dir(folder.path())
        .expect("a folder")
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("a name"))
        .collect();
    files.sort_unstable();
    let mut wanted: Vec<&str> = Format::ALL.iter().filter_map(|format| format.file()).collect();
    wanted.sort_unstable();
    assert_eq!(files, wanted);
    for format in Format::ALL {
        if let Some(file) = format.file() {
            let text = std::fs::read_to_string(folder.path().join(file)).expect("text");
            assert_eq!(text, render(format, &rich()));
        }
    }
}
