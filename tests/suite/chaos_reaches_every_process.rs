//! Chaos reaches a target's processes wherever they hide: in a session of their own, with an
//! environment of their own, no descendants of what was started. What it misses voids the run. What it
//! stopped goes on, however mailbench ends.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::an_external_target_is_handled_by_its_commands::{
    KILL, Own, PAUSE, assert_survived, is_gone, state,
};
use crate::nothing_outlives_mailbench::{folders, kill_watchdogs};
use crate::support::{Lab, Ran, wait_until};

/// With a control group, where one can be had, and without.
fn both(lab: impl Fn() -> Lab) -> [Lab; 2] {
    [lab(), lab().env("MAILBENCH_NO_CGROUP", Path::new("1"))]
}

/// A scenario whose target hides: forked twice, in a session of its own, nothing of our environment,
/// and no file that names it for mailbench.
fn hidden(own: &Own, chaos: &str) -> Lab {
    let start = format!("[{:?}]", own.daemon());
    // Time enough for looks at what it uses, on a busy machine.
    own.lab(chaos).set("target.start_command", &start).set("load.duration", "8s")
}

#[test]
fn a_target_that_hides_is_killed_and_started_again() {
    for number in 0..2 {
        let own = Own::new();
        let [grouped, alone] = both(|| hidden(&own, KILL));
        let ran = if number == 0 { grouped } else { alone }.run();
        assert_survived(&ran, "kill");
        assert!(ran.count("not_sent") > 0, "it was away for 700 ms\n{ran}");
        let log = std::fs::read_to_string(own.file("own.log")).expect("its log");
        assert_eq!(log.matches("listening on ").count(), 2, "two lives: {log}");
        assert!(is_gone(own.pid()), "it was stopped at the end");
    }
}

#[test]
fn a_target_that_hides_is_paused_and_goes_on() {
    for number in 0..2 {
        let own = Own::new();
        let [grouped, alone] = both(|| hidden(&own, PAUSE));
        let ran = if number == 0 { grouped } else { alone }.run();
        assert_survived(&ran, "pause");
        let longest = ran.report()["latency"]["e2e_response"]["max"].as_u64().expect("a time");
        assert!(longest >= 1_000_000, "mail waited for the end of the pause: {longest} us");
        assert!(is_gone(own.pid()), "it was stopped at the end");
    }
}

/// Starts a run and waits until its target stands still.
fn paused(own: &Own, lab: &Lab) -> Child {
    let run = lab.start();
    let is_paused = || Path::new(&own.pid_file()).exists() && state(own.pid()) == Some('T');
    wait_until("it is paused", is_paused);
    run
}

const LONG_PAUSE: &str = "[[chaos]]\nat = \"500ms\"\npause = \"1m\"\n";

#[test]
fn a_target_that_hides_ends_with_a_mailbench_that_was_killed_in_mid_pause() {
    for number in 0..2 {
        let (own, place) = (Own::new(), tempfile::tempdir().expect("a folder"));
        let [grouped, alone] = both(|| hidden(&own, LONG_PAUSE).env("TMPDIR", place.path()));
        let mut run = paused(&own, if number == 0 { &grouped } else { &alone });
        let names = names(place.path());
        run.kill().expect("killed");
        run.wait().expect("its end");
        wait_until("it is ended", || is_gone(own.pid()));
        wait_until("its folder is gone", || folders(place.path()) == 0);
        assert_eq!(groups(&names), [""; 0], "its control group is gone");
    }
}

