//! A child process of ours: its output kept, ended in order or by force, never left behind.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::mpsc;

use super::TargetError;
use crate::limits;

/// A running child process in a process group of its own, so that a Ctrl-C at the terminal
/// reaches mailbench alone.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    /// Held open for the life of the child: a child that watches its standard input learns from
    /// its end that we are gone, even when we were killed.
    _stdin: Option<ChildStdin>,
    lines: mpsc::Receiver<String>,
    log: PathBuf,
}

impl Process {
    /// Starts `program` with `arguments`; standard output and error are appended to `log`.
    pub(super) async fn start(
        program: &Path,
        arguments: &[String],
        log: &Path,
    ) -> Result<Process, TargetError> {
        let failed = |cause| TargetError::Start { program: program.display().to_string(), cause };
        let mut options = std::fs::OpenOptions::new();
        let errors = options.create(true).append(true).open(log).map_err(failed)?;
        let output = errors.try_clone().map_err(failed)?;
        let mut child = Command::new(program)
            .args(arguments)
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
        Ok(Process { child, _stdin: stdin, lines, log: log.to_owned() })
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

    /// How it ended, if it has.
    pub(super) fn ended(&mut self) -> Option<String> {
        self.child.try_wait().ok().flatten().map(|status| status.to_string())
    }

    /// SIGTERM, a wait, then SIGKILL.
    pub(super) async fn stop(mut self) {
        self.signal(Signal::SIGTERM);
        let patience = limits::TARGET_STOP;
        if tokio::time::timeout(patience, self.child.wait()).await.is_err() {
            let _ = self.child.kill().await;
        }
    }

    fn signal(&self, signal: Signal) {
        let pid = self.child.id().and_then(|pid| i32::try_from(pid).ok());
        if let Some(pid) = pid {
            // It may have ended by itself in this moment, which is what was wanted.
            let _ = kill(Pid::from_raw(pid), signal);
        }
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
