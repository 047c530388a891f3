//! The running sums, event by event.

use super::*;
use crate::clock::Time;
use crate::ledger::event::{DsnRecipient, Notice};
use crate::smtp::reply::Reply;
use crate::smtp::stage::Stage;

fn offered(message: u64, recipients: u16) -> Event {
    Event::Offered { message: MessageId(message), recipients, due: Time(0), at: Time(1) }
}

fn accepted(message: u64, recipients: usize) -> Event {
    let reply = Reply::new(250, None, "ok");
    Event::Submitted(Submitted {
        message: MessageId(message),
        session: 1,
        sent: Time(1),
        done: Time(2),
        stages: Vec::new(),
        results: vec![SubmitResult::Accepted { reply }; recipients],
    })
}

fn attempt(probe: u64, outcome: AttemptOutcome) -> Event {
    Event::Attempt(Attempt {
        probe: ProbeId(probe),
        destination: None,
        number: 1,
        session: 1,
        started: Time(3),
        ended: Time(4),
        stage: Stage::EndOfData,
        outcome,
        reply: None,
        fault: None,
        reception: None,
        content: None,
    })
}

fn bounce(probe: Option<u64>, message: u64) -> Event {
    Event::Dsn(Dsn {
        at: Time(5),
        session: 1,
        null_sender: true,
        message: Some(MessageId(message)),
        recipients: vec![DsnRecipient {
            probe: probe.map(ProbeId),
            action: DsnAction::Failed,
            status: "5.1.1".to_owned(),
            diagnostic: String::new(),
        }],
        flaws: Vec::new(),
    })
}

fn tally(events: &[Event]) -> Tally {
    let mut live = Live::default();
    events.iter().for_each(|event| live.observe(event));
    live.tally()
}

#[test]
fn a_backlog_rises_and_falls() {
    let mut events = vec![offered(0, 3), accepted(0, 3)];
    assert_eq!(tally(&events).backlog, 3);
    events.push(attempt(0, AttemptOutcome::Deferred));
    assert_eq!(tally(&events).backlog, 3);
    events.push(attempt(0, AttemptOutcome::Taken));
    events.push(attempt(1, AttemptOutcome::Withheld));
    events.push(bounce(Some(2), 0));
    let sums = tally(&events);
    assert_eq!((sums.backlog, sums.delivered, sums.bounced), (0, 2, 1));
    assert_eq!(sums.deferred_attempts, 1);
}

#[test]
fn what_comes_twice_counts_once() {
    let mut events = vec![offered(0, 1), accepted(0, 1), attempt(0, AttemptOutcome::Taken)];
    events.push(bounce(Some(0), 0));
    events.extend(events.clone());
    let sums = tally(&events);
    assert_eq!((sums.offered, sums.accepted, sums.delivered, sums.bounced), (1, 1, 1, 1));
    assert_eq!((sums.backlog, sums.in_flight), (0, 0));
}

#[test]
fn a_reception_before_the_accepting_reply_leaves_no_backlog() {
    let sums = tally(&[offered(0, 1), attempt(0, AttemptOutcome::Taken), accepted(0, 1)]);
    assert_eq!((sums.backlog, sums.delivered, sums.accepted), (0, 1, 1));
}

#[test]
fn a_bounce_that_names_no_recipient_is_about_one_without_an_outcome() {
    let taken = |probe| attempt(probe, AttemptOutcome::Taken);
    let unnamed = || bounce(None, 0);
    for (recipients, events, bounced) in [
        (1, vec![unnamed()], 1),
        (1, vec![unnamed(), unnamed()], 1),
        // It can be about nothing else, whatever became of it.
        (1, vec![taken(0), unnamed()], 1),
        (2, vec![unnamed()], 1),
        (2, vec![taken(0), unnamed()], 1),
        (2, vec![taken(1), unnamed(), unnamed()], 1),
        (2, vec![taken(0), taken(1), unnamed()], 0),
        (3, vec![bounce(Some(1), 0), unnamed(), unnamed(), unnamed()], 3),
    ] {
        let mut all = vec![offered(0, recipients), offered(u64::from(recipients), 2)];
        all.extend(events);
        assert_eq!(tally(&all).bounced, bounced, "{all:#?}");
    }
    let last = [offered(0, 1), taken(0), unnamed()];
    assert_eq!(tally(&last).bounced, 1, "what was not offered is no recipient of it");
    assert_eq!(tally(&[offered(0, 2), bounce(None, 1)]).bounced, 1, "by any of its numbers");
    assert_eq!(
        tally(&[offered(0, 2), bounce(None, 2)]).bounced,
        0,
        "a message that was never offered"
    );
}