/// Names of a target's folders, which are those of its control groups.
fn names(place: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(place).expect("the folder").flatten();
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

/// Which of these control groups there are.
fn groups(names: &[String]) -> Vec<String> {
    let mounts = std::fs::read_to_string("/proc/self/mounts").expect("mounts");
    let mount = mounts.lines().find(|line| line.split(' ').nth(2) == Some("cgroup2"));
    let Some(mount) = mount.and_then(|line| line.split(' ').nth(1)) else { return Vec::new() };
    let own = std::fs::read_to_string("/proc/self/cgroup").expect("our group");
    let own = own.lines().find_map(|line| line.strip_prefix("0::/")).unwrap_or_default().to_owned();
    let there = |name: &&String| Path::new(mount).join(&own).join(name).exists();
    names.iter().filter(there).cloned().collect()
}

#[test]
fn one_that_was_there_before_goes_on_by_the_next_run_when_the_watchdog_was_killed_too() {
    let (own, place) = (Own::new(), tempfile::tempdir().expect("a folder"));
    let mut child = own.started();
    let lab = own.lab(LONG_PAUSE).set("target.pid_file", &own.pid_file());
    let lab = lab.env("TMPDIR", place.path());
    let mut run = paused(&own, &lab);
    kill_watchdogs(&format!("{}/mailbench-", place.path().display()));
    run.kill().expect("killed");
    run.wait().expect("its end");
    assert_eq!(state(child.id()), Some('T'), "nobody was there to continue it");
    let next = Lab::small("").env("TMPDIR", place.path()).run();
    next.assert_code(0);
    assert!(next.stderr.contains("continued 1 processes"), "{next}");
    let after = state(child.id());
    child.kill().expect("it was left alone");
    child.wait().expect("its end");
    assert!(matches!(after, Some('S' | 'R')), "{after:?}");
}

#[test]
fn a_process_that_another_stopped_is_not_continued() {
    let own = Own::new();
    let [stopped, continued] = ["stopped", "continued"].map(|name| own.file(name));
    let helper = format!(
        "touch {}; kill -STOP $$; touch {}; exec sleep 60",
        stopped.display(),
        continued.display()
    );
    let helper = own.script("helper.sh", &helper);
    let words = own.words().join(" ");
    let start = own.script("start.sh", &format!("{helper} &\nexec {words}"));
    let ran = own.lab(PAUSE).set("target.start_command", &format!("[{start:?}]")).run();
    ran.assert_code(0);
    assert_eq!(ran.report()["chaos"][0]["what"], "pause");
    assert!(stopped.exists() && !continued.exists(), "it stood still until it was ended");
}

/// A server of two processes that nothing connects but the socket on which both listen; one is named
/// by the pid file.
struct Two {
    own: Own,
    first: Child,
}

impl Two {
    fn new() -> Two {
        let own = Own::new();
        let script = format!("{}/tests/suite/forwarding.py", env!("CARGO_MANIFEST_DIR"));
        let mut command = Command::new("python3");
        command.args([&script, &own.address, &own.sink, &own.pid_file()]).arg("second");
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let first = command.spawn().expect("started");
        wait_until("both are there", || {
            own.file("own.pid").exists() && own.file("own.pid.second").exists()
        });
        Two { own, first }
    }

    fn run(&self, chaos: &str) -> Ran {
        self.own
            .lab(chaos)
            .set("target.queue_command", "[\"echo\", \"0\"]")
            .set("target.pid_file", &self.own.pid_file())
            .set("load.rate", "20/s")
            .run()
    }
}

impl Drop for Two {
    fn drop(&mut self) {
        let second = std::fs::read_to_string(self.own.file("own.pid.second")).expect("its id");
        let second = Pid::from_raw(second.trim().parse().expect("an id"));
        // It may have ended.
        let _gone = kill(second, Signal::SIGKILL);
        let _gone = self.first.kill();
        let _status = self.first.wait();
    }
}

#[track_caller]
fn assert_missed(ran: &Ran, act: &str, how: &str) {
    ran.assert_code(96);
    let report = ran.report();
    let reasons = report["verdict"]["reasons"].as_array().expect("reasons").clone();
    let found = reasons.iter().find(|reason| reason["class"] == "chaos");
    let message = found.unwrap_or_else(|| panic!("{reasons:?}\n{ran}"))["message"].to_string();
    for part in [act, how] {
        assert!(message.contains(part), "{part}: {message}");
    }
}

#[test]
fn a_kill_that_misses_a_process_is_not_reported_as_done() {
    let two = Two::new();
    let ran = two.run("[[chaos]]\nat = \"1s\"\nkill = {}\n");
    assert_missed(&ran, "`kill` missed", "still took connections (process ");
}

#[test]
fn a_pause_that_misses_a_process_is_not_reported_as_done() {
    let two = Two::new();
    let ran = two.run(PAUSE);
    assert_missed(&ran, "`pause` missed", "still greeted");
}
