//! The identity header, `X-Mailbench`: the first line of every message text.
//!
//! It names run, message and number of recipients, and says what comes after it: bytes of headers
//! and of everything, lines, leading dots and 8-bit bytes of the body, and a digest of each.
//! Numbers of counts have a fixed width, so that its length is known before they are.

use super::MessageId;
use super::digest::{Digest, body_digest, head_digest};
use super::tally::Counts;

/// Its name with the colon.
pub(super) const NAME: &[u8] = b"X-Mailbench:";

/// Longest line that can be one, line end excluded (RFC 5322 §2.1.1).
pub(super) const LONGEST: usize = 998;

/// Bytes of the line without tag, message and number of recipients.
const FIXED: usize = "X-Mailbench: run=; id=; n=; head=; len=; lines=; dots=; high=; h3=; b3=\r\n"
    .len()
    + 5 * 9
    + 2 * (8 + 16);

/// Room for the line of most runs.
const LIKELY: usize = 256;

/// What the header says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdentityHeader {
    /// The run's tag.
    pub tag: String,
    /// The message.
    pub message: MessageId,
    /// How many recipients it was sent to.
    pub recipients: u16,
    /// Bytes after this header up to and including the blank line.
    pub head_bytes: u64,
    /// Bytes after this header.
    pub bytes: u64,
    /// Lines of the body.
    pub lines: u64,
    /// Dots that lines of the body begin with.
    pub dots: u64,
    /// Bytes above 127 in the body.
    pub high: u64,
    /// Digest of what this header says and of the headers after it.
    pub head_digest: [u8; 8],
    /// Digest of the body.
    pub body_digest: [u8; 16],
}

impl IdentityHeader {
    /// The header for a message with this head (through the blank line) and body.
    pub(super) fn of(tag: &str, message: MessageId, recipients: u16, parts: [&[u8]; 2]) -> Self {
        let [head, body] = parts;
        let counts = Counts::of(body);
        let mut header = IdentityHeader {
            tag: tag.to_owned(),
            message,
            recipients,
            head_bytes: head.len() as u64,
            bytes: (head.len() + body.len()) as u64,
            lines: counts.lines,
            dots: counts.dots,
            high: counts.high,
            head_digest: [0; 8],
            body_digest: body_digest(body),
        };
        header.head_digest = header.digest_with(head);
        header
    }

    /// The digest of what this header says, itself excluded, and of a whole head.
    pub(super) fn digest_with(&self, head: &[u8]) -> [u8; 8] {
        let mut all = self.before_head(head.len());
        all.extend_from_slice(head);
        head_digest(&all)
    }

    /// As [`IdentityHeader::digest_with`], before any of the head has come.
    pub(super) fn digest_begun(&self) -> Digest {
        let mut digest = Digest::default();
        digest.update(&self.before_head(0));
        digest
    }

    /// What is digested before a head, with room for more.
    fn before_head(&self, more: usize) -> Vec<u8> {
        let mut all = Vec::with_capacity(LIKELY + more);
        self.push_facts(&mut all);
        all.extend_from_slice(&self.body_digest);
        all
    }

    /// The header line with its line end.
    pub(super) fn line(&self) -> Vec<u8> {
        let mut line = Vec::with_capacity(LIKELY);
        line.extend_from_slice(NAME);
        line.push(b' ');
        self.push_facts(&mut line);
        line.extend_from_slice(b"; h3=");
        push_hex(&mut line, &self.head_digest);
        line.extend_from_slice(b"; b3=");
        push_hex(&mut line, &self.body_digest);
        line.extend_from_slice(b"\r\n");
        line
    }

    /// Bytes of the header line of such a message.
    pub(super) fn length(tag: &str, message: MessageId, recipients: u16) -> usize {
        FIXED + tag.len() + digits(message.0) + digits(u64::from(recipients))
    }

    /// Reads a header line without its line end. `None`: not ours, or not as we write it.
    #[must_use]
    pub fn parse(line: &[u8]) -> Option<Self> {
        let value = line.get(NAME.len()..)?;
        if !line[..NAME.len()].eq_ignore_ascii_case(NAME) {
            return None;
        }
        let mut fields = Fields(Some(value));
        let header = IdentityHeader {
            tag: fields.next("run")?.to_owned(),
            message: MessageId(fields.number("id")?),
            recipients: u16::try_from(fields.number("n")?).ok()?,
            head_bytes: fields.number("head")?,
            bytes: fields.number("len")?,
            lines: fields.number("lines")?,
            dots: fields.number("dots")?,
            high: fields.number("high")?,
            head_digest: parse_hex(fields.next("h3")?)?,
            body_digest: parse_hex(fields.next("b3")?)?,
        };
        (fields.0.is_none() && header.head_bytes <= header.bytes).then_some(header)
    }

