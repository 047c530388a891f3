//! Which probe rewritten mail stands for, which of it is a copy, and what of it is permitted.

use super::declared::{DeclaredEnvelopes, RecipientRule, SenderRule};
use super::tests::{accepted, at, closed, confirmed, taken};
use super::*;
use crate::ledger::class::Class;
use crate::ledger::event::{Change, NoticeKind, Recognised};
use crate::smtp::stage::Stage;

/// Every recipient goes to the destination of its number by three.
fn plan(_: MessageId, probe: ProbeId) -> Option<Planned> {
    let destination = home(probe.0);
    Some(Planned { destination, null_sender: false, unsendable: false })
}

fn home(probe: u64) -> DestinationId {
    DestinationId(u16::try_from(probe / 3).expect("a small number"))
}

fn verp(message: u64) -> String {
    format!("b+nonce.{message}@bounce.mailbench.test")
}

/// Content of a message for an address that names no probe, at the destination of this number.
fn came(message: u64, destination: u16, number: u64, recipient: &str) -> Event {
    let mut attempt = taken(message, 10 + number, number, message);
    attempt.destination = Some(DestinationId(destination));
    Event::Recognised(Recognised {
        attempt,
        message: Some(MessageId(message)),
        original: None,
        reverse_path: verp(message),
        recipient: recipient.to_owned(),
    })
}

/// Content for a probe under its own name.
fn own(probe: u64, number: u64, message: u64) -> Event {
    let attempt = taken(probe, 10 + number, number, message);
    Event::Attempt(Attempt { destination: Some(home(probe)), ..attempt })
}

fn named(probe: u64, event: Event) -> Event {
    let Event::Recognised(recognised) = event else { return event };
    Event::Recognised(Recognised { original: Some(ProbeId(probe)), ..recognised })
}

/// The history of these events after those of one message of so many recipients.
fn followed(recipients: u16, declared: &DeclaredEnvelopes, more: &[Event]) -> History {
    let mut events: Vec<Event> = accepted(0, recipients).into();
    events.extend_from_slice(more);
    events.extend((1..20).map(confirmed));
    events.extend([Event::Queue { at: at(90), total: 0, active: 0, deferred: 0 }, closed(91)]);
    let terms = Terms::default();
    let mut first = Reading::new(&plan, terms).declaring(declared.clone());
    events.iter().for_each(|event| first.observe(event));
    let (history, bindings) = first.finish_unbound();
    let Some(bindings) = bindings else { return history };
    let mut again = Reading::new(&plan, terms).declaring(declared.clone()).bound();
    bindings.apply(events.into_iter()).for_each(|event| again.observe(&event));
    again.finish()
}

/// Of each probe: its class by its first letters, whether it was readdressed, its copies.
fn classes(history: &History) -> Vec<(Class, bool, u32)> {
    let class = |it: ProbeView| (it.disposition.class, it.history.readdressed, it.history.copies);
    history.probes().map(class).collect()
}

const WHOLE: (Class, bool, u32) = (Class::Delivered, false, 0);
const OTHER: (Class, bool, u32) = (Class::Delivered, true, 0);
const COPIED: (Class, bool, u32) = (Class::Delivered, false, 1);
const LOST: (Class, bool, u32) = (Class::Lost, false, 0);

#[test]
fn what_names_no_probe_is_bound_by_elimination() {
    let archive = |number| came(0, 0, number, "archive@a.test");
    let shared = |number| came(0, 0, number, "mb@a.test");
    let alias = |number, user: &str| came(0, 0, number, &format!("{user}@a.test"));
    for (recipients, events, expected) in [
        (1, vec![alias(1, "alice")], vec![OTHER]),
        // Before or after the recipient itself, an archive gets a copy.
        (1, vec![archive(1), own(0, 2, 0)], vec![COPIED]),
        (1, vec![own(0, 1, 0), archive(2)], vec![COPIED]),
        // Copies count by address, not by attempt.
        (1, vec![own(0, 1, 0), archive(2), archive(3)], vec![COPIED]),
        (2, vec![own(0, 1, 0), alias(2, "bob")], vec![WHOLE, OTHER]),
        (2, vec![alias(1, "bob"), own(0, 2, 0)], vec![WHOLE, OTHER]),
        (2, vec![alias(1, "alice"), alias(2, "bob")], vec![OTHER, OTHER]),
        (2, vec![alias(1, "alice")], vec![OTHER, LOST]),
        // An address that several may share stands for one after the other.
        (3, vec![shared(1), shared(2), shared(3)], vec![OTHER; 3]),
        (2, vec![shared(1), shared(2)], vec![OTHER; 2]),
        // ORCPT says which.
        (2, vec![named(1, alias(1, "bob"))], vec![LOST, OTHER]),
        // If it names one of the message's.
        (2, vec![named(9, alias(1, "bob"))], vec![OTHER, LOST]),
        // A second destination has its own recipients.
        (4, vec![came(0, 1, 1, "x@b.test")], vec![LOST, LOST, LOST, OTHER]),
        // Elsewhere: the first that is missing.
        (1, vec![came(0, 7, 1, "x@else.test")], vec![OTHER]),
        (1, vec![own(0, 1, 0), came(0, 7, 2, "x@else.test")], vec![COPIED]),
    ] {
        let history = followed(recipients, &DeclaredEnvelopes::default(), &events);
        assert_eq!(classes(&history), expected, "{events:#?}");
        assert_eq!(history.phantom_count(), 0);
    }
}

