//! Derives the verdict on a target from the evidence. Pure. Owns the findings that both directions
//! share; [`client`] and [`server`] judge the cases of each.

use super::client::ClientEvent;
use super::finding::Verdict;

pub mod client;
pub mod server;

/// A verdict and the observation it is based on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The verdict.
    pub verdict: Verdict,
    /// What was observed, in words.
    pub observed: String,
    /// Whether later events may change it.
    pub is_provisional: bool,
    /// Whether it holds only if the target's queue is empty.
    pub needs_empty_queue: bool,
    /// Whether the message is expected to stay in the queue.
    pub stays_queued: bool,
}

fn finding(verdict: Verdict, observed: impl Into<String>) -> Finding {
    Finding {
        verdict,
        observed: observed.into(),
        is_provisional: false,
        needs_empty_queue: false,
        stays_queued: false,
    }
}

fn provisional(verdict: Verdict, observed: impl Into<String>) -> Finding {
    Finding { is_provisional: true, ..finding(verdict, observed) }
}

/// A violation that consists in something the target has not done so far.
fn omission(observed: impl Into<String>) -> Finding {
    Finding { needs_empty_queue: true, ..provisional(Verdict::Violates, observed) }
}

/// The findings, given the length of the target's queue at the end of the test. While mail is queued
/// the target may still retry, so an omission is inconclusive. Messages that are expected to stay
/// queued do not count.
#[must_use]
pub fn with_queue(findings: Vec<Finding>, queued: u64) -> Vec<Finding> {
    let expected = findings.iter().filter(|finding| finding.stays_queued).count() as u64;
    let queued = queued.saturating_sub(expected);
    let messages = if queued == 1 { "message" } else { "messages" };
    let judged = |finding: Finding| match finding.needs_empty_queue && queued > 0 {
        true => inconclusive(format!(
            "{}; the target's queue still holds {queued} {messages}",
            finding.observed
        )),
        false => finding,
    };
    findings.into_iter().map(judged).collect()
}

/// The finding on a target that exited by itself during a case, whatever the case checks.
#[must_use]
pub fn exited(how: &str) -> Finding {
    finding(Verdict::Violates, format!("the target exited: {how}"))
}

/// The finding on a case that was not run because of a missing precondition.
#[must_use]
pub fn skipped(precondition: impl Into<String>) -> Finding {
    finding(Verdict::Skipped, precondition)
}

/// The finding on a case whose evidence does not decide.
#[must_use]
pub fn inconclusive(observed: impl Into<String>) -> Finding {
    finding(Verdict::Inconclusive, observed)
}

/// The finding on a case that requires an extension which the reply to EHLO, the second of these
/// events, does not offer; `None` if it is offered.
#[must_use]
pub fn without_extension(events: &[ClientEvent], extension: &str) -> Option<Finding> {
    let keyword = |line: &str| line.get(4..).unwrap_or_default().trim_end() == extension;
    match events.get(1) {
        Some(ClientEvent::Reply(text)) if text.lines().any(keyword) => None,
        Some(ClientEvent::Reply(_)) => {
            Some(skipped(format!("the target does not offer {extension}")))
        }
        _ => Some(inconclusive(format!("no reply to EHLO: {}", described(events.last())))),
    }
}

fn described(event: Option<&ClientEvent>) -> String {
    match event {
        Some(ClientEvent::Reply(text)) => format!("`{}`", text.trim_end().replace("\r\n", " / ")),
        Some(ClientEvent::Timeout) | None => "no reply".to_owned(),
        Some(ClientEvent::Closed) => "connection closed".to_owned(),
        Some(ClientEvent::TlsEstablished) => {
            "TLS handshake completed, no reply after it".to_owned()
        }
        Some(ClientEvent::TlsFailed) => "TLS handshake failed".to_owned(),
    }
}
