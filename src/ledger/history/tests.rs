//! What a history holds of each probe, event by event: times in seconds, one destination.

use super::*;
use crate::ledger::class::Class;
use crate::ledger::disposition::Queued;
use crate::ledger::event::{
    Change, ContentCheck, Dsn, DsnAction, DsnRecipient, Period, Proof, SessionChange, SubmitResult,
    TargetChange,
};
use crate::limits;
use crate::probe::EMBEDDED;
use crate::probe::change::Declared;
use crate::smtp::reply::Reply;
use crate::smtp::stage::Stage;

const HERE: DestinationId = DestinationId(0);
pub(super) const PLANNED: Planned =
    Planned { destination: HERE, null_sender: false, unsendable: false };
/// The target tries for 100 s, at most 10 s apart.
const NOTHING_DECLARED: Declared =
    Declared { headers: false, subject: false, footer: false, reencoded: true };

pub(super) const TERMS: Terms = Terms {
    declared: NOTHING_DECLARED,
    gives_up_after: Some(Duration::from_secs(100)),
    longest_wait: Some(Duration::from_secs(10)),
    unreachable: false,
};

pub(super) fn at(seconds: u64) -> Time {
    Time::from_offset(Duration::from_secs(seconds))
}

pub(super) fn reply(code: u16) -> Reply {
    Reply::new(code, None, "as the test wants it")
}

pub(super) fn offered(message: u64, recipients: u16) -> Event {
    Event::Offered { message: MessageId(message), recipients, due: at(1), at: at(2) }
}

pub(super) fn submitted(message: u64, results: Vec<SubmitResult>) -> Event {
    Event::Submitted(Submitted {
        message: MessageId(message),
        session: 1,
        sent: at(3),
        done: at(4),
        stages: Vec::new(),
        results,
    })
}

pub(super) fn accepted(message: u64, recipients: u16) -> [Event; 2] {
    let results = vec![SubmitResult::Accepted { reply: reply(250) }; usize::from(recipients)];
    [offered(message, recipients), submitted(message, results)]
}

/// An attempt that took no content.
fn tried(probe: u64, (started, ended): (u64, u64), outcome: AttemptOutcome) -> Attempt {
    Attempt {
        probe: ProbeId(probe),
        destination: Some(HERE),
        number: 1,
        session: 1,
        started: at(started),
        ended: at(ended),
        stage: Stage::RcptTo,
        outcome,
        reply: None,
        fault: None,
        reception: None,
        content: None,
    }
}

/// Content of `message` taken whole.
pub(super) fn taken(probe: u64, ended: u64, number: u64, message: u64) -> Attempt {
    let message = Some(MessageId(message));
    Attempt {
        stage: Stage::EndOfData,
        reception: Some(number),
        content: Some(ContentCheck { message, bytes: 1, changes: Vec::new() }),
        ..tried(probe, (ended, ended), AttemptOutcome::Taken)
    }
}

pub(super) fn confirmed(reception: u64) -> Event {
    Event::Confirmed { reception, at: at(50), proof: Proof::Command }
}

pub(super) fn dsn_about(message: u64, probe: u64, action: DsnAction) -> Dsn {
    let (status, diagnostic) = (String::new(), String::new());
    Dsn {
        at: at(40),
        session: 1,
        null_sender: true,
        message: Some(MessageId(message)),
        recipients: vec![DsnRecipient { probe: Some(ProbeId(probe)), action, status, diagnostic }],
        flaws: Vec::new(),
    }
}

pub(super) fn closed(seconds: u64) -> Event {
    Event::Period { at: at(seconds), period: Period::Closed }
}

fn queue(seconds: u64, total: u64) -> Event {
    Event::Queue { at: at(seconds), total, active: 0, deferred: 0 }
}

pub(super) fn read(planned: Planned, terms: Terms, events: &[Event]) -> History {
    let plan = move |_, _| Some(planned);
    let mut reading = Reading::new(&plan, terms);
    events.iter().for_each(|event| reading.observe(event));
    reading.finish()
}

