//! Takes a DSN apart: the parts of its `multipart/report` (RFC 3462) and the field groups of
//! `message/delivery-status` (RFC 3464 §2.1).
//!
//! The nesting is one level deep by definition, so it is split here by its delimiter lines and
//! mail-parser reads each part's headers only: hostile nesting costs nothing.

use std::borrow::Cow;

use mail_parser::decoders::base64::base64_decode;
use mail_parser::decoders::quoted_printable::quoted_printable_decode;
use mail_parser::{ContentType, Message, MessageParser, MimeHeaders};
use memchr::{memchr, memmem};

use crate::limits;
use crate::probe::head_length;

/// The parts of a report.
#[derive(Debug, Default)]
pub(super) struct Report<'a> {
    /// Whether its content type is that of a DSN.
    pub(super) declared: bool,
    /// Field groups of the delivery-status part: the message's, then one a recipient. `None`:
    /// there is no such part.
    pub(super) groups: Option<Vec<Group>>,
    /// Whether that part is encoded though it may not be (RFC 3464 §2.1).
    pub(super) encoded: bool,
    /// Body of the part that returns the message or its headers.
    pub(super) returned: Option<Cow<'a, [u8]>>,
}

/// The fields of one group: names in lower case, values unfolded and trimmed.
#[derive(Debug, Default)]
pub(super) struct Group(Vec<(String, String)>);

impl Group {
    /// The value of the first field with this name, in lower case.
    pub(super) fn field(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(written, _)| written == name).map(|(_, value)| value.as_str())
    }
}

impl<'a> Report<'a> {
    /// Takes a message apart.
    pub(super) fn split(content: &'a [u8]) -> Report<'a> {
        let mut report = Report::default();
        let head = headers(content);
        let Some(kind) = head.as_ref().and_then(|head| head.content_type()) else {
            return report;
        };
        report.declared = is(kind, "multipart", &["report"])
            && kind
                .attribute("report-type")
                .is_some_and(|kind| kind.eq_ignore_ascii_case("delivery-status"));
        let Some(boundary) = kind.attribute("boundary") else { return report };
        for part in parts(content, boundary).take(limits::DSN_PARTS) {
            report.take(part);
        }
        report
    }

    fn take(&mut self, part: &'a [u8]) {
        let head = headers(part);
        let Some(kind) = head.as_ref().and_then(|head| head.content_type()) else { return };
        let encoding = head.as_ref().and_then(|head| head.content_transfer_encoding());
        let body = || decoded(&part[head_length(part)..], encoding.unwrap_or_default());
        if is(kind, "message", &["delivery-status", "global-delivery-status"]) {
            if self.groups.is_none() {
                let body = body();
                let may_be = is(kind, "message", &["global-delivery-status"]);
                self.encoded = !may_be && matches!(body, Cow::Owned(_));
                self.groups = Some(groups(&String::from_utf8_lossy(&body)));
            }
        } else if is(kind, "message", &["rfc822", "global", "global-headers"])
            || is(kind, "text", &["rfc822-headers"])
        {
            self.returned.get_or_insert_with(body);
        }
    }
}

/// Lines of a header section, without their line ends.
pub(super) fn header_lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text[..head_length(text)].split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii_end)
}

fn headers(part: &[u8]) -> Option<Message<'_>> {
    MessageParser::default().parse_headers(&part[..head_length(part)])
}

fn is(kind: &ContentType<'_>, main: &str, subs: &[&str]) -> bool {
    let sub = kind.subtype().unwrap_or_default();
    kind.ctype().eq_ignore_ascii_case(main) && subs.iter().any(|s| s.eq_ignore_ascii_case(sub))
}

/// A body as it was before its transfer encoding (RFC 2045 §6), never longer than it is; as it is,
/// where there is none or it is not kept to.
fn decoded<'a>(body: &'a [u8], encoding: &str) -> Cow<'a, [u8]> {
    let encoding = encoding.trim();
    let decoded = if encoding.eq_ignore_ascii_case("base64") {
        // Whatever else stands between them is to be passed over (§6.8).
        let digits = body.iter().copied().filter(|byte| is_base64(*byte));
        base64_decode(&digits.collect::<Vec<_>>())
    } else if encoding.eq_ignore_ascii_case("quoted-printable") {
        quoted_printable_decode(body)
    } else {
        None
    };
    decoded.map_or(Cow::Borrowed(body), Cow::Owned)
}

fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"+/=".contains(&byte)
}

/// What stands between delimiter lines (RFC 2046 §5.1.1); a last part may lack its own.
fn parts<'a>(content: &'a [u8], boundary: &str) -> impl Iterator<Item = &'a [u8]> {
    let delimiter = format!("\n--{boundary}");
    let length = delimiter.len();
    // A longer boundary may begin with this one, and go on with a hyphen.
    let ends_here = |start: &usize| {
        let rest = &content[start + length..];
        rest.starts_with(b"--") || rest.first().is_none_or(|next| b"\r\n \t".contains(next))
    };
    let starts: Vec<usize> = memmem::find_iter(content, &delimiter).filter(ends_here).collect();
    let ends = starts.clone().into_iter().skip(1).chain([content.len()]);
    starts.into_iter().zip(ends).filter_map(move |(start, end)| {
        let part = &content[start + length..end];
        let closing = part.starts_with(b"--");
        let line_end = memchr(b'\n', part)?;
        (!closing).then(|| &part[line_end + 1..])
    })
}

/// Field groups, parted by blank lines.
fn groups(text: &str) -> Vec<Group> {
    let mut groups = Vec::new();
    let mut group = Group::default();
    for line in text.lines().chain([""]) {
        if line.trim().is_empty() {
            if !group.0.is_empty() && groups.len() <= limits::RECIPIENTS {
                groups.push(std::mem::take(&mut group));
            }
        } else if line.starts_with([' ', '\t']) {
            if let Some((_, value)) = group.0.last_mut() {
                value.push(' ');
                value.push_str(line.trim());
            }
        } else if let Some((name, value)) = line.split_once(':') {
            group.0.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
        }
    }
    groups
}
