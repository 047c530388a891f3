//! What a history keeps of each probe, whatever the order in which its events were written down,
//! and what it makes of events that do not belong.

use std::time::Duration;

use mailbench::clock::Time;
use mailbench::ledger::event::{AttemptOutcome, Event, Proof, SubmitResult};
use mailbench::ledger::history::{History, Planned, ProbeView, Reading, Route, Terms};
use mailbench::ledger::journal;
use mailbench::measure::results::LedgerVerdict;
use mailbench::probe::change::Declared;
use mailbench::probe::{MessageId, PREFLIGHT, ProbeId};
use mailbench::smtp::stage::Stage;

use crate::journals::{Story, accepted, destination, found, history_of, judge};

const TAKEN: AttemptOutcome = AttemptOutcome::Taken;
const WITHHELD: AttemptOutcome = AttemptOutcome::Withheld;
const DEFERRED: AttemptOutcome = AttemptOutcome::Deferred;
const NOTHING_DECLARED: Declared =
    Declared { headers: false, subject: false, footer: false, reencoded: true };

const PATIENT: Terms = Terms {
    declared: NOTHING_DECLARED,
    gives_up_after: Some(Duration::from_secs(3600)),
    longest_wait: Some(Duration::from_secs(60)),
    unreachable: false,
};

fn view(story: &Story, probe: u64) -> ProbeView {
    history_of(&story.events, Terms::default()).probe(ProbeId(probe)).expect("an offered probe")
}

fn ms(ms: u64) -> Time {
    Time(ms * 1_000_000)
}

/// Moves the last event to right after the first of its probe or message.
fn written_early(story: &mut Story) {
    let last = story.events.pop().expect("an event");
    story.events.insert(4, last);
}

#[test]
fn the_times_of_a_probe() {
    let mut story = Story::begin();
    story.accept(0, 1);
    story.fail(0, DEFERRED, Stage::RcptTo);
    story.receive(0, 0, WITHHELD);
    story.deliver(0, 0);
    let probe = view(&story, 0);
    assert_eq!((probe.due, probe.offered), (ms(1_000), ms(1_001)));
    assert_eq!((probe.sent, probe.submitted), (Some(ms(1_001)), Some(ms(1_002))));
    assert_eq!(probe.accepted, Some(ms(1_002)));
    assert_eq!(probe.first_attempt, Some(ms(1_002)));
    assert_eq!(probe.taken, Some(ms(1_005)), "the withheld one was no 250");
    assert_eq!((probe.history.attempts, probe.deferrals), (3, 1));
    assert_eq!(probe.destination, Some(destination(0)));
}

#[test]
fn a_withheld_reply_is_no_delivery_time() {
    let mut story = Story::begin();
    story.accept(0, 1);
    story.receive(0, 0, WITHHELD);
    assert_eq!(view(&story, 0).taken, None);
}

#[test]
fn attempts_written_out_of_order_keep_their_times() {
    let mut story = Story::begin();
    story.accept(0, 1);
    story.fail(0, DEFERRED, Stage::RcptTo);
    story.fail(0, AttemptOutcome::Rejected, Stage::RcptTo);
    let straight = view(&story, 0);
    written_early(&mut story);
    let turned = view(&story, 0);
    assert_eq!(straight.first_attempt, turned.first_attempt);
    assert!(!straight.history.retry_owed && !turned.history.retry_owed);
    story.fail(0, DEFERRED, Stage::RcptTo);
    assert!(view(&story, 0).history.retry_owed);
}

#[test]
fn an_attempt_written_before_its_offer_is_not_forgotten() {
    let mut story = Story::begin();
    story.accept(0, 1);
    let reception = story.receive(0, 0, TAKEN);
    let attempt = story.events.pop().expect("the attempt");
    story.events.insert(1, attempt);
    story.confirm(reception, Proof::Command);
    story.end(0);
    let judged = story.judge();
    assert_eq!(found(&judged).into_iter().collect::<Vec<_>>(), [("delivered", 1)]);
    assert_eq!(judged.verdict, LedgerVerdict::Valid);
}

/// A history has half a number's room for a first reception; at the edge none may be mixed up.
#[test]
fn receptions_beyond_four_billion_are_distinguished() {
    let edge = u64::from(u32::MAX);
    for before in [edge - 3, edge - 2, edge - 1, edge, 1 << 40] {
        let mut story = Story::begin();
        story.reception = before;
        story.accept(0, 1);
        story.accept(1, 1);
        story.receive(0, 0, TAKEN);
        story.deliver(1, 1);
        story.receive(1, 1, WITHHELD);
        let [first, second] = [0, 1].map(|probe| view(&story, probe).history);
        assert_eq!((first.confirmed, first.unconfirmed, first.withheld), (0, 1, 0), "{before}");
        assert_eq!((second.confirmed, second.unconfirmed, second.withheld), (1, 0, 1), "{before}");
        assert!(view(&story, 0).taken.is_some());
    }
}

