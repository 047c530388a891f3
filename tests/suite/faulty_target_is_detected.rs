//! An MTA that does one thing wrong to one of many messages is reported in exactly that class, by
//! the whole program; one that does nothing wrong is clean.

use std::collections::BTreeMap;

use crate::faulty_target::{self, Defect};
use crate::support::{Lab, Ran, free_address};

/// A run against an MTA that commits this crime.
fn against(defect: Defect) -> Ran {
    lab_against(defect).run()
}

fn lab_against(defect: Defect) -> Lab {
    let sink = free_address();
    let target = faulty_target::start(defect, sink);
    Lab::small("")
        .set("target.kind", "external")
        .set("target.address", &target.to_string())
        .set("target.queue_command", r#"["echo", "0"]"#)
        .set("sink.listen", &sink.to_string())
}

/// The counts that say something went wrong, the accepted and the delivered.
fn problem_counts(ran: &Ran) -> BTreeMap<String, u64> {
    let report = ran.report();
    let counts = report["counts"].as_object().expect("counts");
    // How the mail went, and what honest mail may do too, is not what is asked here.
    let quiet = ["offered", "receptions", "reordered", "overtaking", "accepted", "delivered"];
    let counts = counts.iter().map(|(name, count)| (name.clone(), count.as_u64().unwrap_or(0)));
    counts.filter(|(name, count)| *count > 0 && !quiet.contains(&name.as_str())).collect()
}

/// Exit code, verdict and counts are those of this crime, and of no other.
#[track_caller]
fn assert_caught(defect: Defect, undelivered: u64, expected: &[(&str, u64)]) {
    let ran = against(defect);
    ran.assert_code(97);
    let expected: BTreeMap<String, u64> =
        expected.iter().map(|&(name, count)| (name.to_owned(), count)).collect();
    assert_eq!(problem_counts(&ran), expected, "{ran}");
    assert_eq!(ran.count("delivered") + undelivered, ran.count("offered"), "{ran}");
    assert_eq!(ran.report()["correctness"]["verdict"], "invalid");
    let violated = ran.report()["correctness"]["violations"].clone();
    let class = violated[0]["class"].as_str().expect("a violation with evidence").to_owned();
    assert!(expected.contains_key(&class), "{violated}");
    assert!(ran.stdout.contains(&class), "the summary names it\n{ran}");
}

#[test]
fn one_without_fault_is_clean() {
    let ran = against(Defect::None);
    ran.assert_code(0);
    assert!(problem_counts(&ran).is_empty(), "{ran}");
    assert_eq!(ran.count("delivered"), ran.count("offered"));
    assert_eq!(ran.report()["correctness"]["verdict"], "valid");
}

#[test]
fn a_loss() {
    assert_caught(Defect::Lose, 1, &[("lost", 1)]);
}

#[test]
fn a_duplicate() {
    assert_caught(Defect::Duplicate, 0, &[("duplicates", 1), ("duplicates_unexcused", 1)]);
}

#[test]
fn a_loss_and_a_duplicate_do_not_cancel() {
    let both = [("duplicates", 1), ("duplicates_unexcused", 1), ("lost", 1)];
    assert_caught(Defect::LoseAndDuplicate, 1, &both);
}

#[test]
fn a_changed_byte() {
    assert_caught(Defect::Flip, 1, &[("corrupted", 1)]);
}

#[test]
fn a_message_cut_short() {
    assert_caught(Defect::Truncate, 1, &[("corrupted", 1)]);
}

/// Kinds of change in the report, with their level.
fn changes(ran: &Ran) -> Vec<(String, String)> {
    let report = ran.report();
    let changes = report["correctness"]["changes"].as_array().expect("a list");
    let text = |value: &serde_json::Value| value.as_str().expect("text").to_owned();
    changes.iter().map(|it| (text(&it["kind"]), text(&it["level"]))).collect()
}

#[test]
fn a_permitted_change_is_clean_and_counted() {
    let ran = against(Defect::Fold);
    ran.assert_code(0);
    assert!(problem_counts(&ran).is_empty(), "{ran}");
    assert_eq!(ran.count("delivered"), ran.count("offered"));
    let permitted = |kind: &str| (kind.to_owned(), "permitted".to_owned());
    assert_eq!(changes(&ran), [permitted("trace-added"), permitted("folding")]);
    assert!(ran.stdout.contains("CONTENT CHANGED IN TRANSIT"), "{ran}");
}

/// Fails the run in a class of its own unless it is declared; the figures stay.
fn alters(defect: Defect, kind: &str, declaration: &str) {
    let ran = against(defect);
    ran.assert_code(97);
    let altered = BTreeMap::from([("altered".to_owned(), 1)]);
    assert_eq!(problem_counts(&ran), altered, "{ran}");
    assert_eq!(ran.count("delivered") + 1, ran.count("offered"), "{ran}");
    assert_eq!(ran.timed("e2e_response"), ran.count("offered"), "{ran}");
    assert_eq!(changes(&ran), [(kind.to_owned(), "altered".to_owned())]);
    let evidence = ran.report()["correctness"]["violations"][0]["evidence"].to_string();
    assert!(evidence.contains(kind) && evidence.contains("arrived"), "{evidence}");
    let line = format!("target.changes.{declaration}");
    assert!(evidence.contains(&declaration.replace('=', " = ")), "{evidence}");
    let (key, value) = line.split_once('=').expect("a pair");
    let declared = lab_against(defect).set(key, value).run();
    declared.assert_code(0);
    assert!(problem_counts(&declared).is_empty(), "{declared}");
    assert_eq!(declared.count("delivered"), declared.count("offered"));
    assert_eq!(changes(&declared), [(kind.to_owned(), "permitted".to_owned())]);
}

#[test]
fn a_tagged_subject() {
    alters(Defect::TagSubject, "subject-changed", "subject=true");
}

#[test]
fn a_footer() {
    alters(Defect::AddFooter, "footer-added", "footer=true");
}

#[test]
fn swapped_recipients() {
    assert_caught(Defect::Swap, 2, &[("misrouted", 2)]);
}

#[test]
fn another_domain() {
    assert_caught(Defect::OtherDomain, 1, &[("misrouted", 1)]);
}

#[test]
fn delivery_after_a_refusal() {
    assert_caught(Defect::DeliverRefused, 1, &[("refused", 1), ("delivered_after_refusal", 1)]);
}

#[test]
fn an_invented_message() {
    assert_caught(Defect::Invent, 0, &[("phantom", 1)]);
}

#[test]
fn a_bounce_without_reason() {
    assert_caught(Defect::Bounce, 1, &[("false_bounce", 1)]);
}

#[test]
fn a_bounce_of_what_was_delivered() {
    assert_caught(Defect::BounceAndDeliver, 1, &[("bounced_and_delivered", 1)]);
}
