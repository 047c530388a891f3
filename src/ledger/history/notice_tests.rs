//! DSNs (RFC 3464) and notices in other words: which probe they are about, and what their form is worth.

use super::tests::{PLANNED, TERMS, accepted, at, dsn_about, history, probe, read, taken, with};
use super::*;
use crate::ledger::event::Dsn;
use crate::ledger::event::{DsnAction, NoticeKind};

#[test]
fn notices_are_matched_to_probes_and_judged_by_their_form() {
    let one = |dsn| history(&with(accepted(0, 1), vec![Event::Dsn(dsn)]));
    let failed = dsn_about(0, 0, DsnAction::Failed);
    let view = |dsn| one(dsn).probe(ProbeId(0)).expect("the probe").history;
    assert_eq!((view(failed.clone()).bounces, view(failed.clone()).dsn_malformed), (1, false));
    assert_eq!(view(dsn_about(0, 0, DsnAction::Delayed)).bounces, 0);
    assert!(view(Dsn { null_sender: false, ..failed.clone() }).dsn_malformed);
    assert!(view(Dsn { flaws: vec!["no Status".to_owned()], ..failed.clone() }).dsn_malformed);
    let once = with(accepted(0, 1), vec![Event::Dsn(failed.clone())]);
    let null = read(Planned { null_sender: true, ..PLANNED }, TERMS, &once);
    assert!(null.probe(ProbeId(0)).expect("the probe").history.dsn_malformed);
    let twice = probe(&with(once, vec![Event::Dsn(failed.clone())])).history;
    assert_eq!((twice.bounces, twice.dsn_malformed), (2, true));
    assert_eq!(one(dsn_about(9, 9, DsnAction::Failed)).unmatched_dsns(), 1);
    assert_eq!(one(dsn_about(PREFLIGHT.0, PREFLIGHT.0, DsnAction::Failed)).unmatched_dsns(), 0);
    assert_eq!(one(Dsn { recipients: Vec::new(), ..failed.clone() }).unmatched_dsns(), 1);
    assert_eq!(one(failed.clone()).unmatched_dsns(), 0);
    let mut unnamed = failed.clone();
    unnamed.recipients[0].probe = None;
    assert_eq!(view(unnamed.clone()).bounces, 1, "it can be about the sole recipient only");
    let of_two = history(&with(accepted(0, 2), vec![Event::Dsn(unnamed.clone())]));
    let bounces = |probe| of_two.probe(ProbeId(probe)).expect("the probe").history.bounces;
    assert_eq!((bounces(0), bounces(1), of_two.unmatched_dsns()), (1, 0, 0), "one that is missing");
    let thrice = vec![Event::Dsn(unnamed); 3];
    assert_eq!(history(&with(accepted(0, 2), thrice)).unmatched_dsns(), 1, "two are there");
    assert_eq!(one(failed).course().last_activity, at(40));
}

/// A notice about this message that names these probes.
fn notice(kind: NoticeKind, message: Option<u64>, named: &[u64]) -> Notice {
    Notice {
        at: at(40),
        session: 1,
        null_sender: true,
        message: message.map(MessageId),
        kind,
        recipients: named.iter().map(|probe| ProbeId(*probe)).collect(),
        subject: String::new(),
    }
}

fn after_one(notices: &[Notice]) -> History {
    let notices = notices.iter().cloned().map(Event::Notice).collect();
    history(&with(accepted(0, 1), notices))
}

#[test]
fn a_notice_about_no_message_of_this_run_is_matched_to_nothing() {
    let failed = |message| notice(NoticeKind::Failed, message, &[]);
    for (message, unmatched) in [(None, 1), (Some(7), 1), (Some(0), 0), (Some(PREFLIGHT.0), 0)] {
        let history = after_one(&[failed(message)]);
        assert_eq!(history.unmatched_dsns(), unmatched, "{message:?}");
    }
    assert_eq!(after_one(&[failed(None), failed(None)]).unmatched_dsns(), 2);
}

