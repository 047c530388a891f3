//! O1, O2: replies with an unusual or invalid form.

use super::{Heading, always, once, server};
use crate::conformance::case::{Case, Misbehaviour, ServerCheck, ServerStage};

pub(super) fn cases() -> Vec<Case> {
    let mut cases = valid();
    cases.extend(oversized());
    cases.extend(not_a_success());
    cases.push(differing_codes());
    cases
}

fn text(text: &str) -> Misbehaviour {
    Misbehaviour::Reply(text.as_bytes().to_vec())
}

/// Valid replies: a client must accept them.
fn valid() -> Vec<Case> {
    let heading = |id, title| Heading {
        id,
        title,
        expected: "accepted as valid: delivered, no bounce",
        source: "RFC 5321 §4.2, §4.2.1",
        mandated: true,
    };
    let lines: String = (0..100).map(|n| format!("220-line {n}\r\n")).collect();
    let banner = format!("{lines}220 far.mailbench.test ESMTP\r\n");
    let lower = "250-far.mailbench.test\r\n250-pipelining\r\n250 size\r\n";
    let long = format!("250 2.1.0 {}\r\n", "o".repeat(2_000));
    let cases = [
        (
            heading("o1-bare-code", "`250` without text, to MAIL"),
            ServerStage::Mail,
            text("250\r\n"),
        ),
        (
            heading("o1-banner-100-lines", "a banner of 101 lines"),
            ServerStage::Banner,
            text(&banner),
        ),
        (
            heading("o1-several-lines", "a reply of three lines to RCPT"),
            ServerStage::Rcpt(".to@"),
            text("250-one\r\n250-two\r\n250 three\r\n"),
        ),
        (heading("o1-lower-case", "EHLO keywords in lower case"), ServerStage::Ehlo, text(lower)),
        (
            heading("o1-line-2000", "a reply of 2,000 octets to MAIL"),
            ServerStage::Mail,
            text(&long),
        ),
        (
            heading("o2-code-299", "299 to the end of data: the first digit decides"),
            ServerStage::EndOfData,
            text("299 2.0.0 Ok\r\n"),
        ),
    ];
    let case = |(heading, stage, reply): (Heading, ServerStage, Misbehaviour)| {
        let mandated = heading.id != "o1-line-2000";
        server(&Heading { mandated, ..heading }, always(stage, reply, ServerCheck::DeliveredAtOnce))
    };
    cases.into_iter().map(case).collect()
}

/// Replies that are not a success.
fn not_a_success() -> Vec<Case> {
    let heading = |id, title| Heading {
        id,
        title,
        expected: "not treated as success: retried, or bounced",
        source: "RFC 5321 §4.2, §4.2.1",
        mandated: true,
    };
    [
        (heading("o2-code-600", "600 to the end of data"), "600 6.0.0 Unknown\r\n"),
        (heading("o2-code-199", "199 to the end of data"), "199 1.0.0 Unknown\r\n"),
        (heading("o2-code-2x0", "`2x0` to the end of data"), "2x0 2.0.0 Ok\r\n"),
        (heading("o2-no-code", "text without a code to the end of data"), "Message accepted\r\n"),
        (heading("o2-empty-line", "an empty line to the end of data"), "\r\n"),
        (heading("o1-no-last-line", "`250-` to the end of data, no further line"), "250-Ok\r\n"),
    ]
    .into_iter()
    .map(|(heading, reply)| {
        // An incomplete reply is followed by a close: otherwise both sides wait for ten minutes.
        server(
            &heading,
            once(
                ServerStage::EndOfData,
                Misbehaviour::ReplyAndClose(reply.trim_end()),
                ServerCheck::NotASuccess,
            ),
        )
    })
    .collect()
}

/// Replies that a client may reject.
fn oversized() -> Vec<Case> {
    let heading = |id, title| Heading {
        id,
        title,
        expected: "accepted by its code, or retried; no bounce",
        source: "RFC 5321 §4.2, §4.5.3.1.5",
        mandated: false,
    };
    let long = format!("250 2.1.0 {}\r\n", "o".repeat(65_536));
    let nul = heading("o1-nul", "a NUL in a reply to MAIL");
    let endless = heading("o1-line-64k", "a reply of 64 KiB to MAIL, in one line");
    vec![
        server(&nul, once(ServerStage::Mail, text("250 2.1.0 O\0k\r\n"), ServerCheck::Delivered)),
        server(&endless, once(ServerStage::Mail, text(&long), ServerCheck::Delivered)),
    ]
}

fn differing_codes() -> Case {
    let heading = Heading {
        id: "o1-differing-codes",
        title: "a reply of two lines to the end of data, 250 and 451",
        expected: "treated as success or retried; no bounce",
        source: "RFC 5321 §4.2.1",
        mandated: true,
    };
    let both = text("250-2.0.0 Ok\r\n451 4.3.0 Try again later\r\n");
    server(&heading, once(ServerStage::EndOfData, both, ServerCheck::SuccessOrRetry))
}
