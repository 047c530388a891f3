//! A bounce is right after a rejection or at the end of the target's patience, and only then; it
//! is well formed, comes once, and names a probe.

use std::time::Duration;

use mailbench::ledger::event::{AttemptOutcome, Event, SessionChange};
use mailbench::ledger::history::Terms;
use mailbench::measure::correctness::conservation::Conservation;
use mailbench::measure::results::LedgerVerdict;
use mailbench::probe::change::Declared;
use mailbench::smtp::stage::Stage;

use crate::journals::{Story, judge, reply};

const NOTHING_DECLARED: Declared =
    Declared { headers: false, subject: false, footer: false, reencoded: true };

const HOUR: Terms = Terms {
    declared: NOTHING_DECLARED,
    gives_up_after: Some(Duration::from_secs(3600)),
    longest_wait: Some(Duration::from_secs(60)),
    unreachable: false,
};

fn conserved(story: impl FnOnce(&mut Story), terms: Terms) -> Conservation {
    let mut whole = Story::begin();
    whole.accept(0, 1);
    story(&mut whole);
    whole.end(0);
    judge(&whole.events, terms)
}

fn deferred_then_bounced_after(seconds: u64, terms: Terms) -> Conservation {
    conserved(
        |story| {
            story.fail(0, AttemptOutcome::Deferred, Stage::RcptTo);
            story.wait_ms(seconds * 1_000);
            story.bounce(0, 0);
        },
        terms,
    )
}

#[test]
fn a_deferral_is_no_rejection() {
    assert_eq!(deferred_then_bounced_after(1, HOUR).counts["false_bounce"], 1);
    assert_eq!(deferred_then_bounced_after(3_530, HOUR).counts["false_bounce"], 1);
    assert_eq!(deferred_then_bounced_after(3_541, HOUR).counts["bounced"], 1, "the last retry");
    assert_eq!(deferred_then_bounced_after(3_700, HOUR).counts["bounced"], 1);
}

#[test]
fn with_unknown_patience_a_deferral_is_reason_enough() {
    assert_eq!(deferred_then_bounced_after(1, Terms::default()).counts["bounced"], 1);
    let at_once = conserved(|story| story.bounce(0, 0), Terms::default());
    assert_eq!(at_once.counts["false_bounce"], 1);
}

#[test]
fn a_destination_out_of_reach_leaves_no_attempt_to_see() {
    let after = |seconds: u64, terms| {
        conserved(
            |story| {
                story.wait_ms(seconds * 1_000);
                story.bounce(0, 0);
            },
            terms,
        )
    };
    let unreachable = Terms { unreachable: true, ..HOUR };
    assert_eq!(after(3_700, unreachable).counts["bounced"], 1);
    assert_eq!(after(100, unreachable).counts["false_bounce"], 1);
    assert_eq!(after(3_700, HOUR).counts["false_bounce"], 1);
}

#[test]
fn a_session_turned_away_for_good_explains_a_bounce() {
    let turned_away = |code| {
        conserved(
            |story| {
                let change = SessionChange::TurnedAway { fault: None, reply: Some(reply(code)) };
                let at = mailbench::clock::Time(1_500_000_000);
                story.events.push(Event::Session { session: 1, at, change });
                story.bounce(0, 0);
            },
            HOUR,
        )
    };
    assert_eq!(turned_away(554).counts["bounced"], 1);
    assert_eq!(turned_away(421).counts["false_bounce"], 1);
}

fn without_queue_report(wait_s: u64) -> Conservation {
    let mut story = Story::begin();
    story.accept(0, 1);
    story.fail(0, AttemptOutcome::Deferred, Stage::RcptTo);
    story.wait_ms(wait_s * 1_000);
    story.end(0);
    story.events.retain(|event| !matches!(event, Event::Queue { .. }));
    judge(&story.events, HOUR)
}

#[test]
fn what_outlives_its_time_is_lost_and_flagged() {
    let judged = without_queue_report(3_700);
    assert_eq!((judged.counts["lost"], judged.counts["expired_without_dsn"]), (1, 1));
}

#[test]
fn what_is_still_owed_a_retry_is_pending_and_then_unaccounted() {
    assert_eq!(without_queue_report(30).counts["pending"], 1);
    assert_eq!(without_queue_report(90).counts["unaccounted"], 1);
}

#[test]
fn a_second_bounce_or_a_bounce_with_a_sender_is_malformed() {
    let rejected = |story: &mut Story| {
        story.fail(0, AttemptOutcome::Rejected, Stage::RcptTo);
        story.bounce(0, 0);
    };
    assert_eq!(conserved(rejected, HOUR).counts["dsn_malformed"], 0);
    let twice = conserved(
        |story| {
            rejected(story);
            story.bounce(0, 0);
        },
        HOUR,
    );
    assert_eq!((twice.counts["dsn_malformed"], twice.counts["bounced"]), (1, 1));
    let from_someone = conserved(
        |story| {
            rejected(story);
            if let Some(Event::Dsn(dsn)) = story.events.last_mut() {
                dsn.null_sender = false;
            }
        },
        HOUR,
    );
    assert_eq!(from_someone.counts["dsn_malformed"], 1);
    assert_eq!(from_someone.counts["dsn_non_null_sender"], 1);
    assert_eq!(from_someone.verdict, LedgerVerdict::Invalid);
    let violated = from_someone.violations.iter().map(|it| it.class.as_str());
    assert_eq!(violated.collect::<Vec<_>>(), ["dsn_non_null_sender"]);
}

#[test]
fn a_bounce_that_names_no_probe_is_said() {
    let judged = conserved(
        |story| {
            story.deliver(0, 0);
            story.bounce(99, 99);
        },
        HOUR,
    );
    assert_eq!((judged.counts["dsn_unmatched"], judged.counts["delivered"]), (1, 1));
    assert!(judged.warnings.iter().any(|warning| warning.id == "dsn-unmatched"));
}
