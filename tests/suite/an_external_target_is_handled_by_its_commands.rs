//! An external target gets queue depth, resources and chaos from the commands and the pid file that
//! the scenario names; one that was there before is left alone.
//!
//! The target is the embedded relay, which knows nothing of it: to the run it is a stranger.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::support::{Lab, Ran, free_address, mailbench, wait_until};

/// A relay that is the user's own business, and the folder where it lives.
pub(crate) struct Own {
    folder: tempfile::TempDir,
    pub(crate) address: String,
    pub(crate) sink: String,
}

impl Own {
    pub(crate) fn new() -> Own {
        let [address, sink] = [free_address(), free_address()].map(|it| it.to_string());
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(folder.path().join("queue")).expect("a queue");
        Own { folder, address, sink }
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The words that start it.
    pub(crate) fn words(&self) -> Vec<String> {
        let program = mailbench().get_program().to_string_lossy().into_owned();
        let queue = self.file("queue").display().to_string();
        ["relay", "--listen", &self.address, "--relay-to", &self.sink, "--queue", &queue]
            .iter()
            .fold(vec![program], |mut words, word| {
                words.push((*word).to_owned());
                words
            })
    }

    /// A script of the user's.
    pub(crate) fn script(&self, name: &str, text: &str) -> String {
        let file = self.file(name);
        std::fs::write(&file, format!("#!/bin/sh\n{text}\n")).expect("written");
        let executable = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(&file, executable).expect("executable");
        file.display().to_string()
    }

    /// Leaves the relay behind in a session of its own, with nothing of our environment, and its
    /// id in `own.pid`.
    pub(crate) fn daemon(&self) -> String {
        let (log, pid) = (self.file("own.log"), self.file("own.pid"));
        let words = self.words().join(" ");
        let start = format!(
            "env -i setsid {words} >>{} 2>&1 </dev/null &\necho $! >{}",
            log.display(),
            pid.display()
        );
        self.script("start.sh", &start)
    }

    /// The small scenario against it.
    pub(crate) fn lab(&self, chaos: &str) -> Lab {
        let queue = self.file("queue").display().to_string();
        let program = &self.words()[0];
        let count = format!("[{program:?}, \"relay\", \"--queue\", {queue:?}, \"--count\"]");
        Lab::small(chaos)
            .set("target.kind", "external")
            .set("target.address", &self.address)
            .set("target.queue_command", &count)
            .set("sink.listen", &self.sink)
            .set("load.duration", "4s")
            .set("load.sessions", "100")
    }

    /// Started by the test itself.
    pub(crate) fn started(&self) -> Child {
        let words = self.words();
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().expect("started");
        std::fs::write(self.file("own.pid"), child.id().to_string()).expect("written");
        child
    }

    pub(crate) fn pid_file(&self) -> String {
        self.file("own.pid").display().to_string()
    }

    pub(crate) fn pid(&self) -> u32 {
        let text = std::fs::read_to_string(self.file("own.pid")).expect("its pid file");
        text.trim().parse().expect("a process id")
    }
}

/// Nothing that a test let loose outlives it, however the test ended.
impl Drop for Own {
    fn drop(&mut self) {
        let Ok(text) = std::fs::read_to_string(self.file("own.pid")) else { return };
        let Ok(pid) = text.trim().parse::<i32>() else { return };
        let words = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        if String::from_utf8_lossy(&words).contains(&self.file("queue").display().to_string()) {
            // It may have ended in this moment.
            let _gone = kill(Pid::from_raw(pid), Signal::SIGKILL);
        }
    }
}

pub(crate) const KILL: &str = "[[chaos]]\nat = \"1s\"\nkill = { restart_after = \"700ms\" }\n";
pub(crate) const PAUSE: &str = "[[chaos]]\nat = \"1s\"\npause = \"1200ms\"\n";

/// State letter of a process in `/proc`; `None`: there is none.
pub(crate) fn state(pid: u32) -> Option<char> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(") ")?.1.chars().next()
}

pub(crate) fn is_gone(pid: u32) -> bool {
    matches!(state(pid), None | Some('Z'))
}

/// The ledger is whole and proved, and the one strike has the right name.
#[track_caller]
pub(crate) fn assert_survived(ran: &Ran, strike: &str) {
    ran.assert_code(0);
    let report = ran.report();
    assert_eq!(report["queue"]["proved_empty"], true, "{}", report["queue"]);
    assert_eq!(ran.count("accepted"), ran.count("delivered") + ran.count("unconfirmed"));
    assert_eq!(report["chaos"][0]["what"], strike, "{}", report["chaos"]);
    let back = report["chaos"][0]["first_delivery_s"].as_f64().expect("mail flowed again");
    assert!(back >= 0.0, "{back}");
    assert_eq!(report["target"]["kind"], "external");
    let used = &report["resources"]["target"];
    assert!(used["rss_max_bytes"].as_f64().is_some_and(|bytes| bytes > 1e6), "{used}");
}