#[test]
fn a_submission_without_an_end_has_no_known_outcome() {
    let mut story = Story::begin();
    story.accept(0, 1);
    story.deliver(0, 0);
    story.offer(1, 1);
    story.end(0);
    let judged = story.judge();
    assert_eq!(
        (judged.counts["indeterminate"], judged.counts["indeterminate_not_delivered"]),
        (1, 1)
    );
    assert_eq!((judged.counts["offered"], judged.counts["not_sent"]), (2, 0));
}

#[test]
fn a_bounce_that_names_no_recipient_is_that_of_one_that_was_rejected() {
    let bounced = |recipients| {
        let mut story = Story::begin();
        story.accept(0, recipients);
        story.fail(0, AttemptOutcome::Rejected, Stage::MailFrom);
        story.bounce(0, 0);
        if let Some(Event::Dsn(dsn)) = story.events.last_mut() {
            dsn.recipients[0].probe = None;
        }
        story.end(0);
        let counts = story.judge().counts;
        (counts["bounced"], counts["lost"])
    };
    assert_eq!((bounced(1), bounced(2)), ((1, 0), (1, 1)), "one block is about one recipient");
}

#[test]
fn a_malformed_dsn_is_flagged_and_one_to_the_null_sender_too() {
    let flagged = |null_sender, flaw: Option<&str>| {
        let mut story = Story::begin();
        story.accept(0, 1);
        story.fail(0, AttemptOutcome::Rejected, Stage::RcptTo);
        story.bounce(0, 0);
        if let Some(Event::Dsn(dsn)) = story.events.last_mut() {
            dsn.flaws.extend(flaw.map(str::to_owned));
        }
        let plan =
            |_, _| Some(Planned { destination: destination(0), null_sender, unsendable: false });
        let history = read(&plan, &story);
        history.probe(ProbeId(0)).expect("the probe").disposition.dsn_malformed
    };
    assert!(!flagged(false, None));
    assert!(flagged(false, Some("no Reporting-MTA")));
    assert!(flagged(true, None));
}

#[test]
fn a_rejected_message_of_the_null_sender_may_vanish() {
    let mut story = Story::begin();
    story.accept(0, 1);
    story.fail(0, AttemptOutcome::Rejected, Stage::RcptTo);
    story.end(0);
    let class = |null_sender| {
        let plan =
            |_, _| Some(Planned { destination: destination(0), null_sender, unsendable: false });
        read(&plan, &story).probe(ProbeId(0)).expect("the probe").disposition.class.name()
    };
    assert_eq!((class(true), class(false)), ("null_sender_discarded", "lost"));
}

fn read(plan: &Route<'_>, story: &Story) -> History {
    let mut reading = Reading::new(plan, Terms::default());
    story.events.iter().for_each(|event| reading.observe(event));
    reading.finish()
}

#[test]
fn two_strays_of_one_message_stand_for_two_recipients() {
    let mut story = Story::begin();
    story.accept(0, 1);
    story.deliver(0, 0);
    story.accept(1, 2);
    story.deliver(0, 1);
    story.deliver(0, 1);
    story.end(0);
    let judged = story.judge();
    let expected = [("delivered", 1), ("misrouted", 2)];
    assert_eq!(found(&judged).into_iter().collect::<Vec<_>>(), expected);
}

#[test]
fn a_stray_after_the_queue_was_seen_empty_shows_that_it_was_not() {
    let mut story = Story::begin();
    story.accept(0, 1);
    story.accept(1, 1);
    story.end(0);
    let closed = story.events.pop().expect("the close");
    story.deliver(500, 1);
    story.events.push(closed);
    let judged = story.judge();
    let expected = [("misrouted", 1), ("unaccounted", 1)];
    assert_eq!(found(&judged).into_iter().collect::<Vec<_>>(), expected);
}

#[test]
fn a_journal_cut_short_cannot_show_that_mail_outlived_its_time() {
    let mut story = Story::begin();
    story.accept(0, 1);
    story.fail(0, DEFERRED, Stage::RcptTo);
    story.wait_ms(4_000_000);
    story.accept(1, 1);
    story.deliver(1, 1);
    let cut = judge(&story.events, PATIENT);
    assert_eq!((cut.counts["unaccounted"], cut.counts["lost"]), (1, 0));
    story.end(0);
    story.events.retain(|event| !matches!(event, Event::Queue { .. }));
    assert_eq!(judge(&story.events, PATIENT).counts["lost"], 1);
}

