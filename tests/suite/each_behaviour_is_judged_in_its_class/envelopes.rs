//! Rewritten envelopes: what a standard practice names for the same mailbox is lawful, the rest is
//! a violation unless it is declared.

use super::case::{ALL, Case, GREYLIST, LOST_REPLY, REST, THIRD, TWO, UNKNOWN};
use crate::pipeline::mail::Mail;
use crate::pipeline::{Behaviour, HONEST, Which};

/// Whole, and readdressed in a way that is permitted.
const READDRESSED: [(&str, u64); 2] = [("delivered", ALL), ("readdressed", ALL)];

pub(super) fn lawful() -> Vec<Case> {
    [senders(), recipients(), with_failures()].concat()
}

fn senders() -> Vec<Case> {
    let rewritten = |name, act| Case::changes(name, act).counts(&READDRESSED);
    vec![
        rewritten("sender rewritten by SRS", |mail, _| {
            vec![mail.sender_made(|local, domain| {
                format!("SRS0=HHH=TT={domain}={local}@forwarder.test")
            })]
        })
        .warns("sender = \"srs\""),
        rewritten("sender rewritten twice by SRS", |mail, _| {
            vec![mail.sender_made(|local, domain| {
                format!("SRS1=GGG=first.test==HHH=TT={domain}={local}@forwarder.test")
            })]
        })
        .warns("sender = \"srs\""),
        rewritten("sender tagged by BATV", |mail, _| {
            vec![mail.sender_made(|local, domain| format!("prvs=2545abcdef={local}@{domain}"))]
        })
        .warns("sender = \"batv\""),
        rewritten("sender made a list's VERP of ours", |mail, _| {
            vec![mail.sender_made(|local, domain| format!("l-bounces+{local}={domain}@lists.test"))]
        })
        .warns("sender = \"verp\""),
        rewritten("sender made a list's VERP of the recipient", |mail, _| {
            let to = mail.recipients[0].replace('@', "=");
            vec![mail.from(format!("list-return-5-{to}@lists.test"))]
        })
        .warns("sender = \"verp\""),
    ]
}

