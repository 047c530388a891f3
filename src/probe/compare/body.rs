//! Bodies: what broke them as a whole, or else leaf part against leaf part.

use std::ops::Range;

use mail_parser::Encoding;

use super::damage;
use super::field::Field;
use super::found::Found;
use super::head::Mime;
use super::leaves::{Leaf, leaves};
use super::text;
use crate::limits;
use crate::probe::change::Change;

/// A message, or one within another.
pub(super) struct Entity<'a> {
    /// All of it.
    pub(super) whole: &'a [u8],
    /// What comes after its header section.
    pub(super) body: &'a [u8],
}

/// Compares two bodies under their MIME fields.
pub(super) fn compare(sent: &Entity<'_>, arrived: &Entity<'_>, mime: &Mime<'_>, found: &mut Found) {
    if sent.body == arrived.body && mime.is_empty() {
        return;
    }
    // Under other MIME fields other bytes may say the same.
    let of_charset = || mime.is_empty().then(|| damage::of_charset(sent.body, arrived.body))?;
    if let Some(change) = damage::of_body(sent.body, arrived.body).or_else(of_charset) {
        found.note(change, "body", sent.body, arrived.body);
        return;
    }
    let (one, other) = (leaves(sent.whole), leaves(arrived.whole));
    let before = found.changes.clone();
    let same_parts = compare_leaves(&one, &other, found);
    if same_parts {
        let same = found.changes == before;
        note_framing(sent, arrived, mime, (same, found));
    }
}

/// What is around parts that are still there, each.
fn note_framing(
    sent: &Entity<'_>,
    arrived: &Entity<'_>,
    mime: &Mime<'_>,
    (same, found): (bool, &mut Found),
) {
    for [one, other] in mime {
        let field = one.or(*other);
        let Some(field) = field else { continue };
        let value = |field: &Option<Field<'_>>| field.map_or(Vec::new(), |it| it.value.to_vec());
        let change = match field.is("mime-version") && other.is_none() {
            true => Change::HeaderRemoved,
            false => Change::MimeHeaders,
        };
        found.note(change, &field.shown(), &value(one), &value(other));
    }
    if same && mime.is_empty() {
        let change = match damage::without_end(sent.body) == damage::without_end(arrived.body) {
            true => Change::EndOfBody,
            false => Change::MimeHeaders,
        };
        found.note(change, "body", sent.body, arrived.body);
    }
}

/// Compares parts. Returns whether all are there, and no more.
fn compare_leaves(sent: &[Leaf<'_>], arrived: &[Leaf<'_>], found: &mut Found) -> bool {
    let mut same = true;
    for gap in gaps(sent, arrived, found) {
        let (sent, arrived) = (&sent[gap.0], &arrived[gap.1]);
        for (one, other) in sent.iter().zip(arrived) {
            same &= compare_pair(one, other, found);
        }
        let common = sent.len().min(arrived.len());
        for one in &sent[common..] {
            found.note(Change::PartStripped, &one.shown(), &one.bytes, b"");
            same = false;
        }
        for other in &arrived[common..] {
            let change = if other.is_text() { Change::FooterAdded } else { Change::PartAdded };
            found.note(change, &other.shown(), b"", &other.bytes);
            same = false;
        }
    }
    same
}

/// Compares two parts that stand in the same place and differ. Returns whether they are the same
/// part.
fn compare_pair(sent: &Leaf<'_>, arrived: &Leaf<'_>, found: &mut Found) -> bool {
    if sent.is_another(arrived) {
        let change = match sent.bytes == arrived.bytes {
            true => Change::HeaderRewritten,
            false => Change::PartReplaced,
        };
        found.note(change, &sent.shown(), &sent.bytes, &arrived.bytes);
        return false;
    }
    if arrived.broken && !sent.broken {
        found.note(Change::CharsetBroken, &sent.shown(), &sent.bytes, &arrived.bytes);
        return true;
    }
    note_reencoded(sent, arrived, found);
    if sent.kind == "message/rfc822" && found.depth < limits::NESTED_MESSAGES {
        found.nest(&super::compare_nested(&sent.bytes, &arrived.bytes, found.depth + 1));
        return true;
    }
    text::compare(sent, arrived, found)
}

