//! The end of it: reasons, and the exit code they call for.
//!
//! A reason has a class, which is what `--allow` names. What the user allows is no part of a
//! run's results; it only changes the code of the process ([`exit_code`]).

pub mod conclusion;
pub mod from_journal;
pub mod grade;
pub mod observed;
pub mod threshold_figures;

#[cfg(test)]
mod reason_tests;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use super::results::{
    DeathFacts, Health, HealthStatus, LedgerVerdict, Reason, ThresholdResult, ThresholdStatus,
    Verdict,
};
use crate::ledger::class::Class;
use crate::measure::correctness::counts::FLAGS;

/// A violation of correctness.
pub const CORRECTNESS: u8 = 97;
/// A threshold missed.
pub const THRESHOLD: u8 = 99;
/// A regression against a baseline.
pub const REGRESSION: u8 = 98;
/// Invalid or inconclusive.
pub const INVALID: u8 = 96;
/// Stopped by the user.
pub const INTERRUPTED: u8 = 105;

/// Which code wins when several hold.
const PRIORITY: [u8; 4] = [CORRECTNESS, THRESHOLD, REGRESSION, INVALID];

/// A class that stands for all reasons of one code.
const WHOLE_CODES: [(&str, u8); 3] =
    [("correctness", CORRECTNESS), ("regression", REGRESSION), ("invalid", INVALID)];

/// The target ended by itself.
const TARGET_DIED: &str = "target-died";

/// A chaos event did not do what the scenario asks.
const CHAOS: &str = "chaos";

/// Classes of reasons that are not classes of probes.
const OTHERS: [&str; 16] = [
    TARGET_DIED,
    CHAOS,
    "phantom",
    "outside_connections",
    "readdressed",
    "copied",
    "dsn_non_null_sender",
    "duplicates_unexcused",
    "threshold",
    "no-data",
    "health",
    "nothing-accepted",
    "nothing-delivered",
    "incomplete",
    "undecided",
    "inconclusive",
];

/// What the verdict is made of.
pub struct Grounds<'a> {
    /// Counts by name.
    pub counts: &'a BTreeMap<String, u64>,
    /// The ledger's verdict, and its reasons in words.
    pub ledger: (LedgerVerdict, &'a [String]),
    /// Unexcused duplicates that are no violation yet.
    pub unexcused_bound: u64,
    /// Thresholds, graded.
    pub thresholds: &'a [ThresholdResult],
    /// The instrument's health.
    pub health: &'a Health,
    /// The run came to its close.
    pub complete: bool,
    /// The user asked to stop.
    pub interrupted: bool,
    /// How the target ended by itself.
    pub died: Option<&'a DeathFacts>,
    /// What should have taken the target down and did not, in words.
    pub survived: &'a [String],
}

/// Every name that `--allow` knows.
#[must_use]
pub fn classes() -> Vec<&'static str> {
    let probes = Class::ALL.into_iter().filter(|class| {
        class.is_violation() || matches!(class, Class::Pending | Class::Unaccounted)
    });
    let wholes = WHOLE_CODES.map(|(name, _)| name);
    probes.map(Class::name).chain(OTHERS).chain(wholes).collect()
}

/// The verdict.
#[must_use]
pub fn verdict(grounds: &Grounds<'_>) -> Verdict {
    let mut reasons: Vec<Reason> = grounds.died.map(died).into_iter().collect();
    reasons.extend(violations(grounds));
    reasons.extend(missed(grounds.thresholds));
    reasons.extend(grounds.survived.iter().map(|it| reason(CHAOS, INVALID, it.clone())));
    reasons.extend(undecided(grounds));
    reasons.extend(without_data(grounds.thresholds));
    reasons.extend(inconclusive(grounds.thresholds));
    reasons.extend(unhealthy(grounds.health));
    let exit_code = exit_code(&reasons, grounds.interrupted, &[]);
    let status = match exit_code {
        0 => "pass",
        INTERRUPTED => "interrupted",
        INVALID if grounds.died.is_none() => "invalid",
        _ => "fail",
    };
    Verdict { status: status.to_owned(), exit_code, reasons }
}

/// The exit code that reasons call for, without the classes the user allowed.
#[must_use]
pub fn exit_code(reasons: &[Reason], interrupted: bool, allowed: &[String]) -> u8 {
    if interrupted {
        return INTERRUPTED;
    }
    let counts = |reason: &&Reason| !allowed.iter().any(|class| covers(class, reason));
    let codes: Vec<u8> = reasons.iter().filter(counts).map(|reason| reason.exit_code).collect();
    PRIORITY.into_iter().find(|code| codes.contains(code)).unwrap_or(0)
}

fn covers(allowed: &str, reason: &Reason) -> bool {
    let whole = WHOLE_CODES.into_iter().find(|(name, _)| *name == allowed);
    allowed == reason.class || whole.is_some_and(|(_, code)| code == reason.exit_code)
}

