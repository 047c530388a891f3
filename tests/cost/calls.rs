//! System calls, as `strace` counts them. Where there is no `strace`, or it may not trace, the test
//! says so and passes, unless `MAILBENCH_REQUIRE_CLIENTS=1`, as CI has it.

use std::collections::HashMap;
use std::process::Command;
use std::sync::PoisonError;

use crate::direct::By;
use crate::{CHILD, ONE_AT_A_TIME, direct, each};

/// Calls for a message of 4 KiB with one recipient, in generator, sink and ledger together: to
/// sockets, and from them. By DATA it is two round trips, so four of each.
const CALLS: [(By, f64); 2] = [(By::Data, 4.1), (By::Chunk, 2.1)];

/// Writes: to the journal at most one a message, shared by all who can act at one moment; and to
/// wake up a thread of the other runtime, seldom more than one.
const WRITES: f64 = 2.1;

/// No other calls are traced, since how often a thread waits is a matter of the machine.
const SEND: [&str; 3] = ["writev", "sendto", "sendmsg"];
const RECEIVE: [&str; 4] = ["read", "readv", "recvfrom", "recvmsg"];
const WRITE: [&str; 1] = ["write"];

/// The part that runs under `strace`.
#[test]
fn offers_when_asked_to() {
    let Ok(load) = std::env::var(CHILD) else { return };
    let (messages, by) = load.split_once(' ').expect("messages and how");
    let by = if by == "Chunk" { By::Chunk } else { By::Data };
    direct::offer(messages.parse().expect("a number"), by);
}

#[test]
fn a_message_makes_few_system_calls() {
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    if let Err(cause) = traced(1, By::Data) {
        let required = std::env::var("MAILBENCH_REQUIRE_CLIENTS").is_ok_and(|value| value == "1");
        assert!(!required, "system calls cannot be counted: {cause}");
        println!("system calls are not counted: {cause}");
        return;
    }
    for (by, most) in CALLS {
        let counted = |kind: &'static [&'static str]| {
            each(|messages| {
                let counts = traced(messages, by).expect("counts");
                kind.iter().filter_map(|call| counts.get(*call)).sum::<u64>() as f64
            })
        };
        let (sending, receiving, writing) = (counted(&SEND), counted(&RECEIVE), counted(&WRITE));
        let told = format!("{sending:.2} sent, {receiving:.2} read, {writing:.2} written ({by:?})");
        println!("calls a message: {told}");
        assert!(sending > 1.0 && receiving > 1.0, "{told}: nothing was counted");
        assert!(sending <= most && receiving <= most, "{told}, at most {most} to and from sockets");
        assert!(writing <= WRITES, "{told}, at most {WRITES} may write");
    }
}

/// Counts of calls by name, of an offering of so many messages.
fn traced(messages: u64, by: By) -> Result<HashMap<String, u64>, String> {
    let folder = tempfile::tempdir().expect("a folder");
    let summary = folder.path().join("calls");
    let calls = [&SEND[..], &RECEIVE, &WRITE].concat().join(",");
    let traced = Command::new("strace")
        .args(["-f", "-c", "-U", "name,calls", "-e", &format!("trace={calls}"), "-o"])
        .arg(&summary)
        .arg(std::env::current_exe().expect("this program"))
        .args(["calls::offers_when_asked_to", "--exact", "--test-threads=1"])
        .env(CHILD, format!("{messages} {by:?}"))
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
