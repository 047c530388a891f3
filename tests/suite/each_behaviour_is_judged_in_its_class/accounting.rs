//! Mail that is lost, repeated, invented or delivered where or when it must not be.

use super::case::{ALL, Case, REST, THIRD};
use crate::pipeline::mail::Mail;
use crate::pipeline::{Answer, Behaviour, HONEST, Which};
use mailbench::probe::EMBEDDED;

pub(super) fn unlawful() -> Vec<Case> {
    [lost(), repeated(), refused(), misdirected(), merged(), leftovers()].concat()
}

fn lost() -> Vec<Case> {
    let lost = [("delivered", REST), ("lost", THIRD)];
    vec![
        Case::defect("every third lost", |_, _| Vec::new(), &lost).lossy(),
        Case::unlawful(
            "the second recipient lost",
            Behaviour {
                act: |mail, _| vec![mail.copy_for(&mail.recipients[0])],
                which: Which::Load,
                ..HONEST
            },
            &[("delivered", ALL / 2), ("lost", ALL / 2)],
        )
        .set("message.recipients", "2")
        .set("load.messages", "6")
        .lossy(),
        Case::unlawful(
            "every third gone, while the queue never empties",
            Behaviour {
                act: |_, _| Vec::new(),
                which: Which::Third,
                claims: THIRD as usize,
                ..HONEST
            },
            &[("delivered", REST), ("pending", THIRD)],
        )
        .code(96)
        .lossy(),
    ]
}

fn repeated() -> Vec<Case> {
    let twice = [("delivered", ALL), ("duplicates", THIRD), ("duplicates_unexcused", THIRD)];
    let thrice =
        [("delivered", ALL), ("duplicates", 2 * THIRD), ("duplicates_unexcused", 2 * THIRD)];
    vec![
        Case::defect("a second copy for no reason", |mail, _| vec![mail.clone(), mail], &twice),
        Case::defect("three copies", |mail, _| vec![mail.clone(), mail.clone(), mail], &thrice),
        Case::unlawful(
            "a loss and a second copy of the next",
            Behaviour {
                act: |mail, _| match mail.number.unwrap_or_default() % 3 {
                    0 => Vec::new(),
                    1 => vec![mail.clone(), mail],
                    _ => vec![mail],
                },
                which: Which::Load,
                ..HONEST
            },
            &[
                ("delivered", REST),
                ("duplicates", THIRD),
                ("duplicates_unexcused", THIRD),
                ("lost", THIRD),
            ],
        )
        .lossy(),
    ]
}

fn refused() -> Vec<Case> {
    let some = |answer| Behaviour { answer, which: Which::Third, ..HONEST };
    vec![
        Case::unlawful(
            "refused, and delivered",
            some(Answer::Refuse),
            &[("delivered", REST), ("delivered_after_refusal", THIRD), ("refused", THIRD)],
        ),
        Case::unlawful(
            "delivered before the end of data",
            some(Answer::CutShort),
            &[("delivered", 2), ("delivered_before_end_of_data", 1), ("refused", 1)],
        )
        .samples(3)
        // More than the socket buffers between the two can hold.
        .set("message.size", "6MiB")
        .set("load.messages", "3"),
    ]
}

fn misdirected() -> Vec<Case> {
    let misrouted = [("delivered", REST), ("misrouted", THIRD)];
    vec![
        Case::defect(
            "delivered in the other domain",
            |mail, _| {
                vec![mail.recipients_made(|local, domain| match domain {
                    "one.test" => format!("{local}@two.test"),
                    _ => format!("{local}@one.test"),
                })]
            },
            &misrouted,
        )
        .samples(ALL),
        Case::unlawful(
            "recipients of two messages swapped",
            Behaviour { act: swap, which: Which::Load, ..HONEST },
            &[("misrouted", ALL)],
        ),
        Case::defect(
            "a message of its own",
            |mail, _| {
                let text = b"Subject: not yours\r\n\r\nhello\r\n".to_vec();
                let invented = Mail::new(
                    "someone@pipeline.test".to_owned(),
                    vec!["somebody@one.test".to_owned()],
                    text,
                );
                vec![invented, mail]
            },
            &[("delivered", ALL), ("phantom", THIRD)],
        ),
        Case::defect(
            "a message that one carried delivered as its own",
            |mail, _| {
                let number = EMBEDDED + mail.number.unwrap_or_default();
                let text = b"Subject: smuggled\r\n\r\nhello\r\n".to_vec();
                let smuggled =
                    Mail::new(mail.sender.clone(), vec![format!("mb+{number}@one.test")], text);
                vec![mail, smuggled]
            },
            &[("delivered", REST), ("smuggled", THIRD)],
        )
        .samples(ALL),
        Case::defect(
            "delivered to a stranger instead",
            |mail, _| vec![mail.copy_for("eve@evil.test")],
            &[("delivered", ALL), ("readdressed", THIRD), ("readdressed_violations", THIRD)],
        ),
    ]
}