pub(super) fn history(events: &[Event]) -> History {
    read(PLANNED, TERMS, events)
}

pub(super) fn probe(events: &[Event]) -> ProbeView {
    history(events).probe(ProbeId(0)).expect("the probe")
}

pub(super) fn with(events: impl IntoIterator<Item = Event>, more: Vec<Event>) -> Vec<Event> {
    events.into_iter().chain(more).collect()
}

#[test]
fn refused_probe_has_an_end_and_no_time_of_acceptance() {
    let refused = SubmitResult::Refused { stage: Stage::RcptTo, reply: reply(550) };
    let view = probe(&[offered(0, 1), submitted(0, vec![refused])]);
    assert_eq!((view.submitted, view.accepted), (Some(at(4)), None));
    assert_eq!((view.history.refused, view.history.indeterminate), (1, 0));
    let view = probe(&accepted(0, 1));
    assert_eq!((view.accepted, view.history.accepted), (Some(at(4)), 1));
    assert_eq!((view.sent, view.first_attempt, view.taken), (Some(at(3)), None, None));
}

#[test]
fn each_result_of_a_submission_is_counted_and_concludes_it() {
    let cause = || "lost".to_owned();
    let stage = Stage::Data;
    let results = [
        SubmitResult::Accepted { reply: reply(250) },
        SubmitResult::Indeterminate { cause: cause() },
        SubmitResult::Refused { stage, reply: reply(450) },
        SubmitResult::Broken { stage, cause: cause() },
        SubmitResult::NotSent { stage, cause: cause() },
    ];
    for (n, result) in results.into_iter().enumerate() {
        let it = probe(&[offered(0, 1), submitted(0, vec![result])]).history;
        let counts = [it.accepted, it.indeterminate, it.refused, it.broken];
        let expected: Vec<u32> = (0..4).map(|place| u32::from(place == n)).collect();
        assert_eq!(counts.to_vec(), expected, "{n}");
    }
    assert_eq!(probe(&[offered(0, 1)]).history.indeterminate, 1, "no end was recorded");
}

#[test]
fn mail_that_the_target_dropped_is_given_up_when_it_was_last_tried() {
    let null = Planned { null_sender: true, ..PLANNED };
    let rejected = tried(0, (5, 6), AttemptOutcome::Rejected);
    let end = vec![Event::Attempt(rejected), queue(20, 0), closed(30)];
    let history = read(null, TERMS, &with(accepted(0, 1), end));
    let view = history.probe(ProbeId(0)).expect("the probe");
    let judged = (view.disposition.class, view.given_up());
    assert_eq!(judged, (Class::NullSenderDiscarded, Some(at(6))));
    let bounced = with(accepted(0, 1), vec![Event::Dsn(dsn_about(0, 0, DsnAction::Failed))]);
    assert_eq!(probe(&bounced).given_up(), Some(at(40)));
    assert_eq!(probe(&accepted(0, 1)).given_up(), None);
}

#[test]
fn any_one_rejection_explains_a_bounce() {
    let bounced = || with(accepted(0, 1), vec![Event::Dsn(dsn_about(0, 0, DsnAction::Failed))]);
    assert!(!probe(&bounced()).history.rejected);
    let rejected = tried(0, (5, 6), AttemptOutcome::Rejected);
    let early = Attempt { stage: Stage::MailFrom, ..rejected.clone() };
    for attempt in [&rejected, &early] {
        let events = with(bounced(), vec![Event::Attempt(attempt.clone())]);
        assert!(probe(&events).history.rejected);
    }
    let turned = |code| Event::Session {
        session: 1,
        at: at(5),
        change: SessionChange::TurnedAway { fault: None, reply: Some(reply(code)) },
    };
    assert!(probe(&with(bounced(), vec![turned(554), turned(421)])).history.rejected);
    assert!(!probe(&with(bounced(), vec![turned(421)])).history.rejected);
    let unsendable = read(Planned { unsendable: true, ..PLANNED }, TERMS, &bounced());
    assert!(unsendable.probe(ProbeId(0)).expect("the probe").history.rejected);
}

