//! Lawful work on headers and on content encodings: none of it is a finding.

use super::case::Case;
use super::messages::{BARE, BRACKETS, FOLDED, LOCAL, STAMPED};
use crate::pipeline::mail::Mail;
use crate::pipeline::text::{base64, folded, name, quoted_printable, reencoded, unfolded};

const RECEIVED: &str = "Received: from a.test (a.test [127.0.0.1])\r\n\
    \tby pipeline.test with ESMTP id 4XyZ; Sun, 1 Nov 2026 12:00:00 +0000 (UTC)";

const SIGNATURE: &str = "DKIM-Signature: v=1; a=ed25519-sha256; d=pipeline.test; s=x; c=relaxed/relaxed;\r\n\
    \th=From:To:Subject; bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=;\r\n\tb=AAAA";

const ARC: [&str; 3] = [
    "ARC-Seal: i=1; a=rsa-sha256; cv=none; d=pipeline.test; s=x; b=AAAA",
    "ARC-Message-Signature: i=1; a=rsa-sha256; d=pipeline.test; s=x;\r\n\th=From; bh=AAAA; b=AAAA",
    "ARC-Authentication-Results: i=1; pipeline.test; spf=pass",
];

pub(super) fn lawful() -> Vec<Case> {
    [added(), rewritten(), corpus(), encodings()].concat()
}

fn added() -> Vec<Case> {
    vec![
        Case::changes("nothing", |mail, _| vec![mail]).kinds(&[]),
        Case::changes("a Received field added", |mail, _| vec![mail.trace(&[RECEIVED])]).kinds(&[]),
        Case::changes("trace fields of three hops added", |mail, _| {
            let own = ["Return-Path: <a@a.test>", "Delivered-To: b@b.test", RECEIVED];
            vec![mail.trace(&[RECEIVED, RECEIVED]).trace(&own)]
        }),
        Case::changes("a spam filter's fields added before all others", |mail, _| {
            vec![mail.trace(&["X-Spam-Status: No, score=0.1", "X-Spam-Level: "])]
        }),
        Case::changes("fields added after all others", |mail, _| {
            vec![mail.appended(&["X-Virus-Scanned: clean", "X-Loop: pipeline.test"])]
        })
        .kinds(&["header-added"]),
        Case::changes("a field added in the middle", |mail, _| {
            vec![mail.head(|mut fields| {
                fields.insert(fields.len() / 2, "X-Originating-IP: [127.0.0.1]".to_owned());
                fields
            })]
        })
        .kinds(&["header-added"]),
        Case::changes("list fields added (RFC 2369)", |mail, _| {
            vec![mail.appended(&["List-Id: <l.lists.test>", "List-Unsubscribe: <mailto:l@a.test>"])]
        }),
        Case::changes("Resent fields added (RFC 5322 §3.6.6)", |mail, _| {
            let date = "Resent-Date: Sun, 1 Nov 2026 12:00:00 +0000";
            vec![mail.trace(&["Resent-From: c@c.test", "Resent-To: d@d.test", date])]
        }),
        Case::changes("a DKIM signature added", |mail, _| vec![mail.trace(&[SIGNATURE])]),
        Case::changes("an ARC set added", |mail, _| vec![mail.trace(&ARC)]),
        Case::changes("Authentication-Results added", |mail, _| {
            vec![mail.trace(&["Authentication-Results: pipeline.test; dkim=none"])]
        }),
    ]
}

