//! Counts over a stretch of message content, the same however it is cut into chunks.
//!
//! Sender and verifier count with this one code, so their counts can be compared; what a
//! difference means is `damage`'s to say.

use memchr::{memchr, memchr_iter};

use super::header::NAME;

/// Bytes of each line that are looked at: enough for an `END` line's longest number.
const LINE_HEAD: usize = 26;

/// What a sender says of a body, counted over the whole of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Counts {
    /// Line feeds.
    pub(super) lines: u64,
    /// As [`Tally::dots`].
    pub(super) dots: u64,
    /// Bytes above 127.
    pub(super) high: u64,
}

impl Counts {
    /// As [`Tally`] counts, without a look at each line.
    pub(super) fn of(body: &[u8]) -> Counts {
        let begins = |at: &usize| at.checked_sub(1).is_none_or(|before| body[before] == b'\n');
        Counts {
            lines: memchr_iter(b'\n', body).count() as u64,
            dots: memchr_iter(b'.', body).filter(begins).map(|at| dots(&body[at..])).sum(),
            high: high(body),
        }
    }
}

/// Counts over a stretch of content.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    /// All bytes.
    pub(super) bytes: u64,
    /// Line feeds.
    pub(super) lines: u64,
    /// Line feeds without a carriage return before them.
    pub(super) bare_lf: u64,
    /// Dots that lines begin with, up to [`LINE_HEAD`] a line.
    pub(super) dots: u64,
    /// Bytes above 127.
    pub(super) high: u64,
    /// Lines that begin as our identity header does.
    pub(super) identities: u64,
    carriage_returns: u64,
    last: u8,
    line: LineHead,
}

/// The first bytes of the line read last, finished or not.
#[derive(Clone, Debug, Default)]
struct LineHead {
    bytes: [u8; LINE_HEAD],
    length: usize,
    finished: bool,
}

impl Tally {
    /// The counts over the whole of `content`.
    #[cfg(test)]
    pub(super) fn of(content: &[u8]) -> Tally {
        let mut tally = Tally::default();
        tally.feed(content);
        tally.close();
        tally
    }

    /// Counts the next chunk.
    pub(super) fn feed(&mut self, chunk: &[u8]) {
        let Some(&last) = chunk.last() else { return };
        self.bytes += chunk.len() as u64;
        self.high += high(chunk);
        self.carriage_returns += memchr_iter(b'\r', chunk).count() as u64;
        let (mut start, mut latest) = (0, None);
        for end in memchr_iter(b'\n', chunk) {
            let part = &chunk[start..end];
            let before = if end == 0 { self.last } else { chunk[end - 1] };
            self.bare_lf += u64::from(before != b'\r');
            self.lines += 1;
            // Almost every line lies whole in its chunk, and is looked at where it is.
            if latest.is_some() || self.line.is_fresh() {
                self.count_line(part);
                latest = Some(part);
            } else {
                self.line.extend(part);
                self.finish_line();
            }
            start = end + 1;
        }
        if let Some(line) = latest {
            self.line = LineHead::default();
            self.line.extend(line);
            self.line.finished = true;
        }
        if start < chunk.len() {
            self.line.extend(&chunk[start..]);
        }
        self.last = last;
    }

    /// Counts a last line that has no line end.
    pub(super) fn close(&mut self) {
        if self.line.length > 0 && !self.line.finished {
            self.finish_line();
        }
    }

    /// Carriage returns without a line feed after them.
    pub(super) fn bare_cr(&self) -> u64 {
        self.carriage_returns - (self.lines - self.bare_lf)
    }

    /// Whether the line read last begins so.
    pub(super) fn last_line_begins(&self, prefix: &[u8]) -> bool {
        self.line.read().starts_with(prefix)
    }

    fn finish_line(&mut self) {
        let line = self.line.clone();
        self.count_line(line.read());
        self.line.finished = true;
    }

    fn count_line(&mut self, line: &[u8]) {
        let line = &line[..line.len().min(LINE_HEAD)];
        match line.first() {
            Some(b'.') => self.dots += dots(line),
            Some(b'x' | b'X') => {
                let name = line.get(..NAME.len());
                self.identities += u64::from(name.is_some_and(|n| n.eq_ignore_ascii_case(NAME)));
            }
            _ => {}
        }
    }
}

