//! The text of one message: headers and MIME structure by mail-builder, bodies by `body`, identity
//! by `probe::content`.
//!
//! A function of scenario, seed and the message's number, to the byte. So `Date` is a constant and
//! boundaries are made from the number. `To` names the first recipient only, the others are blind
//! copies, so that the size does not depend on how many there are.

use mail_builder::MessageBuilder;
use mail_builder::headers::content_type::ContentType;
use mail_builder::headers::raw::Raw;
use mail_builder::mime::{BodyPart, MimePart};
use memchr::memmem;

use super::body::{self, Words};
use super::{Facts, Offer};
use crate::probe::{BOUNCE_DOMAIN, DestinationId, MessageId, address, content};
use crate::scenario::model::{Encoding, MessageSpec, Parts};
use crate::seed::{Key, Purpose};

/// `Date` of every message: 2026-01-01 00:00:00 UTC.
const DATE: i64 = 1_767_225_600;

/// `From` of every message; its domain is [`BOUNCE_DOMAIN`].
const FROM: (&str, &str) = ("Mailbench", "mailbench@bounce.mailbench.test");

/// Bytes of body beyond its fixed lines that even the smallest message has.
const LEAST_ROOM: usize = 64;

/// Bytes before and after the generated text of an HTML part.
const HTML_START: &[u8] = b"<!DOCTYPE html>\r\n<html><body><pre>\r\n";
const HTML_END: &[u8] = b"</pre></body></html>\r\n";

/// The whole text.
pub(super) fn text(facts: &Facts, offer: &Offer) -> Vec<u8> {
    let frame = Frame::new(facts, offer.message, &offer.recipients);
    let recipients = u16::try_from(offer.recipients.len()).unwrap_or(u16::MAX);
    let tag = &facts.identity.tag;
    let sealed = content::seal_length(tag, offer.message, recipients);
    let size = usize::try_from(offer.size).unwrap_or(usize::MAX);
    let rest = frame.filled(facts, size.saturating_sub(sealed));
    content::seal(tag, offer.message, recipients, &rest)
}

/// Bytes of the smallest text that every message of the plan can have.
pub(super) fn least_size(facts: &Facts) -> u64 {
    let longest = (0..).map(DestinationId).zip(&facts.destinations);
    let Some((to, _)) = longest.max_by_key(|(_, destination)| destination.domain.len()) else {
        return 0;
    };
    let message = MessageId(u64::MAX);
    let frame = Frame::new(facts, message, &[to]);
    let sealed = content::seal_length(&facts.identity.tag, message, u16::MAX);
    (sealed + frame.fixed_length(facts) + LEAST_ROOM) as u64
}

/// A message with empty bodies, and where these go.
struct Frame {
    message: MessageId,
    bytes: Vec<u8>,
    /// Where the part bodies go, in order: one or two.
    gaps: Vec<usize>,
}

impl Frame {
    fn new(facts: &Facts, message: MessageId, recipients: &[DestinationId]) -> Frame {
        let tag = &facts.identity.tag;
        let domain = recipients.first().map_or(BOUNCE_DOMAIN, |first| facts.domain(*first));
        let boundary = format!("=_mb-{tag}-{}", message.0);
        let mut bytes = Vec::with_capacity(2048);
        MessageBuilder::new()
            .date(DATE)
            .from(FROM)
            .to(address::recipient(message.probe(0), domain))
            .subject(format!("mailbench {tag} message {}", message.0))
            .message_id(format!("{tag}.{}@{BOUNCE_DOMAIN}", message.0))
            .header("Auto-Submitted", Raw::new("auto-generated"))
            .header("Precedence", Raw::new("bulk"))
            .body(structure(&facts.message, &boundary))
            .serialize(&mut bytes);
        let gaps = gaps(&bytes, &boundary);
        Frame { message, bytes, gaps }
    }

    /// Bytes of everything but the part that grows.
    fn fixed_length(&self, facts: &Facts) -> usize {
        let html = facts.message.parts == Parts::Alternative;
        self.bytes.len()
            + body::opening(&facts.identity.tag, self.message).len()
            + if html { HTML_START.len() + HTML_END.len() } else { 0 }
            + content::end_line(self.message, 0).len()
    }

    /// The frame with its bodies, of this length in all.
    fn filled(&self, facts: &Facts, length: usize) -> Vec<u8> {
        let key = Key { subject: self.message.0, ..Key::default() };
        let mut stream = facts.seed.stream(Purpose::Text, key);
        let words = Words::of(facts.message.encoding);
        let room = length.saturating_sub(self.fixed_length(facts));
        let [first, second] = shares(facts.message.parts, room);
        let mut out = Vec::with_capacity(length);
        let [text_at, more_at] = [self.gaps[0], *self.gaps.last().unwrap_or(&0)];
        out.extend_from_slice(&self.bytes[..text_at]);
        out.extend_from_slice(body::opening(&facts.identity.tag, self.message).as_bytes());
        body::prose(&mut out, first, words, &mut stream);
        out.extend_from_slice(&self.bytes[text_at..more_at]);
        match facts.message.parts {
            Parts::Text => {}
            Parts::Alternative => {
                out.extend_from_slice(HTML_START);
                body::prose(&mut out, second, words, &mut stream);
                out.extend_from_slice(HTML_END);
            }
            Parts::Mixed => body::base64(&mut out, second, &mut stream),
        }
        out.extend_from_slice(&self.bytes[more_at..]);
        let checksum = crc32fast::hash(&out);
        out.extend_from_slice(content::end_line(self.message, checksum).as_bytes());
        out
    }
}

/// The MIME structure, its bodies empty. Their encoding is given, so that they are taken as they
/// are.
fn structure<'a>(spec: &MessageSpec, boundary: &'a str) -> MimePart<'a> {
    let (charset, encoding) = match spec.encoding {
        Encoding::SevenBit => ("us-ascii", "7bit"),
        Encoding::EightBit => ("utf-8", "8bit"),
    };
    let text = |kind: &'static str| {
        let kind = ContentType::new(kind).attribute("charset", charset);
        MimePart::new(kind, BodyPart::Text("".into())).transfer_encoding(encoding)
    };
    let several = |kind: &'static str, second| {
        let kind = ContentType::new(kind).attribute("boundary", boundary);
        MimePart::new(kind, vec![text("text/plain"), second])
    };
    match spec.parts {
        Parts::Text => text("text/plain"),
        Parts::Alternative => several("multipart/alternative", text("text/html")),
        Parts::Mixed => several("multipart/mixed", attachment()),
    }
}

fn attachment<'a>() -> MimePart<'a> {
    MimePart::new("application/octet-stream", BodyPart::Binary(Vec::new().into()))
        .attachment("data.bin")
        .transfer_encoding("base64")
}

/// Where bodies go: before each delimiter but the first, or at the end where there is none.
fn gaps(frame: &[u8], boundary: &str) -> Vec<usize> {
    let delimiter = format!("\r\n--{boundary}");
    let delimiters: Vec<usize> = memmem::find_iter(frame, &delimiter).collect();
    match delimiters.as_slice() {
        [_, gaps @ ..] => gaps.to_vec(),
        [] => vec![frame.len()],
    }
}

/// How much of the room is the first part's, how much the second's: half is HTML, seven tenths are
/// attachment.
fn shares(parts: Parts, room: usize) -> [usize; 2] {
    let second = match parts {
        Parts::Text => 0,
        Parts::Alternative => room / 2,
        Parts::Mixed => room / 10 * 7 / body::BASE64_LINE * body::BASE64_LINE,
    };
    [room - second, second]
}
