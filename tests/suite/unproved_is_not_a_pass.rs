//! What cannot be proved is not a pass: a journal cut short, a queue that was not seen empty, a
//! run in which nothing was accepted.

use mailbench::clock::Time;
use mailbench::ledger::event::{AttemptOutcome, Event};
use mailbench::ledger::history::Terms;
use mailbench::measure::results::LedgerVerdict;
use mailbench::probe::address::Letters;
use mailbench::smtp::stage::Stage;

use crate::journals::{Story, found, judge, refused};

/// Fifteen messages: deferred once, withheld once, delivered; a kill in between.
fn lively() -> Story {
    let mut story = Story::begin();
    for message in 0..15 {
        story.accept(message, 1);
        story.fail(message, AttemptOutcome::Deferred, Stage::RcptTo);
    }
    story.kill();
    for message in 0..15 {
        story.receive(message, message, AttemptOutcome::Withheld);
        story.deliver(message, message);
    }
    story.end(0);
    story
}

#[test]
fn a_journal_cut_at_any_record_is_judged_and_is_no_pass() {
    let story = lively();
    assert_eq!(story.judge().verdict, LedgerVerdict::Valid);
    for kept in 0..story.events.len() {
        let judged = judge(&story.events[..kept], Terms::default());
        assert_eq!(judged.verdict, LedgerVerdict::Unknown, "{kept} events");
        assert!(!judged.reasons.is_empty());
        assert!(judged.warnings.is_empty(), "{:?}", judged.warnings);
    }
}

#[test]
fn a_violation_in_a_journal_cut_short_stays_one() {
    let mut story = lively();
    story.events.pop();
    story.deliver(3, 3);
    assert_eq!(story.judge().verdict, LedgerVerdict::Invalid);
}

#[test]
fn a_sink_that_rejects_everything_delivers_nothing() {
    let mut story = Story::begin();
    for message in 0..5 {
        story.accept(message, 1);
        story.fail(message, AttemptOutcome::Rejected, Stage::RcptTo);
        story.bounce(message, message);
    }
    story.end(0);
    let judged = story.judge();
    assert_eq!(found(&judged).into_iter().collect::<Vec<_>>(), [("bounced", 5)]);
    assert_eq!(judged.counts["delivered"], 0);
}

#[test]
fn a_sink_that_defers_everything_leaves_all_pending() {
    let mut story = Story::begin();
    for message in 0..5 {
        story.accept(message, 1);
        story.fail(message, AttemptOutcome::Deferred, Stage::RcptTo);
    }
    story.end(5);
    let judged = story.judge();
    assert_eq!(found(&judged).into_iter().collect::<Vec<_>>(), [("pending", 5)]);
    assert_eq!((judged.verdict, judged.counts["deferred"]), (LedgerVerdict::Unknown, 5));
    assert_eq!(judged.reasons, ["5 pending at the end"]);
    assert!(judged.warnings.is_empty());
}

#[test]
fn a_queue_that_cannot_hold_all_that_is_missing_is_said() {
    let mut story = Story::begin();
    (0..5).for_each(|message| story.accept(message * 2, 2));
    let judged = |queued| {
        let mut story = story.clone();
        story.end(queued);
        story.judge()
    };
    assert_eq!(judged(3).counts["pending"], 10);
    assert_eq!(judged(3).warnings[0].id, "queue-shortfall");
    assert!(judged(5).warnings.is_empty(), "five messages, of two recipients each");
}

#[test]
fn without_a_report_of_the_queue_nothing_is_called_lost() {
    let mut story = Story::begin();
    story.accept(0, 1);
    story.accept(1, 1);
    story.deliver(1, 1);
    story.end(0);
    story.events.retain(|event| !matches!(event, Event::Queue { .. }));
    let judged = story.judge();
    assert_eq!(
        found(&judged).into_iter().collect::<Vec<_>>(),
        [("delivered", 1), ("unaccounted", 1)]
    );
    assert_eq!(judged.verdict, LedgerVerdict::Unknown);
}

#[test]
fn a_queue_seen_empty_before_the_last_delivery_proves_nothing() {
    let mut story = Story::begin();
    story.accept(0, 1);
    story.accept(1, 1);
    story.end(0);
    story.events.pop();
    story.deliver(1, 1);
    story.period(mailbench::ledger::event::Period::Closed);
    let judged = story.judge();
    assert_eq!((judged.counts["unaccounted"], judged.counts["lost"]), (1, 0));
}