impl PartialEq for LineHead {
    /// What lies behind the line read last says nothing.
    fn eq(&self, other: &LineHead) -> bool {
        (self.read(), self.finished) == (other.read(), other.finished)
    }
}

impl Eq for LineHead {}

impl LineHead {
    /// Takes in a further part of a line; the first part after a finished line begins a new one.
    fn extend(&mut self, part: &[u8]) {
        if self.finished {
            self.length = 0;
            self.finished = false;
        }
        let taken = part.len().min(LINE_HEAD - self.length);
        self.bytes[self.length..self.length + taken].copy_from_slice(&part[..taken]);
        self.length += taken;
    }

    fn read(&self) -> &[u8] {
        &self.bytes[..self.length]
    }

    /// Whether what comes next begins a line.
    fn is_fresh(&self) -> bool {
        self.finished || self.length == 0
    }
}

/// Dots that a line begins with, up to [`LINE_HEAD`].
fn dots(line: &[u8]) -> u64 {
    line.iter().take(LINE_HEAD).take_while(|byte| **byte == b'.').count() as u64
}

/// Bytes above 127. Most content has none, which is seen far faster than counted.
fn high(chunk: &[u8]) -> u64 {
    let blocks = chunk.chunks(256).filter(|block| !block.is_ascii());
    blocks.flatten().filter(|byte| **byte > 127).count() as u64
}

/// Where the headers end: the length up to and including the first blank line; everything when
/// there is none.
#[must_use]
pub fn head_length(content: &[u8]) -> usize {
    let mut start = 0;
    while let Some(end) = memchr(b'\n', &content[start..]) {
        let line = &content[start..start + end];
        start += end + 1;
        if line.is_empty() || line == b"\r" {
            return start;
        }
    }
    content.len()
}

/// Bytes of the first header field with its folds (RFC 5322 §2.2.3).
pub(super) fn field_length(text: &[u8]) -> usize {
    let is_end = |at: &usize| !text.get(at + 1).is_some_and(|next| b" \t".contains(next));
    memchr::memchr_iter(b'\n', text).find(is_end).map_or(text.len(), |end| end + 1)
}

/// Whether a CR or a LF stands alone, which no client may send on (RFC 5321 §2.3.8): a server with
/// another view of line ends could take what follows for the end of data.
#[must_use]
pub fn has_bare(content: &[u8]) -> bool {
    let mut ends = 0;
    for at in memchr_iter(b'\n', content) {
        if at == 0 || content[at - 1] != b'\r' {
            return true;
        }
        ends += 1;
    }
    memchr_iter(b'\r', content).count() != ends
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn counts_lines_ends_dots_and_high_bytes() {
        let tally = Tally::of(b".\r\n..x\n\r\na\rb\r\n\xc3\xa9\r\nx-mailbench: y\r\n...");
        assert_eq!(tally.lines, 6);
        assert_eq!(tally.bare_lf, 1);
        assert_eq!(tally.bare_cr(), 1);
        assert_eq!(tally.dots, 6);
        assert_eq!(tally.high, 2);
        assert_eq!(tally.identities, 1);
        assert!(tally.last_line_begins(b"..."));
    }

    #[test]
    fn counts_do_not_depend_on_chunks() {
        let content = b".\r\n..x\n\r\n\r\r\na\rb\r\n\xc3\xa9\r\nX-Mailbench: y\r\n...";
        for cut in 0..content.len() {
            let mut tally = Tally::default();
            tally.feed(&content[..cut]);
            tally.feed(&content[cut..]);
            tally.close();
            assert_eq!(tally, Tally::of(content), "cut at {cut}");
        }
    }

    proptest! {
        #[test]
        fn a_sender_counts_as_a_tally_does(
            lines in prop::collection::vec("\\.{0,30}[xé\r]{0,3}", 0..12),
            end in prop_oneof![Just("\r\n"), Just("\n"), Just("\n\n.")],
        ) {
            let body = lines.join(end).into_bytes();
            let Tally { lines, dots, high, .. } = Tally::of(&body);
            prop_assert_eq!(Counts::of(&body), Counts { lines, dots, high });
        }
    }

    #[test]
    fn headers_end_at_the_first_blank_line() {
        assert_eq!(head_length(b"A: b\r\n\r\nbody\r\n\r\n"), 8);
        assert_eq!(head_length(b"A: b\n\nbody"), 6);
        assert_eq!(head_length(b"A: b\r\n"), 6);
    }
}
