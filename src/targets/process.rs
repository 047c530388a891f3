//! A child process, with all it starts: its output kept, paused, ended in order or by
//! force, never left behind.

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use rustix::process::Signal;
use tokio::io::AsyncReadExt;
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

use super::TargetError;
use super::containment::Containment;
use super::members::{MARK, Members};
use super::processes::ProcessId;
use super::roster::Roster;
use crate::limits;
use crate::shortage;

/// Passes over a target's processes to stop all of them: one may start another meanwhile.
const PASSES: usize = 100;

/// Time between two looks at the length of a target's log.
const LOG_LOOK: Duration = Duration::from_millis(250);

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
    _bound: AbortOnDropHandle<()>,
}

impl Process {
    /// Starts a program within `containment`.
    pub(super) async fn start(
        launch: &Launch,
        containment: &Containment,
    ) -> Result<Process, TargetError> {
        let program = &launch.program;
        let failed = |cause| TargetError::Start { program: program.display().to_string(), cause };
        executable(program).map_err(failed)?;
        let errors = crate::files::append(&launch.log).map_err(failed)?;
        let output = errors.try_clone().map_err(failed)?;
        let mut child = Command::new(std::env::current_exe().map_err(failed)?)
            .args(launcher(launch, containment))
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
        let root = child.id().and_then(ProcessId::of).unwrap_or(ProcessId::NONE);
        let members = containment.members(root);
        containment.begin(root);
        let log = launch.log.clone();
        let bound = bound_log(log.clone(), limits::TARGET_LOG);
        let _bound = AbortOnDropHandle::new(tokio::spawn(bound));
        Ok(Process { child, members, ended_by_us: false, _stdin: stdin, lines, log, _bound })
    }

