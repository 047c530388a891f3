//! What a first look at a target amounts to: which mail arrived, after how long, what was changed
//! on its way and how a scenario declares that, whether a bounce came, how the queue is known.
//!
//! A function of two small runs' results (`run::checkup`).

use std::collections::BTreeMap;

use serde::Serialize;

use super::results::{ContentChange, DestinationFacts, Results, TargetFacts, Violation};
use super::verdict;
use crate::measure::correctness::declarations;
use crate::measure::correctness::declarations::Declaration;
use crate::probe::BOUNCE_DOMAIN;
use crate::scenario::model::{Route, Scenario};

/// Classes of mail that reached the sink under a name by which it was recognised.
pub const ARRIVED: [&str; 7] = [
    "delivered",
    "unconfirmed",
    "indeterminate_delivered",
    "corrupted",
    "altered",
    "delivered_after_refusal",
    "bounced_and_delivered",
];

/// Counts of changes that nothing permits or declares.
const UNDECLARED: [&str; 3] = ["altered", "readdressed_violations", "copied_violations"];

/// Exit code when mail, or the bounce, did not arrive.
pub const NOT_ARRIVED: u8 = 106;

/// The whole of it.
#[derive(Clone, Debug, Serialize)]
pub struct Checkup {
    /// What was looked at.
    pub target: TargetFacts,
    /// By destination, in scenario order.
    pub destinations: Vec<Arrival>,
    /// The message that the sink rejected.
    pub bounce: BounceSeen,
    /// How the queue is known.
    pub queue: QueueSeen,
    /// How content differed from what was sent, by kind, permitted changes included.
    pub changes: Vec<ContentChange>,
    /// Keys of `[target.changes]` that declare what was seen.
    pub declare: Vec<Declaration>,
    /// The end of it.
    pub verdict: CheckupVerdict,
}

/// What became of the message to one destination.
#[derive(Clone, Debug, Serialize)]
pub struct Arrival {
    /// Its domain.
    pub domain: String,
    /// Where the target should have sent it.
    pub route: String,
    /// What happened.
    pub outcome: ArrivalOutcome,
    /// From due to the sink's 250, microseconds; null where it did not arrive.
    pub after_us: Option<u64>,
    /// What was seen, in order, where something is to be said.
    pub evidence: Vec<String>,
}

/// What happened to a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ArrivalOutcome {
    /// It arrived, with no more than permitted or declared changes.
    Arrived,
    /// It arrived, and the target had changed it or its envelope otherwise.
    Changed,
    /// It arrived with damaged content, or elsewhere.
    Damaged,
    /// The target did not accept it.
    NotAccepted,
    /// The target accepted it, and it did not arrive.
    NotArrived,
}

/// What became of the message that the sink rejected.
#[derive(Clone, Debug, Serialize)]
pub struct BounceSeen {
    /// What happened.
    pub outcome: BounceOutcome,
    /// Domain to which it must be routed.
    pub domain: String,
    /// Where the target should have sent it.
    pub route: String,
    /// What was seen, in order, where something is to be said.
    pub evidence: Vec<String>,
}

/// What happened to the bounce.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum BounceOutcome {
    /// A DSN in the form of RFC 3464 came.
    Arrived,
    /// A notice in another form came.
    Nonstandard,
    /// One came that breaks a rule: malformed, or from a sender that is not null (RFC 5321 §6.1).
    Malformed,
    /// None came.
    NotArrived,
    /// It was not tried: ordinary mail did not arrive.
    NotTried,
}

/// How the target's queue is known.
#[derive(Clone, Debug, Serialize)]
pub struct QueueSeen {
    /// Whether its length can be asked for.
    pub known: bool,
    /// Length at the end; null where it is not known.
    pub length: Option<u64>,
    /// Whether it was proved empty at the end.
    pub proved_empty: bool,
    /// Why it cannot be asked.
    pub error: Option<String>,
}

/// The end of it.
#[derive(Clone, Debug, Serialize)]
pub struct CheckupVerdict {
    /// `pass` or `fail`.
    pub status: &'static str,
    /// Exit code of the process.
    pub exit_code: u8,
    /// Why, each with what to do; empty when all is well.
    pub reasons: Vec<String>,
}