#[test]
fn rejection_before_any_recipient_was_named_is_that_of_all_of_them() {
    let rejected = |stage, outcome| {
        let attempt = Attempt { stage, ..tried(0, (5, 6), outcome) };
        let history = history(&with(accepted(0, 2), vec![Event::Attempt(attempt)]));
        [0, 1].map(|probe| history.probe(ProbeId(probe)).expect("a probe").history.rejected)
    };
    assert_eq!(rejected(Stage::MailFrom, AttemptOutcome::Rejected), [true, true]);
    assert_eq!(rejected(Stage::RcptTo, AttemptOutcome::Rejected), [true, false]);
    assert_eq!(rejected(Stage::Data, AttemptOutcome::Rejected), [true, false]);
    assert_eq!(rejected(Stage::MailFrom, AttemptOutcome::Deferred), [false, false]);
}

#[test]
fn attempts_are_counted_and_the_last_to_end_decides_about_another() {
    let deferred = tried(0, (7, 8), AttemptOutcome::Deferred);
    let rejected = tried(0, (5, 6), AttemptOutcome::Rejected);
    let events = |attempts: [&Attempt; 2]| {
        with(accepted(0, 1), attempts.map(|it| Event::Attempt(it.clone())).to_vec())
    };
    for order in [[&rejected, &deferred], [&deferred, &rejected]] {
        let view = probe(&events(order));
        assert_eq!((view.history.attempts, view.deferrals), (2, 1));
        assert_eq!((view.first_attempt, view.history.retry_owed), (Some(at(5)), true));
    }
    let later = tried(0, (8, 8), AttemptOutcome::Rejected);
    assert!(!probe(&events([&deferred, &later])).history.retry_owed, "none is owed any more");
    for (outcome, owed) in [
        (AttemptOutcome::Taken, false),
        (AttemptOutcome::Withheld, true),
        (AttemptOutcome::Broken, true),
        (AttemptOutcome::Abandoned, true),
    ] {
        let attempt = Event::Attempt(tried(0, (5, 6), outcome));
        assert_eq!(probe(&with(accepted(0, 1), vec![attempt])).history.retry_owed, owed);
    }
}

#[test]
fn delivery_time_is_that_of_the_earliest_reception_answered() {
    let receptions = [taken(0, 9, 1, 0), taken(0, 7, 2, 0), taken(0, 8, 3, 0)];
    let events = with(accepted(0, 1), receptions.map(Event::Attempt).to_vec());
    assert_eq!(probe(&events).taken, Some(at(7)));
    let events = with(events, vec![confirmed(1), confirmed(3)]);
    let counts = probe(&events).history;
    assert_eq!((counts.confirmed, counts.unconfirmed, counts.withheld), (2, 1, 0));
    assert!(history(&events).is_confirmed(1) && !history(&events).is_confirmed(2));
    let unnumbered = Attempt { reception: None, ..taken(0, 9, 1, 0) };
    let view = probe(&with(accepted(0, 1), vec![Event::Attempt(unnumbered), confirmed(7)]));
    assert_eq!((view.taken, view.history.unconfirmed), (Some(at(9)), 1));
}

#[test]
fn kill_excuses_a_copy_of_what_it_may_have_cut_off() {
    let killed = Event::Target { at: at(7), change: TargetChange::Killed };
    let twice = [taken(0, 7, 1, 0), taken(0, 9, 2, 0)].map(Event::Attempt).to_vec();
    let mut events = with(accepted(0, 1), twice);
    events.extend([confirmed(1), confirmed(2)]);
    assert_eq!(probe(&events).history.kill_copies, 0);
    events.push(killed);
    assert_eq!(probe(&events).disposition.duplicates.kill, 1);
}

