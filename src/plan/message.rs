//! The text of one message: headers and MIME structure by mail-builder, bodies by `body`, identity
//! by `probe::content`.
//!
//! A function of scenario, seed and the message's number, to the byte, but for the first line, which
//! names the run (`probe::recognition`). So `Date` is a constant and
//! boundaries are made from the number. `To` names the first recipient only, the others are blind
//! copies, so that the size does not depend on how many there are.

use mail_builder::MessageBuilder;
use mail_builder::headers::content_type::ContentType;
use mail_builder::headers::raw::Raw;
use mail_builder::mime::{BodyPart, MimePart};
use memchr::memmem;
use rand::Rng;

use super::body::{self, Words};
use super::{Facts, Offer};
use crate::probe::address::{self, Letters};
use crate::probe::{BOUNCE_DOMAIN, DestinationId, MessageId, PREFLIGHT, content, recognition};
use crate::scenario::model::{Encoding, MessageSpec, Parts};
use crate::seed::{Key, Purpose};

/// `Date` of every message: 2026-01-01 00:00:00 UTC.
pub(super) const DATE: i64 = 1_767_225_600;

/// `From` of every message; its domain is [`BOUNCE_DOMAIN`].
const FROM: (&str, &str) = ("Mailbench", "mailbench@bounce.mailbench.test");

/// `From` under SMTPUTF8, where headers hold UTF-8 as it is (RFC 6532 §3.2).
const FROM_UTF8: &str = "Prüfstand 信 <mailbench信@bounce.mailbench.test>";

/// Bytes of body beyond its fixed lines that even the smallest message has.
const LEAST_ROOM: usize = 64;

/// Bytes before and after the generated text of an HTML part.
const HTML_START: &[u8] = b"<!DOCTYPE html>\r\n<html><body><pre>\r\n";
const HTML_END: &[u8] = b"</pre></body></html>\r\n";

/// The whole text.
pub(super) fn text(facts: &Facts, offer: &Offer) -> Vec<u8> {
    if let Some(found) = found(facts, offer.message) {
        let recipients = u16::try_from(offer.recipients.len()).unwrap_or(u16::MAX);
        let sealed = content::seal(&facts.identity.tag, offer.message, recipients, found);
        return recognition::with_run_line(&facts.identity.nonce, &sealed);
    }
    let make = |message| Frame::new(facts, message, &offer.recipients);
    let frame = facts.frames.frame(offer.message, offer.recipients.first().copied(), make);
    let recipients = u16::try_from(offer.recipients.len()).unwrap_or(u16::MAX);
    let tag = &facts.identity.tag;
    let sealed = content::seal_length(tag, offer.message, recipients);
    let size = usize::try_from(offer.size).unwrap_or(usize::MAX);
    let mut text = Vec::with_capacity(size);
    recognition::push_run_line(&facts.identity.nonce, &mut text);
    let start = text.len();
    text.resize(start + sealed, 0);
    frame.fill(facts, size.saturating_sub(start + sealed + facts.signature), &mut text);
    content::seal_in_place(tag, offer.message, recipients, &mut text[start..]);
    match &facts.signer {
        Some(signer) => signer.sign(&text),
        None => text,
    }
}

/// Bytes of the signature of every message that is made up: none, where nothing is signed.
pub(super) fn signature_length(facts: &Facts) -> usize {
    let Some(signer) = &facts.signer else { return 0 };
    let frame = Frame::new(facts, MessageId(0), &[]);
    signer.sign(&frame.bytes).len() - frame.bytes.len()
}

/// The text out of a corpus that the message with this number has, without our identity. The
/// preflight message is made up.
fn found(facts: &Facts, message: MessageId) -> Option<&[u8]> {
    let texts = &facts.source.message.corpus.as_ref()?.0.texts;
    if message >= PREFLIGHT || texts.is_empty() {
        return None;
    }
    let key = Key { subject: message.0, ..Key::default() };
    let drawn = facts.source.seed.stream(Purpose::Corpus, key).next_u64();
    texts.get((drawn % texts.len() as u64) as usize).map(Vec::as_slice)
}

/// Bytes of such a text with our identity.
pub(super) fn corpus_length(facts: &Facts, message: MessageId, recipients: usize) -> Option<u64> {
    let recipients = u16::try_from(recipients).unwrap_or(u16::MAX);
    let sealed = content::seal_length(&facts.identity.tag, message, recipients);
    found(facts, message).map(|text| {
        (recognition::run_line_length(&facts.identity.nonce) + sealed + text.len()) as u64
    })
}

