//! O1, O2: replies as they should not be.

use super::{Heading, always, once, server};
use crate::conformance::case::{Asked, Case, Moment, Strike};

pub(super) fn cases() -> Vec<Case> {
    let mut cases = understood();
    cases.extend(borne());
    cases.extend(no_success());
    cases.push(differing());
    cases
}

fn text(text: &str) -> Strike {
    Strike::Say(text.as_bytes().to_vec())
}

/// Replies that a client must understand.
fn understood() -> Vec<Case> {
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
fn no_success() -> Vec<Case> {
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
        (heading("o1-no-last-line", "`250-` to the dot, and no further line"), "250-Taken\r\n"),
    ]
    .into_iter()
    .map(|(heading, said)| {
        // What is no reply is followed by the end: else one waits for the other for ten minutes.
        server(&heading, once(Moment::Dot, Strike::Farewell(said.trim_end()), Asked::NotTaken))
    })
    .collect()
}

/// Replies that a client may refuse to understand.
fn borne() -> Vec<Case> {
    let heading = |id, title| Heading {
        id,
        title,
        expected: "understood by its code, or tried again; not returned",
        source: "RFC 5321 §4.2, §4.5.3.1.5",
        mandated: false,
    };
    let long = format!("250 2.1.0 {}\r\n", "o".repeat(65_536));
    let nul = heading("o1-nul", "a NUL in a reply to MAIL");
    let endless = heading("o1-line-64k", "a reply of 64 KiB to MAIL, in one line");
    vec![
        server(&nul, once(Moment::Mail, text("250 2.1.0 O\0k\r\n"), Asked::Delivered)),
        server(&endless, once(Moment::Mail, text(&long), Asked::Delivered)),
    ]
}

fn differing() -> Case {
    let heading = Heading {
        id: "o1-differing-codes",
        title: "a reply of two lines to the dot, 250 and 451",
        expected: "taken for a success or tried again; not returned",
        source: "RFC 5321 §4.2.1",
        mandated: true,
    };
    let both = text("250-2.0.0 Taken\r\n451 4.3.0 Not taken\r\n");
    server(&heading, once(Moment::Dot, both, Asked::EitherWay))
}
