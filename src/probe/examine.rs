//! What arrived, compared with what its identity header says of it, in bounded memory.
//!
//! It sees every content that is too long to be held, or is not as it was sent.

use memchr::memchr;

use super::change::Change;
use super::damage::{ContentCheck, Seen, diagnose};
use super::digest::Digest;
use super::header::{self, IdentityHeader, LONGEST};
use super::tally::Tally;

/// Examines one content as it streams by.
pub(super) struct Examiner {
    place: Place,
    /// The line being read, as far as it can be our header or blank.
    line: Vec<u8>,
    /// What has come of the identity header's lines.
    begun: Vec<u8>,
    lines_begun: usize,
    identity: Option<IdentityHeader>,
    digest: Digest,
    /// Whether the identity header's lines end as sent.
    line_end_intact: bool,
    head: Tally,
    head_intact: bool,
    body: Tally,
    bytes: u64,
}

/// Where in the content it is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Before our header.
    Trace,
    /// After it, before the blank line.
    Head,
    /// After the blank line.
    Body,
    /// After a blank line that came without our header.
    Lost,
}

impl Default for Examiner {
    fn default() -> Examiner {
        Examiner {
            place: Place::Trace,
            line: Vec::with_capacity(LONGEST),
            begun: Vec::new(),
            lines_begun: 0,
            identity: None,
            digest: Digest::default(),
            line_end_intact: true,
            head: Tally::default(),
            head_intact: false,
            body: Tally::default(),
            bytes: 0,
        }
    }
}

impl Examiner {
    /// Takes in the next chunk.
    pub(super) fn feed(&mut self, chunk: &[u8]) {
        self.bytes += chunk.len() as u64;
        let mut rest = chunk;
        while !rest.is_empty() {
            match self.place {
                Place::Trace | Place::Head => rest = self.feed_line(rest),
                Place::Body => {
                    self.body.feed(rest);
                    self.digest.update(rest);
                    return;
                }
                Place::Lost => return,
            }
        }
    }

    /// Says what the content was.
    pub(super) fn finish(mut self) -> ContentCheck {
        if self.place == Place::Trace {
            self.end_trace_line();
        }
        let Some(identity) = self.identity.take() else {
            return ContentCheck {
                message: None,
                bytes: self.bytes,
                changes: vec![Change::HeaderLost],
            };
        };
        if self.place == Place::Head {
            self.end_head(&identity);
        }
        self.body.close();
        let body_intact = self.digest.of_body() == identity.body_digest;
        let bytes = self.head.bytes + self.body.bytes;
        let seen = Seen {
            line_end_intact: self.line_end_intact,
            head: self.head,
            body: self.body,
            head_intact: self.head_intact,
            body_intact,
        };
        let changes = diagnose(&identity, &seen);
        ContentCheck { message: Some(identity.message), bytes, changes }
    }

    /// Takes in the rest of one line of the headers; returns what comes after it.
    fn feed_line<'a>(&mut self, rest: &'a [u8]) -> &'a [u8] {
        let end = memchr(b'\n', rest);
        let (part, after) = rest.split_at(end.map_or(rest.len(), |end| end + 1));
        // A longer line is cut: it is neither our header nor blank.
        let room = LONGEST.saturating_sub(self.line.len()) + 2;
        self.line.extend_from_slice(&part[..part.len().min(room)]);
        if self.place == Place::Head {
            self.head.feed(part);
            self.digest.update(part);
        }
        if end.is_some() {
            self.end_header_line();
        }
        after
    }

    fn end_header_line(&mut self) {
        if self.place == Place::Trace {
            self.end_trace_line();
        } else if is_blank(&self.line)
            && let Some(identity) = self.identity.take()
        {
            self.end_head(&identity);
            self.identity = Some(identity);
            self.place = Place::Body;
        }
        self.line.clear();
    }

    fn end_trace_line(&mut self) {
        if is_blank(&self.line) {
            self.place = Place::Lost;
            return;
        }
        let crlf = self.line.strip_suffix(b"\r\n");
        let line = crlf.or(self.line.strip_suffix(b"\n")).unwrap_or(&self.line);
        if self.lines_begun == 0 && header::named(line).is_none() {
            return;
        }
        self.line_end_intact &= crlf.is_some();
        self.begun.extend_from_slice(line);
        self.begun.extend_from_slice(b"\r\n");
        self.lines_begun += 1;
        if self.lines_begun == header::LINES {
            self.end_identity();
        }
    }

    /// All lines of what may be our header have come.
    fn end_identity(&mut self) {
        let begun = std::mem::take(&mut self.begun);
        self.lines_begun = 0;
        let Some((identity, _)) = IdentityHeader::read(&begun) else {
            self.line_end_intact = true;
            return;
        };
        self.digest = identity.digest_begun();
        self.identity = Some(identity);
        self.place = Place::Head;
    }

    fn end_head(&mut self, identity: &IdentityHeader) {
        self.head.close();
        self.head_intact = self.digest.of_head() == identity.head_digest;
        self.digest = Digest::default();
    }
}

/// Whether a line of headers is the one that ends them.
pub(super) fn is_blank(line: &[u8]) -> bool {
    line == b"\r\n" || line == b"\n"
}
