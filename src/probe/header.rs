//! The identity header: the first three lines of every message text, each short enough that
//! nothing needs to fold it (RFC 5322 §2.1.1: 78 characters).
//!
//! ```text
//! X-Mailbench: run=TAG; id=N; n=R
//! X-Mailbench-Digest: h3=HEX; b3=HEX
//! X-Mailbench-Counts: HEAD LEN LINES DOTS HIGH
//! ```
//!
//! The first names run, message and number of recipients; the others say what comes after: a digest
//! of headers and of body, bytes of headers and of everything, lines, leading dots and 8-bit bytes
//! of the body. Counts have a fixed width, so that the length is known before they are.

use memchr::{memchr, memchr_iter};

use super::MessageId;
use super::digest::{Digest, body_digest, head_digest};
use super::tally::Counts;

/// Name of its first line, with the colon.
pub(super) const NAME: &[u8] = b"X-Mailbench:";

/// Names of the other lines, with the colon and a space.
const DIGEST: &[u8] = b"X-Mailbench-Digest: ";
const COUNTS: &[u8] = b"X-Mailbench-Counts: ";

/// Its lines.
pub(super) const LINES: usize = 3;

/// Longest line that can be one of them, line end excluded (RFC 5322 §2.1.1).
pub(super) const LONGEST: usize = 998;

/// Bytes of a count.
const COUNT: usize = 9;

/// Bytes of the lines without tag, message and number of recipients.
const FIXED: usize = "X-Mailbench: run=; id=; n=\r\n".len()
    + (DIGEST.len() + "h3=; b3=\r\n".len() + 2 * (8 + 16))
    + (COUNTS.len() + 5 * COUNT + 4 + "\r\n".len());

/// Room for the lines of most runs.
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
        self.push_name(&mut all);
        self.push_counts(&mut all);
        all.extend_from_slice(&self.body_digest);
        all
    }

    /// The three lines with their line ends.
    pub(super) fn lines(&self) -> Vec<u8> {
        let mut lines = Vec::with_capacity(LIKELY);
        lines.extend_from_slice(NAME);
        lines.push(b' ');
        self.push_name(&mut lines);
        lines.extend_from_slice(b"\r\n");
        lines.extend_from_slice(DIGEST);
        lines.extend_from_slice(b"h3=");
        push_hex(&mut lines, &self.head_digest);
        lines.extend_from_slice(b"; b3=");
        push_hex(&mut lines, &self.body_digest);
        lines.extend_from_slice(b"\r\n");
        lines.extend_from_slice(COUNTS);
        self.push_counts(&mut lines);
        lines.extend_from_slice(b"\r\n");
        lines
    }

    /// Bytes of the lines of such a message.
    pub(super) fn length(tag: &str, message: MessageId, recipients: u16) -> usize {
        FIXED + tag.len() + digits(message.0) + digits(u64::from(recipients))
    }

    /// Reads the three lines at the start of `text`, as they are written, and says how many bytes
    /// they are. `None`: not ours, or not as we write them.
    pub(super) fn read(text: &[u8]) -> Option<(Self, usize)> {
        let (first, rest) = line(text)?;
        let exact = first.starts_with(NAME) && memchr_iter(b';', first).count() == 2;
        let named = named(first).filter(|_| exact)?;
        let (digests, rest) = line(rest)?;
        let (counts, rest) = line(rest)?;
        let mut digests = Fields(Some(digests.strip_prefix(DIGEST)?));
        let counts = read_counts(counts.strip_prefix(COUNTS)?)?;
        let [head_bytes, bytes, lines, dots, high] = counts;
        let header = IdentityHeader {
            tag: named.tag.to_owned(),
            message: named.message,
            recipients: named.recipients,
            head_bytes,
            bytes,
            lines,
            dots,
            high,
            head_digest: parse_hex(digests.next("h3")?)?,
            body_digest: parse_hex(digests.next("b3")?)?,
        };
        let whole = digests.0.is_none() && header.head_bytes <= header.bytes;
        whole.then_some((header, text.len() - rest.len()))
    }

    fn push_name(&self, text: &mut Vec<u8>) {
        text.extend_from_slice(b"run=");
        text.extend_from_slice(self.tag.as_bytes());
        text.extend_from_slice(b"; id=");
        push_number(text, self.message.0, 1);
        text.extend_from_slice(b"; n=");
        push_number(text, u64::from(self.recipients), 1);
    }

    fn push_counts(&self, text: &mut Vec<u8>) {
        for number in [self.head_bytes, self.bytes, self.lines, self.dots] {
            push_number(text, number, COUNT);
            text.push(b' ');
        }
        push_number(text, self.high, COUNT);
    }
}

/// What the first line of an identity header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Named<'a> {
    /// The run's tag.
    pub tag: &'a str,
    /// The message.
    pub message: MessageId,
    /// How many recipients it was sent to.
    pub recipients: u16,
}

/// Reads the first line of an identity header, without its line end; what stands behind the number
/// of recipients is passed over. `None`: not ours, or not as we write it.
#[must_use]
pub fn named(line: &[u8]) -> Option<Named<'_>> {
    let value = line.get(NAME.len()..)?;
    if !line[..NAME.len()].eq_ignore_ascii_case(NAME) {
        return None;
    }
    let mut fields = Fields(Some(value));
    Some(Named {
        tag: fields.next("run")?,
        message: MessageId(fields.number("id")?),
        recipients: u16::try_from(fields.number("n")?).ok()?,
    })
}

/// The first line of a text without its CRLF, and what comes after it.
fn line(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let (line, rest) = text.split_at(memchr(b'\n', text)? + 1);
    Some((line.strip_suffix(b"\r\n")?, rest))
}

fn read_counts(value: &[u8]) -> Option<[u64; 5]> {
    let mut words = value.split(|byte| *byte == b' ');
    let mut counts = [0; 5];
    for count in &mut counts {
        let word = std::str::from_utf8(words.next()?).ok()?;
        *count = word.parse().ok().filter(|_| word.len() >= COUNT)?;
    }
    words.next().is_none().then_some(counts)
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
        let lines = header.lines();
        let text = [&lines[..], b"Subject: x\r\n"].concat();
        assert_eq!(IdentityHeader::read(&text), Some((header.clone(), lines.len())));
        let first = lines.split(|byte| *byte == b'\r').next().expect("a line");
        let found = Named { tag: "abc", message: MessageId(42), recipients: 3 };
        assert_eq!(named(first), Some(found));
        assert_eq!((header.head_bytes, header.bytes, header.lines, header.dots), (14, 23, 2, 1));
    }

    #[test]
    fn its_length_is_known_before_it_is_written() {
        for (tag, number, recipients) in
            [("", 0, 0), ("abc", 9, 1), ("k", 10, 99), ("k", u64::MAX, 1000)]
        {
            let message = MessageId(number);
            let lines = IdentityHeader::of(tag, message, recipients, [b"x", b"y"]).lines();
            assert_eq!(IdentityHeader::length(tag, message, recipients), lines.len());
        }
    }

    #[test]
    fn no_line_needs_to_be_folded() {
        let longest = IdentityHeader::of("01234567", MessageId(u64::MAX), 1000, [b"x", b"y"]);
        let lines = String::from_utf8(longest.lines()).expect("UTF-8");
        assert_eq!(lines.lines().count(), LINES);
        assert!(lines.lines().all(|line| line.len() <= 78), "{lines}");
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
            let _ = (IdentityHeader::read(&line), named(&line));
            line.splice(0..0, NAME.iter().copied());
            let _ = (IdentityHeader::read(&line), named(&line));
        }
    }
}
