//! The leaf parts of a MIME message (RFC 2045, RFC 2046), decoded.

use std::borrow::Cow;

use mail_parser::decoders::base64::base64_decode;
use mail_parser::decoders::quoted_printable::quoted_printable_decode;
use mail_parser::{Encoding, MessageParser, MessagePart, MimeHeaders, PartType};

/// One leaf part.
#[derive(Debug)]
pub(super) struct Leaf<'a> {
    /// Type and subtype in lower case.
    pub(super) kind: String,
    /// Its charset in lower case, where it names one.
    pub(super) charset: Option<String>,
    /// The name of its file.
    pub(super) name: Option<String>,
    /// How it is transfer-encoded.
    pub(super) encoding: Encoding,
    /// Whether it is not encoded as its header says.
    pub(super) broken: bool,
    /// Its content without transfer encoding.
    pub(super) bytes: Cow<'a, [u8]>,
    /// Its content in Unicode, where it is text.
    pub(super) text: Option<String>,
}

impl Leaf<'_> {
    /// The part, to be shown.
    pub(super) fn shown(&self) -> String {
        match &self.name {
            Some(name) => format!("part {} ({name})", self.kind),
            None => format!("part {}", self.kind),
        }
    }

    pub(super) fn is_text(&self) -> bool {
        self.kind.starts_with("text/")
    }

    /// Whether it is of another kind, or has another name.
    pub(super) fn is_another(&self, other: &Leaf<'_>) -> bool {
        self.kind != other.kind || self.name != other.name
    }
}

/// The leaf parts of a whole message, in order.
pub(super) fn leaves(text: &[u8]) -> Vec<Leaf<'_>> {
    let Some(mail) = MessageParser::default().parse(text) else { return Vec::new() };
    let parts = mail.parts.iter();
    parts
        .filter(|part| !matches!(part.body, PartType::Multipart(_)))
        .map(|it| leaf(it, text))
        .collect()
}

fn leaf<'a>(part: &MessagePart<'_>, text: &'a [u8]) -> Leaf<'a> {
    let (from, to) = (part.offset_body as usize, part.offset_end as usize);
    let raw = text.get(from..to.max(from)).unwrap_or_default();
    let kind = part.content_type().map(|kind| match kind.subtype() {
        Some(subtype) => [kind.ctype(), "/", subtype].concat().to_ascii_lowercase(),
        None => kind.ctype().to_ascii_lowercase(),
    });
    let charset = part.content_type().and_then(|kind| kind.attribute("charset"));
    Leaf {
        kind: kind.unwrap_or_else(|| "text/plain".to_owned()),
        charset: charset.map(str::to_ascii_lowercase),
        name: part.attachment_name().map(str::to_owned),
        encoding: part.encoding,
        broken: part.is_encoding_problem,
        bytes: decoded(raw, part.encoding),
        text: match &part.body {
            PartType::Text(text) | PartType::Html(text) => Some(text.to_string()),
            _ => None,
        },
    }
}

/// As it is, where it is not encoded, or not as it says.
fn decoded(raw: &[u8], encoding: Encoding) -> Cow<'_, [u8]> {
    let decoded = match encoding {
        Encoding::None => None,
        Encoding::QuotedPrintable => quoted_printable_decode(raw),
        Encoding::Base64 => {
            let digits = raw.iter().copied().filter(|byte| !byte.is_ascii_whitespace());
            base64_decode(&digits.collect::<Vec<_>>())
        }
    };
    decoded.map_or(Cow::Borrowed(raw), Cow::Owned)
}