fn submitted(message: u64, result: SubmitResult) -> Event {
    let Event::Submitted(mut submitted) = accepted(message, 0) else { unreachable!() };
    submitted.results = vec![result];
    Event::Submitted(submitted)
}

#[test]
fn every_result_of_a_submission_has_its_own_sum() {
    let (cause, reply) = (|| "lost".to_owned(), Reply::new(550, None, "no"));
    let stage = Stage::RcptTo;
    let results = [
        SubmitResult::NotSent { stage, cause: cause() },
        SubmitResult::Refused { stage, reply: reply.clone() },
        SubmitResult::Broken { stage, cause: cause() },
        SubmitResult::Indeterminate { cause: cause() },
    ];
    let mut events: Vec<Event> = (0..6).map(|message| offered(message, 1)).collect();
    assert_eq!((tally(&events).offered, tally(&events).in_flight), (6, 6));
    events.extend((0..).zip(results).map(|(message, result)| submitted(message, result)));
    let sums = tally(&events);
    let results = [sums.not_sent, sums.refused, sums.indeterminate, sums.accepted];
    assert_eq!((results, sums.in_flight, sums.backlog), ([1, 2, 1, 0], 2, 0));
}

#[test]
fn rejected_attempts_are_counted_apart_from_deferred_ones() {
    let outcomes = [
        AttemptOutcome::Deferred,
        AttemptOutcome::Rejected,
        AttemptOutcome::Rejected,
        AttemptOutcome::Broken,
        AttemptOutcome::Abandoned,
    ];
    let mut events = vec![offered(0, 1), accepted(0, 1)];
    events.extend(outcomes.map(|outcome| attempt(0, outcome)));
    let sums = tally(&events);
    assert_eq!((sums.deferred_attempts, sums.rejected_attempts), (1, 2));
    assert_eq!((sums.delivered, sums.backlog), (0, 1));
}

#[test]
fn a_bounce_ends_what_is_owed_and_a_delay_does_not() {
    let delayed = |probe| {
        let Event::Dsn(mut dsn) = bounce(Some(probe), 0) else { unreachable!() };
        dsn.recipients[0].action = DsnAction::Delayed;
        Event::Dsn(dsn)
    };
    let mut events = vec![offered(0, 2), accepted(0, 2), delayed(1)];
    assert_eq!((tally(&events).bounced, tally(&events).backlog), (0, 2));
    events.push(bounce(Some(1), 0));
    assert_eq!((tally(&events).bounced, tally(&events).backlog), (1, 1));
    events.push(bounce(Some(7), 0));
    assert_eq!(tally(&events).bounced, 1, "a probe that was not offered");
}

#[test]
fn offers_may_run_ahead_by_the_gap_and_no_further() {
    let gap = limits::OFFER_GAP;
    assert_eq!(tally(&[offered(gap, 1)]).offered, 1);
    assert_eq!(tally(&[offered(gap + 1, 1)]).offered, 0);
    assert_eq!(tally(&[offered(9, 1), offered(gap + 1, 1)]).offered, 2);
    assert_eq!(tally(&[offered(gap, 1), offered(2 * gap, 1)]).offered, 1, "gaps do not add up");
    assert_eq!(tally(&[offered(9, 1), offered(3, 1), offered(9, 1)]).offered, 2);
}

#[test]
fn numbers_not_offered_use_no_memory() {
    let mut live = Live::default();
    live.observe(&attempt(u64::MAX, AttemptOutcome::Taken));
    live.observe(&offered(u64::MAX - 5, 1));
    live.observe(&accepted(u64::MAX - 5, 1));
    assert!(live.probes.is_empty());
    assert_eq!(live.tally(), Tally::default());
}