    /// Waits for a line of output that begins so.
    pub(super) async fn announced(&mut self, beginning: &str) -> Result<(), TargetError> {
        let wait = tokio::time::timeout(limits::TARGET_START, async {
            while let Some(line) = self.lines.recv().await {
                if line.starts_with(beginning) {
                    return true;
                }
            }
            false
        });
        match wait.await {
            Ok(true) => Ok(()),
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
        if self.child.id().is_some() {
            self.members.first().signal(Signal::TERM);
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

/// The words by which this program becomes the target's: it joins the control group first, so that
/// nothing of the target is ever outside.
fn launcher(launch: &Launch, containment: &Containment) -> Vec<std::ffi::OsString> {
    let mut words: Vec<std::ffi::OsString> = vec!["launch".into()];
    let mut option = |name: &str, value: std::ffi::OsString| words.extend([name.into(), value]);
    if let Some(group) = containment.group() {
        option("--group", group.path().into());
    }
    if let Some(files) = shortage::customary_descriptors().filter(|_| !is_ourselves(launch)) {
        option("--files", files.to_string().into());
    }
    if let Some((user, group)) = launch.user {
        option("--user", format!("{user}:{group}").into());
    }
    words.extend(["--".into(), launch.program.clone().into()]);
    words.extend(launch.arguments.iter().map(Into::into));
    words
}

/// The embedded relay needs as many descriptors as we do.
fn is_ourselves(launch: &Launch) -> bool {
    std::env::current_exe().is_ok_and(|own| own == launch.program)
}

/// Whether there is such a program: the launcher could only say so in the target's log.
fn executable(program: &Path) -> std::io::Result<()> {
    let check = |file: &Path| {
        let found = std::fs::metadata(file)?;
        let runs = found.is_file() && found.permissions().mode() & 0o111 != 0;
        if runs { Ok(()) } else { Err(std::io::ErrorKind::PermissionDenied.into()) }
    };
    if program.as_os_str().as_encoded_bytes().contains(&b'/') {
        return check(program);
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).any(|folder| check(&folder.join(program)).is_ok());
    if found { Ok(()) } else { Err(std::io::ErrorKind::NotFound.into()) }
}

/// SIGKILL to every process, again until none is left.
pub(super) async fn kill_all(members: &Members) {
    let all = async {
        loop {
            if let Some(group) = members.group() {
                group.kill();
            }
            match members.ids() {
                Ok(left) if left.is_empty() => break,
                Ok(left) => left.into_iter().for_each(|id| id.signal(Signal::KILL)),
                // Out of descriptors: what needs none, and another look.
                Err(_) => members.first().signal_group(Signal::KILL),
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    // A process that the kernel cannot end yet is not waited for.
    let _in_time = tokio::time::timeout(limits::TARGET_STOP, all).await;
}

/// Processes that we stopped; they go on when this is dropped, whatever becomes of the target.
#[derive(Debug, Default)]
pub struct Paused {
    stopped: Vec<ProcessId>,
    roster: Option<Roster>,
}

impl Drop for Paused {
    fn drop(&mut self) {
        self.stopped.iter().for_each(|id| id.signal(Signal::CONT));
        if let Some(roster) = &self.roster {
            roster.note_stopped(Vec::new());
        }
    }
}

/// SIGSTOP to every process, those too that are forked meanwhile, until all stand still. Each is noted before it is
/// stopped; one that another process stopped is not ours to continue.
pub(super) async fn pause_all(members: &Members, roster: &Roster) -> Paused {
    let mut paused = Paused { stopped: Vec::new(), roster: Some(roster.clone()) };
    for _ in 0..PASSES {
        let entries = members.entries().unwrap_or_default();
        let running = entries.iter().filter(|entry| !entry.stopped).map(|entry| entry.id);
        let new: Vec<ProcessId> = running.filter(|id| !paused.stopped.contains(id)).collect();
        let all_held = || paused.stopped.iter().all(|id| id.is_held());
        if new.is_empty() && !paused.stopped.is_empty() && all_held() {
            break;
        }
        paused.stopped.extend(&new);
        roster.note_stopped(paused.stopped.clone());
        new.iter().for_each(|id| id.signal(Signal::STOP));
        tokio::time::sleep(PASS).await;
    }
    paused
}

/// SIGTERM to the first of them.
pub(super) fn terminate(members: &Members) {
    if let Some(first) = members.ids().ok().and_then(|ids| ids.first().copied()) {
        first.signal(Signal::TERM);
    }
}

/// Waits until none is left, or for so long.
pub(super) async fn gone(members: &Members, longest: Duration) {
    let all = async {
        while members.ids().map_or(true, |ids| !ids.is_empty()) {
            tokio::time::sleep(PASS).await;
        }
    };
    // Who is still there is dealt with otherwise.
    let _in_time = tokio::time::timeout(longest, all).await;
}

/// Appends what the target prints to its log, and offers each line to what waits for an
/// announcement. Whatever bytes come, in lines of whatever length, the pipe is read to its end: a
/// target that prints to a closed pipe dies. Pieces are small; a blocking write of one is as good as
/// free.
async fn keep_output(mut stdout: ChildStdout, mut log: File, sender: mpsc::Sender<String>) {
    let mut lines = Lines::default();
    let (mut piece, mut room) = (vec![0; limits::TARGET_LINE], limits::TARGET_OUTPUT);
    while let Ok(read @ 1..) = stdout.read(&mut piece).await {
        // A full disk shows in the journal; the target goes on, and is read on.
        if room > 0 {
            let _unwritten = log.write_all(&piece[..read]);
            room = room.saturating_sub(read as u64);
            if room == 0 {
                let _unwritten = log.write_all(b"\nmailbench: what follows is not kept\n");
            }
        }
        for line in lines.take(&piece[..read]) {
            // Nothing waits any more once the target is ready; the log has the line.
            let _full = sender.try_send(line);
        }
    }
}

/// Cuts the log back while standard error, which the target writes itself, makes it longer than `most`
/// bytes. It was opened to append: what follows begins at the new end.
async fn bound_log(log: PathBuf, most: u64) {
    loop {
        tokio::time::sleep(LOG_LOOK).await;
        let is_long = std::fs::metadata(&log).is_ok_and(|log| log.len() > most);
        if is_long && let Ok(log) = crate::files::append(&log) {
            let _unbounded = log.set_len(most);
        }
    }
}

/// Lines in what comes piece by piece. Of a long line the beginning is kept.
#[derive(Debug, Default)]
struct Lines {
    begun: Vec<u8>,
}

impl Lines {
    /// The lines that end in this piece.
    fn take(&mut self, piece: &[u8]) -> Vec<String> {
        let mut parts = piece.split(|byte| *byte == b'\n');
        self.extend(parts.next().unwrap_or_default());
        let mut whole = Vec::new();
        for part in parts {
            whole.push(String::from_utf8_lossy(&self.begun).trim_end_matches('\r').to_owned());
            self.begun.clear();
            self.extend(part);
        }
        whole
    }

    fn extend(&mut self, part: &[u8]) {
        let room = limits::TARGET_LINE.saturating_sub(self.begun.len());
        self.begun.extend_from_slice(&part[..part.len().min(room)]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn standard_error_without_end_does_not_fill_the_disk() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("target.log");
        let _bound = AbortOnDropHandle::new(tokio::spawn(bound_log(path.clone(), 1000)));
        let mut log = crate::files::append(&path).expect("a log");
        for _ in 0..100 {
            log.write_all(&[b'x'; 100]).expect("written");
            tokio::time::sleep(LOG_LOOK / 10).await;
        }
        let written = std::fs::metadata(&path).expect("the log").len();
        assert!((1000..=6000).contains(&written), "{written}");
    }

    #[test]
    fn lines_are_found_in_any_bytes_and_a_long_one_is_bounded() {
        let mut lines = Lines::default();
        assert_eq!(lines.take(b"lis"), [""; 0]);
        assert_eq!(lines.take(b"tening on \xff\r\nand"), ["listening on \u{fffd}"]);
        assert_eq!(lines.take(b" more\n\nx"), ["and more", ""]);
        let endless = vec![b'a'; limits::TARGET_LINE];
        (0..3).for_each(|_| assert!(lines.take(&endless).is_empty()));
        assert_eq!(lines.begun.len(), limits::TARGET_LINE);
        assert_eq!(lines.take(b"\n")[0].len(), limits::TARGET_LINE);
    }

    #[test]
    fn a_program_that_is_not_there_is_known_before_it_is_started() {
        assert!(executable(Path::new("sh")).is_ok() && executable(Path::new("/bin/sh")).is_ok());
        let kind = |name: &str| executable(Path::new(name)).expect_err("no program").kind();
        assert_eq!(kind("mailbench-has-no-such-program"), std::io::ErrorKind::NotFound);
        assert_eq!(kind("/nowhere/at/all"), std::io::ErrorKind::NotFound);
        assert_eq!(kind("/etc/passwd"), std::io::ErrorKind::PermissionDenied);
    }
}