#[test]
fn one_started_in_the_foreground_is_killed_and_started_again() {
    let own = Own::new();
    let ran = own.lab(KILL).set("target.start_command", &format!("{:?}", own.words())).run();
    assert_survived(&ran, "kill");
    assert!(ran.count("not_sent") > 0, "it was away for 700 ms\n{ran}");
    let log = std::fs::read_to_string(ran.path.join("target.log")).expect("its log");
    assert_eq!(log.matches("listening on ").count(), 2, "two lives: {log}");
    let again = TcpListener::bind(&own.address);
    assert!(again.is_ok(), "it was stopped at the end");
}

#[test]
fn one_left_behind_is_known_by_its_pid_file_and_stopped_by_its_command() {
    let own = Own::new();
    let stop = format!("echo stopping\nkill $(cat {})", own.pid_file());
    let stop = own.script("stop.sh", &stop);
    let ran = own
        .lab(&format!("{KILL}[[chaos]]\nat = \"3s\"\nrestart = {{}}\n"))
        .set("target.start_command", &format!("[{:?}]", own.daemon()))
        .set("target.stop_command", &format!("[{stop:?}]"))
        .set("target.pid_file", &own.pid_file())
        .run();
    assert_survived(&ran, "kill");
    assert_eq!(ran.report()["chaos"][1]["what"], "restart");
    let log = std::fs::read_to_string(own.file("own.log")).expect("its log");
    assert_eq!(log.matches("listening on ").count(), 3, "three lives: {log}");
    let ours = std::fs::read_to_string(ran.path.join("target.log")).expect("our log");
    assert_eq!(ours.matches("stopping").count(), 2, "at the restart and at the end: {ours}");
    assert!(is_gone(own.pid()), "it was stopped at the end");
}

#[test]
fn one_left_behind_without_a_pid_file_is_found_all_the_same() {
    let own = Own::new();
    let words = own.words().join(" ");
    let start = own.script("start.sh", &format!("{words} & echo $! >{}", own.pid_file()));
    let ran = own.lab(KILL).set("target.start_command", &format!("[{start:?}]")).run();
    assert_survived(&ran, "kill");
    assert!(is_gone(own.pid()), "it was stopped at the end");
}

#[test]
fn one_that_was_there_before_is_paused_and_left_running() {
    let own = Own::new();
    let mut child = own.started();
    let ran = own.lab(PAUSE).set("target.pid_file", &own.pid_file()).run();
    assert_survived(&ran, "pause");
    let longest = ran.report()["latency"]["e2e_response"]["max"].as_u64().expect("a time");
    assert!(longest >= 1_000_000, "mail waited for the end of the pause: {longest} us");
    let after = state(child.id());
    child.kill().expect("it was still there");
    child.wait().expect("its end");
    assert!(matches!(after, Some('S' | 'R')), "{after:?}");
}

#[test]
fn what_cannot_be_handled_is_said_before_any_load() {
    let refused = |lab: Lab, what: &str| {
        let ran = lab.run();
        ran.assert_code(106);
        assert!(ran.stderr.contains(what), "{what}: {ran}");
    };
    let own = Own::new();
    let start = own.script("bad.sh", "echo no such thing >&2; exit 3");
    refused(own.lab("").set("target.start_command", &format!("[{start:?}]")), "exit status: 3");
    let stranger = TcpListener::bind("127.0.0.1:0").expect("a port");
    let there = stranger.local_addr().expect("its address").to_string();
    let lab = own.lab("").set("target.address", &there);
    refused(lab.set("target.start_command", "[\"true\"]"), "listens at");

    let own = Own::new();
    let mut child = own.started();
    let mut stranger = Command::new("sleep").arg("600").spawn().expect("a process");
    for (pid, what) in [
        (stranger.id(), "nothing of process"),
        (std::process::id(), "is one that mailbench itself belongs to"),
    ] {
        std::fs::write(own.file("own.pid"), pid.to_string()).expect("written");
        refused(own.lab(PAUSE).set("target.pid_file", &own.pid_file()), what);
    }
    for one in [&mut child, &mut stranger] {
        one.kill().expect("it was left alone");
        one.wait().expect("its end");
    }
}

/// What becomes of a target in mid-pause when mailbench is killed.
fn killed_in_mid_pause(own: &Own, lab: &Lab) -> u32 {
    let mut run = lab.start();
    let is_paused = || Path::new(&own.pid_file()).exists() && state(own.pid()) == Some('T');
    wait_until("it is paused", is_paused);
    let pid = own.pid();
    run.kill().expect("killed");
    run.wait().expect("its end");
    pid
}

#[test]
fn when_mailbench_is_killed_what_it_started_ends_and_what_was_there_goes_on() {
    let pause = "[[chaos]]\nat = \"500ms\"\npause = \"1m\"\n";
    let own = Own::new();
    let lab = own.lab(pause).set("target.pid_file", &own.pid_file());
    let lab = lab.set("target.start_command", &format!("[{:?}]", own.daemon()));
    let pid = killed_in_mid_pause(&own, &lab);
    wait_until("it is ended", || is_gone(pid));

    let own = Own::new();
    let mut child = own.started();
    let lab = own.lab(pause).set("target.pid_file", &own.pid_file());
    let pid = killed_in_mid_pause(&own, &lab);
    wait_until("it goes on", || matches!(state(pid), Some('S' | 'R')));
    child.kill().expect("it was left alone");
    child.wait().expect("its end");
}
