//! The checker is itself checked: one planted fault in an otherwise clean ledger is reported in
//! exactly its class, and two never cancel.

use mailbench::ledger::event::{AttemptOutcome, Change, Event, Proof, SubmitResult};
use mailbench::measure::correctness::conservation::Conservation;
use mailbench::measure::results::LedgerVerdict;
use mailbench::probe::{DestinationId, EMBEDDED, PREFLIGHT};
use mailbench::smtp::stage::Stage;

use crate::journals::{Story, accepted, damaged, found, refused};

const TAKEN: AttemptOutcome = AttemptOutcome::Taken;
const WITHHELD: AttemptOutcome = AttemptOutcome::Withheld;

/// Ten messages delivered, then whatever is planted, then the end with an empty queue.
fn with(planted: impl FnOnce(&mut Story)) -> Conservation {
    let mut story = Story::begin();
    for message in 0..10 {
        story.accept(message, 1);
    }
    for message in 0..10 {
        story.deliver(message, message);
    }
    planted(&mut story);
    story.end(0);
    story.judge()
}

#[track_caller]
fn assert_found(judged: &Conservation, expected: &[(&str, u64)]) {
    let expected: Vec<(&str, u64)> = expected.to_vec();
    assert_eq!(found(judged).into_iter().collect::<Vec<_>>(), expected);
    assert!(!judged.warnings.iter().any(|warning| warning.id == "internal-error"));
}

/// The one violation, and its evidence as one text.
#[track_caller]
fn the_violation(judged: &Conservation) -> (&str, Option<u64>, String) {
    assert_eq!(judged.verdict, LedgerVerdict::Invalid);
    assert_eq!(judged.violations.len(), 1, "{:?}", judged.violations);
    let violation = &judged.violations[0];
    (&violation.class, violation.probe, violation.evidence.join("\n"))
}

#[test]
fn a_clean_ledger_is_valid() {
    let judged = with(|_| {});
    assert_found(&judged, &[("delivered", 10)]);
    assert_eq!(judged.verdict, LedgerVerdict::Valid);
    assert!(judged.violations.is_empty() && judged.reasons.is_empty());
}

#[test]
fn one_loss() {
    let judged = with(|story| story.accept(10, 1));
    assert_found(&judged, &[("delivered", 10), ("lost", 1)]);
    let (class, probe, evidence) = the_violation(&judged);
    assert_eq!((class, probe), ("lost", Some(10)));
    assert_eq!(judged.violations[0].recipient.as_deref(), Some("mb+10@d1.test"));
    assert!(evidence.contains("accepted by the target: 250"), "{evidence}");
    assert_eq!(judged.destinations[1].period["lost"], 1);
    assert_eq!(judged.reasons, ["1 lost"]);
}

#[test]
fn one_duplicate() {
    let judged = with(|story| story.deliver(3, 3));
    assert_found(&judged, &[("delivered", 10), ("duplicates", 1), ("duplicates_unexcused", 1)]);
    let (class, probe, evidence) = the_violation(&judged);
    assert_eq!((class, probe), ("duplicates_unexcused", Some(3)));
    assert_eq!(evidence.matches("accepted, 250 written").count(), 2, "{evidence}");
    assert_eq!(evidence.matches("confirmed").count(), 2, "{evidence}");
}

#[test]
fn one_flipped_byte() {
    let judged = with(|story| {
        story.accept(10, 1);
        let reception = story.receive_content(10, damaged(10, Change::BytesChanged), TAKEN);
        story.confirm(reception, Proof::Command);
    });
    assert_found(&judged, &[("corrupted", 1), ("delivered", 10)]);
    let (class, probe, evidence) = the_violation(&judged);
    assert_eq!((class, probe), ("corrupted", Some(10)));
    assert!(evidence.contains("bytes-changed"), "{evidence}");
}