/// Bytes of the smallest text that every message of the plan can have.
pub(super) fn least_size(facts: &Facts) -> u64 {
    let longest = (0..).map(DestinationId).zip(&facts.source.destinations);
    let Some((to, _)) = longest.max_by_key(|(_, destination)| destination.domain.len()) else {
        return 0;
    };
    let message = MessageId(u64::MAX);
    let frame = Frame::new(facts, message, &[to]);
    let sealed = content::seal_length(&facts.identity.tag, message, u16::MAX);
    let opening = body::opening(&facts.identity.tag, message);
    (recognition::run_line_length(&facts.identity.nonce)
        + facts.signature
        + sealed
        + frame.fixed_length(facts, &opening)
        + LEAST_ROOM) as u64
}

/// A message with empty bodies, and where these go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) message: MessageId,
    pub(super) bytes: Vec<u8>,
    /// Where the first and the last part's body go; the same where there is one part.
    pub(super) gaps: [usize; 2],
}

impl Frame {
    fn new(facts: &Facts, message: MessageId, recipients: &[DestinationId]) -> Frame {
        let tag = &facts.identity.tag;
        let domain = recipients.first().map_or(BOUNCE_DOMAIN, |first| facts.domain(*first));
        let boundary = format!("=_mb-{tag}-{}", message.0);
        let mut bytes = Vec::with_capacity(2048);
        let letters = facts.letters(message);
        let to = address::recipient(letters, message.probe(0), domain);
        let subject = format!("mailbench {tag} message {}", message.0);
        named(letters, to, subject)
            .message_id(format!("{tag}.{}@{BOUNCE_DOMAIN}", message.0))
            .header("Auto-Submitted", Raw::new("auto-generated"))
            .header("Precedence", Raw::new("bulk"))
            .body(structure(&facts.source.message, &boundary))
            .serialize(&mut bytes);
        let gaps = gaps(&bytes, &boundary);
        Frame { message, bytes, gaps }
    }

    /// Bytes of everything but the part that grows.
    fn fixed_length(&self, facts: &Facts, opening: &str) -> usize {
        let html = facts.source.message.parts == Parts::Alternative;
        self.bytes.len()
            + opening.len()
            + if html { HTML_START.len() + HTML_END.len() } else { 0 }
            + content::end_line_length(self.message)
    }

    /// Appends the frame with its bodies, of this length in all.
    fn fill(&self, facts: &Facts, length: usize, out: &mut Vec<u8>) {
        let start = out.len();
        let key = Key { subject: self.message.0, ..Key::default() };
        let mut stream = facts.source.seed.stream(Purpose::Text, key);
        let words = Words::of(facts.source.message.encoding, facts.source.message.text);
        let opening = body::opening(&facts.identity.tag, self.message);
        let room = length.saturating_sub(self.fixed_length(facts, &opening));
        let [first, second] = shares(facts.source.message.parts, room);
        let [text_at, more_at] = self.gaps;
        out.extend_from_slice(&self.bytes[..text_at]);
        out.extend_from_slice(opening.as_bytes());
        body::prose(out, first, words, &mut stream);
        out.extend_from_slice(&self.bytes[text_at..more_at]);
        match facts.source.message.parts {
            Parts::Text | Parts::Corpus => {}
            Parts::Alternative => {
                out.extend_from_slice(HTML_START);
                body::prose(out, second, words, &mut stream);
                out.extend_from_slice(HTML_END);
            }
            Parts::Mixed => body::base64(out, second, &mut stream),
        }
        out.extend_from_slice(&self.bytes[more_at..]);
        let checksum = crc32fast::hash(&out[start..]);
        out.extend_from_slice(&content::end_line(self.message, checksum));
    }
}

/// Who, to whom, about what. What mail-builder encodes is left as it is under SMTPUTF8.
fn named<'a>(letters: Letters, to: String, subject: String) -> MessageBuilder<'a> {
    let new = MessageBuilder::new().date(DATE);
    match letters {
        Letters::Ascii => new.from(FROM).to(to).subject(subject),
        Letters::Utf8 => new
            .header("From", Raw::new(FROM_UTF8))
            .header("To", Raw::new(format!("Empfänger 信 <{to}>")))
            .header("Subject", Raw::new(format!("Grüße 信: {subject}"))),
    }
}

