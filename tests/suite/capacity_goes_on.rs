//! A capacity search that was ended in the middle of a trial goes on where it was: what was done
//! stays as it is, the trial that was cut off is made again.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use crate::support::{SMALL, mailbench, wait_until};

/// A search that bears all there is to offer: three trials that feel their way, then full ones.
struct Search {
    folder: tempfile::TempDir,
}

impl Search {
    fn new() -> Search {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("small.toml"), SMALL).expect("written");
        Search { folder }
    }

    fn command(&self) -> Command {
        let mut command = mailbench();
        command.current_dir(self.folder.path()).args(["capacity", "small.toml"]);
        command.args(["--output", "out", "--trial", "2", "--max-rate", "40", "--quick"]);
        command.args(["--no-curve", "--quiet", "--allow", "health"]);
        command
    }

    fn out(&self) -> PathBuf {
        self.folder.path().join("out")
    }

    /// What is known so far; nothing before the first trial has ended.
    fn known(&self) -> Option<Value> {
        let text = std::fs::read_to_string(self.out().join("capacity.json")).ok()?;
        Some(serde_json::from_str(&text).expect("whole at any time"))
    }

    fn trials(&self) -> Vec<Value> {
        let trials = self.known().and_then(|known| known["trials"].as_array().cloned());
        trials.unwrap_or_default()
    }

    /// Starts it, and ends it by `signal` when the trial after the second one has mail under way.
    fn cut_off(&self, signal: Signal) -> Option<i32> {
        let mut child = self
            .command()
            .stderr(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .expect("mailbench starts");
        let journal = self.out().join("trials/003/journal.bin");
        wait_until("a third trial with traffic", || self.trials().len() == 2 && holds(&journal));
        send(&child, signal);
        child.wait().expect("it ends").code()
    }

    /// Takes it up again: it ends well, and what was known before is as it was.
    fn goes_on(&self) {
        let before = self.trials();
        assert_eq!(before.len(), 2, "the trial that was cut off does not count");
        let half = self.out().join("trials/003");
        assert!(half.join("journal.bin").exists(), "the trial had begun");
        let output = self.command().output().expect("mailbench runs");
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        let known = self.known().expect("a report");
        let trials = self.trials();
        assert_eq!(trials[..2], before[..], "what was done stays as it is");
        assert_eq!(known["limited_by"], "generator", "{known}");
        assert_eq!(known["lower_bound_per_s"], 40.0, "{known}");
        assert!(half.join("report.json").exists(), "the third was made again");
        let folders: Vec<&Value> = trials.iter().map(|trial| &trial["folder"]).collect();
        let expected = (1..=trials.len()).map(|number| Value::from(format!("trials/{number:03}")));
        assert_eq!(folders, expected.collect::<Vec<_>>().iter().collect::<Vec<_>>());
    }
}

/// More than the set-up writes.
fn holds(journal: &Path) -> bool {
    std::fs::metadata(journal).is_ok_and(|file| file.len() > 3000)
}

fn send(child: &Child, signal: Signal) {
    let pid = i32::try_from(child.id()).expect("a pid");
    kill(Pid::from_raw(pid), signal).expect("signalled");
}

#[test]
fn after_a_sigint_in_the_middle_of_a_trial() {
    let search = Search::new();
    assert_eq!(search.cut_off(Signal::SIGINT), Some(105));
    let known = search.known().expect("a report");
    assert_eq!(known["limited_by"], "unfinished", "{known}");
    search.goes_on();
}

#[test]
fn after_a_sigkill_in_the_middle_of_a_trial() {
    let search = Search::new();
    assert_eq!(search.cut_off(Signal::SIGKILL), None);
    search.goes_on();
}