#[test]
fn one_phantom_of_another_run() {
    let judged = with(|story| {
        let recipient = "mb+3@d0.test".to_owned();
        let reverse_path = "b+old.3@bounce.mailbench.test".to_owned();
        let at = mailbench::clock::Time(2_000_000_000);
        story.events.push(Event::Foreign { at, session: 1, reverse_path, recipient });
    });
    assert_found(&judged, &[("delivered", 10), ("phantom", 1)]);
    let (class, _, evidence) = the_violation(&judged);
    assert_eq!(class, "phantom");
    assert!(evidence.contains("b+old.3@"), "{evidence}");
}

#[test]
fn one_phantom_not_offered() {
    let judged = with(|story| story.deliver(77, 77));
    assert_found(&judged, &[("delivered", 10), ("phantom", 1)]);
    assert_eq!(the_violation(&judged).1, Some(77));
    let judged = with(|story| story.deliver(3, 77));
    assert_found(&judged, &[("delivered", 10), ("phantom", 1)]);
}

#[test]
fn one_swapped_recipient() {
    let judged = with(|story| {
        story.accept(10, 1);
        story.deliver(4, 10);
    });
    assert_found(&judged, &[("delivered", 10), ("misrouted", 1)]);
    let (class, probe, evidence) = the_violation(&judged);
    assert_eq!((class, probe), ("misrouted", Some(10)));
    assert!(evidence.contains("for probe 4"), "who saw it: {evidence}");
}

#[test]
fn two_recipients_swapped_with_each_other() {
    let judged = with(|story| {
        story.accept(10, 1);
        story.accept(11, 1);
        story.deliver(10, 11);
        story.deliver(11, 10);
    });
    assert_found(&judged, &[("delivered", 10), ("misrouted", 2)]);
}

#[test]
fn one_more_copy_for_an_unknown_recipient() {
    let judged = with(|story| story.deliver(4, 5));
    assert_found(&judged, &[("delivered", 9), ("misrouted", 1)]);
    assert_eq!(the_violation(&judged).1, Some(4), "the one who saw another's mail");
}

#[test]
fn one_delivery_at_another_destination() {
    let judged = with(|story| {
        story.accept(10, 1);
        story.deliver(10, 10);
        for event in &mut story.events {
            if let Event::Attempt(attempt) = event
                && attempt.probe.0 == 10
            {
                attempt.destination = Some(DestinationId(0));
            }
        }
    });
    assert_found(&judged, &[("delivered", 10), ("misrouted", 1)]);
}

#[test]
fn one_delivery_after_refusal() {
    for stage in [Stage::EndOfData, Stage::RcptTo] {
        let judged = with(|story| {
            story.offer(10, 1);
            story.submit(10, vec![refused(stage)]);
            story.deliver(10, 10);
        });
        assert_found(&judged, &[("delivered", 10), ("delivered_after_refusal", 1)]);
        assert_eq!(the_violation(&judged).0, "delivered_after_refusal");
        assert_eq!((judged.counts["accepted"], judged.counts["refused"]), (10, 1));
    }
}

#[test]
fn one_delivery_of_half_a_message() {
    let judged = with(|story| {
        story.offer(10, 1);
        let cause = "reset".to_owned();
        story.submit(10, vec![SubmitResult::Broken { stage: Stage::Content, cause }]);
        story.deliver(10, 10);
    });
    assert_found(&judged, &[("delivered", 10), ("delivered_before_end_of_data", 1)]);
}

#[test]
fn one_smuggled_message() {
    let judged = with(|story| story.deliver(EMBEDDED + 4, EMBEDDED + 4));
    assert_found(&judged, &[("delivered", 9), ("smuggled", 1)]);
    assert_eq!(the_violation(&judged).1, Some(4));
}

#[test]
fn one_false_bounce_and_one_bounce_of_what_was_delivered() {
    let judged = with(|story| {
        story.accept(10, 1);
        story.bounce(10, 10);
    });
    assert_found(&judged, &[("delivered", 10), ("false_bounce", 1)]);
    let judged = with(|story| story.bounce(4, 4));
    assert_found(&judged, &[("bounced_and_delivered", 1), ("delivered", 9)]);
}

