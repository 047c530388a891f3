//! Cuts a byte stream into command lines of bounded length, wherever it was split.
//!
//! A command line ends at LF, with or without CR before it: people type at servers, and only in
//! content does a bare LF open a hole (see [`super::content`]).

use crate::limits;

/// Finds command lines in a buffer that its owner fills. Remembers only whether it is inside a
/// line that was too long.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lines {
    discarded: usize,
}

/// What stands at the front of the buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line<'a> {
    /// A line without its end.
    Whole(&'a [u8]),
    /// The end of a line longer than [`limits::COMMAND_LINE`]; its bytes are gone.
    TooLong,
    /// No line yet: read more.
    Partial,
    /// Too much without any line end: give the peer up.
    Endless,
}

impl Lines {
    /// Takes the next line off the front of `buffer`: how many bytes of it are done with, and
    /// what they were. Call again with the rest until it says [`Line::Partial`]; the bytes then
    /// left, fewer than [`limits::COMMAND_LINE`], are to be kept and read on to.
    pub fn next<'a>(&mut self, buffer: &'a [u8]) -> (usize, Line<'a>) {
        match memchr::memchr(b'\n', buffer) {
            Some(at) if self.discarded > 0 || at >= limits::COMMAND_LINE => {
                self.discarded = 0;
                (at + 1, Line::TooLong)
            }
            Some(at) => {
                let line = &buffer[..at];
                (at + 1, Line::Whole(line.strip_suffix(b"\r").unwrap_or(line)))
            }
            None => self.no_end(buffer.len()),
        }
    }

    fn no_end(&mut self, length: usize) -> (usize, Line<'static>) {
        let kept = self.discarded == 0 && length < limits::COMMAND_LINE;
        if kept || length == 0 {
            return (0, Line::Partial);
        }
        self.discarded += length;
        if self.discarded > limits::LINE_DISCARDED {
            return (length, Line::Endless);
        }
        (length, Line::Partial)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{any, prop, proptest};

    /// Feeds `pieces` as a reader would and lists what came out.
    fn read(pieces: &[&[u8]]) -> Vec<String> {
        let (mut lines, mut buffer, mut seen) = (Lines::default(), Vec::new(), Vec::new());
        for piece in pieces {
            buffer.extend_from_slice(piece);
            loop {
                let (used, line) = lines.next(&buffer);
                let line = match line {
                    Line::Partial => None,
                    other => Some(format!("{other:?}")),
                };
                buffer.drain(..used);
                match line {
                    Some(line) => seen.push(line),
                    None => break,
                }
            }
            assert!(buffer.len() < limits::COMMAND_LINE, "{} bytes kept", buffer.len());
        }
        seen
    }

    #[test]
    fn a_line_too_long_is_one_line_and_the_next_is_whole() {
        let long = [&vec![b'x'; 64 * 1024][..], b"\r\nNOOP\r\n"].concat();
        let seen = read(&long.chunks(1000).collect::<Vec<_>>());
        assert_eq!(seen, ["TooLong", &format!("{:?}", Line::Whole(b"NOOP"))]);
    }

    #[test]
    fn a_peer_that_never_ends_a_line_is_given_up() {
        let block = [b'x'; 1024];
        let blocks = vec![&block[..]; limits::LINE_DISCARDED / 1024 + 1];
        assert_eq!(read(&blocks), ["Endless"]);
    }

    proptest! {
        /// Wherever the stream is split, the lines are the same.
        #[test]
        fn split_anywhere_gives_the_same_lines(
            parts in prop::collection::vec(
                (prop::collection::vec(any::<u8>(), 0..40), any::<bool>(), any::<bool>()),
                0..8,
            ),
            cut in 1_usize..30,
        ) {
            let mut stream = Vec::new();
            for (text, long, cr) in &parts {
                stream.extend(text.iter().filter(|byte| **byte != b'\n'));
                stream.extend(std::iter::repeat_n(b'y', if *long { 5000 } else { 0 }));
                stream.extend_from_slice(if *cr { b"\r\n" } else { b"\n" });
            }
            let whole: Vec<&[u8]> = stream.split_inclusive(|byte| *byte == b'\n').collect();
            let cuts: Vec<&[u8]> = stream.chunks(cut).collect();
            assert_eq!(read(&whole), read(&cuts));
            assert_eq!(whole.len(), parts.len());
        }
    }
}
