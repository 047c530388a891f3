//! Single changes, each with exactly the kinds it must be found as: what pipelines lawfully do
//! (`lawful`), what must never pass as lawful (`unlawful`).

mod lawful;
mod unlawful;

use super::compare;
use crate::probe::change::{Change, Level};
use crate::probe::content::{end_line, seal};
use crate::probe::{MessageId, head_length};

/// A message with one text.
pub(super) const PLAIN: &str = "From: Ann <ann@a.test>\r\nTo: Bob <bob@b.test>\r\n\
    Subject: mailbench tag message 42\r\nDate: Thu, 01 Jan 2026 00:00:00 +0000\r\n\
    Message-ID: <tag.42@bounce.mailbench.test>\r\nAuto-Submitted: auto-generated\r\n\r\n\
    42 tag\r\n.\r\n..\r\n.x\r\nFrom the start of a line\r\nplain words here, and then some\r\n\
    see http://example.test/a?b=c for more\r\ntrailing space \r\n";

/// One with a text of 8-bit letters.
pub(super) const EIGHT: &str = "From: Ann <ann@a.test>\r\nTo: bob@b.test\r\n\
    Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\nMessage-ID: <tag.42@bounce.mailbench.test>\r\n\
    Date: Thu, 01 Jan 2026 00:00:00 +0000\r\nMIME-Version: 1.0\r\n\
    Content-Type: text/plain; charset=\"utf-8\"\r\nContent-Transfer-Encoding: 8bit\r\n\r\n\
    42 tag\r\nGr\u{fc}\u{df}e aus K\u{f6}ln\r\n.\r\nand plain words\r\n";

/// One with plain text, HTML and an attachment.
pub(super) const PARTS: &str = "From: ann@a.test\r\nTo: bob@b.test\r\nSubject: three parts\r\n\
    Date: Thu, 01 Jan 2026 00:00:00 +0000\r\nMessage-ID: <tag.42@bounce.mailbench.test>\r\n\
    MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"cut\"\r\n\r\n\
    --cut\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\n42 tag\r\nplain words\r\n\
    --cut\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n\
    <html><body>\r\n<p>Gr\u{fc}\u{df}e</p>\r\n</body></html>\r\n\
    --cut\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\
    Content-Disposition: attachment; filename=\"data.bin\"\r\n\r\n\
    AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4v\r\n\
    MDEyMzQ1Njc4OTo7PD0+P0BBQkNERUZHSElKS0xNTk8=\r\n--cut--\r\n";

/// One out of a mailbox, with all that mail servers put there.
pub(super) const MAILBOX: &str = "Return-Path: <ann@a.test>\r\nDelivered-To: bob@b.test\r\n\
    Envelope-To: bob@b.test\r\nDelivery-Date: Thu, 01 Jan 2026 00:00:09 +0000\r\n\
    Authentication-Results: mx.b.test; spf=pass\r\nReceived: from a by b; Thu, 01 Jan 2026 \
    00:00:00 +0000\r\nBcc: eve@e.test\r\nResent-Bcc: eve@e.test\r\nContent-Length: 24\r\n\
    From: root\r\nTo: bob, <eve@e.test>\r\nSubject: x\r\n\r\n42 tag\r\nwords in a mailbox\r\n";

/// One change of one message.
pub(super) struct Case {
    pub(super) base: &'static str,
    /// What it is; also what a failure names.
    pub(super) what: &'static str,
    pub(super) edit: Edit,
    pub(super) expected: &'static [Change],
}

pub(super) enum Edit {
    /// The first of one text by another, which must be there.
    Swap(&'static str, &'static str),
    /// All of them.
    Every(&'static str, &'static str),
    /// Anything else, bytes to bytes.
    By(fn(&[u8]) -> Vec<u8>),
}

/// A row of a table.
pub(super) const fn case(
    base: &'static str,
    what: &'static str,
    edit: Edit,
    expected: &'static [Change],
) -> Case {
    Case { base, what, edit, expected }
}

/// The whole text that was sent.
pub(super) fn sealed(base: &str) -> Vec<u8> {
    let end = match base == PARTS {
        true => Vec::new(),
        false => end_line(MessageId(42), crc32fast::hash(base.as_bytes())),
    };
    seal("tag", MessageId(42), 1, &[base.as_bytes(), &end].concat())
}

/// Header section with its blank line, and body.
pub(super) fn split(text: &[u8]) -> (&[u8], &[u8]) {
    text.split_at(head_length(text))
}

fn edited(case: &Case) -> Vec<u8> {
    let sent = sealed(case.base);
    let text = || String::from_utf8(sent.clone()).expect("UTF-8");
    let arrived = match case.edit {
        Edit::Swap(from, to) => text().replacen(from, to, 1).into_bytes(),
        Edit::Every(from, to) => text().replace(from, to).into_bytes(),
        Edit::By(edit) => edit(&sent),
    };
    assert!(arrived != sent, "{}: nothing was changed", case.what);
    arrived
}

/// Checks each case, and says all that fail.
pub(super) fn check(cases: &[Case], level: impl Fn(Level) -> bool) {
    let mut wrong = String::new();
    for case in cases {
        let found = compare(&sealed(case.base), &edited(case));
        if found.changes != case.expected {
            wrong += &format!(
                "{}: {:?}, expected {:?}\n  {:?}\n",
                case.what, found.changes, case.expected, found.differences
            );
        }
        let worst = case.expected.iter().map(|change| change.level()).max();
        assert!(worst.is_some_and(&level), "{}: {worst:?}", case.what);
        for change in &found.changes {
            let shown = found.differences.iter().any(|it| it.change == *change);
            assert!(shown, "{}: {change:?} is not shown", case.what);
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn what_was_not_changed_has_no_changes() {
    for base in [PLAIN, EIGHT, PARTS, MAILBOX] {
        assert_eq!(compare(&sealed(base), &sealed(base)).changes, []);
        let trace = b"Received: from a by b\r\n\tfor <c>\r\nReturn-Path: <x@y.test>\r\n";
        let arrived = [&trace[..], &sealed(base)].concat();
        assert_eq!(compare(&sealed(base), &arrived).changes, [], "trace before all of it");
    }
}