/// The same with content that changed so.
fn changed(event: Event, change: Change) -> Event {
    let spoil = |attempt: &mut Attempt| {
        attempt.content.iter_mut().for_each(|content| content.changes.push(change));
    };
    match event {
        Event::Recognised(mut it) => {
            spoil(&mut it.attempt);
            Event::Recognised(it)
        }
        other => other,
    }
}

#[test]
fn the_content_of_a_copy_is_judged_whether_it_is_declared_or_not() {
    let copies = vec!["\"archive\"@A.test.".to_owned()];
    let declared = DeclaredEnvelopes { copies, ..DeclaredEnvelopes::default() };
    for declared in [DeclaredEnvelopes::default(), declared] {
        for (change, class) in [
            (Change::Truncated, Class::Corrupted),
            (Change::SubjectChanged, Class::Altered),
            (Change::Folding, Class::Delivered),
            // A journal report holds the message.
            (Change::Attached, Class::Delivered),
        ] {
            let copy = |number| changed(came(0, 0, number, "archive@a.test"), change);
            for events in [[own(0, 1, 0), copy(2)], [copy(1), own(0, 2, 0)]] {
                let history = followed(1, &declared, &events);
                assert_eq!(classes(&history), [(class, false, 1)], "{change:?} {declared:?}");
                assert_eq!(history.changes().collect::<Vec<_>>(), [(change, 1)]);
            }
        }
    }
}

#[test]
fn a_damaged_copy_hides_no_loss() {
    let copies = vec!["archive@a.test".to_owned()];
    let declared = DeclaredEnvelopes { copies, ..DeclaredEnvelopes::default() };
    let copy = changed(came(0, 0, 1, "archive@a.test"), Change::Truncated);
    assert_eq!(classes(&followed(1, &declared, &[copy])), [(Class::Lost, false, 1)]);
}

#[test]
fn one_address_twice_is_the_same_probe_twice() {
    for address in ["alice@a.test", "mb@a.test"] {
        let twice = [came(0, 0, 1, address), came(0, 0, 2, address)];
        let history = followed(1, &DeclaredEnvelopes::default(), &twice);
        let probe = history.probe(ProbeId(0)).expect("a probe");
        assert_eq!((probe.history.confirmed, probe.disposition.duplicates.unexcused), (2, 1));
        assert_eq!(probe.history.copies, 0);
    }
}

#[test]
fn an_archive_known_from_one_message_is_one_for_all() {
    // Of the second message only the archive got anything.
    let mut events = vec![own(0, 1, 0), came(0, 0, 2, "archive@a.test")];
    events.extend(accepted(1, 1));
    events.push(came(1, 0, 3, "archive@a.test"));
    let history = followed(1, &DeclaredEnvelopes::default(), &events);
    assert_eq!(classes(&history), [COPIED, (Class::Lost, false, 1)]);
}

#[test]
fn an_address_that_recipients_may_share_is_no_archive() {
    // Beside all recipients of the first message it is a copy; of the second it is a recipient.
    let mut events = vec![own(0, 1, 0), came(0, 0, 2, "mb@a.test")];
    events.extend(accepted(1, 1));
    events.push(came(1, 0, 3, "mb@a.test"));
    let history = followed(1, &DeclaredEnvelopes::default(), &events);
    assert_eq!(classes(&history), [COPIED, OTHER]);
}

#[test]
fn an_address_of_a_message_that_was_never_offered_is_no_archive() {
    let events = [came(9, 0, 1, "alice@a.test"), came(0, 0, 2, "alice@a.test")];
    let history = followed(1, &DeclaredEnvelopes::default(), &events);
    assert_eq!((classes(&history), history.phantom_count()), (vec![OTHER], 1));
}

#[test]
fn a_refusal_of_a_further_address_is_no_copy() {
    let Event::Recognised(mut refused) = came(0, 0, 2, "archive@a.test") else { unreachable!() };
    refused.attempt.outcome = AttemptOutcome::Deferred;
    let events = [own(0, 1, 0), Event::Recognised(refused)];
    assert_eq!(classes(&followed(1, &DeclaredEnvelopes::default(), &events)), [WHOLE]);
}

