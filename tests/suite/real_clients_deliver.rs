//! Real clients deliver into `mailbench sink`, and every byte arrives.
//!
//! A client that is not on this machine is passed over with a line that says so, unless
//! `MAILBENCH_REQUIRE_CLIENTS=1`. Postfix's `smtp-source` is looked for under
//! `MAILBENCH_MTA_PREFIX`, where `tests/mtas/install` unpacks it.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use mailbench::ledger::event::{AttemptOutcome, Event, SessionChange};
use mailbench::ledger::journal;
use mailbench::probe::MessageId;
use mailbench::probe::address::{self, Letters};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::sink_side::{attempts, text};
use crate::support::{mailbench, skip};

/// `mailbench sink` as a process.
pub(crate) struct SinkProcess {
    child: Child,
    pub(crate) port: String,
    pub(crate) folder: tempfile::TempDir,
}

/// What is left of it.
pub(crate) struct Stopped {
    pub(crate) summary: String,
    pub(crate) events: Vec<Event>,
}

impl SinkProcess {
    fn start() -> SinkProcess {
        SinkProcess::with(&[])
    }

    /// With these further options; `AUTHORITY` stands for a file in its folder.
    pub(crate) fn with(options: &[&str]) -> SinkProcess {
        let folder = tempfile::tempdir().expect("a folder");
        let mut child = mailbench()
            .args(["sink", "--listen", "127.0.0.1:0", "--journal"])
            .arg(folder.path().join("journal.bin"))
            .args(options.iter().map(|option| match *option {
                "AUTHORITY" => folder.path().join("authority.pem").into_os_string(),
                other => other.into(),
            }))
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("a sink");
        let mut line = String::new();
        let stdout = child.stdout.as_mut().expect("its output");
        BufReader::with_capacity(1, stdout).read_line(&mut line).expect("its first line");
        let address = line.trim().strip_prefix("listening on ").expect("its address");
        let port = address.rsplit_once(':').expect("a port").1.to_owned();
        SinkProcess { child, port, folder }
    }

    pub(crate) fn stop(mut self) -> Stopped {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).expect("a process id"));
        kill(pid, Signal::SIGTERM).expect("a signal");
        let mut summary = String::new();
        let stdout = self.child.stdout.as_mut().expect("its output");
        stdout.read_to_string(&mut summary).expect("its summary");
        assert!(self.child.wait().expect("its end").success(), "{summary}");
        let journal = journal::open(&self.folder.path().join("journal.bin")).expect("a journal");
        Stopped { summary, events: journal.collect() }
    }

    /// The text of message `n` as a file.
    pub(crate) fn text_file(&self, n: u64) -> PathBuf {
        let path = self.folder.path().join(format!("{n}.eml"));
        std::fs::write(&path, text(n)).expect("a file");
        path
    }
}

impl Drop for SinkProcess {
    fn drop(&mut self) {
        // After a failed assertion; an orderly stop has waited for it already.
        let _ended_already = self.child.kill();
        let _ended_already = self.child.wait();
    }
}

/// The path of a program, or a line that says it is not here.
pub(crate) fn found(program: &str) -> Option<PathBuf> {
    let prefix = std::env::var_os("MAILBENCH_MTA_PREFIX").map(PathBuf::from);
    let prefixed = prefix.map(|prefix| prefix.join("usr/sbin"));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let places = prefixed.into_iter().chain(std::env::split_paths(&path));
    let program_path = places.map(|place| place.join(program)).find(|path| path.is_file());
    if program_path.is_none() {
        skip(program, "it is not on this machine");
    }
    program_path
}

pub(crate) fn run(command: &mut Command) {
    let output = command.output().expect("a client that starts");
    let stderr = String::from_utf8_lossy(&output.stderr);
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{command:?}: {}\n{stdout}{stderr}", output.status);
}

pub(crate) fn from(n: u64) -> String {
    address::reverse_path(Letters::Ascii, "client", MessageId(n))
}

pub(crate) fn to(n: u64) -> String {
    address::recipient(Letters::Ascii, MessageId(n).probe(0), "a.test")
}

/// Messages 0 to `count` arrived intact, once each.
pub(crate) fn assert_intact(stopped: &Stopped, count: u64) {
    let seen = attempts(&stopped.events);
    let probes: Vec<u64> = seen.iter().map(|attempt| attempt.probe.0).collect();
    assert_eq!(probes, (0..count).collect::<Vec<_>>(), "{}", stopped.summary);
    for attempt in seen {
        assert_eq!(attempt.outcome, AttemptOutcome::Taken);
        let content = attempt.content.as_ref().expect("checked content");
        assert_eq!(content.message, Some(MessageId(attempt.probe.0)));
        assert_eq!(content.changes, []);
    }
    let confirmed = stopped.events.iter().filter(|e| matches!(e, Event::Confirmed { .. }));
    assert_eq!(confirmed.count() as u64, count);
}

