//! The commands that send nothing: check, init, completions, man.

use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use crate::support::mailbench;

fn run(arguments: &[&str]) -> Output {
    mailbench().args(arguments).env("NO_COLOR", "1").output().expect("mailbench starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("UTF-8")
}

fn scenarios() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let entries = std::fs::read_dir(folder).expect("the scenarios folder");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    paths.filter(|path| path.extension().is_some_and(|extension| extension == "toml")).collect()
}

#[test]
fn every_scenario_passes_check_also_in_its_short_form() {
    let paths = scenarios();
    assert!(paths.len() >= 8, "{paths:?}");
    for path in paths {
        let path = path.to_str().expect("UTF-8");
        let short = ["--set=load.duration=2s", "--set=load.warm_up=0s", "--set=load.rate=20/s"];
        for arguments in [&["check", path][..], &[&["check", path][..], &short].concat()] {
            let output = run(arguments);
            assert_eq!(output.status.code(), Some(0), "{path}: {}", text(&output.stderr));
        }
    }
}

#[test]
fn every_scenario_opens_with_its_question_and_what_to_look_at() {
    for path in scenarios() {
        let scenario = std::fs::read_to_string(&path).expect("a scenario");
        let opening = scenario.lines().take_while(|line| line.starts_with('#'));
        let opening = opening.collect::<Vec<_>>().join("\n");
        assert!(opening.starts_with("# Question: "), "{}", path.display());
        assert!(opening.contains("# Look at: "), "{}", path.display());
        let stem = path.file_stem().and_then(|stem| stem.to_str()).expect("a name");
        assert!(scenario.contains(&format!("name = \"{stem}\"")), "{}", path.display());
    }
}

#[test]
fn check_prints_the_resolved_scenario_and_shows_every_bad_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let good = folder.path().join("good.toml");
    let bad = folder.path().join("bad.toml");
    let destination = "[[destination]]\ndomain = \"a.test\"\n";
    std::fs::write(&good, format!("[load]\nrate = \"5/s\"\n{destination}")).expect("written");
    std::fs::write(&bad, format!("[load]\nrat = \"5/s\"\n{destination}")).expect("written");
    let (good, bad) = (good.to_str().expect("UTF-8"), bad.to_str().expect("UTF-8"));

    let output = run(&["check", bad, good, "--seed", "42"]);
    assert_eq!(output.status.code(), Some(104));
    assert!(text(&output.stderr).contains("did you mean `rate`?"));
    let resolved = text(&output.stdout);
    assert!(resolved.contains("name = \"good\"\n") && resolved.contains("seed = 42\n"));
    assert!(resolved.contains("give_up_after = \"10m\"\n"), "defaults are shown: {resolved}");

    let output = run(&["check", good, "--set", "thresholds.lst=== 0"]);
    assert_eq!(output.status.code(), Some(104), "an unknown metric");
    assert!(text(&output.stderr).contains("`lost`"), "{}", text(&output.stderr));

    let real = ["check", good, "--set", "destination.0.domain=mx.corp.de"];
    assert_eq!(run(&real).status.code(), Some(104));
    let allowed = [&real[..], &["--allow-recipient-domain", "corp.de"]].concat();
    assert_eq!(run(&allowed).status.code(), Some(0));
    assert_eq!(run(&["check"]).status.code(), Some(2), "usage");
}

#[test]
fn init_writes_a_scenario_that_passes_check_and_never_overwrites_unasked() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("mailbench.toml");
    let file = file.to_str().expect("UTF-8");
    assert_eq!(run(&["init", file]).status.code(), Some(0));
    assert_eq!(run(&["check", file]).status.code(), Some(0));
    std::fs::write(file, "mine").expect("written");
    assert_eq!(run(&["init", file]).status.code(), Some(2));
    assert_eq!(std::fs::read_to_string(file).expect("a file"), "mine");
    assert_eq!(run(&["init", file, "--force"]).status.code(), Some(0));
    assert_eq!(run(&["check", file]).status.code(), Some(0));
}

#[test]
fn completions_and_manual_pages_name_the_commands() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let output = run(&["completions", shell]);
        assert_eq!(output.status.code(), Some(0));
        assert!(text(&output.stdout).contains("check"), "{shell}");
    }
    let page = text(&run(&["man"]).stdout);
    assert!(page.contains(".TH mailbench"), "{page}");
    let folder = tempfile::tempdir().expect("a folder");
    let pages = folder.path().join("pages");
    let output = run(&["man", "--output", pages.to_str().expect("UTF-8")]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(pages.join("mailbench.1").is_file() && pages.join("mailbench-check.1").is_file());
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    let mut command = mailbench();
    let command = command.arg("completions").arg("bash");
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("starts");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("ends");
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), String::new()));
}
