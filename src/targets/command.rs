//! Commands that are run to their end: hooks, queue commands, the stopping of an external target,
//! questions to an MTA's own programs. Each has a process group of its own, which ends with it at
//! the latest when it takes too long or is not waited for any more.

use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::Signal;
use tokio::process::{Child, Command};

use super::processes::ProcessId;
use crate::limits;

/// Names the mailbench that started a command, in the command's environment: what it leaves behind is
/// not taken for the target's, and is ended with mailbench.
pub(super) const AUXILIARY: &str = "MAILBENCH_AUXILIARY";

/// Stands in the environment of a watchdog.
pub(super) const WATCHDOG: &str = "MAILBENCH_WATCHDOG";

/// `NAME=value` for the commands of a mailbench.
pub(super) fn mark(owner: ProcessId, name: &str) -> Vec<u8> {
    format!("{name}={}", value(owner)).into_bytes()
}

fn value(owner: ProcessId) -> String {
    format!("{}-{}", owner.pid, owner.started)
}

/// A command under way. When it is dropped, no process of its group is left.
#[derive(Debug)]
pub struct Group(ProcessId);

impl Drop for Group {
    fn drop(&mut self) {
        self.0.signal_group(Signal::KILL);
    }
}

/// Starts a command in a group of its own.
pub(super) fn start(command: &mut Command) -> std::io::Result<(Child, Group)> {
    let own = ProcessId::of(std::process::id()).unwrap_or(ProcessId::NONE);
    let child = command.env(AUXILIARY, value(own)).process_group(0).kill_on_drop(true).spawn()?;
    let leader = child.id().and_then(ProcessId::of).unwrap_or(ProcessId::NONE);
    Ok((child, Group(leader)))
}

/// Runs `command`, its output appended to `log`; in words why it did not end by itself. What
/// takes longer than `longest`, or prints more than [`limits::HOOK_OUTPUT`], is killed. What it leaves running in its group goes with the group.
///
/// # Errors
/// When it could not be started, or took too long.
pub async fn run_to_end(
    command: &[String],
    log: &Path,
    longest: Duration,
) -> Result<(ExitStatus, Group), String> {
    let output = || crate::files::append(log);
    let (Some((program, arguments)), Ok(stdout), Ok(stderr)) =
        (command.split_first(), output(), output())
    else {
        return Err("not run: its output cannot be kept".to_owned());
    };
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(stdout).stderr(stderr);
    let (mut child, group) = start(&mut command).map_err(|error| format!("not run: {error}"))?;
    tokio::select! {
        ended = tokio::time::timeout(longest, child.wait()) => match ended {
            Ok(Ok(status)) => Ok((status, group)),
            Ok(Err(error)) => Err(format!("not run: {error}")),
            Err(_) => Err(format!("killed after {} s", longest.as_secs())),
        },
        () = grows_beyond(log, limits::HOOK_OUTPUT) => {
            Err(format!("killed as it printed more than {} MiB", limits::HOOK_OUTPUT >> 20))
        }
    }
}

/// Waits until a file has grown by so many bytes.
async fn grows_beyond(log: &Path, most: u64) {
    let length = || log.metadata().map_or(0, |it| it.len());
    let before = length();
    while length().saturating_sub(before) <= most {
        tokio::time::sleep(limits::HOOK_LOOK).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Vec<String> {
        ["sh", "-c", script].map(str::to_owned).to_vec()
    }

    /// A process that a script left, by the id it printed.
    fn left(text: &[u8]) -> ProcessId {
        let text = String::from_utf8_lossy(text);
        ProcessId::of(text.trim().parse().expect("an id")).unwrap_or(ProcessId::NONE)
    }

    async fn is_ended(id: ProcessId) -> bool {
        for _ in 0..500 {
            if !id.is_alive() {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        false
    }

    #[tokio::test]
    async fn what_a_command_leaves_in_its_group_goes_with_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let log = folder.path().join("log");
        let script = shell("sleep 60 & echo $!; exit 3");
        let ended = run_to_end(&script, &log, Duration::from_secs(20)).await;
        let (status, group) = ended.expect("it ended");
        assert_eq!(status.code(), Some(3));
        let sleeping = left(&std::fs::read(&log).expect("its output"));
        assert!(sleeping.is_alive(), "as long as the group is held");
        drop(group);
        assert!(is_ended(sleeping).await);
    }

    #[tokio::test]
    async fn a_command_that_prints_without_end_does_not_fill_the_disk() {
        let folder = tempfile::tempdir().expect("a folder");
        let log = folder.path().join("log");
        for script in ["yes", "yes >&2", "trap '' TERM; yes | cat"] {
            std::fs::write(&log, "before\n").expect("written");
            let ended = run_to_end(&shell(script), &log, Duration::from_secs(300)).await;
            assert!(ended.expect_err("killed").contains("more than 64 MiB"), "{script}");
        }
    }

    #[tokio::test]
    async fn a_command_that_takes_too_long_ends_with_its_group() {
        let folder = tempfile::tempdir().expect("a folder");
        let log = folder.path().join("log");
        let script = shell("sleep 60 & echo $!; wait");
        let error = run_to_end(&script, &log, Duration::from_secs(1)).await.expect_err("killed");
        assert!(error.contains("killed after 1 s"), "{error}");
        assert!(is_ended(left(&std::fs::read(&log).expect("its output"))).await);
    }
}
