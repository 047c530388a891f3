//! O5, O6, O8, O11 to O14: a server that breaks off, or refuses.

use super::{Heading, always, once, server};
use crate::conformance::case::{Asked, Case, Errand, Manner, Moment, Strike};

pub(super) fn cases() -> Vec<Case> {
    let mut cases = breaks();
    cases.extend(recipients());
    cases.push(next_host());
    cases.extend(eight_bit());
    cases
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
    cases
        .into_iter()
        .map(|(id, title, source, moment, strike)| {
            server(&heading(id, title, source), once(moment, strike, Asked::Delivered))
        })
        .collect()
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
    let unreturnable = Heading {
        id: "o13-return-refused",
        title: "550 to RCPT, and to the sender's address when it is returned",
        expected: "returned once; nothing is sent about the return",
        source: "RFC 5321 §4.5.5, §6.1",
        mandated: true,
    };
    // The sign of every address of the case.
    let nobody = Strike::Refuse("550 5.1.1 No such user");
    let mut refusing = always(Moment::Rcpt("o13-"), nobody, Asked::NoReturnOfReturn);
    refusing.message.own_sender = true;
    vec![
        server(&unreturnable, refusing),
        server(&three, manner),
        server(&returned, never),
        server(&full, once(Moment::Rcpt(".to@"), too_many, Asked::Delivered)),
    ]
}

fn next_host() -> Case {
    let heading = Heading {
        id: "o15-first-host-down",
        title: "of two hosts of a domain the first is closed",
        expected: "delivered to the second, not returned",
        source: "RFC 5321 §5.1",
        mandated: true,
    };
    let asked = Asked::NextHost;
    server(&heading, Manner { spare: true, asked, ..Manner::default() })
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
