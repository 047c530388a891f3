//! Which reasons a run has, and which exit code they call for.

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
fn the_weightiest_code_wins_and_all_reasons_are_listed() {
    let missed = [threshold(ThresholdStatus::Missed), threshold(ThresholdStatus::NoData)];
    let verdict = judged(&[("lost", 2), ("pending", 1)], &missed, |_| {});
    assert_eq!(verdict.exit_code, 97);
    let classes: Vec<&str> = verdict.reasons.iter().map(|reason| reason.class.as_str()).collect();
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