/// Two messages exchange their recipients.
fn swap(mail: Mail, held: &mut Vec<Mail>) -> Vec<Mail> {
    let Some(first) = held.pop() else {
        held.push(mail);
        return Vec::new();
    };
    let to = [mail.recipients.clone(), first.recipients.clone()];
    let [one, two] = to;
    vec![first.to(one), mail.to(two)]
}

/// Two messages in one: the second in the first one's text.
fn merge(mail: Mail, held: &mut Vec<Mail>) -> Vec<Mail> {
    let Some(first) = held.pop() else {
        held.push(mail);
        return Vec::new();
    };
    let text = [&first.text[..], &mail.text].concat();
    vec![Mail { text, ..first }]
}

/// Two messages with bodies of one length exchange them, in whatever order they come.
fn exchange(mail: Mail, held: &mut Vec<Mail>) -> Vec<Mail> {
    let length = mail.halves().1.len();
    let Some(place) = held.iter().position(|other| other.halves().1.len() == length) else {
        held.push(mail);
        return Vec::new();
    };
    let first = held.remove(place);
    let (one, two) = (first.halves().1.to_vec(), mail.halves().1.to_vec());
    vec![first.body(|_| two), mail.body(|_| one)]
}

fn merged() -> Vec<Case> {
    let load = |act| Behaviour { act, which: Which::Load, ..HONEST };
    vec![
        Case::unlawful(
            "two messages made one",
            load(merge),
            &[("corrupted", ALL / 2), ("lost", ALL / 2)],
        )
        .samples(ALL / 2)
        .lossy(),
        Case::unlawful("bodies of two messages exchanged", load(exchange), &[("corrupted", ALL)])
            .samples(ALL),
    ]
}

/// Delivers, keeps a copy, and delivers that in the middle of the next run. The preflight message
/// of that run is kept as its mark.
fn again_later(mail: Mail, held: &mut Vec<Mail>) -> Vec<Mail> {
    if mail.is_preflight() {
        mark(&mail, held);
        return vec![mail];
    }
    if held.first().is_some_and(Mail::is_preflight) {
        return held.drain(1..).chain([mail]).collect();
    }
    held.push(mail.clone());
    vec![mail]
}

/// Notes that another run has begun.
fn mark(preflight: &Mail, held: &mut Vec<Mail>) {
    if held.first().is_some_and(|first| !first.is_preflight()) {
        held.insert(0, preflight.clone());
    }
}

/// In the next run delivers the last run's messages in place of the same ones of this run.
fn replay(mail: Mail, held: &mut Vec<Mail>) -> Vec<Mail> {
    if mail.is_preflight() {
        mark(&mail, held);
        return vec![mail];
    }
    if held.first().is_some_and(Mail::is_preflight) {
        let same = held.iter().find(|old| old.number == mail.number);
        return same.cloned().into_iter().collect();
    }
    held.push(mail.clone());
    vec![mail]
}

/// Mail of an earlier run that comes late is nobody's fault in this one.
pub(super) fn lawful() -> Vec<Case> {
    let late = |name| {
        Case::changes(name, again_later)
            .after_another_run()
            .lossy()
            .counts(&[("delivered", ALL), ("foreign", ALL)])
            .warns("holds 12 messages from before this run")
    };
    vec![
        late("mail of an earlier run comes late"),
        late("mail of an earlier run from the null sender comes late")
            .set("message.null_sender", "100%"),
    ]
}

fn leftovers() -> Vec<Case> {
    let replays = |name| {
        let behaviour = Behaviour { act: replay, hides: true, ..HONEST };
        let case = Case::unlawful(name, behaviour, &[("foreign", ALL), ("lost", ALL)]);
        case.after_another_run().lossy()
    };
    vec![
        replays("mail of an earlier run in place of this one's"),
        replays("mail of an earlier run in place of this one's, from the null sender")
            .set("message.null_sender", "100%"),
    ]
}