#[test]
fn a_refused_recipient_explains_missing_mail() {
    let Event::Recognised(mut refused) = came(0, 0, 1, "bob@a.test") else { unreachable!() };
    refused.attempt.outcome = AttemptOutcome::Rejected;
    let events = [
        Event::Recognised(refused),
        came(0, 0, 2, "alice@a.test"),
        Event::Notice(notice(NoticeKind::Failed, &[])),
    ];
    let history = followed(2, &DeclaredEnvelopes::default(), &events);
    assert_eq!(classes(&history), [OTHER, (Class::Bounced, false, 0)]);
}

#[test]
fn a_declared_copy_is_never_bound_to_a_recipient() {
    let copies = vec!["archive@a.test".to_owned()];
    let declared = DeclaredEnvelopes { copies, ..DeclaredEnvelopes::default() };
    let history = followed(1, &declared, &[came(0, 0, 1, "Archive@A.test")]);
    assert_eq!(classes(&history), [(Class::Lost, false, 1)]);
    let probe = history.probe(ProbeId(0)).expect("a probe");
    assert_eq!((probe.history.copies, probe.history.copies_amiss), (1, 0));
}

#[test]
fn a_rejection_of_a_rewritten_recipient_explains_a_bounce() {
    let refused = |message: Option<u64>| {
        let Event::Recognised(mut it) = came(0, 0, 1, "alice@a.test") else { unreachable!() };
        it.attempt.outcome = AttemptOutcome::Rejected;
        it.attempt.stage = Stage::RcptTo;
        it.message = message.map(MessageId);
        Event::Recognised(it)
    };
    let bounced = Event::Notice(notice(NoticeKind::Failed, &[]));
    for by in [Some(0), None] {
        let history = followed(1, &DeclaredEnvelopes::default(), &[refused(by), bounced.clone()]);
        assert_eq!(classes(&history)[0].0, Class::Bounced, "{by:?}");
    }
    let history = followed(1, &DeclaredEnvelopes::default(), &[bounced]);
    assert_eq!(classes(&history)[0].0, Class::FalseBounce);
}

#[test]
fn what_put_off_a_recipient_that_nothing_names_explains_a_bounce() {
    for (outcome, class) in [
        (AttemptOutcome::Deferred, Class::Bounced),
        (AttemptOutcome::Broken, Class::Bounced),
        (AttemptOutcome::Withheld, Class::Bounced),
        (AttemptOutcome::Abandoned, Class::FalseBounce),
    ] {
        let Event::Recognised(mut it) = came(0, 0, 1, "alice@a.test") else { unreachable!() };
        (it.attempt.outcome, it.message) = (outcome, None);
        let bounced = Event::Notice(notice(NoticeKind::Failed, &[]));
        let seen = [Event::Recognised(it), bounced];
        let history = followed(1, &DeclaredEnvelopes::default(), &seen);
        assert_eq!(classes(&history)[0].0, class, "{outcome:?}");
    }
}

/// One reception of probe 0, whose home is destination 0: misrouted, readdressed, and amiss.
#[test]
fn a_reception_elsewhere_is_misrouted_unless_bound_to_the_recipient() {
    let any = DeclaredEnvelopes { recipient: RecipientRule::Any, ..DeclaredEnvelopes::default() };
    let alias =
        DeclaredEnvelopes { recipient: RecipientRule::Alias, ..DeclaredEnvelopes::default() };
    let standard = DeclaredEnvelopes::default();
    let (at_home, elsewhere, nowhere) = (Some(0), Some(1), None);
    for (declared, place, recipient, expected) in [
        (&standard, at_home, None, (false, false, false)),
        (&standard, elsewhere, None, (true, false, false)),
        (&standard, nowhere, None, (true, false, false)),
        (&any, nowhere, None, (false, true, false)),
        (&any, elsewhere, None, (true, false, false)),
        (&standard, at_home, Some("MB+0@a.test"), (false, true, false)),
        (&standard, elsewhere, Some("MB+0@b.test"), (true, false, false)),
        (&standard, at_home, Some("x@a.test"), (false, true, true)),
        (&alias, at_home, Some("x@a.test"), (false, true, false)),
        (&standard, elsewhere, Some("x@b.test"), (false, true, true)),
        (&alias, elsewhere, Some("x@b.test"), (false, true, true)),
        (&any, elsewhere, Some("x@b.test"), (false, true, false)),
        (&any, nowhere, Some("x@b.test"), (false, true, false)),
    ] {
        let mut attempt = taken(0, 11, 1, 0);
        attempt.destination = place.map(DestinationId);
        let (at, session, reverse_path) = (at(11), attempt.session, verp(0));
        let envelope = recipient.map(|recipient| {
            let recipient = recipient.to_owned();
            Event::Readdressed(Readdressed {
                at,
                session,
                probe: ProbeId(0),
                reverse_path,
                recipient,
            })
        });
        let events: Vec<Event> = envelope.into_iter().chain([Event::Attempt(attempt)]).collect();
        let probe = followed(1, declared, &events).probe(ProbeId(0)).expect("a probe").history;
        let seen = (probe.misrouted, probe.readdressed, probe.addressed_amiss);
        assert_eq!(seen, expected, "{declared:?} {place:?} {recipient:?}");
    }
}