fn rewritten() -> Vec<Case> {
    vec![
        Case::changes("fields folded at 78 by spaces", |mail, _| {
            vec![mail.each_field(|field| folded(field, " ", 78))]
        })
        // None of ours needs it.
        .kinds(&[]),
        Case::changes("fields folded at 40 by tabs", |mail, _| {
            vec![mail.each_field(|field| folded(field, "\t", 40))]
        })
        .kinds(&["folding"]),
        Case::changes("fields unfolded", |mail, _| vec![mail.each_field(unfolded)])
            .kinds(&["folding"])
            .of(FOLDED),
        Case::changes("fields refolded", |mail, _| {
            vec![mail.each_field(|field| folded(&unfolded(field).replace('\t', " "), "\t", 78))]
        })
        .of(FOLDED),
        Case::changes("fields in reverse order", |mail, _| {
            vec![mail.head(|fields| fields.into_iter().rev().collect())]
        })
        .kinds(&["header-order"]),
        Case::changes("fields sorted by name", |mail, _| {
            vec![mail.head(|mut fields| {
                fields.sort_by_key(name);
                fields
            })]
        })
        .kinds(&["header-order"]),
        Case::changes("names of fields in upper case", |mail, _| {
            vec![mail.each_field(|field| renamed(field, str::to_ascii_uppercase))]
        })
        .kinds(&["header-case"]),
        Case::changes("names of fields in lower case", |mail, _| {
            vec![mail.each_field(|field| renamed(field, str::to_ascii_lowercase))]
        })
        .kinds(&["header-case"]),
        Case::changes("no space after the colon", |mail, _| {
            vec![mail.each_field(|field| field.replacen(": ", ":", 1))]
        })
        .kinds(&["folding"]),
        Case::changes("two spaces after the colon", |mail, _| {
            vec![mail.each_field(|field| field.replacen(": ", ":  ", 1))]
        })
        .kinds(&["folding"]),
        Case::changes("white space at the end of fields", |mail, _| {
            vec![mail.each_field(|field| format!("{field} "))]
        })
        .kinds(&["folding"]),
        Case::changes("all of it at once", |mail, _| {
            let mail = mail.each_field(|field| renamed(field, str::to_ascii_lowercase));
            let mail = mail.head(|fields| fields.into_iter().rev().collect());
            let mail = mail.each_field(|field| folded(field, "\t", 40));
            vec![mail.trace(&[RECEIVED]).appended(&["X-Virus-Scanned: clean"])]
        }),
    ]
}

fn renamed(field: &str, make: fn(&str) -> String) -> String {
    let (name, value) = field.split_once(':').unwrap_or((field, ""));
    format!("{}:{value}", make(name))
}

/// What a field needs that has none.
const COMPLETED: [&str; 3] = [
    "From: alice@pipeline.test",
    "Date: Sun, 1 Nov 2026 12:00:00 +0000",
    "Message-ID: <1qX-0001@pipeline.test>",
];

fn corpus() -> Vec<Case> {
    let without = |name, act| Case::changes(name, act).of(STAMPED);
    vec![
        Case::changes("From, Date and Message-ID completed", |mail, _| {
            vec![mail.appended(&COMPLETED)]
        })
        .kinds(&["completed"])
        .of(BARE),
        Case::changes("an empty To completed", |mail, _| {
            vec![mail.appended(&["To: undisclosed-recipients:;"])]
        })
        .of(BARE),
        Case::changes("domains of addresses completed", |mail, _| {
            let mail = mail.value("from", |_| "alice@pipeline.test".to_owned());
            let mail = mail.value("to", |_| "bob@pipeline.test, carol@b.test".to_owned());
            vec![mail.value("cc", |_| "dave@pipeline.test".to_owned())]
        })
        .kinds(&["address-completed"])
        .of(LOCAL),
        Case::changes("angle brackets taken off addresses", |mail, _| {
            let bare = |value: &str| value.trim_matches(['<', '>']).to_owned();
            vec![["from", "to", "cc"].iter().fold(mail, |mail, name| mail.value(name, bare))]
        })
        .kinds(&["header-form"])
        .of(BRACKETS),
        without("Delivered-To taken off", |mail, _| vec![mail.without(&["delivered-to"])])
            .kinds(&["header-dropped"]),
        without("Envelope-To and Delivery-Date taken off", |mail, _| {
            vec![mail.without(&["envelope-to", "delivery-date"])]
        }),
        without("Content-Length taken off", |mail, _| vec![mail.without(&["content-length"])])
            .kinds(&["header-dropped"]),
        without("Resent-Bcc taken off", |mail, _| vec![mail.without(&["resent-bcc"])]),
        without("Authentication-Results taken off (RFC 8601 §5)", |mail, _| {
            vec![mail.without(&["authentication-results"])]
        })
        .kinds(&["header-dropped"]),
    ]
}

/// As RFC 6152 §3 has it for a next hop without 8BITMIME.
fn encodings() -> Vec<Case> {
    let reencodes = |name, act| {
        let case = Case::changes(name, act).set("message.encoding", "8bit");
        case.set("sink.without", "[\"8BITMIME\"]")
    };
    let quoted =
        |mail: Mail, _: &mut Vec<Mail>| vec![reencoded(mail, "quoted-printable", quoted_printable)];
    let in_base64 = |mail: Mail, _: &mut Vec<Mail>| vec![reencoded(mail, "base64", base64)];
    vec![
        reencodes("8bit to quoted-printable", quoted).kinds(&["reencoded", "mime-headers"]),
        reencodes("8bit to base64", in_base64).kinds(&["reencoded", "mime-headers"]),
        Case::changes("8bit passed on as it is", |mail, _| vec![mail])
            .kinds(&[])
            .set("message.encoding", "8bit"),
    ]
}
