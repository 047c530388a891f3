//! O5, O6, O8, O11 to O15, I11 and I12: servers that close early, reject, or lack an extension.

use super::{Heading, always, once, server};
use crate::conformance::case::{
    Case, Misbehaviour, ServerCheck, ServerScript, ServerStage, TestMessage,
};

pub(super) fn cases() -> Vec<Case> {
    let mut cases = early_ends();
    cases.extend(recipients());
    cases.push(next_host());
    cases.extend(eight_bit());
    cases
}

fn early_ends() -> Vec<Case> {
    let heading = |id, title, source| Heading {
        id,
        title,
        expected: "treated as 451: retried and delivered, no bounce",
        source,
        mandated: true,
    };
    let case = |(id, title, stage, misbehaviour): EarlyEnd, source| {
        server(&heading(id, title, source), once(stage, misbehaviour, ServerCheck::Delivered))
    };
    let unavailable = unavailable().map(|end| case(end, "RFC 5321 §4.5.4.1"));
    let closed = closed().map(|end| case(end, "RFC 5321 §3.8"));
    unavailable.into_iter().chain(closed).collect()
}

/// Case, title, stage, and how the server ends the connection.
type EarlyEnd = (&'static str, &'static str, ServerStage, Misbehaviour);

fn unavailable() -> [EarlyEnd; 3] {
    let reply = || Misbehaviour::ReplyAndClose("421 4.3.2 Service not available");
    [
        ("o5-421-banner", "421 instead of the banner", ServerStage::Banner, reply()),
        ("o5-421-mail", "421 to MAIL", ServerStage::Mail, reply()),
        ("o5-421-dot", "421 to the end of data", ServerStage::EndOfData, reply()),
    ]
}

fn closed() -> [EarlyEnd; 7] {
    use Misbehaviour::{Close, HalfClose, Reset};
    use ServerStage::{Banner, Content, Data, EndOfData, Mail, Rcpt};
    [
        ("o6-rst-banner", "RST instead of the banner", Banner, Reset),
        ("o6-fin-mail", "FIN instead of a reply to MAIL", Mail, Close),
        ("o6-rst-rcpt", "RST instead of a reply to RCPT", Rcpt(".to@"), Reset),
        ("o6-fin-data", "FIN instead of a reply to DATA", Data, Close),
        ("o6-rst-content", "RST within the content", Content, Reset),
        ("o6-fin-dot", "FIN after the end of data", EndOfData, Close),
        (
            "o8-half-closed",
            "the server closes its half of the connection after EHLO",
            Mail,
            HalfClose,
        ),
    ]
}

fn recipients() -> Vec<Case> {
    let three = Heading {
        id: "o11-mixed-recipient-replies",
        title: "of three recipients one is accepted, one rejected, one deferred",
        expected: "the first delivered once, the second bounced once, the third retried alone",
        source: "RFC 5321 §4.5.4.1, §6.1",
        mandated: true,
    };
    let mut mixed = ServerScript {
        misbehaviour: vec![
            (ServerStage::Rcpt(".rejected@"), Misbehaviour::Reject("550 5.1.1 No such user")),
            (ServerStage::Rcpt(".deferred@"), Misbehaviour::Reject("450 4.2.1 Try again later")),
        ],
        attempts: 1,
        check: ServerCheck::PerRecipient,
        ..ServerScript::default()
    };
    mixed.message.recipients = ["to", "rejected", "deferred"].map(str::to_owned).to_vec();
    let bounced = Heading {
        id: "o14-returned-once",
        title: "550 to RCPT",
        expected: "bounced to the sender exactly once",
        source: "RFC 5321 §6.1",
        mandated: true,
    };
    let always_rejecting = always(
        ServerStage::Rcpt(".to@"),
        Misbehaviour::Reject("550 5.1.1 No such user"),
        ServerCheck::BouncedOnce,
    );
    let full = Heading {
        id: "o12-too-many",
        title: "452 to RCPT, too many recipients",
        expected: "retried, no bounce",
        source: "RFC 5321 §4.5.3.1.10",
        mandated: true,
    };
    let too_many = Misbehaviour::Reject("452 4.5.3 Too many recipients");
    let bounce_rejected = Heading {
        id: "o13-return-refused",
        title: "550 to RCPT, and again to the RCPT of the bounce",
        expected: "bounced once; the rejected bounce causes no further bounce",
        source: "RFC 5321 §4.5.5, §6.1",
        mandated: true,
    };
    // Part of every address of the case.
    let unknown = Misbehaviour::Reject("550 5.1.1 No such user");
    let mut rejecting = always(ServerStage::Rcpt("o13-"), unknown, ServerCheck::NoBounceOfBounce);
    rejecting.message.sender_at_server = true;
    vec![
        server(&bounce_rejected, rejecting),
        server(&three, mixed),
        server(&bounced, always_rejecting),
        server(&full, once(ServerStage::Rcpt(".to@"), too_many, ServerCheck::Delivered)),
    ]
}

fn next_host() -> Case {
    let heading = Heading {
        id: "o15-first-host-down",
        title: "the first of two hosts of a domain refuses connections",
        expected: "delivered to the second host, no bounce",
        source: "RFC 5321 §5.1",
        mandated: true,
    };
    let check = ServerCheck::NextHost;
    server(&heading, ServerScript { second_host: true, check, ..ServerScript::default() })
}

fn eight_bit() -> Vec<Case> {
    let converted = Heading {
        id: "i11-8bit-to-7bit",
        title: "8-bit content for a server that does not offer 8BITMIME",
        expected: "converted, or bounced; not sent unchanged",
        source: "RFC 6152 §3",
        mandated: true,
    };
    let body = "gr\u{fc}\u{df}e\r\n".as_bytes().to_vec();
    let message = TestMessage { parameters: " BODY=8BITMIME", body, ..TestMessage::default() };
    let seven_bit = ServerScript {
        extensions: Some(vec!["PIPELINING"]),
        message,
        check: ServerCheck::SevenBit,
        ..ServerScript::default()
    };
    let international = Heading {
        id: "i12-smtputf8-to-ascii",
        title: "an internationalized address for a server that does not offer SMTPUTF8",
        expected: "rejected or bounced; the address is not sent",
        source: "RFC 6531 §3.2",
        mandated: true,
    };
    let mut message = TestMessage { parameters: " SMTPUTF8", ..TestMessage::default() };
    message.recipients = vec!["gr\u{fc}n".to_owned()];
    let ascii_only = ServerScript {
        extensions: Some(vec!["PIPELINING", "8BITMIME"]),
        message,
        check: ServerCheck::AsciiAddress,
        ..ServerScript::default()
    };
    vec![server(&converted, seven_bit), server(&international, ascii_only)]
}
