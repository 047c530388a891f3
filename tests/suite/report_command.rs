//! `mailbench report` makes of a stored run what the run itself would have written, to the byte.

use std::path::Path;
use std::process::Output;

use mailbench::ledger::event::AttemptOutcome;
use mailbench::ledger::{Ledger, journal};
use mailbench::measure;
use mailbench::measure::results::Findings;
use mailbench::report::{self, Format};
use mailbench::scenario;
use mailbench::smtp::stage::Stage;
use tempfile::TempDir;

use crate::journals::Story;
use crate::support::mailbench;

const SCENARIO: &str = r#"
name = "told"
question = "Is a stored run judged as it was?"
[target]
kind = "direct"
[load]
rate = "10/s"
duration = "5s"
[[destination]]
domain = "d0.test"
[thresholds]
lost = "== 0"
"#;

/// Probe 0 is deferred and delivered, probe 3 is lost.
fn story() -> Story {
    let mut story = Story::begin();
    story.accept(0, 1);
    story.accept(3, 1);
    story.fail(0, AttemptOutcome::Deferred, Stage::RcptTo);
    story.wait_ms(1500);
    story.deliver(0, 0);
    story.end(0);
    story
}

/// A run folder as a run leaves it.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let loaded = scenario::parse("told.toml", SCENARIO, &[]).expect("a scenario");
    std::fs::write(folder.path().join("scenario.toml"), &loaded.resolved).expect("written");
    let ledger = Ledger::create(&folder.path().join("journal.bin")).expect("a journal");
    story().events.iter().for_each(|event| ledger.record(event));
    ledger.flush();
    report::write_all(&judged(folder.path()), folder.path()).expect("written");
    folder
}

fn judged(folder: &Path) -> Findings {
    let loaded = scenario::load(&folder.join("scenario.toml"), &[]).expect("a scenario");
    let mut journal = journal::open(&folder.join("journal.bin")).expect("a journal");
    measure::judge(&loaded, &mut journal)
}

fn run_report(arguments: &[&str]) -> Output {
    mailbench()
        .arg("report")
        .args(arguments)
        .env_remove("CLICOLOR_FORCE")
        .env("COLUMNS", "80")
        .env("LC_ALL", "C.UTF-8")
        .output()
        .expect("it runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("text")
}

#[test]
fn every_file_is_rebuilt_to_the_byte() {
    let folder = folder();
    let run = folder.path().to_str().expect("a name");
    for format in Format::ALL {
        let Some(file) = format.file() else { continue };
        let stored = std::fs::read(folder.path().join(file)).expect("the stored file");
        let output = run_report(&[run, "--format", format.name()]);
        assert_eq!(output.status.code(), Some(97), "{}", text(&output.stderr));
        assert!(output.stdout == stored, "{file} differs:\n{}", text(&output.stdout));
    }
}

#[test]
fn the_summary_ends_with_the_verdict_of_the_run() {
    let folder = folder();
    let run = folder.path().to_str().expect("a name");
    let output = run_report(&[run]);
    let summary = text(&output.stdout);
    assert!(summary.contains("\nRESULT: FAIL  exit 97\n"), "{summary}");
    assert!(summary.contains(&format!("\n  files:  {run}\n")), "{summary}");
    assert!(!summary.contains('\x1b'), "a pipe gets no colour");
    let quiet = text(&run_report(&[run, "--quiet"]).stdout);
    assert!(quiet.starts_with("RESULT: FAIL  exit 97  ") && quiet.lines().count() == 1, "{quiet}");
}

#[test]
fn a_report_alone_is_enough_for_what_needs_only_results() {
    let folder = folder();
    let alone = folder.path().join("report.json");
    let alone = alone.to_str().expect("a name");
    let into = folder.path().join("again.md");
    let output =
        run_report(&[alone, "--format", "markdown", "--output", into.to_str().expect("a name")]);
    assert_eq!((output.status.code(), output.stdout.len()), (Some(97), 0));
    let stored = std::fs::read_to_string(folder.path().join("summary.md")).expect("text");
    assert_eq!(std::fs::read_to_string(into).expect("text"), stored);

    let output = run_report(&[alone, "--format", "csv"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("needs the whole run"), "{}", text(&output.stderr));
}

#[test]
fn what_is_no_run_is_said_to_be_none() {
    let empty = tempfile::tempdir().expect("a folder");
    let refused = |path: &Path, words: &str| {
        let output = run_report(&[path.to_str().expect("a name")]);
        let said = text(&output.stderr);
        assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{said}");
        assert!(said.contains(words), "{said}");
    };
    refused(empty.path(), "journal.bin");
    refused(&empty.path().join("nothing"), "neither a run folder nor a report");
    let file = empty.path().join("report.json");
    std::fs::write(&file, "{}").expect("written");
    refused(&file, "is not a report.json");
    std::fs::write(&file, r#"{"schema_version": 99}"#).expect("written");
    refused(&file, "schema version 99");
    std::fs::write(empty.path().join("journal.bin"), "something else").expect("written");
    refused(empty.path(), "journal.bin");
}

#[test]
fn a_journal_cut_short_is_judged_as_far_as_it_goes() {
    let folder = folder();
    let path = folder.path().join("journal.bin");
    let whole = std::fs::read(&path).expect("its bytes");
    std::fs::write(&path, &whole[..whole.len() - 3]).expect("written");
    let output = run_report(&[folder.path().to_str().expect("a name")]);
    let summary = text(&output.stdout);
    assert_ne!(output.status.code(), Some(0), "{summary}");
    assert!(summary.contains("cut short"), "{summary}");
}
