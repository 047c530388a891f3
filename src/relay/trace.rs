//! Trace and what the header section tells a relay: the Received field it adds (RFC 5321 §4.4),
//! the number it finds, the priority the author asked for. Pure.

use std::net::IpAddr;

use crate::clock::Time;
use crate::queue::ordering::HIGHEST_PRIORITY;
use crate::relay::HOST_NAME;
use crate::relay::mail::MailId;
use crate::relay::wall::header_date;

/// The Received field for mail `id` from a client that called itself `hello`, by
/// this protocol.
#[must_use]
pub fn received(id: MailId, hello: &str, peer: IpAddr, protocol: &str, now: Time) -> String {
    let hello: String = hello.chars().filter(char::is_ascii_graphic).take(LONGEST_NAME).collect();
    format!(
        "Received: from {hello} ([{peer}])\r\n\tby {HOST_NAME} with {protocol} id {id};\r\n\t{}\r\n",
        header_date(now)
    )
}

/// Longest domain name (RFC 5321 §4.5.3.1.2).
const LONGEST_NAME: usize = 255;

/// What a header section says to a relay.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HeaderFacts {
    /// Received fields.
    pub hops: usize,
    /// Priority asked for, if any: `MT-Priority` (RFC 6758), else the customary `X-Priority`.
    pub priority: Option<i8>,
    /// Whether it holds bytes that are not ASCII (RFC 6532).
    pub utf8: bool,
}

impl HeaderFacts {
    /// Reads the header section of `content`, and nothing beyond it.
    #[must_use]
    pub fn of(content: &[u8]) -> HeaderFacts {
        let mut facts = HeaderFacts::default();
        let mut customary = None;
        for line in content.split(|byte| *byte == b'\n') {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            if line.is_empty() {
                break;
            }
            facts.utf8 |= !line.is_ascii();
            if field(line, b"Received").is_some() {
                facts.hops += 1;
            } else if let Some(value) = field(line, b"MT-Priority") {
                facts.priority = facts.priority.or_else(|| mt_priority(value));
            } else if let Some(value) = field(line, b"X-Priority") {
                customary = customary.or_else(|| x_priority(value));
            }
        }
        facts.priority = facts.priority.or(customary);
        facts
    }
}

/// The body of a field, if `line` begins the field `name`.
fn field<'a>(line: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let (start, rest) = line.split_at_checked(name.len())?;
    let body = rest.strip_prefix(b":")?;
    start.eq_ignore_ascii_case(name).then_some(body)
}

/// The number at the start of a field body; a comment may follow.
fn number(body: &[u8]) -> Option<i8> {
    std::str::from_utf8(body).ok()?.split_ascii_whitespace().next()?.parse().ok()
}

fn mt_priority(body: &[u8]) -> Option<i8> {
    number(body).filter(|n| (-HIGHEST_PRIORITY..=HIGHEST_PRIORITY).contains(n))
}

/// 1 (highest) to 5 (lowest), spread over the range of RFC 6710.
fn x_priority(body: &[u8]) -> Option<i8> {
    number(body).filter(|n| (1..=5).contains(n)).map(|n| (3 - n) * 4)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_hops_and_reads_priority_in_the_header_only() {
        let content = b"Received: a\r\n\tby b\r\nreceived: c\r\nX-Priority: 1 (Highest)\r\n\r\n\
            Received: body\r\nMT-Priority: 3\r\n";
        assert_eq!(
            HeaderFacts::of(content),
            HeaderFacts { hops: 2, priority: Some(8), utf8: false }
        );
        let content = b"X-Priority: 5\r\nMT-Priority: -2\r\n\r\n";
        assert_eq!(HeaderFacts::of(content).priority, Some(-2));
        let utf8 = |content: &str| HeaderFacts::of(content.as_bytes()).utf8;
        assert!(utf8("A: b\r\nSubject: \u{fc}\r\n\r\n") && !utf8("A: b\r\n\r\n\u{fc}\r\n"));
        for nonsense in ["", "MT-Priority: 99", "X-Priority: 0", "MT-Priority:", "\u{fc}: 1"] {
            assert_eq!(HeaderFacts::of(nonsense.as_bytes()).priority, None, "{nonsense}");
        }
    }

    #[test]
    fn the_received_field_is_one_field_whatever_the_client_calls_itself() {
        let field = received(5, "x\r\n\r\nevil\u{7}", [127, 0, 0, 1].into(), "ESMTP", Time::ZERO);
        assert_eq!(
            field,
            "Received: from xevil ([127.0.0.1])\r\n\tby relay.mailbench.test with ESMTP id 5;\r\n\
             \tThu, 01 Jan 1970 00:00:00 +0000\r\n"
        );
        assert_eq!(HeaderFacts::of(field.as_bytes()).hops, 1);
    }
}
