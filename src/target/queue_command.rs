//! Asks a target for its queue length by running a command, and reads what it prints.
//!
//! Three forms are read: one JSON object with a `total` (and perhaps `active`, `deferred`,
//! `frozen`), as the embedded relay prints; one number; or one entry a line, as `postqueue -j`
//! prints.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::process::Command;

use super::command;
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
    /// Set aside: not tried again until somebody lets it go.
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
    #[error("the queue command `{0}` printed something that is no queue: `{1}`")]
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
    run.args(arguments);
    let output = command::output(&mut run, b"", limits::QUEUE_COMMAND).await.map_err(|error| {
        failed(match error.kind() {
            std::io::ErrorKind::TimedOut => "it took too long".to_owned(),
            _ => error.to_string(),
        })
    })?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(failed(format!("{}: {}", output.status, said.trim())));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    if !text.trim().is_empty() {
        printed.store(true, Ordering::Relaxed);
    } else if !printed.load(Ordering::Relaxed) && !is_silent_when_empty(command) {
        return Err(QueueError::Silent(shown));
    }
    read(&text).ok_or_else(|| QueueError::Unreadable(shown, text.chars().take(80).collect()))
}

/// `postqueue -j` prints an entry for each message, and nothing where there is none (postqueue(1)).
fn is_silent_when_empty(command: &[String]) -> bool {
    let words = command.iter().flat_map(|word| word.split_whitespace());
    let mut rest = words.skip_while(|word| word.rsplit('/').next() != Some("postqueue"));
    rest.any(|word| word == "-j")
}

fn read(text: &str) -> Option<QueueLength> {
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    if let [line] = lines.as_slice() {
        if let Ok(total) = line.parse() {
            return Some(QueueLength { total, states: None });
        }
        if let Some(length) = summary(line) {
            return Some(length);
        }
    }
    let (mut total, mut states) = (0, QueueStates::default());
    for line in lines {
        let entry: serde_json::Value = serde_json::from_str(line).ok()?;
        total += 1;
        match entry.get("queue_name").and_then(|name| name.as_str()) {
            Some("active") => states.active += 1,
            Some("deferred") => states.deferred += 1,
            Some("hold") => states.frozen += 1,
            _ => {}
        }
    }
    Some(QueueLength { total, states: Some(states) })
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

    #[test]
    fn reads_the_three_forms() {
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
        assert_eq!(read("Mail queue is empty\n"), None);
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
