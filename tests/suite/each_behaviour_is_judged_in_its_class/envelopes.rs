//! Rewritten envelopes: what a standard practice names for the same mailbox is lawful, the rest is
//! a violation unless it is declared.

use super::case::{ALL, Case, THIRD};
use crate::pipeline::mail::Mail;
use crate::pipeline::{Behaviour, HONEST, Which};

/// Whole, and readdressed in a way that is permitted.
const READDRESSED: [(&str, u64); 2] = [("delivered", ALL), ("readdressed", ALL)];

pub(super) fn lawful() -> Vec<Case> {
    [senders(), recipients()].concat()
}

fn senders() -> Vec<Case> {
    let rewritten = |name, act| Case::changes(name, act).counts(&READDRESSED);
    vec![
        rewritten("sender rewritten by SRS", |mail, _| {
            vec![mail.sender_made(|local, domain| {
                format!("SRS0=HHH=TT={domain}={local}@forwarder.test")
            })]
        }),
        rewritten("sender rewritten twice by SRS", |mail, _| {
            vec![mail.sender_made(|local, domain| {
                format!("SRS1=GGG=first.test==HHH=TT={domain}={local}@forwarder.test")
            })]
        }),
        rewritten("sender tagged by BATV", |mail, _| {
            vec![mail.sender_made(|local, domain| format!("prvs=2545abcdef={local}@{domain}"))]
        }),
    ]
}

fn recipients() -> Vec<Case> {
    let same = |name, act| Case::changes(name, act);
    vec![
        same("recipients quoted", |mail, _| {
            vec![mail.recipients_made(|local, domain| format!("\"{local}\"@{domain}"))]
        }),
        same("recipients quoted with a backslash", |mail, _| {
            vec![mail.recipients_made(|local, domain| {
                format!("\"{}\"@{domain}", local.replace('+', "\\+"))
            })]
        }),
        same("local-parts in upper case", |mail, _| {
            vec![mail.recipients_made(|local, domain| {
                format!("{}@{domain}", local.to_ascii_uppercase())
            })]
        }),
        same("domains in upper case", |mail, _| {
            vec![mail.recipients_made(|local, domain| {
                format!("{local}@{}", domain.to_ascii_uppercase())
            })]
        }),
        same("a source route (RFC 5321 Appendix C)", |mail, _| {
            vec![mail.recipients_made(|local, domain| format!("@a.test,@b.test:{local}@{domain}"))]
        }),
        Case::changes("subaddress stripped", |mail, _| {
            vec![mail.recipients_made(|_, domain| format!("mb@{domain}"))]
        })
        .counts(&READDRESSED),
    ]
}

/// A whole delivery at an address that nothing excuses.
const ELSEWHERE: [(&str, u64); 1] = [("readdressed", ALL)];

/// Declared in the scenario.
const DECLARED: [(&str, u64); 2] = READDRESSED;

pub(super) fn unlawful() -> Vec<Case> {
    [undeclared_senders(), undeclared_recipients(), copies()].concat()
}

/// All of the load: what the preflight is called matters not.
fn rewritten(name: &'static str, act: fn(Mail, &mut Vec<Mail>) -> Vec<Mail>) -> Case {
    Case::unlawful(name, Behaviour { act, ..HONEST }, &ELSEWHERE).samples(ALL)
}

fn undeclared_senders() -> Vec<Case> {
    let any = [("sender", "any")];
    vec![
        rewritten("sender made a list's VERP", |mail, _| {
            vec![mail.recipients.clone().into_iter().fold(mail, |mail, to| {
                mail.from(format!("list-return-5-{}@lists.test", to.replace('@', "=")))
            })]
        })
        .declared(&[("sender", "verp")], &DECLARED),
        rewritten("sender made a list's owner", |mail, _| vec![mail.from("list-owner@lists.test")])
            .declared(&any, &DECLARED),
        rewritten("sender made null", |mail, _| vec![mail.from("")]).declared(&any, &DECLARED),
    ]
}

fn undeclared_recipients() -> Vec<Case> {
    vec![
        rewritten("plus made minus", |mail, _| {
            vec![
                mail.recipients_made(|local, domain| {
                    format!("{}@{domain}", local.replace('+', "-"))
                }),
            ]
        })
        .declared(&[("recipient", "any")], &DECLARED),
        rewritten("alias in the same domain", |mail, _| {
            vec![mail.recipients_made(|_, domain| format!("alice@{domain}"))]
        })
        .declared(&[("recipient", "alias")], &DECLARED),
        rewritten("alias in another domain", |mail, _| {
            vec![mail.recipients_made(|_, _| "alice@elsewhere.test".to_owned())]
        })
        .declared(&[("recipient", "any")], &DECLARED),
    ]
}

fn copies() -> Vec<Case> {
    let copied = [("copied", ALL), ("delivered", ALL)];
    let third = [("copied", THIRD), ("delivered", ALL)];
    let load = |act| Behaviour { act, which: Which::Load, ..HONEST };
    let archive = [("copies", "[\"archive@archive.test\"]")];
    vec![
        Case::unlawful(
            "a copy to an archive",
            load(|mail, _| vec![mail.copy_for("archive@archive.test"), mail]),
            &copied,
        )
        .declared(&archive, &copied),
        Case::unlawful(
            "a copy to an archive in the same transaction",
            load(|mut mail, _| {
                mail.recipients.push("archive@archive.test".to_owned());
                vec![mail]
            }),
            &copied,
        )
        .declared(&archive, &copied),
        Case::unlawful(
            "a copy to a second user of the domain",
            load(|mail, _| {
                let second = mail.clone().recipients_made(|_, domain| format!("bob@{domain}"));
                vec![mail, second]
            }),
            &copied,
        )
        .declared(&[("copies", "[\"bob@one.test\", \"bob@two.test\"]")], &copied),
        Case::defect(
            "a copy of some to an eavesdropper",
            |mail, _| vec![mail.copy_for("eve@evil.test"), mail],
            &third,
        )
        .declared(&[("copies", "[\"eve@evil.test\"]")], &third),
    ]
}
