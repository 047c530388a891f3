//! Asks a target for its queue length by running a command, and reads what it prints.
//!
//! Three forms are read: one JSON object with a `total` (and perhaps `active`, `deferred`,
//! `frozen`), as the embedded relay prints; one number; or one entry a line, as `postqueue -j`
//! prints.

use std::process::Stdio;

use tokio::process::Command;

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

/// Runs `command` and reads the queue's length from its output.
///
/// # Errors
/// When it cannot be run, fails, takes too long, or prints something else.
pub async fn ask(command: &[String]) -> Result<QueueLength, QueueError> {
    let shown = command.join(" ");
    let failed = |cause: String| QueueError::Failed(shown.clone(), cause);
    let (program, arguments) = command.split_first().ok_or_else(|| failed("empty".into()))?;
    let run = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .process_group(0)
        .output();
    let output = tokio::time::timeout(limits::QUEUE_COMMAND, run)
        .await
        .map_err(|_| failed("it took too long".to_owned()))?
        .map_err(|error| failed(error.to_string()))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(failed(format!("{}: {}", output.status, said.trim())));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    read(&text).ok_or_else(|| QueueError::Unreadable(shown, text.chars().take(80).collect()))
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
        let error = ask(&failing).await.expect_err("it failed").to_string();
        assert!(error.contains("broken"), "{error}");
    }
}
