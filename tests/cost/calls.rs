//! System calls, as `strace` counts them. Where there is no `strace`, or it may not trace, the test
//! says so and passes, unless `MAILBENCH_REQUIRE_CLIENTS=1`, as CI has it.

use std::collections::HashMap;
use std::process::Command;
use std::sync::PoisonError;

use crate::{CHILD, ONE_AT_A_TIME, direct, each};

/// Calls a message of 4 KiB may make in generator, sink and ledger together: those that send
/// octets, to a socket or a file; those that read them; all that was traced.
const SENDING: f64 = 5.0;
const RECEIVING: f64 = 5.0;

/// The calls that move octets: no others are traced, since how often a thread waits is a matter of
/// the machine.
const SEND: [&str; 4] = ["write", "writev", "sendto", "sendmsg"];
const RECEIVE: [&str; 4] = ["read", "readv", "recvfrom", "recvmsg"];

/// The part that runs under `strace`.
#[test]
fn offers_when_asked_to() {
    if let Some(messages) = std::env::var(CHILD).ok().and_then(|word| word.parse().ok()) {
        direct::offer(messages);
    }
}

#[test]
fn a_message_makes_few_system_calls() {
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    if let Err(cause) = traced(1) {
        let required = std::env::var("MAILBENCH_REQUIRE_CLIENTS").is_ok_and(|value| value == "1");
        assert!(!required, "system calls cannot be counted: {cause}");
        println!("system calls are not counted: {cause}");
        return;
    }
    let counted = |kind: &'static [&'static str]| {
        each(|messages| {
            let counts = traced(messages).expect("counts");
            kind.iter().filter_map(|call| counts.get(*call)).sum::<u64>() as f64
        })
    };
    let (sending, receiving) = (counted(&SEND), counted(&RECEIVE));
    assert!(sending > 1.0 && receiving > 1.0, "{sending:.2}, {receiving:.2}: nothing was counted");
    assert!(sending <= SENDING, "{sending:.2} calls a message send octets, at most {SENDING}");
    assert!(
        receiving <= RECEIVING,
        "{receiving:.2} calls a message read octets, at most {RECEIVING}"
    );
}

/// Counts of calls by name, of an offering of so many messages.
fn traced(messages: u64) -> Result<HashMap<String, u64>, String> {
    let folder = tempfile::tempdir().expect("a folder");
    let summary = folder.path().join("calls");
    let calls = [SEND, RECEIVE].concat().join(",");
    let traced = Command::new("strace")
        .args(["-f", "-c", "-U", "name,calls", "-e", &format!("trace={calls}"), "-o"])
        .arg(&summary)
        .arg(std::env::current_exe().expect("this program"))
        .args(["calls::offers_when_asked_to", "--exact", "--test-threads=1"])
        .env(CHILD, messages.to_string())
        .output();
    let output = traced.map_err(|error| format!("strace: {error}"))?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    let summary = std::fs::read_to_string(&summary).map_err(|error| error.to_string())?;
    let counted = |line: &str| {
        let mut words = line.split_whitespace();
        Some((words.next()?.to_owned(), words.next()?.parse().ok()?))
    };
    Ok(summary.lines().filter_map(counted).collect())
}
