//! What a command prints, kept up to a bound. One that prints without end, or is not waited for any
//! more, ends with its process group.

use std::io::{self, Error, ErrorKind};
use std::process::{ExitStatus, Output, Stdio};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};

use super::command::{self, Group};

/// Runs `command` to its end, in a process group of its own, and keeps what it prints. `input` is
/// its standard input.
///
/// # Errors
/// When it cannot be run, or prints more than `most` bytes to one of its outputs.
pub(super) async fn collect(
    command: &mut Command,
    input: Option<&str>,
    most: u64,
) -> io::Result<Output> {
    let mut running = start(command, input).await?;
    let (stdout, stderr) = running.outputs();
    let (stdout, stderr) = tokio::try_join!(bounded(stdout, most), bounded(stderr, most))?;
    let status = running.wait().await?;
    Ok(Output { status, stdout, stderr })
}

/// Starts `command` in a process group of its own, and gives it its input.
pub(super) async fn start(command: &mut Command, input: Option<&str>) -> io::Result<Running> {
    let stdin = if input.is_some() { Stdio::piped() } else { Stdio::null() };
    command.stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped());
    let (mut child, group) = command::start(command)?;
    let stdin = child.stdin.take();
    let running = Running { child, _group: group };
    if let (Some(mut stdin), Some(input)) = (stdin, input) {
        // One that does not read to the end has what it wants.
        let _unread = stdin.write_all(input.as_bytes()).await;
    }
    Ok(running)
}

/// All that comes, if it is not too much.
pub(super) async fn bounded(source: impl AsyncRead + Unpin, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    source.take(most + 1).read_to_end(&mut bytes).await?;
    if bytes.len() as u64 > most {
        let what = format!("it printed more than {most} bytes");
        return Err(Error::new(ErrorKind::FileTooLarge, what));
    }
    Ok(bytes)
}

/// Whether what comes ends within so many bytes, which are thrown away.
pub(super) async fn ends(source: impl AsyncRead + Unpin, most: u64) -> io::Result<bool> {
    let read = tokio::io::copy(&mut source.take(most + 1), &mut tokio::io::sink()).await?;
    Ok(read <= most)
}

/// A command under way; when it is dropped, its group ends.
pub(super) struct Running {
    child: Child,
    _group: Group,
}

impl Running {
    /// Its outputs, once.
    pub(super) fn outputs(&mut self) -> (impl AsyncRead + Unpin, impl AsyncRead + Unpin) {
        let none = || Box::new(tokio::io::empty());
        let stdout: Box<dyn AsyncRead + Send + Unpin> = match self.child.stdout.take() {
            Some(stdout) => Box::new(stdout),
            None => none(),
        };
        let stderr: Box<dyn AsyncRead + Send + Unpin> = match self.child.stderr.take() {
            Some(stderr) => Box::new(stderr),
            None => none(),
        };
        (stdout, stderr)
    }

    /// How it ends.
    pub(super) async fn wait(&mut self) -> io::Result<ExitStatus> {
        self.child.wait().await
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::processes::ProcessId;
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[tokio::test]
    async fn output_is_kept_up_to_a_bound_and_what_has_no_end_is_killed() {
        let said = collect(&mut shell("cat; echo no >&2; exit 3"), Some("in"), 10).await;
        let said = said.expect("ended");
        assert_eq!(
            (said.status.code(), &said.stdout[..], &said.stderr[..]),
            (Some(3), &b"in"[..], &b"no\n"[..])
        );
        for script in ["yes", "yes >&2", "yes | cat"] {
            let error = collect(&mut shell(script), None, 100_000).await.expect_err("no end");
            assert_eq!(error.to_string(), "it printed more than 100000 bytes");
        }
    }

    #[tokio::test]
    async fn what_is_not_waited_for_any_more_ends_with_its_group() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("id");
        let mut command = shell("sleep 60 & echo $! >\"$0\"; wait");
        let run = collect(command.arg(&file), None, 100);
        assert!(tokio::time::timeout(Duration::from_secs(1), run).await.is_err(), "it waits");
        let id = std::fs::read_to_string(&file).expect("its id").trim().parse().expect("an id");
        for _ in 0..500 {
            match ProcessId::of(id) {
                Some(left) if left.is_alive() => {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
                _ => return,
            }
        }
        panic!("{id} is left");
    }
}
