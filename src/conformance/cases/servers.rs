//! O1, O2, O4 to O8, O11, O12, O14: a server that answers badly, late, or not at all.

use std::time::Duration;

use super::{Heading, server};
use crate::conformance::case::{Asked, Case, Errand, Manner, Moment, Strike};

pub(super) fn cases() -> Vec<Case> {
    let mut cases = replies();
    cases.extend(codes());
    cases.extend(breaks());
    cases.extend(recipients());
    cases.extend(eight_bit());
    cases
}

fn once(moment: Moment, strike: Strike, asked: Asked) -> Manner {
    Manner { strikes: vec![(moment, strike)], tries: 1, asked, ..Manner::default() }
}

fn always(moment: Moment, strike: Strike, asked: Asked) -> Manner {
    Manner { tries: usize::MAX, ..once(moment, strike, asked) }
}

fn text(text: &str) -> Strike {
    Strike::Say(text.as_bytes().to_vec())
}

/// Replies that a client must understand.
fn replies() -> Vec<Case> {
    let heading = |id, title| Heading {
        id,
        title,
        expected: "understood: delivered at once, not returned",
        source: "RFC 5321 §4.2, §4.2.1",
        mandated: true,
    };
    let lines: String = (0..100).map(|n| format!("220-line {n}\r\n")).collect();
    let banner = format!("{lines}220 far.mailbench.test ESMTP\r\n");
    let lower = "250-far.mailbench.test\r\n250-pipelining\r\n250 size\r\n";
    let long = format!("250 2.1.0 {}\r\n", "o".repeat(2_000));
    let cases = [
        (heading("o1-bare-code", "`250` without text, to MAIL"), Moment::Mail, text("250\r\n")),
        (heading("o1-banner-100-lines", "a banner of 101 lines"), Moment::Banner, text(&banner)),
        (
            heading("o1-several-lines", "three lines to RCPT"),
            Moment::Rcpt(".to@"),
            text("250-one\r\n250-two\r\n250 three\r\n"),
        ),
        (heading("o1-lower-case", "keywords in lower case"), Moment::Ehlo, text(lower)),
        (heading("o1-line-2000", "a reply of 2,000 octets"), Moment::Mail, text(&long)),
        (
            heading("o2-code-299", "299 to the dot: decided by the first digit"),
            Moment::Dot,
            text("299 2.0.0 Taken in its way\r\n"),
        ),
    ];
    let case = |(heading, moment, strike): (Heading, Moment, Strike)| {
        let mandated = heading.id != "o1-line-2000";
        server(&Heading { mandated, ..heading }, always(moment, strike, Asked::Understood))
    };
    cases.into_iter().map(case).collect()
}

/// Codes that are no success.
fn codes() -> Vec<Case> {
    let heading = |id, title| Heading {
        id,
        title,
        expected: "no success: tried again, or returned",
        source: "RFC 5321 §4.2, §4.2.1",
        mandated: true,
    };
    [
        (heading("o2-code-600", "600 to the dot"), "600 6.0.0 What\r\n"),
        (heading("o2-code-199", "199 to the dot"), "199 1.0.0 What\r\n"),
        (heading("o2-code-2x0", "`2x0` to the dot"), "2x0 2.0.0 Taken\r\n"),
        (heading("o2-no-code", "text without a code to the dot"), "Taken, thank you\r\n"),
        (heading("o2-empty-line", "an empty line to the dot"), "\r\n"),
    ]
    .into_iter()
    .map(|(heading, said)| {
        // What is no reply is followed by the end: else one waits for the other for ten minutes.
        server(&heading, once(Moment::Dot, Strike::Farewell(said.trim_end()), Asked::NotTaken))
    })
    .collect()
}

