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
            self.keep_beginning(chunk);
        } else if length <= limits::CONTENT_HELD && self.share.covers(length) {
            if self.held.capacity() == 0 {
                // At once, rather than doubled until it fits.
                self.held.reserve(LIKELY.max(chunk.len()));
            }
            self.held.extend_from_slice(chunk);
        } else {
            let mut examiner = Box::<Examiner>::default();
            examiner.feed(&self.held);
            examiner.feed(chunk);
            self.examiner = Some(examiner);
            self.keep_beginning(chunk);
            self.share = Share::default();
        }
    }

    fn keep_beginning(&mut self, chunk: &[u8]) {
        self.held.truncate(limits::CONTENT_HELD_FREE);
        self.held.shrink_to(limits::CONTENT_HELD_FREE);
        let room = limits::CONTENT_HELD_FREE - self.held.len();
        self.held.extend_from_slice(&chunk[..chunk.len().min(room)]);
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

    /// Says how it differs. `original` is asked for the whole text of the message that it says it
    /// is (the run's tag, the number), or, where it says nothing, that its envelope names.
    pub fn explain(
        self,
        original: impl FnOnce(Option<(String, MessageId)>) -> Option<(MessageId, Vec<u8>)>,
    ) -> Verified {
        let claim = compare::claim(&self.content);
        let claimed = claim.is_some();
        let counted = examined(&self.content);
        let found = original(claim)
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
mod tests {
    use super::*;
    use proptest::prelude::*;

    const REST: &str = "From: a@a.test\r\nSubject: x\r\n\r\n42 first\r\n.\r\n..\r\n.x\r\n\
        caf\u{e9} \u{444}\r\nand so on\r\n\r\nlast\r\n";

    fn sealed() -> Vec<u8> {
        let end = end_line(MessageId(42), crc32fast::hash(REST.as_bytes()));
        assert_eq!(end.len(), end_line_length(MessageId(42)));
        seal("tag", MessageId(42), 2, &[REST.as_bytes(), &end].concat())
    }

    /// What is found without the text that was sent.
    fn finished(verifier: Verifier) -> ContentCheck {
        verifier.finish().unwrap_or_else(|changed| changed.explain(|_| None).check)
    }

    fn check(content: &[u8]) -> ContentCheck {
        let mut verifier = Verifier::new();
        verifier.feed(content);
        finished(verifier)
    }

    /// The damage found after a change to the sealed text.
    fn damage_after(change: impl FnOnce(String) -> String) -> Vec<Change> {
        let text = String::from_utf8(sealed()).expect("UTF-8");
        check(change(text).as_bytes()).changes
    }

    #[test]
    fn what_was_sealed_is_intact() {
        let content = sealed();
        let header = seal_length("tag", MessageId(42), 2);
        let bytes = (content.len() - header) as u64;
        let intact = ContentCheck { message: Some(MessageId(42)), bytes, changes: vec![] };
        assert_eq!(check(&content), intact);
        let trace = b"Return-Path: <b+x.42@bounce.mailbench.test>\r\nDelivered-To: a@a.test\r\n\
            Received: from a (b [127.0.0.1])\r\n\tby c with ESMTP id 7\r\n\tfor <a@a.test>\r\n";
        assert_eq!(check(&[trace, content.as_slice()].concat()), intact);
    }

    #[test]
    fn a_lost_header_is_told() {
        let lost = vec![Change::HeaderLost];
        assert_eq!(damage_after(|text| text.replacen("X-Mailbench", "Y-Mailbench", 1)), lost);
        assert_eq!(damage_after(|text| text.replacen("; id=42", "; id=4z", 1)), lost);
        // What a body quotes is no identity.
        assert_eq!(damage_after(|text| format!("Subject: y\r\n\r\n{text}")), lost);
        assert_eq!(check(b"").changes, lost);
    }

    #[test]
    fn changed_headers_are_told() {
        let changed = vec![Change::HeadersChanged];
        assert_eq!(damage_after(|text| text.replace("Subject: x", "Subject: y")), changed);
        assert_eq!(damage_after(|text| text.replace("Subject: x", "Subject: x\r\nA: b")), changed);
        assert_eq!(
            damage_after(
                |text| text.replace("From: a@a.test\r\nSubject: x", "Subject: x\r\nFrom: a@a.test")
            ),
            changed
        );
        assert_eq!(damage_after(|text| text.replacen("; id=42", "; id=43", 1)), changed);
    }

    #[test]
    fn a_change_of_length_is_told() {
        let end = |text: &str| text.rfind("END ").expect("an end line");
        assert_eq!(damage_after(|text| text[..end(&text)].to_owned()), [Change::Truncated]);
        assert_eq!(damage_after(|text| text.replace("and so on\r\n", "")), [Change::Truncated]);
        let cut_in_head =
            damage_after(|text| text[..seal_length("tag", MessageId(42), 2) + 5].to_owned());
        assert_eq!(cut_in_head, [Change::Truncated, Change::HeadersChanged]);
        assert_eq!(damage_after(|text| text + "\r\n"), [Change::Extended]);
        assert_eq!(damage_after(|text| text.replace("and so", "and then so")), [Change::Extended]);
    }

    #[test]
    fn dot_stuffing_gone_wrong_is_told() {
        let stuffing = [Change::DotStuffing];
        assert_eq!(damage_after(|text| text.replace("\r\n.", "\r\n..")), stuffing);
        assert_eq!(damage_after(|text| text.replace("\r\n..\r\n.x", "\r\n.\r\nx")), stuffing);
        // Nothing was stuffed: the first lone dot ends the message.
        let cut =
            damage_after(|text| text[..text.find("\r\n.\r\n").expect("a dot") + 2].to_owned());
        assert_eq!(cut, [Change::Truncated]);
    }

    #[test]
    fn changed_line_ends_are_told() {
        let ends = [Change::LineEnds];
        assert_eq!(damage_after(|text| text.replace("\r\n", "\n")), ends);
        assert_eq!(damage_after(|text| text.replace("so on\r\n", "so on\n")), ends);
        assert_eq!(damage_after(|text| text.replace("so on\r\n", "so on\r\r\n")), ends);
        assert_eq!(damage_after(|text| text.replace("so on\r\n", "so on\r")), ends);
    }

    #[test]
    fn lost_8_bit_bytes_are_told() {
        let stripped: Vec<u8> = sealed().into_iter().map(|byte| byte & 127).collect();
        assert_eq!(check(&stripped).changes, [Change::EightBit]);
        assert_eq!(damage_after(|text| text.replace('\u{e9}', "=C3=A9")), [Change::EightBit]);
    }

    #[test]
    fn another_identity_inside_is_told() {
        let twice = damage_after(|text| text.clone() + &text);
        assert_eq!(twice, [Change::Merged]);
        let cut = damage_after(|text| {
            text[..text.find("so on").expect("there")].to_owned() + "\r\n" + &text
        });
        assert_eq!(cut, [Change::Merged]);
    }

    #[test]
    fn a_flipped_byte_is_told() {
        assert_eq!(damage_after(|text| text.replace("so on", "so oN")), [Change::BytesChanged]);
        assert_eq!(damage_after(|text| text.replace("END 42", "END 43")), [Change::BytesChanged]);
    }

    #[test]
    fn what_was_changed_is_compared_with_what_was_sent() {
        let explained = |content: &[u8], knows: bool| {
            let mut verifier = Verifier::new();
            verifier.feed(content);
            let Err(changed) = verifier.finish() else { panic!("it was changed") };
            changed.explain(|claim| {
                let of = claim.map_or(MessageId(42), |(_, message)| message);
                (knows && of == MessageId(42)).then(|| (of, sealed()))
            })
        };
        let text = String::from_utf8(sealed()).expect("UTF-8");
        let folded = text.replace("Subject: x", "Subject:\r\n x");
        let verified = explained(folded.as_bytes(), true);
        assert_eq!(verified.check.changes, [Change::Folding]);
        assert_eq!(verified.differences[0].field, "Subject");
        let alone = explained(folded.as_bytes(), false);
        assert_eq!(
            (alone.check.changes, alone.differences),
            (vec![Change::HeadersChanged], vec![])
        );
        // Without a word of whose it is, it must be the envelope's to be taken for it.
        let nameless = text.replace("X-Mailbench", "X-Other");
        let changes = explained(nameless.as_bytes(), true).check.changes;
        assert_eq!(changes, [Change::HeaderRemoved]);
        let strange = explained(b"Subject: x\r\n\r\nquite another text\r\n", true);
        assert_eq!(strange.check.changes, [Change::HeaderLost]);
        let other = explained(text.replace("id=42", "id=43").as_bytes(), true);
        assert_eq!(other.check.changes, [Change::HeadersChanged]);
    }

    #[test]
    fn every_flipped_bit_is_found() {
        let intact = sealed();
        for place in 0..intact.len() {
            for bit in 0..8 {
                let mut content = intact.clone();
                content[place] ^= 1 << bit;
                assert!(!check(&content).changes.is_empty(), "bit {bit} of {place}");
            }
        }
    }

    #[test]
    fn a_long_content_is_checked_as_a_short_one_is() {
        let long = "and so on\r\n".repeat(limits::CONTENT_HELD / 8);
        let rest = [REST.as_bytes(), long.as_bytes(), &end_line(MessageId(42), 0)].concat();
        let content = seal("tag", MessageId(42), 2, &rest);
        let checked = |content: &[u8]| {
            let mut verifier = Verifier::new();
            content.chunks(1000).for_each(|chunk| verifier.feed(chunk));
            finished(verifier)
        };
        assert_eq!(checked(&content).changes, []);
        assert_eq!(checked(&content), examined(&content));
        assert_eq!(checked(&content[..content.len() - 20]).changes, [Change::Truncated]);
    }

    proptest! {
        #[test]
        fn chunks_do_not_matter(
            parts in prop::collection::vec(
                prop_oneof![
                    Just(b"\r\n".to_vec()), Just(b"\n".to_vec()), Just(b"\r".to_vec()), Just(b".".to_vec()),
                    Just(sealed()), Just(b"X-Mailbench: ".to_vec()), Just(b"END 42 ".to_vec()),
                    prop::collection::vec(any::<u8>(), 0..40),
                ],
                0..12,
            ),
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..20),
        ) {
            let content = parts.concat();
            let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(content.len() + 1)).collect();
            cuts.sort_unstable();
            let mut verifier = Verifier::new();
            let mut start = 0;
            for cut in cuts {
                verifier.feed(&content[start..cut]);
                start = cut;
            }
            verifier.feed(&content[start..]);
            prop_assert_eq!(finished(verifier), check(&content));
            prop_assert_eq!(examined(&content), check(&content));
        }
    }
}