fn reason(class: &str, exit_code: u8, message: String) -> Reason {
    Reason { class: class.to_owned(), exit_code, message }
}

/// The headline, whatever else was found. What was accepted and is gone counts by itself (97), as do
/// thresholds (99); else the run fails because it could not come to its end, which is 96.
fn died(death: &DeathFacts) -> Reason {
    let DeathFacts { at_s, status } = death;
    let when = match *at_s {
        at_s if at_s < 0.0 => format!("{:.1} s before the measured period", -at_s),
        at_s => format!("{at_s:.1} s into the measured period"),
    };
    let message = format!(
        "the target ended by itself {when} ({status}); nothing of the scenario ended it, and nothing \
         was offered from then on"
    );
    reason(TARGET_DIED, INVALID, message)
}

fn violations(grounds: &Grounds<'_>) -> Vec<Reason> {
    let count = |name: &str| grounds.counts.get(name).copied().unwrap_or(0);
    let classes = Class::ALL.into_iter().filter(|class| class.is_violation());
    let mut found: Vec<Reason> = classes
        .map(|class| (class.name(), class.name()))
        .chain(FLAGS)
        .filter(|(_, counted)| count(counted) > 0)
        .map(|(name, counted)| reason(name, CORRECTNESS, format!("{} {name}", count(counted))))
        .collect();
    let unexcused = count("duplicates_unexcused");
    if unexcused > grounds.unexcused_bound {
        let message = format!("{unexcused} unexcused duplicates");
        found.push(reason("duplicates_unexcused", CORRECTNESS, message));
    }
    if found.is_empty() && grounds.ledger.0 == LedgerVerdict::Invalid {
        found.push(reason("correctness", CORRECTNESS, grounds.ledger.1.join("; ")));
    }
    found
}

fn missed(thresholds: &[ThresholdResult]) -> impl Iterator<Item = Reason> {
    let missed = thresholds.iter().filter(|result| result.status == ThresholdStatus::Missed);
    missed.map(|result| {
        let actual = result.actual.as_deref().unwrap_or("unknown");
        reason("threshold", THRESHOLD, format!("threshold {}: {actual}", result.expr))
    })
}

fn without_data(thresholds: &[ThresholdResult]) -> impl Iterator<Item = Reason> {
    let unknown = thresholds.iter().filter(|result| result.status == ThresholdStatus::NoData);
    unknown.map(|result| {
        let message = format!("threshold {} has too little data to judge", result.expr);
        reason("no-data", INVALID, message)
    })
}

/// What holds or fails by no more than the instrument may have added is neither.
fn inconclusive(thresholds: &[ThresholdResult]) -> impl Iterator<Item = Reason> {
    let open = thresholds.iter().filter(|result| result.status == ThresholdStatus::Inconclusive);
    open.map(|result| {
        let actual = result.actual.as_deref().unwrap_or("unknown");
        let why = result.reason.as_deref().unwrap_or("what mailbench itself added is not known");
        let message = format!("threshold {} is inconclusive: {actual} ({why})", result.expr);
        reason("inconclusive", INVALID, message)
    })
}

/// What keeps the ledger from being a proof.
fn undecided(grounds: &Grounds<'_>) -> Vec<Reason> {
    let count = |name: &str| grounds.counts.get(name).copied().unwrap_or(0);
    let mut found = Vec::new();
    let mut add = |holds: bool, class: &str, message: String| {
        if holds {
            found.push(reason(class, INVALID, message));
        }
    };
    let (pending, unaccounted) = (count("pending"), count("unaccounted"));
    let accepted = count("accepted");
    let arrived = Class::ALL.into_iter().filter(|class| class.has_arrived());
    let arrived: u64 = arrived.map(|class| count(class.name())).sum();
    add(!grounds.complete, "incomplete", "the record ends before the run was closed".to_owned());
    add(accepted == 0, "nothing-accepted", "the target accepted nothing".to_owned());
    add(
        accepted > 0 && arrived == 0,
        "nothing-delivered",
        "nothing was delivered, so no end-to-end time exists".to_owned(),
    );
    add(
        pending > 0,
        "pending",
        format!("{pending} still queued at the close: that they will arrive is not proved"),
    );
    add(
        unaccounted > 0,
        "unaccounted",
        format!("{unaccounted} unaccounted for: the queue was not proved empty"),
    );
    if found.is_empty() && grounds.ledger.0 == LedgerVerdict::Unknown {
        found.push(reason("undecided", INVALID, grounds.ledger.1.join("; ")));
    }
    found
}

fn unhealthy(health: &Health) -> impl Iterator<Item = Reason> {
    let spoiled = health.checks.iter().filter(|check| check.status == HealthStatus::Invalid);
    spoiled.map(|check| {
        let (id, value, unit) = (&check.id, check.value, &check.unit);
        let message =
            format!("{id} {value:.1} {unit}, bound {:.1}: {}", check.invalid, check.advice);
        reason("health", INVALID, message)
    })
}
