//! What broken software makes of bytes: stripped bits, wrong dots, cut ends, mixed-up charsets.

use memchr::memmem;

use crate::probe::change::Change;
use crate::probe::header;

/// What is wrong with a body or part, where one of the ways in which any content breaks explains all
/// of it.
pub(super) fn of_body(sent: &[u8], arrived: &[u8]) -> Option<Change> {
    let (one, other) = (without_end(sent), without_end(arrived));
    match () {
        () if one == other => None,
        () if is_merged(sent, arrived) => Some(Change::Merged),
        () if is_restuffed(sent, arrived) => Some(Change::DotStuffing),
        () if one.starts_with(other) => Some(Change::Truncated),
        () => None,
    }
}

/// What is wrong with text whose ASCII is as it was.
pub(super) fn of_charset(sent: &[u8], arrived: &[u8]) -> Option<Change> {
    if sent.is_ascii() {
        return None;
    }
    let ascii = |text: &[u8]| -> Vec<u8> { text.iter().copied().filter(u8::is_ascii).collect() };
    let (lost, kept) = (arrived.is_ascii(), ascii(sent) == ascii(arrived));
    match () {
        () if is_stripped(sent, arrived) || lost && kept => Some(Change::EightBit),
        () if kept => Some(Change::CharsetBroken),
        () if decodes_to(arrived, sent) => Some(Change::CharsetBroken),
        () => None,
    }
}

/// Whether 8-bit bytes lost their high bit, or characters gave way to question marks.
pub(super) fn is_stripped(sent: &[u8], arrived: &[u8]) -> bool {
    if sent.is_ascii() || !arrived.is_ascii() {
        return false;
    }
    let masked = sent.iter().map(|byte| byte & 127);
    let marked = sent.iter().map(|byte| if byte.is_ascii() { *byte } else { b'?' });
    let letters = String::from_utf8_lossy(sent);
    let letters = letters.chars().map(|letter| if letter.is_ascii() { letter } else { '?' });
    masked.eq(arrived.iter().copied())
        || marked.eq(arrived.iter().copied())
        || letters.eq(arrived.iter().copied().map(char::from))
}

/// Whether no more than two bytes differ, as no rewriting of a value would have it: another case, or
/// another sign for a sign (`mb+7` and `mb-7`, `+0000` and `-0000`), is meant.
pub(super) fn is_nearly(sent: &[u8], arrived: &[u8]) -> bool {
    let differ = || sent.iter().zip(arrived).filter(|(one, other)| one != other);
    let meant = |(one, other): (&u8, &u8)| {
        one.eq_ignore_ascii_case(other)
            || one.is_ascii_punctuation() && other.is_ascii_punctuation()
    };
    sent.len() == arrived.len() && differ().count() <= 2 && !differ().all(meant)
}

/// Whether it was encoded, and nothing says so.
fn decodes_to(arrived: &[u8], sent: &[u8]) -> bool {
    let decoded = mail_parser::decoders::quoted_printable::quoted_printable_decode(arrived);
    decoded.is_some_and(|decoded| decoded == sent)
}

/// Whether another message of ours stands in it, or its end.
pub(super) fn is_merged(sent: &[u8], arrived: &[u8]) -> bool {
    let identities = |text: &[u8]| memmem::find_iter(text, header::NAME).count();
    identities(arrived) > identities(sent) || ends(arrived) > ends(sent)
}

/// Lines as the last one of a body of ours is.
fn ends(text: &[u8]) -> usize {
    memmem::find_iter(text, b"\nEND ").filter(|at| is_end_line(&text[at + 5..])).count()
}

fn is_end_line(text: &[u8]) -> bool {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let sum = text.get(digits + 1..digits + 9);
    digits > 0
        && text.get(digits) == Some(&b' ')
        && sum.is_some_and(|sum| sum.iter().all(u8::is_ascii_hexdigit))
}

/// Whether some lines have a leading dot more or less, and all else is the same.
fn is_restuffed(sent: &[u8], arrived: &[u8]) -> bool {
    let lines = |text| <[u8]>::split(text, |byte: &u8| *byte == b'\n');
    let (mut sent, mut arrived) = (lines(sent), lines(arrived));
    loop {
        match (sent.next(), arrived.next()) {
            (None, None) => return true,
            (Some(one), Some(other)) if one == other => {}
            (Some(one), Some(other)) if is_stuffed(one, other) || is_stuffed(other, one) => {}
            _ => return false,
        }
    }
}

fn is_stuffed(line: &[u8], other: &[u8]) -> bool {
    other.strip_prefix(b".") == Some(line) && other.starts_with(b".")
}

/// Without blank lines and line ends at the end.
pub(super) fn without_end(text: &[u8]) -> &[u8] {
    let end = text.iter().rposition(|byte| !b"\r\n".contains(byte)).map_or(0, |at| at + 1);
    &text[..end]
}
