//! Content against what was sent: field by field, part by part, decoded. Names every change and
//! shows what differs; what a change amounts to is `change`'s.
//!
//! Fields are matched by name and meaning (`head`, `address`, `form`), bodies as MIME leaf parts
//! (`body`, `leaves`), texts by what turns one into the other (`text`, `damage`).

mod address;
mod body;
mod damage;
mod field;
mod form;
mod found;
mod head;
mod leaves;
#[cfg(test)]
mod table;
mod text;

use std::borrow::Cow;

pub use found::{Difference, Found};

use super::change::Change;
use super::tally::{has_bare, head_length};
use body::Entity;
use field::Fields;
use leaves::leaves;

/// Compares content with the whole text of the message that was sent.
#[must_use]
pub fn compare(sent: &[u8], arrived: &[u8]) -> Found {
    let Some(inner) = attached(sent, arrived) else { return compare_nested(sent, arrived, 0) };
    let mut found = Found::default();
    found.note(Change::Attached, "message", sent, arrived);
    found.nest(&compare_nested(sent, &inner, 1));
    found
}

/// The message, where it is a part of another (RFC 2046 §5.2.1) that has none of its identity.
fn attached(sent: &[u8], arrived: &[u8]) -> Option<Vec<u8>> {
    let is_own = |text: &[u8]| {
        let fields = Fields::of(&text[..head_length(text)]);
        fields.all.iter().any(|field| field.is("x-mailbench"))
    };
    if !is_own(sent) || is_own(arrived) {
        return None;
    }
    let parts = leaves(arrived).into_iter().filter(|part| part.kind == "message/rfc822");
    parts.map(|part| part.bytes.into_owned()).find(|text| is_own(text))
}

/// As [`compare`], for a message inside so many others.
fn compare_nested(sent: &[u8], arrived: &[u8], depth: usize) -> Found {
    let mut found = Found { depth, ..Found::default() };
    let arrived = with_line_ends(arrived, &mut found);
    let whole = without_mbox_line(&arrived, &mut found);
    let (sent_head, sent_body) = sent.split_at(head_length(sent));
    let (head, body) = whole.split_at(head_length(whole));
    let (sent_fields, fields) = (Fields::of(sent_head), Fields::of(head));
    for line in &fields.broken {
        found.note(Change::HeadersChanged, "header section", b"", line);
    }
    let mime = head::compare(&sent_fields, &fields, &mut found);
    let sent = Entity { whole: sent, body: sent_body };
    body::compare(&sent, &Entity { whole, body }, &mime, &mut found);
    found
}

/// With CRLF for every line end, where one is not.
fn with_line_ends<'a>(arrived: &'a [u8], found: &mut Found) -> Cow<'a, [u8]> {
    if !has_bare(arrived) {
        return Cow::Borrowed(arrived);
    }
    found.note(Change::LineEnds, "line ends", b"CRLF", b"bare CR or LF");
    let mut mended = Vec::with_capacity(arrived.len() + arrived.len() / 32);
    let mut rest = arrived.iter().peekable();
    while let Some(byte) = rest.next() {
        match byte {
            b'\r' if rest.peek() == Some(&&b'\r') => {}
            b'\r' => {
                rest.next_if(|next| **next == b'\n');
                mended.extend_from_slice(b"\r\n");
            }
            b'\n' => mended.extend_from_slice(b"\r\n"),
            other => mended.push(*other),
        }
    }
    Cow::Owned(mended)
}

/// A text without the line that mbox files put before it.
fn without_mbox_line<'a>(text: &'a [u8], found: &mut Found) -> &'a [u8] {
    if !text.starts_with(b"From ") && !text.starts_with(b">From ") {
        return text;
    }
    let end = memchr::memchr(b'\n', text).map_or(text.len(), |end| end + 1);
    found.note(Change::MboxLine, "From line", b"", &text[..end]);
    &text[end..]
}
