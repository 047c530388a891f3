//! Sealing a message text with its identity, and checking what arrives against it.
//!
//! Whatever a relay prepends (trace headers, RFC 5321 §4.4) stands before our first header and is
//! passed over; from there on every byte counts. Content is checked as it streams by, in bounded
//! memory, with the same result however it is cut.

use memchr::memchr;

use super::MessageId;
use super::damage::{ContentCheck, Damage, Seen, diagnose, end_prefix};
use super::digest::Digest;
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
    IdentityHeader::length(tag, message, recipients)
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
    digest: Digest,
    /// Whether the identity header's line ends as sent.
    line_end_intact: bool,
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
            digest: Digest::new(),
            line_end_intact: false,
            head: Tally::default(),
            head_intact: false,
            body: Tally::default(),
            bytes: 0,
        }
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
        let seen = Seen {
            line_end_intact: self.line_end_intact,
            head: self.head,
            body: self.body,
            head_intact: self.head_intact,
            body_intact,
        };
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
        let crlf = self.line.strip_suffix(b"\r\n");
        let line = crlf.or(self.line.strip_suffix(b"\n")).unwrap_or(&self.line);
        if let Some(identity) = IdentityHeader::parse(line) {
            self.line_end_intact = crlf.is_some();
            self.digest.go_on(identity.head_hasher());
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const REST: &str = "From: a@a.test\r\nSubject: x\r\n\r\n42 first\r\n.\r\n..\r\n.x\r\n\
        caf\u{e9} \u{444}\r\nand so on\r\n\r\nlast\r\n";

    fn sealed() -> Vec<u8> {
        let rest = format!("{REST}{}", end_line(MessageId(42), crc32fast::hash(REST.as_bytes())));
        seal("tag", MessageId(42), 2, rest.as_bytes())
    }

    fn check(content: &[u8]) -> ContentCheck {
        let mut verifier = Verifier::new();
        verifier.feed(content);
        verifier.finish()
    }

    /// The damage found after a change to the sealed text.
    fn damage_after(change: impl FnOnce(String) -> String) -> Vec<Damage> {
        let text = String::from_utf8(sealed()).expect("UTF-8");
        check(change(text).as_bytes()).damage
    }

    #[test]
    fn what_was_sealed_is_intact() {
        let content = sealed();
        let header = content.iter().position(|byte| *byte == b'\n').expect("a line") + 1;
        let bytes = (content.len() - header) as u64;
        let intact = ContentCheck { message: Some(MessageId(42)), bytes, damage: vec![] };
        assert_eq!(check(&content), intact);
        assert_eq!(header, seal_length("tag", MessageId(42), 2));
        let trace = b"Return-Path: <b+x.42@bounce.mailbench.test>\r\nDelivered-To: a@a.test\r\n\
            Received: from a (b [127.0.0.1])\r\n\tby c with ESMTP id 7\r\n\tfor <a@a.test>\r\n";
        assert_eq!(check(&[trace, content.as_slice()].concat()), intact);
    }

    #[test]
    fn a_lost_header_is_told() {
        let lost = vec![Damage::HeaderLost];
        assert_eq!(damage_after(|text| text.replacen("X-Mailbench", "Y-Mailbench", 1)), lost);
        assert_eq!(damage_after(|text| text.replacen("; id=42", "; id=4z", 1)), lost);
        // What a body quotes is no identity.
        assert_eq!(damage_after(|text| format!("Subject: y\r\n\r\n{text}")), lost);
        assert_eq!(check(b"").damage, lost);
    }

    #[test]
    fn changed_headers_are_told() {
        let changed = vec![Damage::HeadersChanged];
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
        assert_eq!(damage_after(|text| text[..end(&text)].to_owned()), [Damage::Truncated]);
        assert_eq!(damage_after(|text| text.replace("and so on\r\n", "")), [Damage::Truncated]);
        let cut_in_head =
            damage_after(|text| text[..seal_length("tag", MessageId(42), 2) + 5].to_owned());
        assert_eq!(cut_in_head, [Damage::Truncated, Damage::HeadersChanged]);
        assert_eq!(damage_after(|text| text + "\r\n"), [Damage::Extended]);
        assert_eq!(damage_after(|text| text.replace("and so", "and then so")), [Damage::Extended]);
    }

    #[test]
    fn dot_stuffing_gone_wrong_is_told() {
        let stuffing = [Damage::DotStuffing];
        assert_eq!(damage_after(|text| text.replace("\r\n.", "\r\n..")), stuffing);
        assert_eq!(damage_after(|text| text.replace("\r\n..\r\n.x", "\r\n.\r\nx")), stuffing);
        // Nothing was stuffed: the first lone dot ends the message.
        let cut =
            damage_after(|text| text[..text.find("\r\n.\r\n").expect("a dot") + 2].to_owned());
        assert_eq!(cut, [Damage::Truncated]);
    }

    #[test]
    fn changed_line_ends_are_told() {
        let ends = [Damage::LineEnds];
        assert_eq!(damage_after(|text| text.replace("\r\n", "\n")), ends);
        assert_eq!(damage_after(|text| text.replace("so on\r\n", "so on\n")), ends);
        assert_eq!(damage_after(|text| text.replace("so on\r\n", "so on\r\r\n")), ends);
        assert_eq!(damage_after(|text| text.replace("so on\r\n", "so on\r")), ends);
    }

    #[test]
    fn lost_8_bit_bytes_are_told() {
        let stripped: Vec<u8> = sealed().into_iter().map(|byte| byte & 127).collect();
        assert_eq!(check(&stripped).damage, [Damage::EightBit]);
        assert_eq!(damage_after(|text| text.replace('\u{e9}', "=C3=A9")), [Damage::EightBit]);
    }

    #[test]
    fn another_identity_inside_is_told() {
        let twice = damage_after(|text| text.clone() + &text);
        assert_eq!(twice, [Damage::Merged]);
        let cut = damage_after(|text| {
            text[..text.find("so on").expect("there")].to_owned() + "\r\n" + &text
        });
        assert_eq!(cut, [Damage::Merged]);
    }

    #[test]
    fn a_flipped_byte_is_told() {
        assert_eq!(damage_after(|text| text.replace("so on", "so oN")), [Damage::Altered]);
        assert_eq!(damage_after(|text| text.replace("END 42", "END 43")), [Damage::Altered]);
    }

    #[test]
    fn every_flipped_bit_is_found() {
        let intact = sealed();
        for place in 0..intact.len() {
            for bit in 0..8 {
                let mut content = intact.clone();
                content[place] ^= 1 << bit;
                // The name of a header may be written in either case.
                let harmless = place < "X-Mailbench".len() && check(&content).message.is_some();
                assert!(harmless || !check(&content).damage.is_empty(), "bit {bit} of {place}");
            }
        }
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
            prop_assert_eq!(verifier.finish(), check(&content));
        }
    }
}