#[test]
fn a_rejection_and_its_bounce_are_valid() {
    let judged = with(|story| {
        story.accept(10, 2);
        story.fail(10, AttemptOutcome::Rejected, Stage::RcptTo);
        story.deliver(11, 10);
        story.bounce(10, 10);
    });
    assert_found(&judged, &[("bounced", 1), ("delivered", 11)]);
    assert_eq!(judged.verdict, LedgerVerdict::Valid);
}

#[test]
fn a_rejection_before_any_recipient_explains_the_bounce_of_all() {
    let planted = |stage| {
        with(|story| {
            story.accept(10, 2);
            story.fail(10, AttemptOutcome::Rejected, stage);
            story.bounce(10, 10);
            story.bounce(11, 10);
        })
    };
    assert_found(&planted(Stage::MailFrom), &[("bounced", 2), ("delivered", 10)]);
    let one = planted(Stage::RcptTo);
    assert_found(&one, &[("bounced", 1), ("delivered", 10), ("false_bounce", 1)]);
}

#[test]
fn a_loss_and_a_duplicate_do_not_cancel() {
    let judged = with(|story| {
        story.accept(10, 1);
        story.deliver(3, 3);
    });
    assert_found(
        &judged,
        &[("delivered", 10), ("duplicates", 1), ("duplicates_unexcused", 1), ("lost", 1)],
    );
    let classes: Vec<&str> = judged.violations.iter().map(|it| it.class.as_str()).collect();
    assert_eq!(classes, ["lost", "duplicates_unexcused"], "the worse first");
}

#[test]
fn a_copy_after_a_withheld_reply_is_excused() {
    let judged = with(|story| {
        story.accept(10, 1);
        story.receive(10, 10, WITHHELD);
        story.deliver(10, 10);
    });
    assert_found(
        &judged,
        &[
            ("delivered", 11),
            ("duplicates", 1),
            ("duplicates_excused", 1),
            ("duplicates_withheld", 1),
        ],
    );
    assert_eq!(judged.verdict, LedgerVerdict::Valid);
}

#[test]
fn a_copy_after_an_unread_submission_reply_is_excused() {
    let judged = with(|story| {
        story.offer(10, 1);
        let cause = "timed out".to_owned();
        story.submit(10, vec![SubmitResult::Indeterminate { cause }]);
        story.submit(10, vec![accepted()]);
        story.deliver(10, 10);
        story.deliver(10, 10);
    });
    let excused = [("duplicates", 1), ("duplicates_excused", 1), ("duplicates_indeterminate", 1)];
    assert_found(&judged, &[[("delivered", 11)].as_slice(), &excused].concat());
}

#[test]
fn a_kill_excuses_a_copy_of_what_the_target_cannot_have_recorded() {
    let planted = |before_kill_ms| {
        with(|story| {
            story.accept(10, 1);
            story.deliver(10, 10);
            story.wait_ms(before_kill_ms);
            story.kill();
            story.deliver(10, 10);
        })
    };
    let within = planted(900);
    let excused = [("duplicates", 1), ("duplicates_excused", 1), ("duplicates_kill", 1)];
    assert_found(&within, &[[("delivered", 11)].as_slice(), &excused].concat());
    assert_eq!(within.verdict, LedgerVerdict::Valid);
    let without = planted(1_100);
    assert_found(&without, &[("delivered", 11), ("duplicates", 1), ("duplicates_unexcused", 1)]);
    assert!(the_violation(&without).2.contains("killed"));
}

#[test]
fn a_fin_at_a_kill_confirms_nothing() {
    let planted = |kill| {
        with(|story| {
            story.accept(10, 1);
            let reception = story.receive(10, 10, TAKEN);
            if kill {
                story.kill();
            }
            story.confirm(reception, Proof::Fin);
        })
    };
    assert_found(&planted(false), &[("delivered", 11)]);
    assert_found(&planted(true), &[("delivered", 10), ("unconfirmed", 1)]);
}

#[test]
fn the_preflight_message_is_no_phantom() {
    let judged = with(|story| story.deliver(PREFLIGHT.0 + 1, PREFLIGHT.0));
    assert_found(&judged, &[("delivered", 10)]);
}