/// An attempt for an address that names no probe.
fn recognised(message: Option<u64>, outcome: AttemptOutcome) -> Event {
    let Event::Attempt(attempt) = attempt(message.unwrap_or(u64::MAX), outcome) else {
        unreachable!()
    };
    Event::Recognised(Recognised {
        attempt,
        message: message.map(MessageId),
        original: None,
        reverse_path: String::new(),
        recipient: "alice@a.test".to_owned(),
    })
}

#[test]
fn mail_for_other_addresses_is_bound_to_missing_recipients() {
    let came = |message| recognised(Some(message), AttemptOutcome::Taken);
    let own = |probe| attempt(probe, AttemptOutcome::Taken);
    // One message of two recipients, one of three, all of which the target owes.
    for (events, delivered) in [
        (vec![came(0)], 1),
        (vec![came(0), came(0)], 2),
        // What comes beyond its own recipients is a copy, of no other message's recipient.
        (vec![came(0), came(0), came(0)], 2),
        (vec![came(2), came(2), came(2), came(2)], 3),
        (vec![own(0), came(0)], 2),
        (vec![own(1), came(0), came(0)], 2),
        (vec![came(0), own(0)], 1),
        (vec![own(2), own(3), own(4), came(2), came(0)], 4),
        (vec![recognised(Some(0), AttemptOutcome::Withheld)], 1),
        (vec![recognised(Some(0), AttemptOutcome::Broken)], 0),
        (vec![recognised(None, AttemptOutcome::Taken)], 0),
        // Nothing that was offered.
        (vec![came(5), came(u64::MAX)], 0),
    ] {
        let mut all = vec![offered(0, 2), offered(2, 3), accepted(0, 2), accepted(2, 3)];
        all.extend(events);
        let sums = tally(&all);
        assert_eq!((sums.delivered, sums.backlog), (delivered, 5 - delivered), "{all:#?}");
    }
}

#[test]
fn refusals_of_other_addresses_are_attempts_all_the_same() {
    let refused = [
        recognised(Some(0), AttemptOutcome::Deferred),
        recognised(None, AttemptOutcome::Deferred),
        recognised(Some(0), AttemptOutcome::Rejected),
    ];
    let mut events = vec![offered(0, 2), accepted(0, 2)];
    events.extend(refused);
    let sums = tally(&events);
    assert_eq!((sums.deferred_attempts, sums.rejected_attempts), (2, 1));
    assert_eq!((sums.delivered, sums.backlog), (0, 2));
}

fn notice(kind: NoticeKind, message: Option<u64>, recipients: &[u64]) -> Event {
    Event::Notice(Notice {
        at: Time(5),
        session: 1,
        null_sender: true,
        message: message.map(MessageId),
        kind,
        recipients: recipients.iter().map(|probe| ProbeId(*probe)).collect(),
        subject: String::new(),
    })
}

#[test]
fn a_failure_notice_ends_what_is_owed_of_those_it_is_about() {
    let failed = |recipients: &[u64]| notice(NoticeKind::Failed, Some(0), recipients);
    let own = |probe| attempt(probe, AttemptOutcome::Taken);
    for (events, bounced, backlog) in [
        (vec![failed(&[])], 3, 2),
        (vec![failed(&[]), failed(&[])], 3, 2),
        (vec![failed(&[1])], 1, 4),
        (vec![failed(&[0, 2])], 2, 3),
        (vec![failed(&[0]), failed(&[])], 3, 2),
        // What arrived, or came back already, is no further bounce.
        (vec![own(1), failed(&[])], 2, 2),
        (vec![own(1), failed(&[1])], 0, 4),
        (vec![bounce(Some(1), 0), failed(&[])], 3, 2),
        (vec![failed(&[9])], 0, 5),
        (vec![notice(NoticeKind::Delayed, Some(0), &[])], 0, 5),
        (vec![notice(NoticeKind::AutoReply, Some(0), &[0])], 0, 5),
        (vec![notice(NoticeKind::Failed, None, &[0])], 0, 5),
        (vec![notice(NoticeKind::Failed, Some(7), &[])], 0, 5),
    ] {
        let mut all = vec![offered(0, 3), offered(3, 2), accepted(0, 3), accepted(3, 2)];
        all.extend(events);
        let sums = tally(&all);
        assert_eq!((sums.bounced, sums.backlog), (bounced, backlog), "{all:#?}");
    }
}