    fn push_facts(&self, text: &mut Vec<u8>) {
        text.extend_from_slice(b"run=");
        text.extend_from_slice(self.tag.as_bytes());
        for (name, number, width) in [
            ("; id=", self.message.0, 1),
            ("; n=", u64::from(self.recipients), 1),
            ("; head=", self.head_bytes, 9),
            ("; len=", self.bytes, 9),
            ("; lines=", self.lines, 9),
            ("; dots=", self.dots, 9),
            ("; high=", self.high, 9),
        ] {
            text.extend_from_slice(name.as_bytes());
            push_number(text, number, width);
        }
    }
}

/// Digits of a number in decimal.
pub(super) fn digits(number: u64) -> usize {
    number.checked_ilog10().unwrap_or(0) as usize + 1
}

/// The `name=value` fields of the header, in the order in which they are written.
struct Fields<'a>(Option<&'a [u8]>);

impl<'a> Fields<'a> {
    fn next(&mut self, name: &str) -> Option<&'a str> {
        let left = self.0?;
        let end = left.iter().position(|byte| *byte == b';');
        self.0 = end.map(|end| &left[end + 1..]);
        let field = left[..end.unwrap_or(left.len())].trim_ascii();
        let value = field.strip_prefix(name.as_bytes())?.strip_prefix(b"=")?;
        std::str::from_utf8(value).ok()
    }

    fn number(&mut self, name: &str) -> Option<u64> {
        self.next(name)?.parse().ok()
    }
}

/// Appends a number in decimal, zeros before it up to this width.
fn push_number(text: &mut Vec<u8>, number: u64, width: usize) {
    let mut room = itoa::Buffer::new();
    let digits = room.format(number).as_bytes();
    text.extend_from_slice(&[b'0'; 20][..width.saturating_sub(digits.len())]);
    text.extend_from_slice(digits);
}

/// Appends bytes in hexadecimal.
pub(super) fn push_hex(text: &mut Vec<u8>, bytes: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for byte in bytes {
        text.push(DIGITS[usize::from(byte >> 4)]);
        text.push(DIGITS[usize::from(byte & 15)]);
    }
}

fn parse_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digits = text.as_bytes();
    let mut bytes = [0; N];
    if digits.len() != 2 * N {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = parse_digit(pair[0])? << 4 | parse_digit(pair[1])?;
    }
    Some(bytes)
}

/// In lower case only, as written: a changed digit is a changed header.
fn parse_digit(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_what_it_writes() {
        let parts: [&[u8]; 2] = [b"Subject: x\r\n\r\n", b".\r\nbody\r\n"];
        let header = IdentityHeader::of("abc", MessageId(42), 3, parts);
        let line = header.line();
        assert!(line.len() < LONGEST);
        let read = IdentityHeader::parse(line.trim_ascii_end());
        assert_eq!(read, Some(header.clone()));
        assert_eq!((header.head_bytes, header.bytes, header.lines, header.dots), (14, 23, 2, 1));
    }

    #[test]
    fn its_length_is_known_before_it_is_written() {
        for (tag, number, recipients) in
            [("", 0, 0), ("abc", 9, 1), ("k", 10, 99), ("k", u64::MAX, 1000)]
        {
            let message = MessageId(number);
            let line = IdentityHeader::of(tag, message, recipients, [b"x", b"y"]).line();
            assert_eq!(IdentityHeader::length(tag, message, recipients), line.len());
        }
    }

    proptest! {
        #[test]
        fn numbers_are_written_as_the_standard_library_does(number: u64, width in 1_usize..=20) {
            let mut text = Vec::new();
            push_number(&mut text, number, width);
            prop_assert_eq!(text, format!("{number:0width$}").into_bytes());
        }

        #[test]
        fn never_panics(line in proptest::collection::vec(any::<u8>(), 0..300)) {
            let mut line = line;
            let _ = IdentityHeader::parse(&line);
            line.splice(0..0, NAME.iter().copied());
            let _ = IdentityHeader::parse(&line);
        }
    }
}