#[test]
fn lifetime_is_over_at_its_end_less_one_wait_for_a_bounce() {
    let bounced = |seconds: u64, deferred: bool, terms| {
        let dsn = Dsn { at: at(seconds), ..dsn_about(0, 0, DsnAction::Failed) };
        let attempt = deferred.then(|| Event::Attempt(tried(0, (5, 6), AttemptOutcome::Deferred)));
        let more = attempt.into_iter().chain([Event::Dsn(dsn)]).collect();
        let history = read(PLANNED, terms, &with(accepted(0, 1), more));
        history.probe(ProbeId(0)).expect("the probe").history.expired
    };
    assert!(bounced(94, true, TERMS) && !bounced(93, true, TERMS), "submitted at 4 s");
    assert!(!bounced(200, false, TERMS), "it was never put off");
    assert!(bounced(94, false, Terms { unreachable: true, ..TERMS }));
    assert!(bounced(5, true, Terms::default()), "the lifetime is not known");
    assert!(!bounced(5, false, Terms::default()));
}

#[test]
fn mail_outlives_its_time_when_the_run_goes_on_for_longer() {
    let outlived = |end| probe(&with(accepted(0, 1), vec![closed(end)])).history.outlived;
    assert!(outlived(105) && !outlived(104), "submitted at 4 s, kept for 100 s");
    let unknown = read(PLANNED, Terms::default(), &with(accepted(0, 1), vec![closed(999)]));
    assert!(!unknown.probe(ProbeId(0)).expect("the probe").history.outlived);
}

#[test]
fn without_a_report_of_the_queue_a_copy_is_in_it_until_the_next_retry_is_due() {
    let deferred = Event::Attempt(tried(0, (5, 6), AttemptOutcome::Deferred));
    let queued = |end, attempt: Option<&Event>| {
        let more = attempt.into_iter().cloned().chain([closed(end)]).collect();
        probe(&with(accepted(0, 1), more)).history.queued
    };
    assert_eq!(queued(15, Some(&deferred)), Queued::Yes, "tried at 6 s, at most 10 s apart");
    assert_eq!(queued(16, Some(&deferred)), Queued::Unknown);
    assert_eq!(queued(15, None), Queued::Unknown, "no retry is owed");
    assert_eq!(queued(114, Some(&deferred)), Queued::Unknown);
    assert_eq!(queued(115, Some(&deferred)), Queued::No, "100 s, and a last wait of 10 s");
    let reported = |total| {
        let more = vec![deferred.clone(), queue(7, total), closed(15)];
        probe(&with(accepted(0, 1), more)).history.queued
    };
    assert_eq!((reported(0), reported(3)), (Queued::No, Queued::Yes));
    let cut = with(accepted(0, 1), vec![queue(500, 0)]);
    assert_eq!(probe(&cut).history.queued, Queued::Unknown, "the run was not closed");
}

#[test]
fn reception_elsewhere_or_with_other_bytes_is_marked() {
    let received = |attempt| probe(&with(accepted(0, 1), vec![Event::Attempt(attempt)])).history;
    let clean = received(taken(0, 5, 1, 0));
    assert!(!clean.misrouted && !clean.corrupted && !clean.smuggled);
    let elsewhere = Attempt { destination: Some(DestinationId(1)), ..taken(0, 5, 1, 0) };
    assert!(received(elsewhere).misrouted);
    let with = |change| {
        let mut attempt = taken(0, 5, 1, 0);
        attempt.content.iter_mut().for_each(|content| content.changes.push(change));
        let history = received(attempt);
        (history.corrupted, history.altered)
    };
    assert_eq!(with(Change::BytesChanged), (true, false));
    assert_eq!(with(Change::SubjectChanged), (false, true));
    assert_eq!(with(Change::Folding), (false, false));
    let unreadable = Attempt { content: None, ..taken(0, 5, 1, 0) };
    assert_eq!(received(unreadable).unconfirmed, 1);
    let smuggled = received(taken(EMBEDDED, 5, 1, EMBEDDED));
    assert!(smuggled.smuggled && !smuggled.misrouted);
}

