//! The relaxed canonicalisation of DKIM (RFC 6376 §3.4.2 and §3.4.4): what a signature is over, so
//! that folds and runs of spaces may change on the way. Owns bytes alone, not keys or tags.

use memchr::{memchr, memchr_iter};

/// The header fields of a message: name, and value with its folds and without its line end. What is
/// not a field is left out.
pub(super) fn fields(head: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let folds = |at: usize| head.get(at + 1).is_some_and(|next| b" \t".contains(next));
    let ends = memchr_iter(b'\n', head).filter(move |at| !folds(*at)).map(|at| at + 1);
    let mut start = 0;
    ends.filter_map(move |end| {
        let field = &head[std::mem::replace(&mut start, end)..end];
        let colon = memchr(b':', field)?;
        Some((&field[..colon], &field[colon + 1..]))
    })
}

/// Adds a header field without its line end (RFC 6376 §3.4.2).
pub(super) fn add_field(name: &[u8], value: &[u8], out: &mut Vec<u8>) {
    out.extend(name.trim_ascii().iter().map(u8::to_ascii_lowercase));
    out.push(b':');
    add_words(value.trim_ascii(), |byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n'), out);
}

/// Adds a body (RFC 6376 §3.4.4): no spaces at ends of lines, one instead of several, no empty lines
/// at the end.
pub(super) fn add_body(body: &[u8], out: &mut Vec<u8>) {
    let mut empty_lines = 0;
    for line in body.split_inclusive(|byte| *byte == b'\n') {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let kept = line.iter().rposition(|byte| !is_blank(*byte)).map_or(0, |last| last + 1);
        let text = &line[..kept];
        if text.is_empty() {
            empty_lines += 1;
            continue;
        }
        for _ in 0..std::mem::take(&mut empty_lines) {
            out.extend_from_slice(b"\r\n");
        }
        add_words(text, is_blank, out);
        out.extend_from_slice(b"\r\n");
    }
}

/// Whether this is WSP (RFC 5234 §B.1).
fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

/// Adds a text with one space for every run of these.
fn add_words(text: &[u8], is_space: impl Fn(u8) -> bool, out: &mut Vec<u8>) {
    let mut rest = text;
    while let Some(at) = rest.iter().position(|byte| is_space(*byte)) {
        out.extend_from_slice(&rest[..at]);
        out.push(b' ');
        let next = rest[at..].iter().position(|byte| !is_space(*byte));
        rest = &rest[next.map_or(rest.len(), |next| at + next)..];
    }
    out.extend_from_slice(rest);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(text: &str) -> String {
        let mut out = Vec::new();
        add_body(text.as_bytes(), &mut out);
        String::from_utf8(out).expect("UTF-8")
    }

    #[test]
    fn example_of_rfc_6376_section_3_4_5() {
        let head = b"A: X\r\nB : Y\t\r\n\tZ  \r\n\r\n";
        let mut out = Vec::new();
        for (name, value) in fields(head) {
            add_field(name, value, &mut out);
            out.extend_from_slice(b"\r\n");
        }
        assert_eq!(out, b"a:X\r\nb:Y Z\r\n");
        assert_eq!(body(" C \r\nD \t E\r\n\r\n\r\n"), " C\r\nD E\r\n");
    }

    #[test]
    fn empty_lines_count_unless_they_are_at_the_end() {
        for (text, expected) in [
            ("", ""),
            ("\r\n\r\n", ""),
            (" \t\r\n", ""),
            ("a", "a\r\n"),
            ("\r\na\r\n \r\n\r\nb \t\r\n\t\r\n", "\r\na\r\n\r\n\r\nb\r\n"),
            ("a\x0cb  c\x0c", "a\x0cb c\x0c\r\n"),
            ("  a", " a\r\n"),
        ] {
            assert_eq!(body(text), expected, "{text:?}");
        }
    }
}