/// The MIME structure, its bodies empty. Their encoding is given, so that they are taken as they
/// are.
fn structure<'a>(spec: &MessageSpec, boundary: &'a str) -> MimePart<'a> {
    let (charset, encoding) = match spec.encoding {
        Encoding::SevenBit => ("us-ascii", "7bit"),
        Encoding::EightBit | Encoding::Utf8 => ("utf-8", "8bit"),
    };
    let text = |kind: &'static str| {
        let kind = ContentType::new(kind).attribute("charset", charset);
        MimePart::new(kind, BodyPart::Text("".into())).transfer_encoding(encoding)
    };
    let several = |kind: &'static str, second| {
        let kind = ContentType::new(kind).attribute("boundary", boundary);
        // What has 8-bit parts is itself 8bit (RFC 2045 §6.4).
        MimePart::new(kind, vec![text("text/plain"), second]).transfer_encoding(encoding)
    };
    match spec.parts {
        Parts::Text | Parts::Corpus => text("text/plain"),
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
fn gaps(frame: &[u8], boundary: &str) -> [usize; 2] {
    let delimiter = format!("\r\n--{boundary}");
    let delimiters: Vec<usize> = memmem::find_iter(frame, &delimiter).collect();
    match delimiters.as_slice() {
        [_, first, ..] => [*first, delimiters[delimiters.len() - 1]],
        _ => [frame.len(); 2],
    }
}

/// How much of the room is the first part's, how much the second's: half is HTML, seven tenths are
/// attachment.
fn shares(parts: Parts, room: usize) -> [usize; 2] {
    let second = match parts {
        Parts::Text | Parts::Corpus => 0,
        Parts::Alternative => room / 2,
        Parts::Mixed => room / 10 * 7 / body::BASE64_LINE * body::BASE64_LINE,
    };
    [room - second, second]
}

#[cfg(test)]
mod tests {
    use super::super::sample::plan;
    use super::*;
    use crate::plan::Plan;
    use crate::probe::content::Verifier;
    use crate::quantity::Quantity;
    use mail_parser::{MessageParser, MimeHeaders};

    const ALL_PARTS: [Parts; 3] = [Parts::Text, Parts::Alternative, Parts::Mixed];
    const ENCODINGS: [Encoding; 3] = [Encoding::SevenBit, Encoding::EightBit, Encoding::Utf8];

    fn plan_of(parts: Parts, encoding: Encoding, size: f64) -> Plan {
        plan(|source| {
            source.message.parts = parts;
            source.message.encoding = encoding;
            source.message.size = Quantity::Constant(size);
            source.message.recipients = Quantity::Constant(3.0);
        })
    }

    /// Calls the test for offers of every structure, encoding and a range of sizes.
    fn for_each_kind(test: impl Fn(&Plan, &Offer, &[u8])) {
        for parts in ALL_PARTS {
            for encoding in ENCODINGS {
                for size in [1.0, 1500.0, 1777.0, 4096.0, 100_001.0] {
                    let plan = plan_of(parts, encoding, size);
                    for offer in plan.offers().step_by(7).take(12).chain([plan.preflight()]) {
                        test(&plan, &offer, &plan.text(&offer));
                    }
                }
            }
        }
    }

    #[test]
    fn a_text_has_exactly_the_planned_size() {
        for_each_kind(|_, offer, text| assert_eq!(text.len() as u64, offer.size));
    }

    #[test]
    fn a_text_is_intact_to_the_verifier() {
        for_each_kind(|_, offer, text| {
            let mut verifier = Verifier::new();
            verifier.feed(text);
            let check = verifier.finish().ok().expect("as it was sent");
            assert_eq!(check.message, Some(offer.message));
            assert_eq!(check.changes, []);
        });
    }

    #[test]
    fn lines_are_lawful() {
        for_each_kind(|plan, _, text| {
            let text = String::from_utf8(text.to_vec()).expect("UTF-8");
            assert!(text.ends_with("\r\n"));
            assert!(
                text.split("\r\n").all(|line| line.len() <= 998 && !line.contains(['\r', '\n']))
            );
            let ascii = plan.facts.source.message.encoding == Encoding::SevenBit;
            assert!(!ascii || text.is_ascii());
            assert!(text.contains("\r\n.\r\n..\r\n"), "dots to stuff");
        });
    }

    #[test]
    fn a_text_reads_back_as_mail() {
        for_each_kind(|plan, offer, text| {
            let mail = MessageParser::default().parse(text).expect("mail");
            let tag = &plan.identity().tag;
            let first = format!(
                "X-Mailbench-Run: {}\r\nX-Mailbench: run={tag}; id={};",
                plan.identity().nonce,
                offer.message.0
            );
            assert!(text.starts_with(first.as_bytes()));
            let id = format!("{tag}.{}@{BOUNCE_DOMAIN}", offer.message.0);
            assert_eq!(mail.message_id(), Some(id.as_str()));
            let to = mail.to().and_then(|to| to.first()).and_then(|to| to.address.as_deref());
            assert_eq!(to, Some(plan.envelope(offer).recipients[0].as_str()));
            assert_eq!(mail.date().map(|date| date.to_timestamp()), Some(DATE));
            assert!(
                mail.subject()
                    .is_some_and(|subject| subject.contains(&offer.message.0.to_string()))
            );
            assert_eq!(mail.header_raw("Auto-Submitted").map(str::trim), Some("auto-generated"));
            assert_eq!(mail.header_raw("Precedence").map(str::trim), Some("bulk"));
            let body = mail.body_text(0).expect("a text part");
            assert!(body.starts_with(&format!("{} {tag}", offer.message.0)), "{body}");
        });
    }

    #[test]
    fn under_smtputf8_headers_are_utf8_as_it_is_and_the_preflight_message_is_plain() {
        let plan = plan_of(Parts::Text, Encoding::Utf8, 2000.0);
        let offer = plan.offers().next().expect("an offer");
        let text = String::from_utf8(plan.text(&offer)).expect("UTF-8");
        let to = &plan.envelope(&offer).recipients[0];
        assert!(to.starts_with("mb信+") && !plan.envelope(&offer).reverse_path.is_ascii());
        for line in ["From: Prüfstand 信 <mailbench信@", "Subject: Grüße 信: mailbench"] {
            assert!(text.contains(&format!("\r\n{line}")), "{text}");
        }
        assert!(text.contains(&format!("\r\nTo: Empfänger 信 <{to}>\r\n")), "{text}");
        let preflight = plan.preflight();
        let text = plan.text(&preflight);
        assert!(text[..crate::probe::head_length(&text)].is_ascii());
        let envelope = plan.envelope(&preflight);
        assert!(envelope.reverse_path.is_ascii());
        assert!(envelope.recipients.iter().all(|recipient| recipient.is_ascii()));
    }

    #[test]
    fn parts_are_what_was_asked_for() {
        let parts_of = |parts| {
            let plan = plan_of(parts, Encoding::EightBit, 8192.0);
            let text = plan.text(&plan.offers().next().expect("an offer"));
            let mail = MessageParser::default().parse(&text).expect("mail").into_owned();
            let kind = |part: &mail_parser::MessagePart| {
                let kind = part.content_type().expect("a type");
                format!("{}/{}", kind.ctype(), kind.subtype().unwrap_or_default())
            };
            mail.parts.iter().map(kind).collect::<Vec<_>>()
        };
        assert_eq!(parts_of(Parts::Text), ["text/plain"]);
        let alternative = ["multipart/alternative", "text/plain", "text/html"];
        assert_eq!(parts_of(Parts::Alternative), alternative);
        let mixed = ["multipart/mixed", "text/plain", "application/octet-stream"];
        assert_eq!(parts_of(Parts::Mixed), mixed);
        let plan = plan_of(Parts::Mixed, Encoding::SevenBit, 8192.0);
        let text = plan.text(&plan.offers().next().expect("an offer"));
        let mail = MessageParser::default().parse(&text).expect("mail");
        assert!(mail.attachment(0).expect("an attachment").contents().len() > 3000);
    }

    #[test]
    fn texts_do_not_depend_on_the_order_in_which_they_are_made() {
        let make = || plan_of(Parts::Mixed, Encoding::EightBit, 3000.0);
        let plan = make();
        let offers: Vec<Offer> = plan.offers().take(60).collect();
        let in_order: Vec<Vec<u8>> = offers.iter().map(|offer| plan.text(offer)).collect();
        let again = make();
        for index in (0..60).map(|n| (n * 37 + 11) % 60) {
            assert_eq!(again.text(&offers[index]), in_order[index]);
        }
        assert_ne!(in_order[0], in_order[1]);
    }

    #[test]
    fn the_nonce_is_in_senders_and_the_run_header_only() {
        let source = super::super::sample::source();
        let [one, two] = ["one", "two"].map(|nonce| Plan {
            facts: std::sync::Arc::new(Facts::new(source.clone(), Some(nonce.to_owned()))),
        });
        let offer = one.offers().next().expect("an offer");
        let text = |plan: &Plan| String::from_utf8(plan.text(&offer)).expect("UTF-8");
        let rest = |text: String| text.split_once("\r\n").map(|(_, rest)| rest.to_owned());
        assert!(text(&one).starts_with("X-Mailbench-Run: one\r\n"));
        assert_eq!(text(&one).replace("Run: one", "Run: two"), text(&two));
        assert_eq!(rest(text(&one)), rest(text(&two)));
        assert_eq!(one.envelope(&offer).reverse_path, "b+one.0@bounce.mailbench.test");
        assert_eq!(two.envelope(&offer).reverse_path, "b+two.0@bounce.mailbench.test");
        assert_eq!(one.envelope(&offer).recipients, two.envelope(&offer).recipients);
    }
}
