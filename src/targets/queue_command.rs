//! Asks a target for its queue length by running a command, and reads what it prints.
//!
//! Three forms are read: one JSON object with a `total` (and perhaps `active`, `deferred`,
//! `frozen`), as the embedded relay prints; one number; or one entry a line, as `postqueue -j`
//! prints.

use std::io;
use std::process::ExitStatus;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::Command;

use super::output;
use crate::limits;

/// A queue's length, as the target itself reports it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QueueLength {
    /// Everything it still holds.
    pub total: u64,
    /// The same by state; `None`: it does not tell.
    pub states: Option<QueueStates>,
}

/// How many messages of a queue are in which state. What is in none of them has just come in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QueueStates {
    /// Now being delivered, or about to be.
    pub active: u64,
    /// Waiting for a further attempt.
    pub deferred: u64,
    /// On hold: not tried again until it is released.
    pub frozen: u64,
}

/// Why a queue could not be read.
#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    /// The command could not be run, or failed.
    #[error("the queue command `{0}` failed: {1}")]
    Failed(String, String),
    /// It printed nothing.
    #[error(
        "the queue command `{0}` printed nothing, and was not seen to print anything in this run, so \
         that this proves nothing; have it print the number of messages, such as 0"
    )]
    Silent(String),
    /// It printed something else.
    #[error("the queue command `{0}` printed something that is not a queue length: `{1}`")]
    Unreadable(String, String),
    /// The queue directory could not be read.
    #[error("the queue in {folder} cannot be counted: {cause}")]
    Directory {
        /// Where the queue lies.
        folder: String,
        /// Why not.
        cause: std::io::Error,
    },
}

/// Runs `command` and reads the queue's length from its output. `printed`: whether it was seen to print
/// anything in this run. Until then, silence may be a command that does not work: it is an empty queue
/// only to a command that is known to say so by silence.
///
/// # Errors
/// When it cannot be run, fails, takes too long, prints nothing or something else.
pub async fn ask(command: &[String], printed: &AtomicBool) -> Result<QueueLength, QueueError> {
    let shown = command.join(" ");
    let failed = |cause: String| QueueError::Failed(shown.clone(), cause);
    let (program, arguments) = command.split_first().ok_or_else(|| failed("empty".into()))?;
    let mut run = Command::new(program);
    let run = count(run.args(arguments));
    let (status, entries, said) = tokio::time::timeout(limits::QUEUE_COMMAND, run)
        .await
        .map_err(|_| failed("it took too long".to_owned()))?
        .map_err(|error| failed(error.to_string()))?;
    if let Some(status) = status.filter(|status| !status.success()) {
        let said: String = String::from_utf8_lossy(&said).trim().chars().take(500).collect();
        return Err(failed(format!("{status}: {said}")));
    }
    if entries.lines > 0 {
        printed.store(true, Ordering::Relaxed);
    } else if !printed.load(Ordering::Relaxed) && !is_silent_when_empty(command) {
        return Err(QueueError::Silent(shown));
    }
    entries.length().map_err(|line| QueueError::Unreadable(shown, line))
}

/// `postqueue -j` prints an entry for each message, and nothing where there is none (postqueue(1)).
fn is_silent_when_empty(command: &[String]) -> bool {
    let words = command.iter().flat_map(|word| word.split_whitespace());
    let mut rest = words.skip_while(|word| word.rsplit('/').next() != Some("postqueue"));
    rest.any(|word| word == "-j")
}

/// Runs a command and counts as it prints, so that a long queue takes no memory; `None`: it was
/// killed, as what it prints is no queue and has no end.
async fn count(command: &mut Command) -> io::Result<(Option<ExitStatus>, Entries, Vec<u8>)> {
    let mut running = output::start(command, None).await?;
    let (stdout, stderr) = running.outputs();
    let read = async {
        let (mut entries, mut line) = (Entries::default(), Vec::new());
        let mut source = BufReader::new(stdout).take(limits::QUEUE_OUTPUT);
        while entries.unreadable.is_none() {
            line.clear();
            let mut piece = (&mut source).take(limits::LOG_LINE as u64);
            if piece.read_until(b'\n', &mut line).await? == 0 {
                break;
            }
            entries.add(String::from_utf8_lossy(&line).trim());
        }
        Ok((entries, output::ends(source, limits::PROGRAM_OUTPUT).await?))
    };
    let ((entries, ended), said) =
        tokio::try_join!(read, output::bounded(stderr, limits::PROGRAM_OUTPUT))?;
    let status = if ended { Some(running.wait().await?) } else { None };
    Ok((status, entries, said))
}

/// What was printed so far.
#[derive(Default)]
struct Entries {
    lines: u64,
    total: u64,
    states: QueueStates,
    /// What the first line says, where it is a number or a summary.
    sole: Option<QueueLength>,
    /// The beginning of the first line that is none of a queue.
    unreadable: Option<String>,
}

