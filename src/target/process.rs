//! A child process of ours, with all it starts: its output kept, paused, ended in order or by
//! force, never left behind.

use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::mpsc;

use super::TargetError;
use super::members::Members;
use crate::limits;

/// Holds the target's folder in the environment of its processes, so that they can be told from
/// others wherever they go.
const MARK: &str = "MAILBENCH_TARGET";

/// Passes over a target's processes to stop all of them: one may start another meanwhile.
const PASSES: usize = 10;

/// Time between two such passes.
const PASS: Duration = Duration::from_millis(20);

/// How a program of the target is started.
#[derive(Clone, Debug)]
pub(super) struct Launch {
    /// The program.
    pub(super) program: PathBuf,
    /// Its arguments.
    pub(super) arguments: Vec<String>,
    /// Variables beside those of our own environment.
    pub(super) environment: Vec<(String, String)>,
    /// The user and group it runs as, if not ours.
    pub(super) user: Option<(u32, u32)>,
    /// The target's own folder; it marks its processes.
    pub(super) folder: PathBuf,
    /// Where standard output and error are appended.
    pub(super) log: PathBuf,
}

/// A running child process in a process group of its own, so that a Ctrl-C at the terminal
/// reaches mailbench alone.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    members: Members,
    ended_by_us: bool,
    /// Held open for the life of the child: a child that watches its standard input learns from
    /// its end that we are gone, even when we were killed.
    _stdin: Option<ChildStdin>,
    lines: mpsc::Receiver<String>,
    log: PathBuf,
}

