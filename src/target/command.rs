//! Commands of the user's that are run to their end: hooks, the stopping of an external target.

use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::process::Command;

/// Runs `command`, its output appended to `log`; in words why it did not end by itself. What
/// takes longer than `longest` is killed.
///
/// # Errors
/// When it could not be started, or took too long.
pub async fn run_to_end(
    command: &[String],
    log: &Path,
    longest: Duration,
) -> Result<ExitStatus, String> {
    let output = || std::fs::OpenOptions::new().create(true).append(true).open(log);
    let (Some((program, arguments)), Ok(stdout), Ok(stderr)) =
        (command.split_first(), output(), output())
    else {
        return Err("not run: its output cannot be kept".to_owned());
    };
    let run = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(stdout)
        .stderr(stderr)
        .process_group(0)
        .kill_on_drop(true)
        .status();
    match tokio::time::timeout(longest, run).await {
        Ok(Ok(status)) => Ok(status),
        Ok(Err(error)) => Err(format!("not run: {error}")),
        Err(_) => Err(format!("killed after {} s", longest.as_secs())),
    }
}