#[test]
fn a_rewritten_sender_or_recipient_is_permitted_by_form() {
    let seen = |sender: &str, recipient: &str| {
        let (reverse_path, recipient) = (sender.to_owned(), recipient.to_owned());
        Event::Readdressed(Readdressed {
            at: at(11),
            session: 1,
            probe: ProbeId(0),
            reverse_path,
            recipient,
        })
    };
    let srs = "SRS0=H=T=bounce.mailbench.test=b+nonce.0@f.test";
    let any = DeclaredEnvelopes { sender: SenderRule::Any, ..DeclaredEnvelopes::default() };
    let to_any =
        DeclaredEnvelopes { recipient: RecipientRule::Any, ..DeclaredEnvelopes::default() };
    for (declared, sender, recipient, amiss) in [
        (&DeclaredEnvelopes::default(), srs, "mb+0@a.test", false),
        (&DeclaredEnvelopes::default(), "list@list.test", "mb+0@a.test", true),
        (&any, "list@list.test", "mb+0@a.test", false),
        (&DeclaredEnvelopes::default(), &verp(0), "mb-0@a.test", false),
        (&DeclaredEnvelopes::default(), &verp(0), "x@a.test", true),
        (&to_any, &verp(0), "x@a.test", false),
    ] {
        let history = followed(1, declared, &[seen(sender, recipient), own(0, 1, 0)]);
        let probe = history.probe(ProbeId(0)).expect("a probe").history;
        assert_eq!((probe.readdressed, probe.addressed_amiss), (true, amiss), "{sender}");
        assert!(!probe.misrouted);
    }
}

/// A notice about message 0 that names these probes.
fn notice(kind: NoticeKind, recipients: &[u64]) -> Notice {
    Notice {
        at: at(40),
        session: 1,
        null_sender: true,
        message: Some(MessageId(0)),
        kind,
        recipients: recipients.iter().map(|probe| ProbeId(*probe)).collect(),
        subject: String::new(),
    }
}

#[test]
fn a_notice_is_about_those_it_names_else_the_rejected_else_the_missing() {
    let rejected = |probe: u64| {
        let mut attempt = taken(probe, 12, 9, 0);
        attempt.outcome = AttemptOutcome::Rejected;
        attempt.content = None;
        Event::Attempt(Attempt { destination: Some(home(probe)), ..attempt })
    };
    let bounced = |events: &[Event]| {
        let history = followed(3, &DeclaredEnvelopes::default(), events);
        assert_eq!(history.unmatched_dsns(), 0);
        let bounced = history.probes().filter(|probe| probe.history.bounces > 0);
        bounced.map(|probe| probe.probe.0).collect::<Vec<_>>()
    };
    let failed = |named: &[u64]| Event::Notice(notice(NoticeKind::Failed, named));
    assert_eq!(bounced(&[failed(&[2]), rejected(1)]), [2]);
    assert_eq!(bounced(&[rejected(1), failed(&[])]), [1]);
    assert_eq!(bounced(&[failed(&[]), own(0, 1, 0)]), [1, 2]);
    let all = [own(0, 1, 0), own(1, 2, 0), own(2, 3, 0), failed(&[])];
    assert_eq!(bounced(&all), [0, 1, 2]);
    assert_eq!(bounced(&[Event::Notice(notice(NoticeKind::Delayed, &[1]))]), [0; 0]);
    // A recipient of another message is none of its.
    assert_eq!(bounced(&[failed(&[7]), rejected(1)]), [1]);
}

#[test]
fn notices_are_counted_by_what_is_wrong_with_them() {
    let with_sender = Notice { null_sender: false, ..notice(NoticeKind::Failed, &[0]) };
    let history = followed(1, &DeclaredEnvelopes::default(), &[Event::Notice(with_sender)]);
    assert_eq!(history.dsns_with_sender(), 1);
    let probe = history.probe(ProbeId(0)).expect("a probe").history;
    assert!(probe.dsn_nonstandard && probe.dsn_malformed);
    let automatic = Event::Notice(notice(NoticeKind::AutoReply, &[]));
    let history = followed(1, &DeclaredEnvelopes::default(), &[automatic, own(0, 1, 0)]);
    assert_eq!((history.auto_replies(), history.unmatched_dsns()), (1, 0));
    assert_eq!(classes(&history), [WHOLE]);
}