#[test]
fn swaks_delivers() {
    let Some(swaks) = found("swaks") else { return };
    let sink = SinkProcess::start();
    let file = sink.text_file(0);
    // It puts a line end behind the data, whether there is one or not.
    std::fs::write(&file, text(0).trim_ascii_end()).expect("a file");
    let data = format!("@{}", file.display());
    let server = ["--server", "127.0.0.1", "--port", &sink.port];
    let envelope = ["--from", &from(0), "--to", &to(0), "--data", &data];
    run(Command::new(swaks).args(server).args(envelope));
    assert_intact(&sink.stop(), 1);
}

#[test]
fn curl_delivers() {
    let Some(curl) = found("curl") else { return };
    let sink = SinkProcess::start();
    for n in 0..3 {
        run(Command::new(&curl)
            .args(["--silent", "--show-error", "--noproxy", "*", "--mail-from", &from(n)])
            .args(["--mail-rcpt", &to(n), "--upload-file"])
            .arg(sink.text_file(n))
            .arg(format!("smtp://127.0.0.1:{}/client.test", sink.port)));
    }
    assert_intact(&sink.stop(), 3);
}

/// Messages over one session.
pub(crate) const SMTPLIB: &str = "
import smtplib, sys
port, rest = int(sys.argv[1]), sys.argv[2:]
with smtplib.SMTP('127.0.0.1', port, 'client.test', timeout=20) as client:
    while rest:
        sender, recipient, file, rest = rest[0], rest[1], rest[2], rest[3:]
        refused = client.sendmail(sender, [recipient], open(file, 'rb').read())
        assert not refused, refused
";

#[test]
fn smtplib_delivers() {
    let Some(python) = found("python3") else { return };
    let sink = SinkProcess::start();
    let mut command = Command::new(python);
    command.args(["-c", SMTPLIB, &sink.port]);
    for n in 0..2 {
        command.args([from(n), to(n)]).arg(sink.text_file(n));
    }
    run(&mut command);
    assert_intact(&sink.stop(), 2);
}

#[test]
fn smtp_source_delivers() {
    let Some(source) = found("smtp-source") else { return };
    let sink = SinkProcess::start();
    for (reuse, count) in [(true, "200"), (false, "20")] {
        let options = ["-s", "4", "-m", count, "-l", "4096", "-f", "me@x.test", "-t", "you@y.test"];
        let mut command = Command::new(&source);
        command.env("LD_LIBRARY_PATH", libraries(&source)).args(options);
        // Without -d a session for each message.
        if reuse {
            command.arg("-d");
        }
        run(command.arg(format!("127.0.0.1:{}", sink.port)));
    }
    let stopped = sink.stop();
    let foreign = stopped.events.iter().filter(|event| matches!(event, Event::Foreign { .. }));
    assert_eq!(foreign.count(), 220);
    let opened =
        |event: &&Event| matches!(event, Event::Session { change: SessionChange::Opened, .. });
    assert_eq!(stopped.events.iter().filter(opened).count(), 4 + 20);
    assert!(stopped.summary.contains("220 recipients"), "{}", stopped.summary);
}

/// Where an unpacked Postfix has its libraries.
pub(crate) fn libraries(program: &Path) -> std::ffi::OsString {
    let usr = program.ancestors().nth(2).unwrap_or(Path::new("/usr"));
    let places = ["lib/postfix", "lib/x86_64-linux-gnu", "lib/aarch64-linux-gnu", "lib"];
    std::env::join_paths(places.map(|place| usr.join(place))).expect("plain paths")
}

#[test]
fn the_summary_counts_what_was_seen() {
    let Some(python) = found("python3") else { return };
    let sink = SinkProcess::start();
    let mut command = Command::new(python);
    command.args(["-c", SMTPLIB, &sink.port, &from(0), &to(0)]).arg(sink.text_file(0));
    run(&mut command);
    let summary = sink.stop().summary;
    assert!(summary.starts_with("1 sessions, 0 turned away\n"), "{summary}");
    let row = summary.lines().find(|line| line.starts_with("any domain")).expect("a row");
    let cells: Vec<&str> = row.split_whitespace().skip(2).collect();
    assert_eq!(cells, ["1", "0", "0", "0", "0", "0"], "{summary}");
}

#[test]
fn it_listens_on_loopback_only_by_default() {
    let sink = |more: &[&str]| {
        let mut command = mailbench();
        command.args(["sink", "--listen", "0.0.0.0:0"]).args(more).output().expect("a sink")
    };
    let refused = sink(&[]);
    assert_eq!(refused.status.code(), Some(2));
    let complaint = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(complaint.contains("--beyond-loopback"), "{complaint}");
}