fn recipients() -> Vec<Case> {
    let same = |name, act| Case::changes(name, act);
    let rewritten = |name, act| Case::changes(name, act).counts(&READDRESSED);
    vec![
        same("recipients quoted", |mail, _| {
            vec![mail.recipients_made(|local, domain| format!("\"{local}\"@{domain}"))]
        }),
        same("recipients quoted with a backslash", |mail, _| {
            vec![mail.recipients_made(|local, domain| {
                format!("\"{}\"@{domain}", local.replace('+', "\\+"))
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
        rewritten("local-parts in upper case", |mail, _| {
            vec![mail.recipients_made(|local, domain| {
                format!("{}@{domain}", local.to_ascii_uppercase())
            })]
        })
        .warns("recipient = \"subaddress-stripped\""),
        rewritten("plus made minus", |mail, _| {
            vec![
                mail.recipients_made(|local, domain| {
                    format!("{}@{domain}", local.replace('+', "-"))
                }),
            ]
        })
        .warns("recipient = \"subaddress-stripped\""),
        rewritten("subaddress stripped", stripped).warns("recipient = \"subaddress-stripped\""),
        rewritten("subaddress stripped and sender rewritten by SRS", |mail, held| {
            let mail = mail.sender_made(|local, domain| {
                format!("SRS0=HHH=TT={domain}={local}@forwarder.test")
            });
            stripped(mail, held)
        }),
        rewritten("subaddresses of two recipients stripped", apart)
            .set("message.recipients", "2")
            .set("load.messages", "6"),
    ]
}

/// What is rewritten meets what happens to all mail.
fn with_failures() -> Vec<Case> {
    let strips = |name| Case::changes(name, stripped);
    let rest = ALL - TWO;
    vec![
        strips("subaddress stripped, retried after greylisting")
            .with(GREYLIST)
            .counts(&READDRESSED),
        strips("subaddress stripped, a second copy after a reply that was lost")
            .with(LOST_REPLY)
            .counts(&[
                ("ambiguous_receptions", ALL),
                ("delivered", ALL),
                ("duplicates", ALL),
                ("duplicates_excused", ALL),
                ("duplicates_withheld", ALL),
                ("readdressed", ALL),
            ]),
        Case::changes("subaddresses of two recipients stripped, refused and returned", apart)
            .with(UNKNOWN)
            .set("message.recipients", "2")
            .set("load.messages", "6")
            .counts(&[("bounced", TWO), ("delivered", rest), ("readdressed", rest)]),
        strips("subaddress stripped, refused and returned").with(UNKNOWN).counts(&[
            ("bounced", TWO),
            ("delivered", rest),
            ("readdressed", rest),
        ]),
        Case::changes("sender rewritten by SRS, refused and returned", |mail, _| {
            vec![mail.sender_made(|local, domain| {
                format!("SRS0=HHH=TT={domain}={local}@forwarder.test")
            })]
        })
        .with(UNKNOWN)
        .counts(&[("bounced", TWO), ("delivered", rest), ("readdressed", rest)]),
    ]
}

/// Strips subaddresses; each recipient in a transaction of its own.
fn apart(mail: Mail, _: &mut Vec<Mail>) -> Vec<Mail> {
    let to = |recipient: &String| {
        mail.copy_for(recipient).recipients_made(|_, domain| format!("mb@{domain}"))
    };
    mail.recipients.iter().map(to).collect()
}

fn stripped(mail: Mail, _: &mut Vec<Mail>) -> Vec<Mail> {
    vec![mail.recipients_made(|_, domain| format!("mb@{domain}"))]
}

/// A whole delivery under an envelope that no practice names and nothing declares.
const AMISS: [(&str, u64); 3] =
    [("delivered", ALL), ("readdressed", ALL), ("readdressed_violations", ALL)];

pub(super) fn unlawful() -> Vec<Case> {
    [undeclared(), copies(), with_defects()].concat()
}

/// All of it, the preflight message too.
fn rewritten(name: &'static str, act: fn(Mail, &mut Vec<Mail>) -> Vec<Mail>) -> Case {
    Case::unlawful(name, Behaviour { act, ..HONEST }, &AMISS)
}

fn undeclared() -> Vec<Case> {
    let sender = [("sender", "any")];
    let recipient = [("recipient", "any")];
    vec![
        rewritten("sender made a list's owner", |mail, _| vec![mail.from("list-owner@lists.test")])
            .declared(&sender, &READDRESSED)
            .warns("sender = \"any\""),
        rewritten("sender made null", |mail, _| vec![mail.from("")])
            .warns("sender = \"any\"")
            .declared(&sender, &READDRESSED),
        rewritten("alias in the same domain", |mail, _| {
            vec![mail.recipients_made(|_, domain| format!("alice@{domain}"))]
        })
        .warns("recipient = \"alias\"")
        .declared(&[("recipient", "alias")], &READDRESSED),
        rewritten("aliases that number the users of the domain", |mail, _| {
            vec![mail.recipients_made(|local, domain| {
                format!("user{}@{domain}", local.trim_start_matches("mb+"))
            })]
        })
        .declared(&[("recipient", "alias")], &READDRESSED),
        rewritten("alias in another domain", |mail, _| {
            vec![mail.recipients_made(|_, _| "alice@elsewhere.test".to_owned())]
        })
        .warns("recipient = \"any\"")
        .declared(&recipient, &READDRESSED),
    ]
}

/// A rewritten envelope hides nothing.
fn with_defects() -> Vec<Case> {
    let load = |act| Behaviour { act, which: Which::Load, ..HONEST };
    vec![
        Case::unlawful(
            "subaddress stripped, every third lost",
            load(|mail, held| match mail.is_third() {
                true => Vec::new(),
                false => stripped(mail, held),
            }),
            &[("delivered", REST), ("lost", THIRD), ("readdressed", REST)],
        )
        .lossy(),
        Case::unlawful(
            "subaddress stripped, every third twice",
            load(|mail, held| {
                let twice = mail.is_third();
                let sent = stripped(mail, held);
                if twice { [sent.clone(), sent].concat() } else { sent }
            }),
            &[
                ("delivered", ALL),
                ("duplicates", THIRD),
                ("duplicates_unexcused", THIRD),
                ("readdressed", ALL),
            ],
        ),
        rewritten("null sender and an alias: only the content is ours", |mail, _| {
            vec![mail.from("").recipients_made(|_, domain| format!("alice@{domain}"))]
        })
        .declared(&[("sender", "any"), ("recipient", "alias")], &READDRESSED),
    ]
}

fn copies() -> Vec<Case> {
    let copied = [("copied", ALL), ("copied_violations", ALL), ("delivered", ALL)];
    let third = [("copied", THIRD), ("copied_violations", THIRD), ("delivered", ALL)];
    let (meant, meant_third) =
        ([("copied", ALL), ("delivered", ALL)], [("copied", THIRD), ("delivered", ALL)]);
    let load = |act| Behaviour { act, which: Which::Load, ..HONEST };
    let archive = [("copies", "[\"archive@archive.test\"]")];
    vec![
        Case::unlawful(
            "a copy to an archive",
            load(|mail, _| vec![mail.copy_for("archive@archive.test"), mail]),
            &copied,
        )
        .declared(&archive, &meant),
        Case::unlawful(
            "a copy to an archive in the same transaction",
            load(|mut mail, _| {
                mail.recipients.push("archive@archive.test".to_owned());
                vec![mail]
            }),
            &copied,
        )
        .declared(&archive, &meant),
        Case::unlawful(
            "a copy to a second user of the domain, after",
            load(|mail, _| {
                let second = mail.clone().recipients_made(|_, domain| format!("bob@{domain}"));
                vec![mail, second]
            }),
            &copied,
        )
        .declared(&[("copies", "[\"bob@one.test\", \"bob@two.test\"]")], &meant),
        Case::unlawful(
            "a copy to a second user of the domain, before",
            load(|mail, _| {
                let second = mail.clone().recipients_made(|_, domain| format!("bob@{domain}"));
                vec![second, mail]
            }),
            &copied,
        )
        .declared(&[("copies", "[\"bob@one.test\", \"bob@two.test\"]")], &meant),
        Case::defect(
            "a copy of some to an eavesdropper",
            |mail, _| vec![mail.copy_for("eve@evil.test"), mail],
            &third,
        )
        .declared(&[("copies", "[\"eve@evil.test\"]")], &meant_third),
    ]
}
