//! Sealing a message text with its identity, and checking what arrives against it.
//!
//! Whatever a relay prepends (trace headers, RFC 5321 §4.4) stands before our first header and is
//! passed over; from there on every byte counts. Content is checked as it streams by, in bounded
//! memory, with the same result however it is cut.

use memchr::memchr;

use super::MessageId;
use super::damage::{ContentCheck, Damage, Seen, diagnose, end_prefix};
use super::header::{IdentityHeader, LONGEST, short_digest};
use super::tally::{Tally, head_length};

/// The whole text of a message: identity header, then `rest` (further headers, blank line, body)
/// as it is. Line ends are CRLF, dots are not stuffed.
#[must_use]
pub fn seal(tag: &str, message: MessageId, recipients: u16, rest: &[u8]) -> Vec<u8> {
    let parts = rest.split_at(head_length(rest));
    let line = IdentityHeader::of(tag, message, recipients, [parts.0, parts.1]).line();
    let mut text = Vec::with_capacity(line.len() + rest.len());
    text.extend_from_slice(line.as_bytes());
    text.extend_from_slice(rest);
    text
}

/// Bytes that [`seal`] adds.
#[must_use]
pub fn seal_length(tag: &str, message: MessageId, recipients: u16) -> usize {
    IdentityHeader::of(tag, message, recipients, [b"", b""]).line().len()
}

/// The line that ends every text: number of the message, CRC-32 of all between the identity header
/// and this line. Where the header is lost, it is what people have left to go by.
#[must_use]
pub fn end_line(message: MessageId, crc32: u32) -> String {
    format!("{}{crc32:08x}\r\n", end_prefix(message))
}

/// Checks one content as it streams by.
///
/// It takes content without dot-stuffing, as RFC 5321 §4.5.2 leaves it: the CRLF before the final
/// dot is the content's own.
pub struct Verifier {
    place: Place,
    /// The line being read, as far as it can be our header or blank.
    line: Vec<u8>,
    identity: Option<IdentityHeader>,
    digest: blake3::Hasher,
    head: Tally,
    head_intact: bool,
    body: Tally,
    bytes: u64,
}

/// Where in the content the verifier is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Before our header.
    Trace,
    /// After it, before the blank line.
    Head,
    /// After the blank line.
    Body,
    /// After a blank line that came without our header.
    Lost,
}

impl Default for Verifier {
    fn default() -> Self {
        Verifier::new()
    }
}

impl Verifier {
    /// A verifier for one content.
    #[must_use]
    pub fn new() -> Verifier {
        Verifier {
            place: Place::Trace,
            line: Vec::with_capacity(LONGEST),
            identity: None,
            digest: blake3::Hasher::new(),
            head: Tally::default(),
            head_intact: false,
            body: Tally::default(),
            bytes: 0,
        }
    }

    /// What the identity header says, as soon as it has been read.
    #[must_use]
    pub fn identity(&self) -> Option<&IdentityHeader> {
        self.identity.as_ref()
    }

    /// Takes in the next chunk.
    pub fn feed(&mut self, chunk: &[u8]) {
        self.bytes += chunk.len() as u64;
        let mut rest = chunk;
        while !rest.is_empty() {
            match self.place {
                Place::Trace | Place::Head => rest = self.feed_line(rest),
                Place::Body => {
                    self.body.feed(rest);
                    self.digest.update(rest);
                    return;
                }
                Place::Lost => return,
            }
        }
    }

    /// Says what the content was.
    #[must_use]
    pub fn finish(mut self) -> ContentCheck {
        if self.place == Place::Trace {
            self.end_trace_line();
        }
        let Some(identity) = self.identity.take() else {
            return ContentCheck {
                message: None,
                bytes: self.bytes,
                damage: vec![Damage::HeaderLost],
            };
        };
        if self.place == Place::Head {
            self.end_head(&identity);
        }
        self.body.close();
        let body_intact = short_digest(self.digest.finalize()) == identity.body_digest;
        let bytes = self.head.bytes + self.body.bytes;
        let head_intact = self.head_intact;
        let seen = Seen { head: self.head, body: self.body, head_intact, body_intact };
        let damage = diagnose(&identity, &seen);
        ContentCheck { message: Some(identity.message), bytes, damage }
    }

    /// Takes in the rest of one line of the headers; returns what comes after it.
    fn feed_line<'a>(&mut self, rest: &'a [u8]) -> &'a [u8] {
        let end = memchr(b'\n', rest);
        let (part, after) = rest.split_at(end.map_or(rest.len(), |end| end + 1));
        // A longer line is cut: it is neither our header nor blank.
        let room = LONGEST.saturating_sub(self.line.len()) + 2;
        self.line.extend_from_slice(&part[..part.len().min(room)]);
        if self.place == Place::Head {
            self.head.feed(part);
            self.digest.update(part);
        }
        if end.is_some() {
            self.end_header_line();
        }
        after
    }

    fn end_header_line(&mut self) {
        if self.place == Place::Trace {
            self.end_trace_line();
        } else if is_blank(&self.line)
            && let Some(identity) = self.identity.take()
        {
            self.end_head(&identity);
            self.identity = Some(identity);
            self.place = Place::Body;
        }
        self.line.clear();
    }

    fn end_trace_line(&mut self) {
        if let Some(identity) = IdentityHeader::parse(self.line.trim_ascii_end()) {
            self.digest = identity.head_hasher();
            self.identity = Some(identity);
            self.place = Place::Head;
        } else if is_blank(&self.line) {
            self.place = Place::Lost;
        }
    }

    fn end_head(&mut self, identity: &IdentityHeader) {
        self.head.close();
        self.head_intact = short_digest(self.digest.finalize()) == identity.head_digest;
        self.digest.reset();
    }
}

fn is_blank(line: &[u8]) -> bool {
    line == b"\r\n" || line == b"\n"
}