#[test]
fn traffic_straight_to_the_sink_needs_no_queue() {
    let mut story = Story::begin();
    story.accept(0, 1);
    story.accept(1, 1);
    story.deliver(1, 1);
    story.end(0);
    story.events.retain(|event| !matches!(event, Event::Queue { .. }));
    if let Event::Run(facts) = &mut story.events[0] {
        facts.target_kind = "direct".to_owned();
    }
    assert_eq!(story.judge().counts["lost"], 1);
}

#[test]
fn a_run_in_which_nothing_was_accepted_is_unknown() {
    let mut story = Story::begin();
    story.offer(0, 1);
    story.submit(0, vec![refused(Stage::MailFrom)]);
    story.end(0);
    let judged = story.judge();
    assert_eq!((judged.verdict, judged.counts["refused"]), (LedgerVerdict::Unknown, 1));
    assert_eq!(judged.reasons, ["nothing was accepted"]);
}

#[test]
fn a_target_that_drops_undeclared_mail_is_doubtful() {
    let mut story = Story::begin();
    story.accept(0, 1);
    story.receive(0, 0, AttemptOutcome::Withheld);
    story.end(0);
    let judged = story.judge();
    assert_eq!(judged.counts["unconfirmed"], 1);
    assert_eq!(judged.verdict, LedgerVerdict::Unknown);
    assert!(judged.reasons[0].contains("without a 250"), "{:?}", judged.reasons);
}

#[test]
fn warm_up_mail_counts_only_when_it_goes_wrong_and_then_apart() {
    let warm = |lost: bool| {
        let mut story = Story::begin();
        story.accept(0, 1);
        story.accept(1, 1);
        for event in &mut story.events {
            if let Event::Offered { due, .. } = event {
                *due = Time(1);
            }
        }
        story.accept(2, 1);
        story.deliver(0, 0);
        if !lost {
            story.deliver(1, 1);
        }
        story.deliver(2, 2);
        story.end(0);
        story.judge()
    };
    let clean = warm(false);
    assert_eq!((clean.counts["accepted"], clean.counts["delivered"]), (1, 1));
    assert_eq!(clean.verdict, LedgerVerdict::Valid);
    let lossy = warm(true);
    let counts = ["accepted", "delivered", "lost"].map(|name| lossy.counts[name]);
    assert_eq!((counts, lossy.verdict), ([1, 1, 0], LedgerVerdict::Invalid));
    assert_eq!(lossy.outside, [("lost".to_owned(), 1)].into());
    assert_eq!(lossy.bounded()["lost"], 1);
    assert_eq!(lossy.reasons, ["1 lost"]);
}

#[test]
fn duplicates_within_their_bound_are_no_violation() {
    use crate::journals::{DESTINATIONS, history_of};
    use mailbench::measure::correctness::conservation::{Inputs, conservation};
    let mut story = Story::begin();
    story.accept(0, 1);
    story.deliver(0, 0);
    story.deliver(0, 0);
    story.end(0);
    let history = history_of(&story.events, Terms::default());
    let domains: Vec<String> = (0..DESTINATIONS).map(|n| format!("d{n}.test")).collect();
    let judged = |unexcused_bound| {
        let inputs = Inputs {
            measured: &|_| true,
            domains: &domains,
            letters: Letters::default(),
            unexcused_bound,
        };
        conservation(&history, &inputs)
    };
    assert_eq!((judged(0).verdict, judged(0).violations.len()), (LedgerVerdict::Invalid, 1));
    assert_eq!((judged(1).verdict, judged(1).violations.len()), (LedgerVerdict::Valid, 0));
    assert_eq!(judged(1).counts["duplicates_unexcused"], 1);
}

#[test]
fn mail_that_overtakes_is_counted_by_destination() {
    let mut story = Story::begin();
    (0..6).for_each(|message| story.accept(message, 1));
    [0, 3, 5, 4, 2, 1].into_iter().for_each(|message| story.deliver(message, message));
    story.end(0);
    let judged = story.judge();
    assert_eq!(judged.counts["reordered"], 2);
    let by_destination: Vec<u64> =
        judged.destinations.iter().map(|it| it.period["reordered"]).collect();
    assert_eq!(by_destination, [0, 1, 1]);
    assert_eq!(judged.verdict, LedgerVerdict::Valid);
}
