//! Each reason a run may fail for: its class, exit code, status and message.

use super::*;

const SOUND: Health = Health {
    status: HealthStatus::Valid,
    checks: Vec::new(),
    contention: None,
    hiccups: Vec::new(),
};

/// What a run of ten messages, all of them delivered, has besides.
#[derive(Clone, Copy)]
struct Given<'a> {
    counts: &'a [(&'a str, u64)],
    ledger: (LedgerVerdict, &'a [String]),
    thresholds: &'a [ThresholdResult],
    health: &'a Health,
    interrupted: bool,
}

const CLEAN: Given<'_> = Given {
    counts: &[],
    ledger: (LedgerVerdict::Valid, &[]),
    thresholds: &[],
    health: &SOUND,
    interrupted: false,
};

fn judged(given: &Given<'_>) -> Verdict {
    let mut counts = BTreeMap::from([("accepted".to_owned(), 10), ("delivered".to_owned(), 10)]);
    counts.extend(given.counts.iter().map(|(name, count)| ((*name).to_owned(), *count)));
    verdict(&Grounds {
        counts: &counts,
        ledger: given.ledger,
        unexcused_bound: 0,
        thresholds: given.thresholds,
        health: given.health,
        complete: true,
        interrupted: given.interrupted,
        died: None,
        survived: &[],
    })
}

fn counted(counts: &[(&str, u64)]) -> Verdict {
    judged(&Given { counts, ..CLEAN })
}

fn classes(verdict: &Verdict) -> Vec<&str> {
    verdict.reasons.iter().map(|reason| reason.class.as_str()).collect()
}

fn threshold(status: ThresholdStatus) -> ThresholdResult {
    let (expr, actual) = ("e2e_response.p99 < 1s".to_owned(), Some("2s".to_owned()));
    ThresholdResult {
        expr,
        ok: status == ThresholdStatus::Met,
        actual,
        status,
        line: 1,
        reason: None,
    }
}

/// A check of the instrument, by name of its status.
fn check(status: &str) -> crate::measure::results::HealthCheck {
    let check = serde_json::json!({
        "id": "schedule_lag_p99", "status": status, "value": 87.26, "warn": 5.0,
        "invalid": 20.0, "unit": "ms", "advice": "use fewer sessions",
    });
    serde_json::from_value(check).expect("a check")
}

#[test]
fn each_exit_code_has_its_status() {
    let missed = [threshold(ThresholdStatus::Missed)];
    assert_eq!(counted(&[("lost", 1)]).status, "fail");
    assert_eq!(judged(&Given { thresholds: &missed, ..CLEAN }).status, "fail");
    assert_eq!(counted(&[("pending", 1)]).status, "invalid");
    assert_eq!(judged(&Given { interrupted: true, ..CLEAN }).status, "interrupted");
    assert_eq!(counted(&[]).status, "pass");
}

#[test]
fn violation_is_shown_with_its_number() {
    let verdict = counted(&[("lost", 2), ("phantom", 3), ("misrouted", 0)]);
    let messages: Vec<&str> = verdict.reasons.iter().map(|it| it.message.as_str()).collect();
    assert_eq!(messages, ["2 lost", "3 phantom"]);
}

#[test]
fn missed_threshold_is_shown_with_what_was_measured() {
    let thresholds = [threshold(ThresholdStatus::Missed), threshold(ThresholdStatus::Met)];
    let verdict = judged(&Given { thresholds: &thresholds, ..CLEAN });
    let messages: Vec<&str> = verdict.reasons.iter().map(|it| it.message.as_str()).collect();
    assert_eq!(messages, ["threshold e2e_response.p99 < 1s: 2s"]);
}

#[test]
fn invalid_check_makes_the_run_invalid_and_a_warning_does_not() {
    let status = HealthStatus::Invalid;
    let checks = vec![check("invalid"), check("warn"), check("valid")];
    let health = Health { status, checks, ..SOUND };
    let verdict = judged(&Given { health: &health, ..CLEAN });
    assert_eq!((verdict.exit_code, classes(&verdict)), (INVALID, vec!["health"]));
    let message = &verdict.reasons[0].message;
    assert!(message.starts_with("schedule_lag_p99 87.3 ms, bound 20.0"), "{message}");
    let health = Health { status: HealthStatus::Warn, checks: vec![check("warn")], ..SOUND };
    assert_eq!(judged(&Given { health: &health, ..CLEAN }).exit_code, 0);
}

#[test]
fn ledger_verdict_is_a_reason_where_no_class_explains_it() {
    let reasons = ["counts do not reconcile".to_owned()];
    let with = |counts: &[(&str, u64)], ledger| {
        judged(&Given { counts, ledger: (ledger, &reasons), ..CLEAN })
    };
    let invalid = with(&[], LedgerVerdict::Invalid);
    assert_eq!((invalid.exit_code, classes(&invalid)), (CORRECTNESS, vec!["correctness"]));
    assert_eq!(invalid.reasons[0].message, reasons[0]);
    assert_eq!(classes(&with(&[("lost", 1)], LedgerVerdict::Invalid)), ["lost"]);
    assert_eq!(classes(&with(&[], LedgerVerdict::Unknown)), ["undecided"]);
    assert_eq!(classes(&with(&[("pending", 1)], LedgerVerdict::Unknown)), ["pending"]);
}

#[test]
fn any_arrival_is_one_however_well_it_is_proved() {
    for arrived in Class::ALL.into_iter().filter(|class| class.has_arrived()).map(Class::name) {
        let verdict = counted(&[("delivered", 0), (arrived, 1)]);
        let nothing = classes(&verdict).contains(&"nothing-delivered");
        assert!(!nothing, "{arrived}: {:?}", verdict.reasons);
    }
    assert_eq!(classes(&counted(&[("delivered", 0)])), ["nothing-delivered"]);
    let nothing = [("accepted", 0), ("delivered", 0)];
    assert_eq!(classes(&counted(&nothing)), ["nothing-accepted"]);
    assert_eq!(classes(&counted(&[("unaccounted", 1)])), ["unaccounted"]);
}

#[test]
fn classes_that_may_be_allowed_are_those_that_can_fail_a_run() {
    let known = super::classes();
    let allowed = ["lost", "misrouted", "pending", "unaccounted", "phantom", "threshold"];
    for class in allowed.into_iter().chain(WHOLE_CODES.map(|(name, _)| name)) {
        assert!(known.contains(&class), "{class}");
    }
    for class in ["delivered", "bounced", "refused", "not_sent"] {
        assert!(!known.contains(&class), "{class}");
    }
}

#[test]
fn a_death_is_dated_from_the_start_of_the_measured_period() {
    let said = |at_s: f64| died(&DeathFacts { at_s, status: "signal: 9".to_owned() }).message;
    assert!(said(-1.5).contains("by itself 1.5 s before the measured period (signal: 9)"));
    assert!(said(0.0).contains("by itself 0.0 s into the measured period"));
}
