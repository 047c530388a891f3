//! Sealing a message text with its identity, and checking what arrives against it.
//!
//! Whatever a relay prepends (trace headers, RFC 5321 §4.4) stands before our first header and is
//! passed over; from there on every byte counts. Content is held, in bounded memory, and almost all
//! of it is as it was sent: it is only digested. What was changed is compared with what was sent;
//! what is too long to be held is examined as it streams by, with the same result however it is cut.

use memchr::memchr;

use super::MessageId;
use super::change::{Change, Level};
use super::compare::{self, Difference};
use super::damage::{ContentCheck, end_prefix};
use super::digest::body_digest;
use super::examine::{Examiner, is_blank};
use super::header::{IdentityHeader, digits, push_hex};
use super::held::Share;
use super::tally::head_length;
use crate::limits;

/// Room for most contents.
const LIKELY: usize = 6 * 1024;

/// The whole text of a message: identity header, then `rest` (further headers, blank line, body)
/// as it is. Line ends are CRLF, dots are not stuffed.
#[must_use]
pub fn seal(tag: &str, message: MessageId, recipients: u16, rest: &[u8]) -> Vec<u8> {
    let room = seal_length(tag, message, recipients);
    let mut text = Vec::with_capacity(room + rest.len());
    text.resize(room, 0);
    text.extend_from_slice(rest);
    seal_in_place(tag, message, recipients, &mut text);
    text
}

/// As [`seal`], for a text that begins with [`seal_length`] bytes to be written over.
pub fn seal_in_place(tag: &str, message: MessageId, recipients: u16, text: &mut [u8]) {
    let (room, rest) = text.split_at_mut(seal_length(tag, message, recipients));
    let (head, body) = rest.split_at(head_length(rest));
    room.copy_from_slice(&IdentityHeader::of(tag, message, recipients, [head, body]).lines());
}

/// Bytes that [`seal`] adds.
#[must_use]
pub fn seal_length(tag: &str, message: MessageId, recipients: u16) -> usize {
    IdentityHeader::length(tag, message, recipients)
}

/// The line that ends every text: number of the message, CRC-32 of all between the identity header
/// and this line. Where the header is lost, it is what people have left to go by.
#[must_use]
pub fn end_line(message: MessageId, crc32: u32) -> Vec<u8> {
    let mut line = Vec::with_capacity(end_line_length(message));
    line.extend_from_slice(end_prefix(message).as_bytes());
    push_hex(&mut line, &crc32.to_be_bytes());
    line.extend_from_slice(b"\r\n");
    line
}

/// Bytes of [`end_line`].
#[must_use]
pub fn end_line_length(message: MessageId) -> usize {
    "END  \r\n".len() + digits(message.0) + 8
}

/// Checks one content as it streams by.
///
/// It takes content without dot-stuffing, as RFC 5321 §4.5.2 leaves it: the CRLF before the final
/// dot is the content's own.
#[derive(Default)]
pub struct Verifier {
    /// All of the content, while it is held; then its beginning.
    held: Vec<u8>,
    share: Share,
    /// What takes it in, once it is too long.
    examiner: Option<Box<Examiner>>,
}

/// Content that is not as it was sent, held to be compared.
pub struct Changed {
    content: Vec<u8>,
    /// Its part of what may be held.
    _share: Share,
}

/// What a content was, and what differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// What it was.
    pub check: ContentCheck,
    /// What differs, where both texts were at hand.
    pub differences: Vec<Difference>,
}

impl Verifier {
    /// A verifier for one content.
    #[must_use]
    pub fn new() -> Verifier {
        Verifier::default()
    }

    /// Takes in the next chunk.
    pub fn feed(&mut self, chunk: &[u8]) {
        let length = self.held.len() + chunk.len();
        if let Some(examiner) = &mut self.examiner {
            examiner.feed(chunk);
        } else if length <= limits::CONTENT_HELD && self.share.covers(length) {
            if self.held.capacity() == 0 {
                // At once, rather than doubled until it fits.
                self.held.reserve(LIKELY.max(chunk.len()));
            }
            self.held.extend_from_slice(chunk);
        } else {
            let mut examiner = Box::<Examiner>::default();
            examiner.feed(&self.held);
            self.held.truncate(limits::CONTENT_HELD_FREE);
            self.held.shrink_to_fit();
            examiner.feed(chunk);
            self.examiner = Some(examiner);
            self.share = Share::default();
        }
    }

    /// What came first: all of a short content, at least the headers of any other.
    #[must_use]
    pub fn beginning(&self) -> &[u8] {
        &self.held
    }

    /// Says what the content was.
    ///
    /// # Errors
    /// The content, where it is not as it was sent and is held.
    pub fn finish(self) -> Result<ContentCheck, Changed> {
        match self.examiner {
            Some(examiner) => Ok(examiner.finish()),
            None => intact(&self.held).ok_or(Changed { content: self.held, _share: self.share }),
        }
    }
}

impl Changed {
    /// Bytes of it.
    #[must_use]
    pub fn length(&self) -> usize {
        self.content.len()
    }

    /// Says how it differs. `original`: the message that it says it is (`claimed`), or that its
    /// envelope names, with the whole text that was sent; `None`: not known.
    pub fn explain(self, original: Option<(MessageId, Vec<u8>)>, claimed: bool) -> Verified {
        let counted = examined(&self.content);
        let found = original
            .map(|(message, sent)| (message, compare::compare(&sent, &self.content)))
            .filter(|(_, found)| claimed || is_recognisable(&found.changes));
        let Some((message, found)) = found else {
            return Verified { check: counted, differences: Vec::new() };
        };
        let message = Some(message);
        let check = ContentCheck { message, changes: found.changes, ..counted };
        Verified { check, differences: found.differences }
    }
}

/// Whether a text that does not say whose it is can be seen to be the one it was compared with.
fn is_recognisable(changes: &[Change]) -> bool {
    let other =
        |change: &Change| change.level() == Level::Corrupted || *change == Change::PartReplaced;
    !changes.iter().any(other)
}

/// What the content is, if it is as it was sent.
fn intact(content: &[u8]) -> Option<ContentCheck> {
    let (identity, text) = identified(content)?;
    let head = text.get(..usize::try_from(identity.head_bytes).ok()?)?;
    let body = &text[head.len()..];
    // The digest of the head takes in how long head and body are.
    let holds = identity.digest_with(head) == identity.head_digest
        && body_digest(body) == identity.body_digest;
    let (message, bytes) = (Some(identity.message), text.len() as u64);
    holds.then_some(ContentCheck { message, bytes, changes: Vec::new() })
}

/// The identity header, as it was sent, after trace headers if any; and what comes after it.
fn identified(content: &[u8]) -> Option<(IdentityHeader, &[u8])> {
    let mut rest = content;
    loop {
        if let Some((identity, length)) = IdentityHeader::read(rest) {
            return Some((identity, &rest[length..]));
        }
        let (line, after) = rest.split_at(memchr(b'\n', rest)? + 1);
        if is_blank(line) {
            return None;
        }
        rest = after;
    }
}

fn examined(content: &[u8]) -> ContentCheck {
    let mut examiner = Examiner::default();
    examiner.feed(content);
    examiner.finish()
}

#[cfg(test)]
mod tests;
