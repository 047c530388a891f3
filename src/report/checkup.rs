//! A first look at a target (`mailbench doctor target`), for a terminal or as JSON.

use std::fmt::Write;

use super::escape::plain;
use super::human::duration_us;
use crate::measure::checkup::{Arrival, ArrivalOutcome, BounceOutcome, Checkup, QueueSeen};
use crate::measure::results::ContentChange;

/// For people. Text from the target is escaped.
#[must_use]
pub fn terminal(checkup: &Checkup) -> String {
    let target = &checkup.target;
    let mut text = format!("target {} at {}\n\n", plain(&target.version), target.address);
    let widest = checkup.destinations.iter().map(|one| one.domain.len()).max().unwrap_or(0);
    for arrival in &checkup.destinations {
        let line = format!("  {:widest$}  {}", arrival.domain, destination(arrival));
        say(&mut text, &line, &arrival.evidence);
    }
    say(
        &mut text,
        &format!("  {:widest$}  {}", "bounce", bounce(checkup)),
        &checkup.bounce.evidence,
    );
    say(&mut text, &format!("  {:widest$}  {}", "queue", queue(&checkup.queue)), &[]);
    if !checkup.changes.is_empty() {
        let kind = |it: &ContentChange| format!("{} ({})", it.kind, it.level);
        let kinds: Vec<String> = checkup.changes.iter().map(kind).collect();
        say(&mut text, &format!("  {:widest$}  {}", "content", kinds.join(", ")), &[]);
    }
    if !checkup.declare.is_empty() {
        text += "\nTo declare what was seen, write\n\n  [target.changes]\n";
        for one in &checkup.declare {
            let _never_fails =
                writeln!(text, "  {} = {}   # {}", one.key, one.value, plain(&one.why));
        }
    }
    let verdict = &checkup.verdict;
    let status = verdict.status.to_uppercase();
    let _never_fails = writeln!(text, "\nRESULT: {status}  exit {}", verdict.exit_code);
    for reason in &verdict.reasons {
        let _never_fails = writeln!(text, "  - {}", plain(reason));
    }
    text
}

/// For programs.
#[must_use]
pub fn json(checkup: &Checkup) -> String {
    // Plain values always have a text.
    serde_json::to_string_pretty(checkup).map(|text| text + "\n").unwrap_or_default()
}

fn say(text: &mut String, line: &str, evidence: &[String]) {
    let _never_fails = writeln!(text, "{}", line.trim_end());
    for seen in evidence {
        let _never_fails = writeln!(text, "      {}", plain(seen));
    }
}

fn destination(arrival: &Arrival) -> String {
    let after =
        arrival.after_us.map_or_else(String::new, |us| format!(" after {}", duration_us(us)));
    match arrival.outcome {
        ArrivalOutcome::Arrived => format!("arrived{after}"),
        ArrivalOutcome::Changed => format!("arrived{after}, changed on its way"),
        ArrivalOutcome::Damaged => format!("arrived{after}, damaged on its way"),
        ArrivalOutcome::NotAccepted => "not accepted by the target".to_owned(),
        ArrivalOutcome::NotArrived => format!("accepted, did not arrive at {}", arrival.route),
    }
}

fn bounce(checkup: &Checkup) -> String {
    match checkup.bounce.outcome {
        BounceOutcome::Arrived => "arrived, a delivery status notification from <>".to_owned(),
        BounceOutcome::Nonstandard => "arrived, not in the form of RFC 3464".to_owned(),
        BounceOutcome::Malformed => "arrived, malformed".to_owned(),
        BounceOutcome::NotArrived => format!("did not arrive at {}", checkup.bounce.route),
        BounceOutcome::NotTried => "not tried".to_owned(),
    }
}

fn queue(queue: &QueueSeen) -> String {
    match (&queue.error, queue.length) {
        (Some(error), _) => plain(error),
        (None, None) => "not known".to_owned(),
        (None, Some(0)) if queue.proved_empty => "empty at the end".to_owned(),
        (None, Some(length)) => format!("{length} messages at the end"),
    }
}
