//! The end of it: reasons, and the exit code they call for.
//!
//! A reason has a class, which is what `--allow` names. What the user allows is no part of a
//! run's results; it only changes the code of the process ([`exit_code`]).

pub mod conclusion;
pub mod grade;
pub mod threshold_figures;

#[cfg(test)]
mod reason_tests;

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

#[cfg(test)]
mod tests {
    use super::*;

    const SOUND: Health = Health {
        status: HealthStatus::Valid,
        checks: Vec::new(),
        hiccups: Vec::new(),
        contention: None,
    };

    fn judged(
        counts: &[(&str, u64)],
        thresholds: &[ThresholdResult],
        change: impl FnOnce(&mut Grounds<'_>),
    ) -> Verdict {
        let mut all = BTreeMap::from([("accepted".to_owned(), 10), ("delivered".to_owned(), 10)]);
        all.extend(counts.iter().map(|(name, count)| ((*name).to_owned(), *count)));
        let mut grounds = Grounds {
            counts: &all,
            ledger: (LedgerVerdict::Valid, &[]),
            unexcused_bound: 0,
            thresholds,
            health: &SOUND,
            complete: true,
            interrupted: false,
            died: None,
            survived: &[],
        };
        change(&mut grounds);
        verdict(&grounds)
    }

    fn threshold(status: ThresholdStatus) -> ThresholdResult {
        ThresholdResult {
            expr: "e2e_response.p99 < 1s".to_owned(),
            ok: status == ThresholdStatus::Met,
            actual: Some("2s".to_owned()),
            status,
            line: 1,
            reason: None,
        }
    }

    #[test]
    fn a_clean_run_passes() {
        let verdict = judged(&[], &[threshold(ThresholdStatus::Met)], |_| {});
        assert_eq!((verdict.status.as_str(), verdict.exit_code), ("pass", 0));
        assert!(verdict.reasons.is_empty());
    }

    #[test]
    fn the_weightiest_code_wins_and_all_reasons_are_told() {
        let missed = [threshold(ThresholdStatus::Missed), threshold(ThresholdStatus::NoData)];
        let verdict = judged(&[("lost", 2), ("pending", 1)], &missed, |_| {});
        assert_eq!(verdict.exit_code, 97);
        let classes: Vec<&str> =
            verdict.reasons.iter().map(|reason| reason.class.as_str()).collect();
        assert_eq!(classes, ["lost", "threshold", "pending", "no-data"]);
        assert_eq!(judged(&[("pending", 1)], &missed, |_| {}).exit_code, 99);
        assert_eq!(judged(&[], &missed[1..], |_| {}).exit_code, 96);
    }

    #[test]
    fn an_inconclusive_threshold_is_neither_a_pass_nor_a_failure() {
        let mut open = threshold(ThresholdStatus::Inconclusive);
        open.reason = Some("a pause of mailbench of 302ms at 3.1s".to_owned());
        let verdict = judged(&[], &[open], |_| {});
        assert_eq!((verdict.status.as_str(), verdict.exit_code), ("invalid", 96));
        assert_eq!(verdict.reasons[0].class, "inconclusive");
        assert!(verdict.reasons[0].message.contains("302ms at 3.1s"), "{}", verdict.reasons[0]);
    }

    #[test]
    fn what_was_not_proved_is_not_a_pass() {
        assert_eq!(judged(&[("accepted", 0), ("delivered", 0)], &[], |_| {}).exit_code, 96);
        assert_eq!(judged(&[("delivered", 0), ("bounced", 10)], &[], |_| {}).exit_code, 96);
        assert_eq!(judged(&[("delivered", 0), ("pending", 10)], &[], |_| {}).exit_code, 96);
        assert_eq!(judged(&[], &[], |grounds| grounds.complete = false).exit_code, 96);
        let unknown = judged(&[], &[], |grounds| grounds.ledger = (LedgerVerdict::Unknown, &[]));
        assert_eq!((unknown.exit_code, unknown.reasons[0].class.as_str()), (96, "undecided"));
    }

    #[test]
    fn a_target_that_ended_by_itself_is_the_headline_and_never_a_pass() {
        let death = |at_s| -> &'static DeathFacts {
            Box::leak(Box::new(DeathFacts { at_s, status: "signal: 11 (SIGSEGV)".to_owned() }))
        };
        let with = |counts: &[(&str, u64)], thresholds: &[ThresholdResult]| {
            judged(counts, thresholds, |grounds| grounds.died = Some(death(3.25)))
        };
        let quiet = with(&[], &[]);
        assert_eq!((quiet.status.as_str(), quiet.exit_code), ("fail", 96));
        assert!(quiet.reasons[0].message.contains("3.2 s into"), "{}", quiet.reasons[0]);
        assert!(quiet.reasons[0].message.contains("SIGSEGV"), "{}", quiet.reasons[0]);
        let lost = with(&[("lost", 2)], &[threshold(ThresholdStatus::Missed)]);
        assert_eq!((lost.exit_code, lost.reasons[0].class.as_str()), (97, "target-died"));
        assert_eq!(with(&[], &[threshold(ThresholdStatus::Missed)]).exit_code, 99);
        let early = judged(&[], &[], |grounds| grounds.died = Some(death(-0.5)));
        assert!(early.reasons[0].message.contains("0.5 s before"), "{}", early.reasons[0]);
    }