/// Judges what was seen. `declare`: what was done to envelopes; `queue_error`: why the queue command
/// cannot be used.
#[must_use]
pub fn judge(
    scenario: &Scenario,
    (mail, bounce): (&Results, Option<&Results>),
    mut declare: Vec<Declaration>,
    queue_error: Option<String>,
) -> Checkup {
    let changes = mail.correctness.changes.clone();
    declare.extend(changes.iter().filter_map(declaration));
    let declare = declarations::merged(declare, &scenario.target.changes);
    let routes = scenario.routes();
    let facts = mail.destinations.iter().zip(&routes).filter(|(facts, _)| is_offered(facts));
    let destinations: Vec<Arrival> =
        facts.map(|(facts, route)| arrival(facts, route, &mail.correctness.violations)).collect();
    let mut checkup = Checkup {
        target: mail.target.clone(),
        destinations,
        bounce: bounced(bounce, routes.last()),
        queue: queue(bounce.unwrap_or(mail), queue_error),
        changes,
        declare,
        verdict: CheckupVerdict { status: "pass", exit_code: 0, reasons: Vec::new() },
    };
    checkup.verdict = conclude(&checkup, mail);
    checkup
}

/// How a change of content that fails a run is declared, if it can be.
fn declaration(change: &ContentChange) -> Option<Declaration> {
    let line = change.declaration.as_ref().filter(|_| change.level == "altered")?;
    let (key, value) = line.split_once('=')?;
    let example = change.example.as_ref().map_or_else(String::new, |example| {
        format!(" in {}: `{}` for `{}`", example.field, example.arrived, example.sent)
    });
    let why = format!("{}{example}", change.kind);
    Some(Declaration { key: key.trim().to_owned(), value: value.trim().to_owned(), why })
}

fn is_offered(facts: &DestinationFacts) -> bool {
    facts.counts.get("offered").is_some_and(|count| *count > 0)
}

fn sum(counts: &BTreeMap<String, u64>, names: &[&str]) -> u64 {
    names.iter().filter_map(|name| counts.get(*name)).sum()
}

fn arrival(facts: &DestinationFacts, route: &Route, violations: &[Violation]) -> Arrival {
    let count = |names: &[&str]| sum(&facts.counts, names);
    let outcome = if count(&["corrupted", "misrouted", "smuggled"]) > 0 {
        ArrivalOutcome::Damaged
    } else if count(&UNDECLARED) > 0 {
        ArrivalOutcome::Changed
    } else if count(&ARRIVED) > 0 {
        ArrivalOutcome::Arrived
    } else if count(&["accepted"]) > 0 {
        ArrivalOutcome::NotArrived
    } else {
        ArrivalOutcome::NotAccepted
    };
    let concerns = |violation: &&Violation| {
        let domain = violation.recipient.as_ref().and_then(|address| address.rsplit_once('@'));
        domain.is_some_and(|(_, domain)| domain.eq_ignore_ascii_case(&facts.domain))
    };
    let evidence = violations.iter().filter(concerns);
    Arrival {
        domain: facts.domain.clone(),
        route: route.address.to_string(),
        outcome,
        after_us: facts.latency.get("e2e_response").and_then(|latency| latency.max),
        evidence: evidence.flat_map(|violation| violation.evidence.clone()).collect(),
    }
}

fn bounced(results: Option<&Results>, route: Option<&Route>) -> BounceSeen {
    let count = |names: &[&str]| results.map_or(0, |results| sum(&results.counts, names));
    let outcome = match results {
        None => BounceOutcome::NotTried,
        Some(_) if count(&["dsn_malformed"]) > 0 => BounceOutcome::Malformed,
        Some(_) if count(&["dsn_nonstandard"]) > 0 => BounceOutcome::Nonstandard,
        Some(_) if count(&["bounced"]) > 0 => BounceOutcome::Arrived,
        Some(_) => BounceOutcome::NotArrived,
    };
    let violations = results.iter().flat_map(|results| &results.correctness.violations);
    BounceSeen {
        outcome,
        domain: BOUNCE_DOMAIN.to_owned(),
        route: route.map_or_else(String::new, |route| route.address.to_string()),
        evidence: violations.flat_map(|violation| violation.evidence.clone()).collect(),
    }
}

