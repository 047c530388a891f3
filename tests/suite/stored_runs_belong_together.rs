//! A stored run is judged from files of one run: with the scenario of another, or one that was
//! edited, it is not; without its journal it is shown as it was stored, which is said.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::support::{Lab, mailbench};

fn run(words: &[&str], folder: &Path) -> Output {
    Command::new(mailbench().get_program()).args(words).current_dir(folder).output().expect("ran")
}

fn refused(words: &[&str], folder: &Path) {
    let output = run(words, folder);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{words:?}: {said}");
    assert!(said.contains("does not belong together"), "{words:?}: {said}");
}

fn copied(from: &Path, to: PathBuf) -> PathBuf {
    std::fs::create_dir(&to).expect("a folder");
    for file in std::fs::read_dir(from).expect("files") {
        let file = file.expect("a file").path();
        if file.is_file() {
            std::fs::copy(&file, to.join(file.file_name().expect("a name"))).expect("copied");
        }
    }
    to
}

#[test]
fn a_run_is_judged_with_its_own_scenario_or_not_at_all() {
    let ran = Lab::small("").run();
    let place = tempfile::tempdir().expect("a folder");
    let here = place.path();
    let whole = copied(&ran.path, here.join("whole"));
    let judged = run(&["report", "whole"], here);
    let verdict = judged.status.code();
    assert!(!String::from_utf8_lossy(&judged.stderr).contains("not judged again"));

    let edited = copied(&whole, here.join("edited"));
    let scenario = edited.join("scenario.toml");
    let text = std::fs::read_to_string(&scenario).expect("a scenario");
    std::fs::write(&scenario, text.replace("seed = 7", "seed = 8")).expect("written");
    refused(&["report", "edited"], here);
    refused(&["compare", "whole", "edited"], here);
    std::fs::remove_file(edited.join("journal.bin")).expect("removed");
    refused(&["report", "edited"], here);
    std::fs::remove_file(edited.join("report.json")).expect("removed");
    assert_eq!(run(&["report", "edited"], here).status.code(), Some(2), "nothing to show");

    std::fs::remove_file(whole.join("journal.bin")).expect("removed");
    let shown = run(&["report", "whole"], here);
    let said = String::from_utf8_lossy(&shown.stderr);
    assert_eq!(shown.status.code(), verdict, "{said}");
    assert!(said.contains("not judged again"), "{said}");
}

#[test]
fn two_runs_do_not_share_a_folder() {
    let place = tempfile::tempdir().expect("a folder");
    let taken = place.path().join("run");
    std::fs::create_dir(&taken).expect("a folder");
    let folder = std::fs::File::open(&taken).expect("opened");
    folder.try_lock().expect("locked, as by another run");
    std::fs::write(place.path().join("s.toml"), crate::support::SMALL).expect("written");
    for words in [
        ["run", "s.toml", "--output", "run"].as_slice(),
        &["simulate", "s.toml", "--output", "run", "--set", "simulate.service=\"1ms\""],
        &[
            "capacity",
            "s.toml",
            "--output",
            "run",
            "--simulate",
            "--set",
            "simulate.service=\"1ms\"",
        ],
    ] {
        let output = run(words, place.path());
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{words:?}: {said}");
        assert!(said.contains("another mailbench writes a run there"), "{words:?}: {said}");
        assert_eq!(std::fs::read_dir(&taken).expect("files").count(), 0, "nothing was written");
    }
}

#[test]
fn a_history_without_a_readable_row_is_not_green() {
    let place = tempfile::tempdir().expect("a folder");
    let check = |text: &str| {
        std::fs::write(place.path().join("h.jsonl"), text).expect("written");
        let output = run(&["history", "h.jsonl", "--check"], place.path());
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    for text in ["", "{\"schema_version\":1,\"run\":\"a", "rubbish\nmore\n"] {
        let (code, said) = check(text);
        assert_eq!(code, Some(96), "{text}: {said}");
        assert!(said.contains("the history has no runs"), "{said}");
        let lines = text.lines().count();
        let named = (1..=lines).all(|line| said.contains(&format!("h.jsonl:{line}: line skipped")));
        assert!(named, "{text}: {said}");
    }
}
