//! I2, I9, I10, I11, I13, I14, I23: unusual content, and how it must be delivered.

use super::{HEADER, Heading, body_unchanged, client, envelope_with, message, send};
use crate::conformance::case::{Case, ClientCheck, Step};
use crate::conformance::finding::Verdict::{Conforms, Hardened, Tolerates, Violates};

pub(super) fn cases() -> Vec<Case> {
    let mut cases = vec![bare_lf(), bare_cr(), nul_in_body(), eight_bit(), loops(), mime_bomb()];
    cases.extend(lines());
    cases.extend(dots());
    cases.extend(headers());
    cases
}

fn bare_lf() -> Case {
    let heading = Heading {
        id: "i2-bare-lf",
        title: "a bare LF in the body",
        expected: "rejected, or relayed with CRLF only",
        source: "RFC 5321 §2.3.8",
        mandated: true,
    };
    client(&heading, message(b"one\ntwo\r\n"), ClientCheck::LineEndsNormalised)
}

fn bare_cr() -> Case {
    let heading = Heading {
        id: "i2-bare-cr",
        title: "a bare CR in the body",
        expected: "rejected, or relayed with CRLF only",
        source: "RFC 5321 §2.3.8",
        mandated: true,
    };
    client(&heading, message(b"one\rtwo\r\n"), ClientCheck::LineEndsNormalised)
}

fn lines() -> Vec<Case> {
    let line = |length: usize| [vec![b'x'; length], b"\r\n".to_vec()].concat();
    let full = Heading {
        id: "i9-line-998",
        title: "a text line of 998 octets and CRLF",
        expected: "delivered unchanged",
        source: "RFC 5321 §4.5.3.1.6, §6.4",
        mandated: true,
    };
    let beyond = |id, title| Heading {
        id,
        title,
        expected: "rejected, or delivered unchanged, neither folded nor cut",
        source: "RFC 5321 §4.5.3.1.6, §6.4",
        mandated: false,
    };
    vec![
        body_unchanged(&full, &line(998), Violates, Violates),
        body_unchanged(
            &beyond("i9-line-1001", "a text line of 1,001 octets"),
            &line(1001),
            Conforms,
            Tolerates,
        ),
        body_unchanged(
            &beyond("i9-line-64k", "a text line of 64 KiB"),
            &line(65_536),
            Conforms,
            Tolerates,
        ),
        body_unchanged(
            &beyond("i9-line-2m", "a text line of 2 MiB"),
            &line(2 << 20),
            Conforms,
            Tolerates,
        ),
    ]
}

fn nul_in_body() -> Case {
    let heading = Heading {
        id: "i10-nul-in-body",
        title: "a NUL in the body",
        expected: "rejected, or delivered, not cut at the NUL",
        source: "RFC 5321 §4.1.1.4, §4.5.2",
        mandated: false,
    };
    body_unchanged(&heading, b"before\0after\r\nlast line\r\n", Hardened, Tolerates)
}

fn eight_bit() -> Case {
    let heading = Heading {
        id: "i11-8bitmime",
        title: "octets above 127 with BODY=8BITMIME, relayed to a server that offers 8BITMIME",
        expected: "delivered unchanged",
        source: "RFC 6152 §3",
        mandated: true,
    };
    let body = b"gr\xc3\xbc\xc3\x9fe\r\n\xff\xfe\x80\r\n";
    let mut steps = envelope_with(" BODY=8BITMIME");
    steps.extend([send([HEADER, body, b".\r\n"].concat()), Step::AwaitReplies(1)]);
    // A server that does not offer 8BITMIME may answer 555 to the parameter.
    let check =
        ClientCheck::BodyUnchanged { body: body.to_vec(), rejected: Conforms, altered: Violates };
    client(&heading, steps, check)
}

fn headers() -> Vec<Case> {
    let heading = |id, title| Heading {
        id,
        title,
        expected: "rejected, or the body is delivered unchanged",
        source: "RFC 5321 §4.5.3.1, §6.4",
        mandated: false,
    };
    let body = b"the body\r\n";
    let with = |header: Vec<u8>| {
        let mut steps = envelope_with("");
        steps.extend([send([&header, HEADER, body, b".\r\n"].concat()), Step::AwaitReplies(1)]);
        steps
    };
    let folded = "x".repeat(70) + "\r\n ";
    let long = format!("X-Long: {}end\r\n", folded.repeat(1_400)).into_bytes();
    let many = "X-Many: one of many\r\n".repeat(5_000).into_bytes();
    let check = || ClientCheck::BodyUnchanged {
        body: body.to_vec(),
        rejected: Hardened,
        altered: Violates,
    };
    vec![
        client(&heading("i13-header-100k", "one header of 100 KiB"), with(long), check()),
        client(&heading("i13-headers-5000", "5,000 headers"), with(many), check()),
    ]
}

fn loops() -> Case {
    let heading = Heading {
        id: "i13-received-150",
        title: "a message with 150 Received headers",
        expected: "the loop is detected; the limit should be at least 100",
        source: "RFC 5321 §6.3",
        mandated: false,
    };
    let hop = "Received: from a.test by b.test; Tue, 24 Nov 2026 12:00:00 +0000\r\n";
    let mut steps = envelope_with("");
    let text = [hop.repeat(150).as_bytes(), HEADER, b"a mail loop\r\n.\r\n"].concat();
    steps.extend([send(text), Step::AwaitReplies(1)]);
    client(&heading, steps, ClientCheck::LoopStopped)
}

fn mime_bomb() -> Case {
    let heading = Heading {
        id: "i14-mime-nested-1000",
        title: "a message of 1,000 nested multiparts",
        expected: "rejected, or delivered unchanged",
        source: "RFC 5321 §6.4; CVE-2021-43270 and others",
        mandated: false,
    };
    let nested = (0..1000)
        .map(|n| format!("--b{n}\r\nContent-Type: multipart/mixed; boundary=b{}\r\n\r\n", n + 1));
    body_unchanged(&heading, nested.collect::<String>().as_bytes(), Hardened, Violates)
}

fn dots() -> Vec<Case> {
    let heading = |id, title| Heading {
        id,
        title,
        expected: "delivered byte for byte",
        source: "RFC 5321 §4.5.2",
        mandated: true,
    };
    let dots = b".\r\n..\r\n...\r\n.a\r\n a.\r\n.\r\n";
    // A stuffed dot as the first octet of a segment or of a read buffer.
    let edge: Vec<u8> =
        (0..600).flat_map(|n| [&vec![b'y'; n % 90][..], b"\r\n.z\r\n"].concat()).collect();
    vec![
        body_unchanged(&heading("i23-dots", "lines of dots"), dots, Violates, Violates),
        body_unchanged(
            &heading("i23-dots-at-edges", "600 stuffed lines"),
            &edge,
            Violates,
            Violates,
        ),
        body_unchanged(&heading("i23-empty-body", "an empty body"), b"", Violates, Violates),
    ]
}
