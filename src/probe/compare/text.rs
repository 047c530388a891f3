//! One part against what arrived in its place: what was added around it, how lines were broken
//! anew, what is missing.

use memchr::memmem;

use super::damage;
use super::field::{collapsed, squeezed};
use super::found::Found;
use super::leaves::Leaf;
use crate::probe::change::Change;

/// Compares two parts of the same kind and name whose content differs. Returns whether it is the
/// same part.
pub(super) fn compare(sent: &Leaf<'_>, arrived: &Leaf<'_>, found: &mut Found) -> bool {
    let changes = changes(sent, arrived);
    for change in &changes {
        found.note(*change, &sent.shown(), &sent.bytes, &arrived.bytes);
    }
    !changes.contains(&Change::PartReplaced)
}

fn changes(sent: &Leaf<'_>, arrived: &Leaf<'_>) -> Vec<Change> {
    let (one, other) = (damage::without_end(&sent.bytes), damage::without_end(&arrived.bytes));
    if one == other {
        return vec![Change::EndOfBody];
    }
    if sent.charset != arrived.charset && is_transcoded(sent, arrived) {
        return vec![Change::Transcoded];
    }
    if let Some(change) = damage::of_body(one, other).or_else(|| damage::of_charset(one, other)) {
        return vec![change];
    }
    if !sent.is_text() {
        return vec![of_bytes(one, other)];
    }
    rewritten(one, other).unwrap_or_else(|| vec![of_text(one, other)])
}

fn is_transcoded(sent: &Leaf<'_>, arrived: &Leaf<'_>) -> bool {
    let text = |leaf: &Leaf<'_>| Some(leaf.text.as_ref()?.trim_end().to_owned());
    text(sent).is_some_and(|one| text(arrived) == Some(one))
}

/// What was done to a text on purpose, where that explains all of it.
fn rewritten(sent: &[u8], arrived: &[u8]) -> Option<Vec<Change>> {
    type Form = fn(&[u8]) -> Vec<u8>;
    let forms: [(Option<Change>, Form); 5] = [
        (None, <[u8]>::to_vec),
        (Some(Change::SpaceChanged), without_line_ends_space),
        (Some(Change::FromEscaped), without_from_escape),
        (Some(Change::LinesWrapped), collapsed),
        (Some(Change::LinksRewritten), without_links),
    ];
    forms
        .into_iter()
        .find_map(|(change, form)| {
            let (one, other) = (form(sent), form(arrived));
            let same = one == other && change.is_some();
            let added = !same && is_added_to(&one, &other);
            let changes = change.into_iter().chain(added.then_some(Change::FooterAdded));
            (same || added).then(|| changes.collect())
        })
        // A line that was broken where it held no white space.
        .or_else(|| (squeezed(sent) == squeezed(arrived)).then(|| vec![Change::LinesWrapped]))
}

/// Whether text was added before or after, or inside the `<body>` of HTML.
fn is_added_to(sent: &[u8], arrived: &[u8]) -> bool {
    if arrived.len() <= sent.len() {
        return false;
    }
    if memmem::find(arrived, sent).is_some_and(|at| is_apart(arrived, at, sent.len())) {
        return true;
    }
    let head = common_start(sent, arrived);
    let tail = common_end(&sent[head..], &arrived[head..]);
    // What was added may begin as the mark after it does: `<`.
    let rest = &sent[(sent.len() - tail).saturating_sub(b"</body".len())..];
    let near_an_end =
        |text: &[u8], mark: &[u8]| memmem::find(&text.to_ascii_lowercase(), mark).is_some();
    head + tail == sent.len()
        && (near_an_end(&rest[..rest.len().min(256)], b"</body")
            || near_an_end(&sent[head.saturating_sub(256)..head], b"<body"))
}

/// Whether what was added begins and ends with lines, or words, of its own.
fn is_apart(arrived: &[u8], at: usize, length: usize) -> bool {
    let space = |byte: Option<&u8>| byte.is_none_or(u8::is_ascii_whitespace);
    let before = at.checked_sub(1).and_then(|before| arrived.get(before));
    space(before) && space(arrived.get(at + length))
}

fn common_start(one: &[u8], other: &[u8]) -> usize {
    one.iter().zip(other).take_while(|(one, other)| one == other).count()
}

fn common_end(one: &[u8], other: &[u8]) -> usize {
    one.iter().rev().zip(other.iter().rev()).take_while(|(one, other)| one == other).count()
}

/// Without white space at the ends of lines.
fn without_line_ends_space(text: &[u8]) -> Vec<u8> {
    let lines: Vec<&[u8]> = text.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii_end).collect();
    lines.join(&b'\n')
}

/// Without the mark that mbox files put before lines that begin with `From `.
fn without_from_escape(text: &[u8]) -> Vec<u8> {
    let plain = |line: &&[u8]| -> Vec<u8> {
        let marks = line.iter().take_while(|byte| **byte == b'>').count();
        let rest = &line[marks..];
        if rest.starts_with(b"From ") { rest.to_vec() } else { line.to_vec() }
    };
    let lines: Vec<&[u8]> = text.split(|byte| *byte == b'\n').collect();
    lines.iter().map(plain).collect::<Vec<_>>().join(&b'\n')
}

/// With every link taken for the same, white space collapsed.
fn without_links(text: &[u8]) -> Vec<u8> {
    let is_end = |byte: &u8| byte.is_ascii_whitespace() || b"\"'<>)".contains(byte);
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = memmem::find(rest, b"://") {
        let scheme =
            rest[..at].iter().rev().take_while(|byte| byte.is_ascii_alphanumeric()).count();
        out.extend_from_slice(&rest[..at - scheme]);
        out.extend_from_slice(b"link:");
        let length = rest[at..].iter().position(is_end).unwrap_or(rest.len() - at);
        rest = &rest[at + length..];
    }
    out.extend_from_slice(rest);
    collapsed(&out)
}

/// What became of a text that nothing meant explains: another one in its place, or damage.
fn of_text(sent: &[u8], arrived: &[u8]) -> Change {
    let lines = |text| -> Vec<Vec<u8>> {
        let lines = <[u8]>::split(text, |byte: &u8| *byte == b'\n');
        lines.map(|line| line.trim_ascii().to_vec()).filter(|line| line.len() > 3).collect()
    };
    let sent_lines: std::collections::HashSet<Vec<u8>> = lines(sent).into_iter().collect();
    let arrived_lines = lines(arrived);
    let printable = arrived.iter().all(|byte| !byte.is_ascii_control() || b"\r\n\t".contains(byte));
    let readable = printable && std::str::from_utf8(arrived).is_ok();
    let none_left = !arrived_lines.iter().any(|line| sent_lines.contains(line));
    match none_left && readable && !arrived_lines.is_empty() && sent.len() != arrived.len() {
        true => Change::PartReplaced,
        false => of_bytes(sent, arrived),
    }
}

fn of_bytes(sent: &[u8], arrived: &[u8]) -> Change {
    let head = common_start(sent, arrived);
    let tail = common_end(&sent[head..], &arrived[head.min(arrived.len())..]);
    match sent.len().cmp(&arrived.len()) {
        std::cmp::Ordering::Less => Change::Extended,
        std::cmp::Ordering::Equal => Change::BytesChanged,
        std::cmp::Ordering::Greater if head + tail >= arrived.len() => Change::BytesLost,
        std::cmp::Ordering::Greater => Change::BytesChanged,
    }
}
