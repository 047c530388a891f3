//! Content on the wire: end of data and dot-stuffing (RFC 5321 §4.5.2), both ways.
//!
//! Only CRLF `.` CRLF ends data. A dot after a bare CR or LF is text: taking it for the end is
//! how one message smuggles in another.

use memchr::memchr_iter;

pub use crate::probe::has_bare;

/// Takes stuffing off content as it arrives, split anywhere, and finds its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unstuffer {
    at: At,
}

/// Puts stuffing on content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stuffer {
    at: At,
}

/// The bytes before the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    /// CRLF, or nothing at all.
    LineStart,
    /// A CR that may begin a line end.
    Cr,
    /// Anything else.
    Text,
    /// A dot at the start of a line, not given out.
    Dot,
    /// That dot and a CR, neither given out.
    DotCr,
}

impl Default for Unstuffer {
    fn default() -> Unstuffer {
        Unstuffer { at: At::LineStart }
    }
}

impl Default for Stuffer {
    fn default() -> Stuffer {
        Stuffer { at: At::LineStart }
    }
}

impl Unstuffer {
    /// Reads `input` and gives its text to `text`. Returns how many bytes belong to this content,
    /// and whether the final dot is among them; what follows is the next command.
    pub fn feed(&mut self, input: &[u8], mut text: impl FnMut(&[u8])) -> (usize, bool) {
        let mut rest = input;
        while let Some(&byte) = rest.first() {
            match (self.at, byte) {
                (At::LineStart, b'.') => {
                    self.at = At::Dot;
                    rest = &rest[1..];
                }
                (At::Dot, b'\r') => {
                    self.at = At::DotCr;
                    rest = &rest[1..];
                }
                (At::DotCr, b'\n') => return (input.len() - rest.len() + 1, true),
                // The CR held back was text after all.
                (At::DotCr, _) => {
                    text(b"\r");
                    self.at = At::Cr;
                }
                (At::Cr, b'\n') => {
                    text(b"\n");
                    self.at = At::LineStart;
                    rest = &rest[1..];
                }
                _ => {
                    let (run, after) = rest.split_at(run_length(rest));
                    text(run);
                    self.at = after_text(run);
                    rest = after;
                }
            }
        }
        (input.len(), false)
    }
}

impl Stuffer {
    /// Appends the next part of the content to `out`, stuffed.
    pub fn feed(&mut self, content: &[u8], out: &mut Vec<u8>) {
        let mut rest = content;
        while let Some(&byte) = rest.first() {
            if (self.at, byte) == (At::LineStart, b'.') {
                out.push(b'.');
            }
            if (self.at, byte) == (At::Cr, b'\n') {
                out.push(b'\n');
                self.at = At::LineStart;
                rest = &rest[1..];
                continue;
            }
            let (run, after) = rest.split_at(run_length(rest));
            out.extend_from_slice(run);
            self.at = after_text(run);
            rest = after;
        }
    }

    /// Appends the end of data. Content that does not end in CRLF is given one, which belongs to
    /// it from then on: without it there is no final dot.
    pub fn finish(self, out: &mut Vec<u8>) {
        if self.at != At::LineStart {
            out.extend_from_slice(b"\r\n");
        }
        out.extend_from_slice(b".\r\n");
    }
}

/// `content` as it goes over the wire after `354`, the final dot included.
#[must_use]
pub fn stuffed(content: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(content.len() + content.len() / 64 + 8);
    let mut stuffer = Stuffer::default();
    stuffer.feed(content, &mut out);
    stuffer.finish(&mut out);
    out
}

/// How many bytes of `text`, at least one, come before the first dot that begins a line.
fn run_length(text: &[u8]) -> usize {
    memchr_iter(b'.', text).find(|at| text[..*at].ends_with(b"\r\n")).unwrap_or(text.len())
}

/// Where `run`, which is text and not empty, leaves off.
fn after_text(run: &[u8]) -> At {
    if run.ends_with(b"\r\n") {
        At::LineStart
    } else if run.ends_with(b"\r") {
        At::Cr
    } else {
        At::Text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bare_line_ends_are_seen() {
        for (content, bare) in
            [(&b"a\r\nb\r\n"[..], false), (b"", false), (b"a\nb\r\n", true), (b"\n", true)]
        {
            assert_eq!(has_bare(content), bare, "{content:?}");
        }
        assert!(has_bare(b"a\rb\r\n") && has_bare(b"a\r\r\n") && has_bare(b"a\r"));
    }
    use proptest::prelude::{Strategy, prop, proptest};

    /// The text of `wire` read in pieces of `cut` bytes, and what follows its end, if it ended.
    fn read(wire: &[u8], cut: usize) -> (Vec<u8>, Option<Vec<u8>>) {
        let (mut unstuffer, mut text, mut done) = (Unstuffer::default(), Vec::new(), 0);
        for piece in wire.chunks(cut) {
            let (used, ended) = unstuffer.feed(piece, |part| text.extend_from_slice(part));
            done += used;
            if ended {
                return (text, Some(wire[done..].to_vec()));
            }
            assert_eq!(used, piece.len());
        }
        (text, None)
    }

    #[test]
    fn only_crlf_dot_crlf_ends_data() {
        let not_ends =
            ["\n.\n", "\n.\r\n", "\r.\r\n", "\r.\r", "\r\n.\n", "\r\n.\r", "\r\n.\0\r\n"];
        for wire in not_ends.map(|middle| format!("a{middle}QUIT")) {
            assert_eq!(read(wire.as_bytes(), 99).1, None, "{wire:?}");
        }
        assert_eq!(read(b".\r\nQUIT\r\n", 99), (vec![], Some(b"QUIT\r\n".to_vec())));
        assert_eq!(read(b"a\r\n.\r\nQ", 99), (b"a\r\n".to_vec(), Some(b"Q".to_vec())));
    }

    #[test]
    fn stuffing_is_put_on_and_taken_off() {
        assert_eq!(stuffed(b".a\r\n..b\r\n"), b"..a\r\n...b\r\n.\r\n");
        assert_eq!(stuffed(b"no end"), b"no end\r\n.\r\n");
        assert_eq!(stuffed(b""), b".\r\n");
        assert_eq!(read(b"..a\r\n.b\r\n.\r\r\n.\r\n", 99).0, b".a\r\nb\r\n\r\r\n");
    }

    /// Content made of the bytes that matter here, and long runs of others.
    fn content() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop::sample::select(vec![".", "\r", "\n", "\r\n", "\r\n.", "a", "\u{e9}z"]);
        prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat().into_bytes())
    }

    proptest! {
        #[test]
        fn split_anywhere_gives_the_same_text(wire in content(), cut in 1_usize..5) {
            assert_eq!(read(&wire, wire.len() + 1), read(&wire, cut));
        }

        #[test]
        fn what_was_stuffed_comes_back(content in content(), cut in 1_usize..5) {
            let mut wire = Vec::new();
            let mut stuffer = Stuffer::default();
            content.chunks(cut).for_each(|piece| stuffer.feed(piece, &mut wire));
            stuffer.finish(&mut wire);
            assert_eq!(wire, stuffed(&content));
            wire.extend_from_slice(b"NEXT");

            let mut expected = content;
            if !expected.is_empty() && !expected.ends_with(b"\r\n") {
                expected.extend_from_slice(b"\r\n");
            }
            assert_eq!(read(&wire, 3), (expected, Some(b"NEXT".to_vec())));
        }
    }
}
