//! Notices of every make: what returns mail that was refused is a bounce, whatever its form; what a
//! mailbox answers is none; what lies is a violation.

use super::case::{ALL, Case, GREYLIST, REST, THIRD, TWO, UNKNOWN};
use crate::pipeline::mail::Mail;
use crate::pipeline::notice::{Notice, Refused, compose};
use crate::pipeline::{Behaviour, HONEST, Which};

pub(super) fn lawful() -> Vec<Case> {
    [returned(), delayed(), answered()].concat()
}

fn returns(name: &'static str, notice: Notice) -> Case {
    Case::lawful(name, Behaviour { returns: Some(notice), ..HONEST }).with(UNKNOWN)
}

fn returned() -> Vec<Case> {
    let standard = [("bounced", TWO), ("delivered", ALL - TWO)];
    let other = [("bounced", TWO), ("delivered", ALL - TWO), ("dsn_nonstandard", TWO)];
    vec![
        returns("returned by the standard", Notice::Standard).counts(&standard),
        returns("returned by the standard without the message", Notice::Terse).counts(&standard),
        returns("returned by Exim 4.82 and later", Notice::EximReport).counts(&standard),
        returns("returned by a notice about the notice", Notice::Double).counts(&[
            ("bounced", TWO),
            ("delivered", ALL - TWO),
            ("dsn_malformed", TWO),
        ]),
        returns("returned by qmail", Notice::Qmail).counts(&other),
        returns("returned by Exim", Notice::Exim).counts(&other),
        returns("returned by Notes", Notice::Notes).counts(&other),
        returns("returned by Exchange", Notice::Exchange).counts(&other),
        returns("returned in a sentence", Notice::FreeText).counts(&other),
        returns("returned by Sendmail 8.8", Notice::Sendmail).counts(&other),
        returns("returned by GroupWise", Notice::GroupWise).counts(&other),
        returns("returned in words that speak of delay, too", Notice::AfterDelay).counts(&other),
    ]
}

fn delayed() -> Vec<Case> {
    let told = [("delivered", ALL), ("dsn_nonstandard", ALL)];
    let delays = |name, notice| {
        let behaviour = Behaviour { delayed: Some(notice), which: Which::Load, ..HONEST };
        Case::lawful(name, behaviour).with(GREYLIST)
    };
    vec![
        delays("a notice of delay by the standard, then delivery", Notice::Delayed),
        delays("a notice of delay by Exim, then delivery", Notice::DelayedExim).counts(&told),
        delays("a notice of delay by Sendmail, then delivery", Notice::DelayedSendmail)
            .counts(&told),
    ]
}

fn also(notice: Notice, mail: Mail) -> Vec<Mail> {
    let to = Refused::invented(mail.recipients.first().map_or("", String::as_str));
    vec![compose(notice, &mail, &[to]), mail]
}

fn answered() -> Vec<Case> {
    let load = |act| Behaviour { act, which: Which::Load, ..HONEST };
    let answers = [("auto_replies", ALL), ("delivered", ALL)];
    vec![
        Case::lawful("a notice that mail was relayed", load(|mail, _| also(Notice::Relayed, mail)))
            .with("[smtp.dsn]\nnotify = [\"success\", \"failure\"]\n"),
        Case::lawful("a vacation notice (RFC 3834)", load(|mail, _| also(Notice::Vacation, mail)))
            .counts(&answers),
        Case::lawful("a notice of absence", load(|mail, _| also(Notice::OutOfOffice, mail)))
            .counts(&answers),
    ]
}

pub(super) fn unlawful() -> Vec<Case> {
    vec![
        Case::defect(
            "bounced without a reason",
            |mail, _| vec![also(Notice::Standard, mail).swap_remove(0)],
            &[("delivered", REST), ("false_bounce", THIRD)],
        ),
        Case::defect(
            "bounced without a reason in qmail's form",
            |mail, _| vec![also(Notice::Qmail, mail).swap_remove(0)],
            &[("delivered", REST), ("dsn_nonstandard", THIRD), ("false_bounce", THIRD)],
        ),
        Case::defect(
            "bounced and delivered",
            |mail, _| also(Notice::Standard, mail),
            &[("bounced_and_delivered", THIRD), ("delivered", REST)],
        )
        .samples(ALL),
        Case::unlawful(
            "a notice from the postmaster's own address",
            Behaviour { returns: Some(Notice::FromPostmaster), ..HONEST },
            &[
                ("bounced", TWO),
                ("delivered", ALL - TWO),
                ("dsn_malformed", TWO),
                ("dsn_non_null_sender", TWO),
            ],
        )
        .with(UNKNOWN),
        Case::unlawful(
            "refused mail dropped without a notice",
            Behaviour { returns: None, ..HONEST },
            &[("delivered", ALL - TWO), ("lost", TWO)],
        )
        .with(UNKNOWN)
        .lossy(),
        Case::defect(
            "a notice about a notice of what was delivered",
            |mail, _| also(Notice::Double, mail),
            &[("bounced_and_delivered", THIRD), ("delivered", REST), ("dsn_malformed", THIRD)],
        )
        .samples(ALL),
        Case::defect(
            "a notice of delay, and never delivered",
            |mail, _| vec![also(Notice::Delayed, mail).swap_remove(0)],
            &[("delivered", REST), ("lost", THIRD)],
        )
        .lossy(),
        Case::defect(
            "a vacation notice instead of delivery",
            |mail, _| vec![also(Notice::Vacation, mail).swap_remove(0)],
            &[("auto_replies", THIRD), ("delivered", REST), ("lost", THIRD)],
        )
        .lossy(),
    ]
}