impl Process {
    /// Starts a program.
    pub(super) async fn start(launch: &Launch) -> Result<Process, TargetError> {
        let program = &launch.program;
        let failed = |cause| TargetError::Start { program: program.display().to_string(), cause };
        let mut options = std::fs::OpenOptions::new();
        let errors = options.create(true).append(true).open(&launch.log).map_err(failed)?;
        let output = errors.try_clone().map_err(failed)?;
        let mut command = Command::new(program);
        if let Some((user, group)) = launch.user {
            command.uid(user).gid(group);
        }
        let mut child = command
            .args(&launch.arguments)
            .envs(launch.environment.iter().map(|(name, value)| (name, value)))
            .env(MARK, &launch.folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(errors)
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(failed)?;
        let (sender, lines) = mpsc::channel(limits::TARGET_LINES);
        if let Some(stdout) = child.stdout.take() {
            tokio::spawn(keep_output(stdout, output, sender));
        }
        let stdin = child.stdin.take();
        let members = Members::of(child.id().unwrap_or(u32::MAX), &launch.folder);
        let log = launch.log.clone();
        Ok(Process { child, members, ended_by_us: false, _stdin: stdin, lines, log })
    }

    /// The rest of the first line of output that begins with `prefix`.
    pub(super) async fn announced(&mut self, prefix: &str) -> Result<String, TargetError> {
        let wait = tokio::time::timeout(limits::TARGET_START, async {
            while let Some(line) = self.lines.recv().await {
                if let Some(rest) = line.strip_prefix(prefix) {
                    return Some(rest.to_owned());
                }
            }
            None
        });
        match wait.await {
            Ok(Some(rest)) => Ok(rest),
            _ => Err(self.not_started().await),
        }
    }

    /// Waits until it ends by itself before it was ready.
    pub(super) async fn failed(&mut self) -> TargetError {
        let status = match self.child.wait().await {
            Ok(status) => status.to_string(),
            Err(error) => error.to_string(),
        };
        TargetError::Ended { status, log: self.log.clone() }
    }

    /// Waits until it ends with an error; one that ends well has left its work to others.
    pub(super) async fn refused(&mut self) -> TargetError {
        match self.child.wait().await {
            Ok(status) if status.success() => std::future::pending().await,
            _ => self.failed().await,
        }
    }

    /// The process id it was started with.
    pub(super) fn id(&self) -> u32 {
        self.members.root()
    }

    /// How it ended, if it ended by itself.
    pub(super) fn ended(&mut self) -> Option<String> {
        if self.ended_by_us {
            return None;
        }
        self.child.try_wait().ok().flatten().map(|status| status.to_string())
    }

    /// The processes of the target; `None`: it has ended.
    pub(super) fn members(&self) -> Option<Members> {
        self.child.id().map(|_| self.members.clone())
    }

    /// The processes of the target, also where the one we started has ended and left others.
    pub(super) fn all_members(&self) -> Members {
        self.members.clone()
    }

    /// SIGKILL to every process, again until none is left.
    pub(super) async fn kill(&mut self) {
        self.ended_by_us = true;
        kill_all(&self.members).await;
        let _status = self.child.try_wait();
    }

    /// SIGTERM, a wait, then SIGKILL of whatever is left.
    pub(super) async fn halt(&mut self) {
        self.ended_by_us = true;
        if let Some(pid) = self.child.id() {
            signal(pid, Signal::SIGTERM);
        }
        let _in_time = tokio::time::timeout(limits::TARGET_STOP, self.child.wait()).await;
        self.kill().await;
    }

    async fn not_started(&mut self) -> TargetError {
        let wait = tokio::time::timeout(Duration::from_secs(1), self.child.wait()).await;
        let status = match wait {
            Ok(Ok(status)) => status.to_string(),
            _ => "still running, nothing announced".to_owned(),
        };
        TargetError::Ended { status, log: self.log.clone() }
    }
}

/// SIGKILL to every process, again until none is left.
pub(super) async fn kill_all(members: &Members) {
    let all = async {
        loop {
            let left = members.pids();
            if left.is_empty() {
                break;
            }
            left.into_iter().for_each(|pid| signal(pid, Signal::SIGKILL));
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    // A process that the kernel cannot end yet is not waited for.
    let _in_time = tokio::time::timeout(limits::TARGET_STOP, all).await;
}

/// SIGSTOP to every process.
pub(super) async fn pause_all(members: &Members) {
    let mut stopped = Vec::new();
    for _ in 0..PASSES {
        let all = members.pids();
        let new: Vec<u32> = all.into_iter().filter(|pid| !stopped.contains(pid)).collect();
        if new.is_empty() {
            return;
        }
        new.iter().for_each(|pid| signal(*pid, Signal::SIGSTOP));
        stopped.extend(new);
        tokio::time::sleep(PASS).await;
    }
}

/// SIGCONT to every process.
pub(super) fn resume_all(members: &Members) {
    members.pids().into_iter().for_each(|pid| signal(pid, Signal::SIGCONT));
}

/// SIGTERM to the first of them.
pub(super) fn terminate(members: &Members) {
    if let Some(first) = members.pids().first() {
        signal(*first, Signal::SIGTERM);
    }
}

/// Waits until none is left, or for so long.
pub(super) async fn gone(members: &Members, longest: Duration) {
    let all = async {
        while !members.pids().is_empty() {
            tokio::time::sleep(PASS).await;
        }
    };
    // Who is still there is dealt with otherwise.
    let _in_time = tokio::time::timeout(longest, all).await;
}

fn signal(pid: u32, signal: Signal) {
    if let Ok(pid) = i32::try_from(pid) {
        // It may have ended by itself in this moment; then there is nothing to do.
        let _ = kill(Pid::from_raw(pid), signal);
    }
}

/// Appends each line to the log, and offers it to whoever waits for an announcement. The lines are
/// few and short; a blocking write of one is as good as free.
async fn keep_output(stdout: ChildStdout, mut log: File, sender: mpsc::Sender<String>) {
    let mut lines = BufReader::new(stdout).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        // A full disk shows in the journal; the target goes on.
        let _unwritten = writeln!(log, "{line}");
        // Nobody waits any more once the target is ready; the log has the line.
        let _unheard = sender.try_send(line);
    }
}
