//! A capacity search that was ended in the middle of a trial goes on where it was: what was done
//! stays as it is, the trial that was cut off is made again. So it is with its curve.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use crate::support::{SMALL, mailbench, wait_until};

/// A search that bears all there is to offer: three trials that feel their way, then full ones.
struct Search {
    folder: tempfile::TempDir,
    /// Options of its command, beside those of all.
    options: &'static [&'static str],
}

impl Search {
    fn new(options: &'static [&'static str]) -> Search {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("small.toml"), SMALL).expect("written");
        Search { folder, options }
    }

    fn command(&self) -> Command {
        let mut command = mailbench();
        command.current_dir(self.folder.path()).args(["capacity", "small.toml"]);
        command.args(["--output", "out", "--max-rate", "40", "--quick"]);
        command.args(["--quiet", "--allow", "health"]).args(self.options);
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
        self.list("trials")
    }

    fn list(&self, name: &str) -> Vec<Value> {
        let list = self.known().and_then(|known| known[name].as_array().cloned());
        list.unwrap_or_default()
    }

    fn start(&self) -> Child {
        let mut command = self.command();
        command.stderr(Stdio::null()).stdout(Stdio::null()).spawn().expect("mailbench starts")
    }

    /// Starts it, and ends it by `signal` when the trial after the second one has mail under way.
    fn cut_off(&self, signal: Signal) -> Option<i32> {
        let mut child = self.start();
        let journal = self.out().join("trials/003/journal.bin");
        wait_until("a third trial with traffic", || self.trials().len() == 2 && holds(&journal));
        send(&child, signal);
        child.wait().expect("it ends").code()
    }

    /// The same, when the curve's second point has mail under way.
    fn cut_off_in_its_curve(&self, signal: Signal) -> Option<i32> {
        let mut child = self.start();
        wait_until("a third trial", || self.trials().len() >= 3);
        let [first, second] =
            ["curve/025", "curve/050"].map(|point| self.out().join(point).join("journal.bin"));
        wait_until("the curve", || first.exists());
        wait_until("its second point with traffic", || {
            self.list("curve").len() == 1 && holds(&second)
        });
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
        assert_eq!(known["limited_by"], "max-rate", "{known}");
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
    let search = Search::new(&["--trial", "2", "--no-curve"]);
    assert_eq!(search.cut_off(Signal::SIGINT), Some(105));
    let known = search.known().expect("a report");
    assert_eq!(known["limited_by"], "unfinished", "{known}");
    search.goes_on();
}

#[test]
fn after_a_sigkill_in_the_middle_of_a_trial() {
    let search = Search::new(&["--trial", "2", "--no-curve"]);
    assert_eq!(search.cut_off(Signal::SIGKILL), None);
    search.goes_on();
}

#[test]
fn after_a_sigint_in_the_middle_of_its_curve() {
    let search = Search::new(&["--trial", "1"]);
    assert_eq!(search.cut_off_in_its_curve(Signal::SIGINT), Some(105));
    let before = ["trials", "curve"].map(|list| search.list(list));
    assert_eq!(before[1].len(), 1, "the point that was cut off does not count");
    let output = search.command().output().expect("mailbench runs");
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(search.trials(), before[0], "nothing is searched again");
    let curve = search.list("curve");
    assert_eq!(curve[0], before[1][0], "what was drawn stays as it is");
    let rates: Vec<Option<f64>> = curve.iter().map(|point| point["rate_per_s"].as_f64()).collect();
    assert_eq!(rates, [10.0, 20.0, 36.0, 40.0].map(Some));
}