fn note_reencoded(sent: &Leaf<'_>, arrived: &Leaf<'_>, found: &mut Found) {
    if sent.encoding != arrived.encoding {
        let (one, other) = (name(sent.encoding), name(arrived.encoding));
        found.note(Change::Reencoded, &sent.shown(), one.as_bytes(), other.as_bytes());
    }
}

fn name(encoding: Encoding) -> &'static str {
    match encoding {
        Encoding::None => "not encoded",
        Encoding::QuotedPrintable => "quoted-printable",
        Encoding::Base64 => "base64",
    }
}

/// The stretches of parts that differ, between those that are the same.
fn gaps(
    sent: &[Leaf<'_>],
    arrived: &[Leaf<'_>],
    found: &mut Found,
) -> Vec<(Range<usize>, Range<usize>)> {
    let mut gaps = Vec::new();
    let mut from = (0, 0);
    let ends = std::iter::once((sent.len(), arrived.len()));
    for (one, other) in anchors(sent, arrived).into_iter().chain(ends) {
        gaps.push((from.0..one, from.1..other));
        if one < sent.len() && other < arrived.len() {
            note_reencoded(&sent[one], &arrived[other], found);
            note_charset(&sent[one], &arrived[other], found);
        }
        from = (one + 1, other + 1);
    }
    gaps
}

/// The same bytes under another charset.
fn note_charset(sent: &Leaf<'_>, arrived: &Leaf<'_>, found: &mut Found) {
    if sent.charset.is_some() && sent.charset != arrived.charset && !sent.bytes.is_ascii() {
        let name = |leaf: &Leaf<'_>| leaf.charset.clone().unwrap_or_default();
        let (one, other) = (name(sent), name(arrived));
        found.note(Change::CharsetBroken, &sent.shown(), one.as_bytes(), other.as_bytes());
    }
}

/// The longest row of parts that are the same in both, in order.
fn anchors(sent: &[Leaf<'_>], arrived: &[Leaf<'_>]) -> Vec<(usize, usize)> {
    let same = |one: &Leaf<'_>, other: &Leaf<'_>| {
        !one.is_another(other)
            && one.broken == other.broken
            && damage::without_end(&one.bytes) == damage::without_end(&other.bytes)
    };
    let most = limits::PARTS_COMPARED;
    if sent.len() > most || arrived.len() > most {
        let pairs = sent.iter().zip(arrived).enumerate();
        return pairs
            .filter(|(_, (one, other))| same(one, other))
            .map(|(at, _)| (at, at))
            .collect();
    }
    let equal: Vec<Vec<bool>> =
        sent.iter().map(|one| arrived.iter().map(|other| same(one, other)).collect()).collect();
    longest_row(&equal)
}

/// The longest common subsequence, from which pairs are equal.
fn longest_row(equal: &[Vec<bool>]) -> Vec<(usize, usize)> {
    let width = equal.first().map_or(0, Vec::len);
    let mut longest = vec![vec![0_usize; width + 1]; equal.len() + 1];
    for one in (0..equal.len()).rev() {
        for other in (0..width).rev() {
            longest[one][other] = match equal[one][other] {
                true => longest[one + 1][other + 1] + 1,
                false => longest[one + 1][other].max(longest[one][other + 1]),
            };
        }
    }
    let (mut row, mut one, mut other) = (Vec::new(), 0, 0);
    while one < equal.len() && other < width {
        if equal[one][other] {
            row.push((one, other));
            (one, other) = (one + 1, other + 1);
        } else if longest[one + 1][other] >= longest[one][other + 1] {
            one += 1;
        } else {
            other += 1;
        }
    }
    row
}