fn queue(last: &Results, error: Option<String>) -> QueueSeen {
    QueueSeen {
        known: last.queue.length_max.is_some() && error.is_none(),
        length: last.queue.length_end,
        proved_empty: last.queue.proved_empty,
        error,
    }
}

/// What did not arrive weighs most: the target is not set up for a run. Then what was damaged.
fn conclude(checkup: &Checkup, mail: &Results) -> CheckupVerdict {
    let mut reasons = missing(checkup, mail);
    reasons.extend(harmed(checkup));
    reasons.extend(unproved(&checkup.queue));
    let exit_code = reasons.iter().map(|(code, _)| *code).max().unwrap_or(0);
    CheckupVerdict {
        status: if reasons.is_empty() { "pass" } else { "fail" },
        exit_code,
        reasons: reasons.into_iter().map(|(_, reason)| reason).collect(),
    }
}

fn missing(checkup: &Checkup, mail: &Results) -> Vec<(u8, String)> {
    let mut reasons = Vec::new();
    for arrival in &checkup.destinations {
        let Arrival { domain, route, .. } = arrival;
        let reason = match arrival.outcome {
            ArrivalOutcome::NotAccepted => {
                let replies = mail.replies.iter().filter(|it| it.by == "target" && it.code >= 400);
                let said: Vec<String> =
                    replies.map(|it| format!("{} at {}", it.example, it.stage)).collect();
                let said = if said.is_empty() { "no reply".to_owned() } else { said.join("; ") };
                format!("{domain}: the target did not accept the message ({said}): let it relay")
            }
            ArrivalOutcome::NotArrived => {
                format!("{domain}: accepted, and did not arrive: route {domain} to {route}")
            }
            _ => continue,
        };
        reasons.push((NOT_ARRIVED, reason));
    }
    if checkup.bounce.outcome == BounceOutcome::NotArrived {
        let BounceSeen { domain, route, .. } = &checkup.bounce;
        let reason = format!(
            "the bounce of a rejected message did not arrive: route {domain} to {route}, and let \
             the target send non-delivery notifications"
        );
        reasons.push((NOT_ARRIVED, reason));
    }
    let strange = mail.count_anywhere("phantom");
    if strange > 0 {
        let reason = format!(
            "{strange} recipients of mail arrived that is not of this check: leftovers in the \
             queue, or mail whose envelope was rewritten; empty the queue first"
        );
        reasons.push((verdict::CORRECTNESS, reason));
    }
    reasons
}

fn harmed(checkup: &Checkup) -> Vec<(u8, String)> {
    let mut reasons = Vec::new();
    for Arrival { domain, outcome, .. } in &checkup.destinations {
        let reason = match outcome {
            ArrivalOutcome::Damaged => format!("{domain}: content was damaged on its way"),
            ArrivalOutcome::Changed => format!(
                "{domain}: changed on its way; if it is meant to be, declare it in [target.changes]"
            ),
            _ => continue,
        };
        reasons.push((verdict::CORRECTNESS, reason));
    }
    if checkup.bounce.outcome == BounceOutcome::Malformed {
        let reason = "the bounce is malformed (RFC 3464), or not from <> (RFC 5321 §6.1)";
        reasons.push((verdict::CORRECTNESS, reason.to_owned()));
    }
    reasons
}

fn unproved(queue: &QueueSeen) -> Option<(u8, String)> {
    let reason = match (&queue.error, queue.length) {
        (Some(error), _) => format!("the queue cannot be read: {error}"),
        (None, Some(length)) if length > 0 => {
            format!("{length} messages are still in the target's queue: empty it before a run")
        }
        (None, None) => "the queue's length is not known: name `target.queue_command`, or nothing \
                         can be proved lost"
            .to_owned(),
        (None, Some(_)) if !queue.proved_empty => "the queue was not proved empty".to_owned(),
        (None, Some(_)) => return None,
    };
    Some((verdict::INVALID, reason))
}