    #[test]
    fn chaos_that_missed_the_target_voids_the_run() {
        let missed = vec!["`kill` missed a part of the target".to_owned()];
        let verdict = judged(&[], &[], |grounds| grounds.survived = missed.leak());
        assert_eq!((verdict.status.as_str(), verdict.exit_code), ("invalid", 96));
        assert_eq!(verdict.reasons[0].class, "chaos");
    }

    #[test]
    fn unexcused_duplicates_have_a_bound() {
        let duplicates = [("duplicates_unexcused", 3)];
        assert_eq!(judged(&duplicates, &[], |_| {}).exit_code, 97);
        assert_eq!(judged(&duplicates, &[], |grounds| grounds.unexcused_bound = 3).exit_code, 0);
    }

    #[test]
    fn an_interrupted_run_says_so_whatever_it_found() {
        let verdict = judged(&[("lost", 1)], &[], |grounds| grounds.interrupted = true);
        assert_eq!((verdict.status.as_str(), verdict.exit_code), ("interrupted", 105));
        assert_eq!(verdict.reasons.len(), 1);
    }

    #[test]
    fn an_allowed_class_is_taken_out_and_no_other() {
        let missed = [threshold(ThresholdStatus::Missed)];
        let verdict = judged(&[("lost", 1), ("pending", 1)], &missed, |_| {});
        let code = |allowed: &[&str]| {
            let allowed: Vec<String> = allowed.iter().map(|&class| class.to_owned()).collect();
            exit_code(&verdict.reasons, false, &allowed)
        };
        assert_eq!(code(&["lost"]), 99);
        assert_eq!(code(&["correctness", "threshold"]), 96);
        assert_eq!(code(&["lost", "threshold", "invalid"]), 0);
        assert_eq!(code(&["threshold"]), 97);
    }

    #[test]
    fn every_class_a_reason_can_have_may_be_allowed() {
        let known = classes();
        let counts: Vec<(&str, u64)> = Class::ALL
            .into_iter()
            .map(|class| (class.name(), 1))
            .chain(FLAGS.map(|(_, counted)| (counted, 1)))
            .chain([("duplicates_unexcused", 1)])
            .collect();
        let missed = [threshold(ThresholdStatus::Missed), threshold(ThresholdStatus::NoData)];
        let verdict = judged(&counts, &missed, |grounds| grounds.complete = false);
        assert!(verdict.reasons.len() > 12);
        for reason in &verdict.reasons {
            assert!(known.contains(&reason.class.as_str()), "{}", reason.class);
        }
    }
}