fn breaks() -> Vec<Case> {
    let heading = |id, title, source| Heading {
        id,
        title,
        expected: "as 451: tried again, delivered in the end, not returned",
        source,
        mandated: true,
    };
    let (close, wait) = ("RFC 5321 §3.8", "RFC 5321 §4.5.4.1");
    let unavailable = "421 4.3.2 Not now";
    let cases = [
        (
            "o5-421-banner",
            "421 instead of the banner",
            wait,
            Moment::Banner,
            Strike::Farewell(unavailable),
        ),
        ("o5-421-mail", "421 to MAIL", wait, Moment::Mail, Strike::Farewell(unavailable)),
        ("o5-421-dot", "421 to the dot", wait, Moment::Dot, Strike::Farewell(unavailable)),
        ("o6-rst-banner", "RST instead of the banner", close, Moment::Banner, Strike::Reset),
        ("o6-fin-mail", "FIN instead of a reply to MAIL", close, Moment::Mail, Strike::Close),
        (
            "o6-rst-rcpt",
            "RST instead of a reply to RCPT",
            close,
            Moment::Rcpt(".to@"),
            Strike::Reset,
        ),
        ("o6-fin-data", "FIN instead of a reply to DATA", close, Moment::Data, Strike::Close),
        ("o6-rst-content", "RST in mid-content", close, Moment::Content, Strike::Reset),
        ("o6-fin-dot", "FIN after the dot", close, Moment::Dot, Strike::Close),
        (
            "o8-half-closed",
            "the server's half ended after EHLO",
            close,
            Moment::Mail,
            Strike::EndHalf,
        ),
    ];
    let mut all: Vec<Case> = cases
        .into_iter()
        .map(|(id, title, source, moment, strike)| {
            server(&heading(id, title, source), once(moment, strike, Asked::Delivered))
        })
        .collect();
    let patience = Heading {
        id: "o7-late-reply",
        title: "the reply to the dot comes after 20 s",
        expected: "awaited (10 minutes are the least), not sent again meanwhile",
        source: "RFC 5321 §4.5.3.2.6",
        mandated: true,
    };
    let late = Duration::from_secs(20);
    all.push(server(&patience, once(Moment::Dot, Strike::Wait(late), Asked::Patient(late))));
    all
}

fn recipients() -> Vec<Case> {
    let three = Heading {
        id: "o11-three-fates",
        title: "of three recipients one is taken, one refused, one deferred",
        expected: "the first delivered once, the second returned once, the third tried again alone",
        source: "RFC 5321 §4.5.4.1, §6.1",
        mandated: true,
    };
    let mut manner = Manner {
        strikes: vec![
            (Moment::Rcpt(".refused@"), Strike::Refuse("550 5.1.1 No such user")),
            (Moment::Rcpt(".deferred@"), Strike::Refuse("450 4.2.1 Later")),
        ],
        tries: 1,
        asked: Asked::EachAsTold,
        ..Manner::default()
    };
    manner.message.recipients = ["to", "refused", "deferred"].map(str::to_owned).to_vec();
    let returned = Heading {
        id: "o14-returned-once",
        title: "550 to RCPT",
        expected: "returned to the sender, exactly once",
        source: "RFC 5321 §6.1",
        mandated: true,
    };
    let never =
        always(Moment::Rcpt(".to@"), Strike::Refuse("550 5.1.1 No such user"), Asked::Returned);
    let full = Heading {
        id: "o12-too-many",
        title: "452 to RCPT, too many recipients",
        expected: "tried again, not returned",
        source: "RFC 5321 §4.5.3.1.10",
        mandated: true,
    };
    let too_many = Strike::Refuse("452 4.5.3 Too many recipients");
    vec![
        server(&three, manner),
        server(&returned, never),
        server(&full, once(Moment::Rcpt(".to@"), too_many, Asked::Delivered)),
    ]
}

fn eight_bit() -> Vec<Case> {
    let converted = Heading {
        id: "i11-8bit-to-7bit",
        title: "8-bit content for a server that does not offer 8BITMIME",
        expected: "converted, or returned; not sent as it is",
        source: "RFC 6152 §3",
        mandated: true,
    };
    let body = "gr\u{fc}\u{df}e\r\n".as_bytes().to_vec();
    let errand = Errand { parameters: " BODY=8BITMIME", body, ..Errand::default() };
    let manner = Manner {
        offer: Some(vec!["PIPELINING"]),
        message: errand,
        asked: Asked::SevenBit,
        ..Manner::default()
    };
    let international = Heading {
        id: "i12-smtputf8-to-ascii",
        title: "an international address for a server that does not offer SMTPUTF8",
        expected: "refused or returned; the address is not sent",
        source: "RFC 6531 §3.2",
        mandated: true,
    };
    let mut errand = Errand { parameters: " SMTPUTF8", ..Errand::default() };
    errand.recipients = vec!["gr\u{fc}n".to_owned()];
    let plain = Manner {
        offer: Some(vec!["PIPELINING", "8BITMIME"]),
        message: errand,
        asked: Asked::AsciiAddress,
        ..Manner::default()
    };
    vec![server(&converted, manner), server(&international, plain)]
}
