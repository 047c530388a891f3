//! What relays, submission servers and mailboxes may do to mail.

use super::Edit::{By, Every, Swap};
use super::{Case, EIGHT, MAILBOX, PARTS, PLAIN, case, check, split};
use crate::probe::change::Change::*;
use crate::probe::change::Level;

const HEADERS: [Case; 33] = [
    case(
        PLAIN,
        "trace below ours",
        Swap("\r\nTo:", "\r\nReceived: from a\r\n\tby b\r\nTo:"),
        &[TraceAdded],
    ),
    case(PLAIN, "SPF result", Swap("\r\nTo:", "\r\nReceived-SPF: pass\r\nTo:"), &[TraceAdded]),
    case(PLAIN, "signature", Swap("\r\nTo:", "\r\nDKIM-Signature: v=1; b=x\r\nTo:"), &[TraceAdded]),
    case(PLAIN, "any field", Swap("\r\nTo:", "\r\nX-Spam-Score: 0.1\r\nTo:"), &[HeaderAdded]),
    case(PLAIN, "field at the end", Swap("\r\n\r\n", "\r\nX-Scanned: yes\r\n\r\n"), &[HeaderAdded]),
    case(
        PLAIN,
        "two of one field",
        Swap("\r\n\r\n", "\r\nX-A: 1\r\nX-A: 2\r\n\r\n"),
        &[HeaderAdded],
    ),
    case(PLAIN, "list fields", Swap("\r\n\r\n", "\r\nList-Id: <l.test>\r\n\r\n"), &[HeaderAdded]),
    case(PLAIN, "folded", Swap("mailbench tag", "mailbench\r\n tag"), &[Folding]),
    case(PLAIN, "our header folded", Swap("run=tag; ", "run=tag;\r\n\t"), &[Folding]),
    case(PLAIN, "no space after the colon", Swap("Subject: ", "Subject:"), &[Folding]),
    case(PLAIN, "a tab after the colon", Swap("Subject: ", "Subject:\t"), &[Folding]),
    case(PLAIN, "space before the colon", Swap("Subject:", "Subject :"), &[Folding]),
    case(
        PLAIN,
        "space at the end of a field",
        Swap("message 42\r\n", "message 42 \r\n"),
        &[Folding],
    ),
    case(EIGHT, "unfolded", Swap("text/plain; charset", "text/plain;\r\n\tcharset"), &[Folding]),
    case(PLAIN, "another order", By(reversed), &[HeaderOrder]),
    case(PLAIN, "name in lower case", Swap("Message-ID:", "message-id:"), &[HeaderCase]),
    case(PLAIN, "name in upper case", Swap("Subject:", "SUBJECT:"), &[HeaderCase]),
    case(PLAIN, "our name in lower case", Swap("X-Mailbench:", "x-mailbench:"), &[HeaderCase]),
    case(PLAIN, "quoted name", Swap("Ann <", "\"Ann\" <"), &[HeaderForm]),
    case(EIGHT, "brackets added", Swap("To: bob@b.test", "To: <bob@b.test>"), &[HeaderForm]),
    case(MAILBOX, "brackets removed", Swap("<eve@e.test>", "eve@e.test"), &[HeaderForm]),
    case(MAILBOX, "addresses on lines of their own", Swap("bob, ", "bob,\r\n\t"), &[Folding]),
    case(PLAIN, "domain in upper case", Swap("bob@b.test", "bob@B.TEST"), &[HeaderForm]),
    case(PLAIN, "another zone", Swap("00:00:00 +0000", "01:00:00 +0100"), &[HeaderForm]),
    case(EIGHT, "parameter without quotes", Swap("\"utf-8\"", "UTF-8"), &[HeaderForm]),
    case(EIGHT, "encoding in upper case", Swap(": 8bit", ": 8BIT"), &[HeaderForm]),
    case(
        EIGHT,
        "encoded words read",
        Swap("=?utf-8?q?Gr=C3=BC=C3=9Fe?=", "Gr\u{fc}\u{df}e"),
        &[EncodedWords],
    ),
    case(
        EIGHT,
        "encoded words in base64",
        Swap("=?utf-8?q?Gr=C3=BC=C3=9Fe?=", "=?UTF-8?B?R3LDvMOfZQ==?="),
        &[EncodedWords],
    ),
    case(
        MAILBOX,
        "sender completed",
        Swap("From: root", "From: root@host.test"),
        &[AddressCompleted],
    ),
    case(
        MAILBOX,
        "recipient completed",
        Swap("To: bob,", "To: bob@host.test,"),
        &[AddressCompleted],
    ),
    case(
        MAILBOX,
        "Date added",
        Swap("\r\n\r\n", "\r\nDate: Thu, 01 Jan 2026 00:00:00 +0000\r\n\r\n"),
        &[Completed],
    ),
    case(
        MAILBOX,
        "Message-ID added",
        Swap("\r\n\r\n", "\r\nMessage-ID: <x@host.test>\r\n\r\n"),
        &[Completed],
    ),
    case(
        PLAIN,
        "an mbox line",
        By(|text| [b"From ann@a.test Thu Jan  1 00:00:00 2026\r\n", text].concat()),
        &[MboxLine],
    ),
];