#[test]
fn a_notice_that_comes_again_or_has_a_sender_does_not_conform() {
    let failed = notice(NoticeKind::Failed, Some(0), &[]);
    let with_sender = Notice { null_sender: false, ..failed.clone() };
    let delayed = notice(NoticeKind::Delayed, Some(0), &[]);
    for (notices, bounces, malformed) in [
        (vec![failed.clone()], 1, false),
        (vec![failed.clone(), failed.clone()], 2, true),
        (vec![delayed.clone(), failed.clone()], 1, false),
        (vec![delayed.clone(), delayed.clone()], 0, false),
        (vec![with_sender.clone()], 1, true),
        (vec![Notice { null_sender: false, ..delayed.clone() }], 0, true),
    ] {
        let history = after_one(&notices);
        let probe = history.probe(ProbeId(0)).expect("the probe").history;
        assert_eq!((probe.bounces, probe.dsn_malformed), (bounces, malformed), "{notices:?}");
        assert!(probe.dsn_nonstandard);
    }
    let events = with(accepted(0, 1), vec![Event::Notice(delayed)]);
    let null = read(Planned { null_sender: true, ..PLANNED }, TERMS, &events);
    assert!(null.probe(ProbeId(0)).expect("the probe").history.dsn_malformed);
}

#[test]
fn notices_from_a_sender_are_all_counted_and_the_first_of_them_kept() {
    let many = limits::VIOLATIONS_LISTED + 2;
    let one = Notice { null_sender: false, ..notice(NoticeKind::Delayed, Some(0), &[]) };
    let history = after_one(&vec![one; many]);
    assert_eq!(history.dsns_with_sender(), many as u64);
    assert_eq!(history.dsns_with_sender_seen().len(), limits::VIOLATIONS_LISTED);
    assert_eq!(history.dsns_with_sender_seen()[0], (at(40), Some(MessageId(0))));
}

#[test]
fn automatic_answers_and_mail_of_another_run_are_counted() {
    let automatic = notice(NoticeKind::AutoReply, None, &[]);
    let other = Event::AnotherRun {
        at: at(40),
        session: 1,
        reverse_path: String::new(),
        recipient: String::new(),
    };
    let events =
        vec![Event::Notice(automatic.clone()), Event::Notice(automatic), other.clone(), other];
    let history = history(&with(accepted(0, 1), events));
    let counts = (history.auto_replies(), history.foreign(), history.unmatched_dsns());
    assert_eq!((counts, history.dsns_with_sender()), ((2, 2, 0), 0));
}

#[test]
fn a_block_that_names_no_recipient_is_about_one_that_was_rejected_else_one_that_is_missing() {
    let mut unnamed = dsn_about(0, 0, DsnAction::Failed);
    unnamed.recipients[0].probe = None;
    let rejected = |probe| {
        let mut attempt = taken(probe, 12, 9, 0);
        (attempt.outcome, attempt.content) = (AttemptOutcome::Rejected, None);
        Event::Attempt(attempt)
    };
    let arrived = |probe| Event::Attempt(taken(probe, 11, probe + 1, 0));
    for (before, blocks, bounced, unmatched) in [
        (vec![], 1, vec![0], 0),
        (vec![rejected(1)], 1, vec![1], 0),
        (vec![rejected(1)], 2, vec![0, 1], 0),
        (vec![arrived(0)], 1, vec![1], 0),
        (vec![arrived(0), rejected(2)], 2, vec![1, 2], 0),
        (vec![arrived(0), arrived(1), arrived(2)], 2, vec![], 2),
        (vec![arrived(0), arrived(1)], 3, vec![2], 2),
    ] {
        let blocks = std::iter::repeat_n(Event::Dsn(unnamed.clone()), blocks);
        let events: Vec<Event> = before.into_iter().chain(blocks).collect();
        let history = history(&with(accepted(0, 3), events.clone()));
        let those = history.probes().filter(|probe| probe.history.bounces > 0);
        let those: Vec<u64> = those.map(|probe| probe.probe.0).collect();
        assert_eq!((those, history.unmatched_dsns()), (bounced, unmatched), "{events:#?}");
    }
}