impl Entries {
    fn add(&mut self, line: &str) {
        if line.is_empty() {
            return;
        }
        self.lines += 1;
        if self.lines == 1 {
            let number = || Some(QueueLength { total: line.parse().ok()?, states: None });
            self.sole = number().or_else(|| summary(line));
        }
        let Ok(entry) = serde_json::from_str::<serde_json::Value>(line) else {
            self.unreadable = Some(line.chars().take(80).collect());
            return;
        };
        self.total += 1;
        match entry.get("queue_name").and_then(|name| name.as_str()) {
            Some("active") => self.states.active += 1,
            Some("deferred") => self.states.deferred += 1,
            Some("hold") => self.states.frozen += 1,
            _ => {}
        }
    }

    /// The queue's length; `Err`: what is none.
    fn length(self) -> Result<QueueLength, String> {
        match (self.sole.filter(|_| self.lines == 1), self.unreadable) {
            (Some(sole), _) => Ok(sole),
            (None, Some(line)) => Err(line),
            (None, None) => Ok(QueueLength { total: self.total, states: Some(self.states) }),
        }
    }
}

fn summary(line: &str) -> Option<QueueLength> {
    let value: serde_json::Value = serde_json::from_str(line).ok()?;
    let field = |name: &str| value.get(name).and_then(serde_json::Value::as_u64);
    let states = ["active", "deferred", "frozen"].map(field);
    let [active, deferred, frozen] = states.map(Option::unwrap_or_default);
    let told = states.iter().any(Option::is_some);
    let states = told.then_some(QueueStates { active, deferred, frozen });
    Some(QueueLength { total: field("total")?, states })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<QueueLength, String> {
        let mut entries = Entries::default();
        text.lines().for_each(|line| entries.add(line.trim()));
        entries.length()
    }

    #[tokio::test]
    async fn a_command_that_prints_without_end_is_killed() {
        for command in [["yes"].as_slice(), &["cat", "/dev/zero"], &["sh", "-c", "yes >&2"]] {
            let command: Vec<String> = command.iter().map(|&word| word.to_owned()).collect();
            let error = ask(&command, &AtomicBool::new(false)).await.expect_err("no queue");
            let long = matches!(&error, QueueError::Failed(_, why) if why.contains("more than"));
            assert!(long || matches!(error, QueueError::Unreadable(..)), "{error}");
        }
    }

    #[test]
    fn reads_the_three_forms() {
        let read = |text: &str| read(text).ok();
        let relay = read("{\"total\":7,\"active\":2,\"deferred\":5}\n");
        let states = Some(QueueStates { active: 2, deferred: 5, frozen: 0 });
        assert_eq!(relay, Some(QueueLength { total: 7, states }));
        assert_eq!(read("12\n"), Some(QueueLength { total: 12, states: None }));
        assert_eq!(read("{\"total\":3}\n"), Some(QueueLength { total: 3, states: None }));
        let postqueue = "{\"queue_name\":\"deferred\",\"queue_id\":\"A\"}\n\
                         {\"queue_name\":\"incoming\",\"queue_id\":\"C\"}\n\
                         {\"queue_name\":\"hold\",\"queue_id\":\"D\"}\n\
                         {\"queue_name\":\"active\",\"queue_id\":\"B\"}\n";
        let states = Some(QueueStates { active: 1, deferred: 1, frozen: 1 });
        assert_eq!(read(postqueue), Some(QueueLength { total: 4, states }));
        assert_eq!(
            read(""),
            Some(QueueLength { total: 0, states: Some(QueueStates::default()) }),
            "postqueue -j prints nothing when empty"
        );
    }

    #[test]
    fn what_is_no_queue_is_not_taken_for_an_empty_one() {
        assert_eq!(read("Mail queue is empty\n"), Err("Mail queue is empty".to_owned()));
    }

    #[tokio::test]
    async fn a_failing_command_is_an_error_not_an_empty_queue() {
        let failing = ["sh", "-c", "echo broken >&2; exit 3"].map(str::to_owned);
        let error = ask(&failing, &AtomicBool::new(true)).await.expect_err("it failed").to_string();
        assert!(error.contains("broken"), "{error}");
    }

    #[tokio::test]
    async fn silence_proves_nothing_until_the_command_was_seen_to_print() {
        let folder = tempfile::tempdir().expect("a folder");
        let script = format!("cat {}/queue 2>/dev/null; true", folder.path().display());
        let command = ["sh", "-c", &script].map(str::to_owned);
        let printed = AtomicBool::new(false);
        let error = ask(&command, &printed).await.expect_err("silent").to_string();
        assert!(error.contains("printed nothing"), "{error}");
        std::fs::write(folder.path().join("queue"), "{\"queue_name\":\"active\"}\n")
            .expect("written");
        assert_eq!(ask(&command, &printed).await.expect("a queue").total, 1);
        std::fs::remove_file(folder.path().join("queue")).expect("removed");
        assert_eq!(ask(&command, &printed).await.expect("an empty queue").total, 0);
    }

    #[test]
    fn only_postqueue_is_known_to_be_silent_when_empty() {
        let is = |words: &[&str]| {
            let words: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
            is_silent_when_empty(&words)
        };
        assert!(is(&["postqueue", "-j"]) && is(&["/usr/sbin/postqueue", "-c", "/etc/p", "-j"]));
        assert!(is(&["sh", "-c", "ssh mx /usr/sbin/postqueue -j"]));
        assert!(!is(&["postqueue", "-p"]) && !is(&["true"]) && !is(&["my-postqueue", "-j"]));
    }
}