const DROPPED: [Case; 10] = [
    case(MAILBOX, "Return-Path removed", By(|text| without(text, "Return-Path")), &[HeaderDropped]),
    case(
        MAILBOX,
        "Delivered-To removed",
        By(|text| without(text, "Delivered-To")),
        &[HeaderDropped],
    ),
    case(MAILBOX, "Envelope-To removed", By(|text| without(text, "Envelope-To")), &[HeaderDropped]),
    case(
        MAILBOX,
        "Delivery-Date removed",
        By(|text| without(text, "Delivery-Date")),
        &[HeaderDropped],
    ),
    case(
        MAILBOX,
        "Authentication-Results removed",
        By(|text| without(text, "Authentication-Results")),
        &[HeaderDropped],
    ),
    case(MAILBOX, "Bcc removed", By(|text| without(text, "Bcc")), &[HeaderDropped]),
    case(MAILBOX, "Resent-Bcc removed", By(|text| without(text, "Resent-Bcc")), &[HeaderDropped]),
    case(
        MAILBOX,
        "Content-Length removed",
        By(|text| without(text, "Content-Length")),
        &[HeaderDropped],
    ),
    case(
        MAILBOX,
        "Content-Length counted anew",
        Swap("Content-Length: 24", "Content-Length: 36"),
        &[HeaderDropped],
    ),
    case(
        MAILBOX,
        "Authentication-Results renamed",
        Swap("\r\nAuthentication", "\r\nX-Old-Authentication"),
        &[HeaderAdded, HeaderDropped],
    ),
];

const BODIES: [Case; 13] = [
    case(PLAIN, "a line end more at the end", By(|text| [text, b"\r\n"].concat()), &[EndOfBody]),
    case(PLAIN, "no line end at the end", By(|text| text[..text.len() - 2].to_vec()), &[EndOfBody]),
    case(PARTS, "an epilogue", By(|text| [text, b"\r\n\r\n"].concat()), &[EndOfBody]),
    case(EIGHT, "8bit to quoted-printable", By(quoted), &[Reencoded, MimeHeaders]),
    case(EIGHT, "8bit to base64", By(based), &[Reencoded, MimeHeaders]),
    case(PLAIN, "7bit to base64", By(based), &[Reencoded, MimeHeaders]),
    case(PARTS, "one part to quoted-printable", By(html_quoted), &[Reencoded]),
    case(PARTS, "base64 in longer lines", Swap("KissLS4v\r\n", "KissLS4v"), &[MimeHeaders]),
    case(PARTS, "another boundary", Every("cut", "other"), &[MimeHeaders]),
    case(
        PARTS,
        "a preamble",
        Swap("\r\n\r\n--cut", "\r\n\r\nThis is MIME.\r\n--cut"),
        &[MimeHeaders],
    ),
    case(
        PARTS,
        "an encoding named",
        Swap("us-ascii\r\n", "us-ascii\r\nContent-Transfer-Encoding: 7bit\r\n"),
        &[MimeHeaders],
    ),
    case(
        PLAIN,
        "MIME fields added",
        Swap(
            "\r\n\r\n",
            "\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=us-ascii\r\nContent-Transfer-Encoding: 7bit\r\n\r\n",
        ),
        &[MimeHeaders],
    ),
    case(EIGHT, "8bit called binary", Swap(": 8bit", ": binary"), &[MimeHeaders]),
];

#[test]
fn lawful_changes_are_permitted_and_named() {
    for cases in [&HEADERS[..], &DROPPED, &BODIES] {
        check(cases, |level| level == Level::Permitted);
    }
    assert!(HEADERS.len() + DROPPED.len() + BODIES.len() >= 40);
}

fn reversed(text: &[u8]) -> Vec<u8> {
    let (head, body) = split(text);
    let mut lines: Vec<&[u8]> = head[..head.len() - 2].split_inclusive(|it| *it == b'\n').collect();
    lines.reverse();
    [&lines.concat()[..], b"\r\n", body].concat()
}

fn without(text: &[u8], name: &str) -> Vec<u8> {
    let begins = format!("{name}:");
    let lines = text.split_inclusive(|byte| *byte == b'\n');
    lines.filter(|line| !line.starts_with(begins.as_bytes())).collect::<Vec<_>>().concat()
}

/// With another encoding named in the header section.
fn named(text: &[u8], encoding: &str) -> Vec<u8> {
    let (head, _) = split(text);
    let head = without(&head[..head.len() - 2], "Content-Transfer-Encoding");
    let head = String::from_utf8(head).expect("UTF-8");
    format!("{head}Content-Transfer-Encoding: {encoding}\r\n\r\n").into_bytes()
}

fn quoted(text: &[u8]) -> Vec<u8> {
    [named(text, "quoted-printable"), quoted_printable(split(text).1)].concat()
}

fn quoted_printable(body: &[u8]) -> Vec<u8> {
    let escape = |byte: &u8| match byte {
        b'=' | 128.. => format!("={byte:02X}").into_bytes(),
        other => vec![*other],
    };
    body.iter().flat_map(escape).collect()
}

fn based(text: &[u8]) -> Vec<u8> {
    use base64::Engine;
    let body = base64::engine::general_purpose::STANDARD.encode(split(text).1);
    let lines: Vec<Vec<u8>> =
        body.as_bytes().chunks(76).map(|line| [line, b"\r\n"].concat()).collect();
    [named(text, "base64"), lines.concat()].concat()
}

fn html_quoted(text: &[u8]) -> Vec<u8> {
    let text = String::from_utf8(text.to_vec()).expect("UTF-8");
    let text = text.replace("Encoding: 8bit", "Encoding: quoted-printable");
    text.replace("Gr\u{fc}\u{df}e", "Gr=C3=BC=C3=9Fe").into_bytes()
}