#[test]
fn content_under_another_address_is_misrouted_for_who_went_without() {
    let events = with(accepted(0, 1), accepted(1, 2).to_vec());
    let stray = vec![
        Event::Attempt(taken(1, 5, 1, 1)),
        Event::Attempt(taken(0, 6, 2, 1)),
        Event::Attempt(taken(0, 7, 3, 0)),
    ];
    let history = history(&with(events, stray));
    let misrouted: Vec<bool> = history.probes().map(|it| it.history.misrouted).collect();
    assert_eq!(misrouted, [false, false, true], "probe 1 has its own");
    assert_eq!((history.phantom_count(), history.course().last_activity), (0, at(7)));
}

#[test]
fn mail_of_no_probe_is_a_phantom_and_only_the_first_are_listed() {
    let foreign = Event::Foreign {
        at: at(5),
        session: 1,
        reverse_path: "a@b.test".to_owned(),
        recipient: "c@d.test".to_owned(),
    };
    let one = history(std::slice::from_ref(&foreign));
    assert_eq!((one.phantom_count(), one.phantoms()[0].at), (1, at(5)));
    assert_eq!(one.phantoms()[0].recipient.as_deref(), Some("c@d.test"));
    assert!(one.phantoms()[0].evidence.contains("<a@b.test>"));
    let stray = history(&[Event::Attempt(taken(7, 6, 1, 7))]);
    assert_eq!((stray.phantom_count(), stray.phantoms()[0].probe), (1, Some(ProbeId(7))));
    assert!(stray.phantoms()[0].evidence.contains("message 7"));
    let many = history(&vec![foreign; limits::VIOLATIONS_LISTED + 1]);
    assert_eq!(many.phantoms().len(), limits::VIOLATIONS_LISTED);
    assert_eq!(many.phantom_count(), limits::VIOLATIONS_LISTED as u64 + 1);
    let broken = history(&[Event::Attempt(tried(7, (5, 6), AttemptOutcome::Deferred))]);
    assert_eq!(broken.phantom_count(), 0, "no content was taken");
}

#[test]
fn events_that_contradict_the_journal_are_counted() {
    let contradictions = |more: Vec<Event>| history(&with(accepted(0, 2), more)).contradictions();
    assert_eq!(contradictions(vec![closed(9)]), 0);
    let preflight = PREFLIGHT.0;
    let early = [offered(preflight, 1), submitted(preflight, Vec::new())];
    assert_eq!(contradictions(early.to_vec()), 0, "the preflight message is no probe");
    assert_eq!(contradictions(vec![offered(0, 1), offered(0, 1)]), 2, "offered twice");
    assert_eq!(contradictions(vec![submitted(9, Vec::new()), submitted(9, Vec::new())]), 2);
    assert_eq!(contradictions(vec![offered(3 + limits::OFFER_GAP, 1)]), 1);
    assert_eq!(contradictions(vec![offered(2 + limits::OFFER_GAP, 1)]), 0);
    let far = |times| offered(times * limits::OFFER_GAP, 1);
    assert_eq!(contradictions(vec![far(1), far(2), far(3)]), 2, "gaps do not add up");
    let late = Event::Attempt(tried(0, (9, 9), AttemptOutcome::Deferred));
    assert_eq!(contradictions(vec![closed(9), late.clone(), late, queue(9, 0)]), 2);
}

#[test]
fn message_says_when_it_was_due_and_a_recipient_is_no_message() {
    let plan = |_, _| Some(PLANNED);
    let mut reading = Reading::new(&plan, TERMS);
    assert_eq!(reading.due(MessageId(0)), None);
    reading.observe(&offered(0, 2));
    assert_eq!([0, 1].map(|id| reading.due(MessageId(id))), [Some(at(1)), None]);
    let handed = [0, 1].map(|id| reading.handed(MessageId(id)));
    assert_eq!(handed, [Some((at(1), at(2))), None]);
    let history = history(&with(accepted(0, 2), vec![offered(2, 1), submitted(1, Vec::new())]));
    let messages: Vec<_> = history.messages().map(|it| (it.message.0, it.recipients)).collect();
    assert_eq!((messages, history.contradictions()), (vec![(0, 2), (2, 1)], 1));
    assert_eq!(history.messages().map(|it| it.done).collect::<Vec<_>>(), [Some(at(4)), None]);
}
