//! A target does not outlive a mailbench that was killed, not even one that stands still; when the
//! watchdog was killed with it, the next run cleans up and says so.

use std::path::Path;
use std::process::Child;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::an_external_target_is_handled_by_its_commands::Own;
use crate::support::{Lab, wait_until};

/// Processes whose file `/proc/PID/NAME` holds this text.
pub(crate) fn with(name: &str, text: &str) -> Vec<i32> {
    let processes = std::fs::read_dir("/proc").expect("processes").flatten();
    let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let holds = |pid: &i32| {
        let content = std::fs::read(format!("/proc/{pid}/{name}")).unwrap_or_default();
        String::from_utf8_lossy(&content).contains(text)
    };
    pids.filter(holds).collect()
}

fn is_stopped(pid: i32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('T'))
}

/// The target's marked processes: all targets of this run have their folders below `place`.
pub(crate) fn targets(place: &Path) -> Vec<i32> {
    with("environ", &format!("MAILBENCH_TARGET={}/mailbench-", place.display()))
}

const PAUSE: &str = "[[chaos]]\nat = \"100ms\"\npause = \"1m\"\n";

/// A run whose target is paused for good.
fn paused(lab: &Lab, place: &Path) -> Child {
    let run = lab.start();
    let is_paused = || targets(place).iter().any(|pid| is_stopped(*pid));
    wait_until("it is paused", is_paused);
    run
}

pub(crate) fn folders(place: &Path) -> usize {
    std::fs::read_dir(place).expect("the folder").count()
}

/// Kills the watchdogs over targets whose folders begin so.
pub(crate) fn kill_watchdogs(folders: &str) {
    let ours = |pid: &i32| with("cmdline", folders).contains(pid);
    for watchdog in with("cmdline", "\0watchdog\0").into_iter().filter(ours) {
        kill(Pid::from_raw(watchdog), Signal::SIGKILL).expect("killed");
    }
}

#[test]
fn a_paused_relay_and_its_folder_go_when_mailbench_is_killed() {
    let place = tempfile::tempdir().expect("a folder");
    let lab = Lab::small(PAUSE).env("TMPDIR", place.path());
    let mut run = paused(&lab, place.path());
    assert_eq!(folders(place.path()), 1);
    run.kill().expect("killed");
    run.wait().expect("its end");
    wait_until("the relay is gone", || targets(place.path()).is_empty());
    wait_until("its folder is gone", || folders(place.path()) == 0);
}

#[test]
fn what_was_left_without_a_watchdog_is_cleaned_up_by_the_next_run() {
    let place = tempfile::tempdir().expect("a folder");
    // In a session of its own: no signal of the terminal's, and no closed pipe, ends it.
    let own = Own::new();
    let start = own.script("start.sh", &format!("setsid {} </dev/null &", own.words().join(" ")));
    let lab = own.lab(PAUSE).set("target.start_command", &format!("[{start:?}]"));
    let lab = lab.env("TMPDIR", place.path());
    let mut run = paused(&lab, place.path());
    let mine = format!("{}/mailbench-", place.path().display());
    kill_watchdogs(&mine);
    run.kill().expect("killed");
    run.wait().expect("its end");
    assert_eq!(targets(place.path()).len(), 1, "nobody was there to end it");
    let next = Lab::small("").env("TMPDIR", place.path()).run();
    next.assert_code(0);
    assert!(next.stderr.contains("ended 1 processes of an earlier run"), "{next}");
    assert!(targets(place.path()).is_empty());
    assert_eq!(folders(place.path()), 0);
}