#[test]
fn events_that_contradict_the_journal_are_a_bug_and_said() {
    let contradicted = |event: Option<fn(&mut Story)>| {
        let mut story = Story::begin();
        story.accept(0, 1);
        story.deliver(0, 0);
        story.end(0);
        let closed = story.events.pop().expect("the close");
        if let Some(event) = event {
            event(&mut story);
        }
        story.events.push(closed);
        story
    };
    let warned = |story: &Story| story.judge().warnings.iter().any(|it| it.id == "internal-error");
    assert!(!warned(&contradicted(None)));
    assert!(!warned(&contradicted(Some(|story| story.accept(PREFLIGHT.0, 1)))));
    assert!(warned(&contradicted(Some(|story| story.offer(0, 1)))), "offered twice");
    assert!(warned(&contradicted(Some(|story| story.offer(1 << 60, 1)))), "out of proportion");
    assert!(warned(&contradicted(Some(|story| story.submit(9, vec![accepted()])))));
    let mut late = contradicted(None);
    late.fail(0, DEFERRED, Stage::RcptTo);
    assert!(warned(&late), "after the close");
}

#[test]
fn messages_are_shown_too() {
    let mut story = Story::begin();
    story.accept(0, 3);
    story.offer(3, 1);
    let history = history_of(&story.events, Terms::default());
    let messages: Vec<_> = history.messages().map(|it| (it.message.0, it.recipients)).collect();
    assert_eq!(messages, [(0, 3), (3, 1)]);
    let done: Vec<bool> = history.messages().map(|it| it.done.is_some()).collect();
    assert_eq!((done, history.probes().count()), (vec![true, false], 4));
}

#[test]
fn while_reading_a_message_says_when_it_was_due() {
    let mut story = Story::begin();
    story.offer(0, 2);
    let plan = |_, _| None;
    let mut reading = Reading::new(&plan, Terms::default());
    assert_eq!(reading.due(MessageId(0)), None);
    story.events.iter().for_each(|event| reading.observe(event));
    assert_eq!(reading.due(MessageId(0)), Some(ms(1_000)));
    assert_eq!(reading.due(MessageId(1)), None, "a recipient is no message");
}

#[test]
fn evidence_is_in_order_of_time_and_bounded() {
    let mut story = Story::begin();
    story.accept(0, 1);
    (0..100).for_each(|_| story.fail(0, DEFERRED, Stage::RcptTo));
    story.events.reverse();
    story.events.sort_by_key(|event| !matches!(event, Event::Run(_) | Event::Offered { .. }));
    story.end(0);
    let judged = story.judge();
    let evidence = &judged.violations[0].evidence;
    assert_eq!(evidence.len(), mailbench::limits::EVIDENCE_LINES + 1);
    assert!(evidence[0].ends_with("message 0 due"), "{}", evidence[0]);
    assert!(evidence[2].contains("accepted by the target"), "{}", evidence[2]);
    assert_eq!(evidence.last().expect("a last line"), "and 53 more");
}

#[test]
fn many_violations_are_counted_and_the_worst_listed() {
    let mut story = Story::begin();
    for message in 0..300 {
        story.accept(message, 1);
    }
    for message in 0..150 {
        story.deliver(message, message);
        story.deliver(message, message);
    }
    story.end(0);
    let judged = story.judge();
    assert_eq!((judged.counts["lost"], judged.counts["duplicates_unexcused"]), (150, 150));
    assert_eq!(judged.violations.len(), mailbench::limits::VIOLATIONS_LISTED);
    assert!(judged.violations.iter().all(|violation| violation.class == "lost"));
}

#[test]
fn a_bit_flipped_in_the_journal_ends_it_there() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("journal.bin");
    let mut story = Story::begin();
    (0..20).for_each(|message| story.accept(message, 1));
    (0..20).for_each(|message| story.deliver(message, message));
    story.end(0);
    let mut writer = journal::Writer::create(&path).expect("a journal");
    story.events.iter().for_each(|event| writer.append(event));
    drop(writer);
    let mut bytes = std::fs::read(&path).expect("its bytes");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    let read: Vec<Event> = journal::Reader::new(&bytes[..]).expect("a journal").collect();
    assert!(!read.is_empty() && read.len() < story.events.len());
    assert_eq!(judge(&read, Terms::default()).verdict, LedgerVerdict::Unknown);
}

#[test]
fn an_indeterminate_probe_that_is_tried_and_put_off_is_pending() {
    let mut story = Story::begin();
    story.offer(0, 1);
    story.submit(0, vec![SubmitResult::Indeterminate { cause: "timed out".to_owned() }]);
    story.fail(0, DEFERRED, Stage::RcptTo);
    story.accept(1, 1);
    story.deliver(1, 1);
    story.end(1);
    let judged = story.judge();
    assert_eq!((judged.counts["pending"], judged.counts["indeterminate"]), (1, 1));
    assert!(judged.warnings.is_empty());
}
