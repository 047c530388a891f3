//! What the system refuses after a verdict was reached (a full disk, a stdout that takes nothing)
//! is said, and the verdict keeps its exit code; what it refuses before that ends the run as an
//! error of the surroundings, never as a bug.

use std::fs::File;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use mailbench::ledger::journal;

use crate::support::{Lab, SMALL, mailbench};

/// A threshold that every run misses.
const MISSED: &str = "[thresholds]\nlost = \"> 5\"\n";

/// The program, in a folder with the small scenario.
struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new(more: &str) -> Place {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("s.toml"), format!("{SMALL}{more}")).expect("written");
        Place { folder }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = mailbench();
        command.args(words).current_dir(self.path()).stdin(Stdio::null());
        command
    }

    /// No file may grow beyond so many bytes: to a process that a disk that is full looks the same.
    fn limited(&self, bytes: u64, words: &[&str]) -> Output {
        let blocks = (bytes / 512).to_string();
        let script = "trap '' XFSZ; ulimit -f \"$1\"; shift; exec \"$@\"";
        Command::new("sh")
            .args(["-c", script, "sh", &blocks])
            .arg(mailbench().get_program())
            .args(words)
            .current_dir(self.path())
            .stdin(Stdio::null())
            .output()
            .expect("ran")
    }
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn printed(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Runs it with a stdout that is full.
fn to_full(mut command: Command) -> Output {
    let full = File::options().write(true).open("/dev/full").expect("/dev/full");
    command.stdout(full).output().expect("ran")
}

#[test]
fn a_journal_that_cannot_be_written_ends_the_run_with_what_was_reached() {
    let place = Place::new("");
    // Without a target, whose queue would meet the limit, too.
    let direct = "name = \"direct\"\n[target]\nkind = \"direct\"\n[load]\nrate = \"60/s\"\n\
                  warm_up = \"500ms\"\nduration = \"20s\"\n[[destination]]\ndomain = \"a.test\"\n";
    std::fs::write(place.path().join("s.toml"), direct).expect("written");
    let words = ["run", "s.toml", "--output", "run", "--allow", "health", "--allow", "invalid"];
    let output = place.limited(24 * 1024, &words);
    let (code, said) = (output.status.code(), said(&output));
    assert_eq!(code, Some(106), "{said}");
    assert!(said.contains("the journal failed") && !said.contains("a bug"), "{said}");
    assert!(printed(&output).contains("direct"), "the summary is printed: {}", printed(&output));
    let mut events = journal::open(&place.path().join("run/journal.bin")).expect("a journal");
    assert!(events.by_ref().count() > 10);
    assert_eq!(events.damage(), None, "nothing stands behind its last whole record");
}

#[test]
fn a_disk_that_is_full_at_the_report_keeps_the_verdict() {
    for (more, verdict) in [(MISSED, 99), ("", 106)] {
        let place = Place::new(more);
        let words = ["simulate", "s.toml", "--output", "run", "--set", "simulate.service=\"1ms\""];
        let output = place.limited(4096, &words);
        let (code, said) = (output.status.code(), said(&output));
        assert_eq!(code, Some(verdict), "{said}");
        assert!(said.contains("cannot write the report"), "{said}");
        assert!(printed(&output).contains("small"), "the verdict is printed first");
    }
}

#[test]
fn a_full_stdout_keeps_the_verdict_and_is_no_bug() {
    let place = Place::new(MISSED);
    let service = "simulate.service=\"1ms\"";
    let simulate = ["simulate", "s.toml", "--output", "run", "--set", service];
    let output = to_full(place.command(&simulate));
    assert_eq!(output.status.code(), Some(99), "{}", said(&output));
    assert!(said(&output).contains("the result is exit code 99"), "{}", said(&output));
    let output = to_full(place.command(&["report", "run"]));
    assert_eq!(output.status.code(), Some(99), "{}", said(&output));
    for words in [
        ["check", "s.toml"].as_slice(),
        &["plan", "s.toml"],
        &["plan", "s.toml", "--format", "csv"],
        &["plan", "s.toml", "--format", "json"],
        &["man"],
        &["completions", "bash"],
        &["conformance", "--list"],
        &["report", "run", "--format", "json", "--output", "/dev/full"],
        &["compare", "run", "run", "--allow", "inconclusive"],
    ] {
        let output = to_full(place.command(words));
        let code = output.status.code();
        assert!(matches!(code, Some(106 | 99 | 96)), "{words:?}: {code:?} {}", said(&output));
        assert!(!said(&output).contains("bug"), "{words:?}: {}", said(&output));
    }
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    let place = Place::new("");
    for words in
        [["check", "s.toml"].as_slice(), &["plan", "s.toml"], &["man"], &["completions", "bash"]]
    {
        let mut child = place.command(words).stdout(Stdio::piped()).spawn().expect("started");
        drop(child.stdout.take());
        assert_eq!(child.wait().expect("ended").code(), Some(0), "{words:?}");
    }
}

#[test]
fn a_history_or_summary_that_cannot_be_written_keeps_the_verdict() {
    let lab = Lab::small(MISSED);
    let ran =
        lab.env("GITHUB_STEP_SUMMARY", Path::new("/dev/full")).arg("--history=/dev/full").run();
    ran.assert_code(99);
    assert!(ran.stderr.contains("cannot append to /dev/full"), "{}", ran.stderr);
    assert!(ran.stderr.contains("No space left"), "{}", ran.stderr);
}

#[test]
fn a_lack_of_descriptors_is_no_bug() {
    let place = Place::new("");
    for descriptors in ["6", "8", "10", "14", "18"] {
        let output = Command::new("sh")
            .args(["-c", "ulimit -n \"$1\"; shift; exec \"$@\"", "sh", descriptors])
            .arg(mailbench().get_program())
            .args(["run", "s.toml", "--output", descriptors])
            .current_dir(place.path())
            .stdin(Stdio::null())
            .output()
            .expect("ran");
        let (code, said) = (output.status.code(), said(&output));
        assert_eq!(code, Some(106), "{descriptors} descriptors: {said}");
        assert!(!said.contains("panicked"), "{descriptors} descriptors: {said}");
    }
}

/// Set in the process that panics.
const CHILD: &str = "MAILBENCH_TEST_PANIC";

#[test]
fn a_panic_of_any_thread_ends_the_process() {
    if std::env::var_os(CHILD).is_some() {
        mailbench::cli::end_on_panic();
        std::thread::spawn(|| panic!("planted"));
        let (_never, waits) = std::sync::mpsc::channel::<()>();
        let _it_ends_before = waits.recv_timeout(std::time::Duration::from_secs(60));
        return;
    }
    let name = "a_full_disk_loses_no_verdict::a_panic_of_any_thread_ends_the_process";
    let output = Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", name, "--nocapture"])
        .env(CHILD, "1")
        .output()
        .expect("ran");
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains("planted") && said(&output).contains("has a bug and ends"));
}
