//! Reads a reply from the bytes of a server (RFC 5321 §4.2), as they come. Pure.
//!
//! RFC 5321 bounds a line of a reply (§4.5.3.1.5), not a reply; servers write long ones, in other
//! character sets than UTF-8, and enhanced status codes up to `x.999.999` (RFC 3463 §2). All of
//! that is read; what is kept of the text has a bound.

use super::outcome::Cause;
use crate::limits;
use crate::smtp::reply::{EnhancedStatus, Reply};

/// What has ended with a line.
enum Ended {
    /// The line alone: more follow.
    Line,
    /// The reply.
    Reply,
}

/// A reply being read.
#[derive(Debug, Default)]
pub(super) struct ReplyReader {
    /// The line that has not ended yet.
    line: Vec<u8>,
    /// Bytes of all lines.
    taken: usize,
    /// Code and enhanced code of the first lines that had one, and the text so far.
    code: Option<u16>,
    enhanced: Option<EnhancedStatus>,
    text: String,
    /// Lines that have ended.
    lines: usize,
}

impl ReplyReader {
    /// Whether what was read so far ends with a line.
    pub(super) fn is_between_lines(&self) -> bool {
        self.line.is_empty()
    }

    /// Takes bytes up to the end of the reply: how many, and the reply if it has ended. A failure
    /// is the end of the session: what comes after it cannot be understood either.
    pub(super) fn take(&mut self, bytes: &[u8]) -> (usize, Option<Result<Reply, Cause>>) {
        let mut used = 0;
        while used < bytes.len() {
            let rest = &bytes[used..];
            let end = memchr::memchr(b'\n', rest);
            let piece = &rest[..end.map_or(rest.len(), |end| end + 1)];
            used += piece.len();
            self.taken += piece.len();
            if self.taken > limits::REPLY {
                return (used, Some(Err(Cause::NotAReply)));
            }
            match self.piece(piece, end.is_some()) {
                Some(Ended::Reply) => return (used, Some(Ok(self.finish()))),
                Some(Ended::Line) => {}
                None => return (used, Some(Err(Cause::NotAReply))),
            }
        }
        (used, None)
    }

    /// Takes a line or a part of one; `None`: it is none of a reply. A line that comes whole, as
    /// nearly all do, is read where it lies.
    fn piece(&mut self, piece: &[u8], ends: bool) -> Option<Ended> {
        if ends && self.line.is_empty() {
            return self.end_line(piece);
        }
        self.line.extend_from_slice(piece);
        if ends {
            let line = std::mem::take(&mut self.line);
            return self.end_line(&line);
        }
        begins_a_reply(&self.line).then_some(Ended::Line)
    }

    /// Takes in a whole line.
    fn end_line(&mut self, line: &[u8]) -> Option<Ended> {
        let line = line.trim_ascii_end();
        let (digits, rest) = line.split_at_checked(3)?;
        let code = std::str::from_utf8(digits).ok().filter(|_| begins_a_reply(digits))?;
        let code: u16 = code.parse().ok()?;
        let ended = match rest.first() {
            None | Some(b' ') => Ended::Reply,
            Some(b'-') => Ended::Line,
            Some(_) => return None,
        };
        self.code.get_or_insert(code);
        let text = String::from_utf8_lossy(rest.get(1..).unwrap_or_default());
        self.add(&text);
        Some(ended)
    }

    /// Adds the text of a line, without the enhanced status code it begins with.
    fn add(&mut self, text: &str) {
        let (first, after) = text.split_once(' ').unwrap_or((text, ""));
        let enhanced = first.parse::<EnhancedStatus>().ok();
        self.enhanced = self.enhanced.or(enhanced);
        if self.lines > 0 {
            self.text.push('\n');
        }
        self.lines += 1;
        self.text.push_str(if enhanced.is_some() { after } else { text });
    }

    fn finish(&mut self) -> Reply {
        let ReplyReader { code, enhanced, text, .. } = std::mem::take(self);
        Reply::new(code.unwrap_or_default(), enhanced, text)
    }
}

/// Whether a line that has just begun can be one of a reply.
fn begins_a_reply(line: &[u8]) -> bool {
    line.iter().take(3).all(u8::is_ascii_digit)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads the bytes in one piece, and byte by byte: the same.
    fn read(bytes: &[u8]) -> Option<Result<Reply, Cause>> {
        let whole = ReplyReader::default().take(bytes).1;
        let mut reader = ReplyReader::default();
        let mut pieces = bytes.iter().map(|byte| reader.take(&[*byte]).1);
        assert_eq!(pieces.find_map(|it| it), whole, "{:?}", String::from_utf8_lossy(bytes));
        whole
    }

    fn reply(
        code: u16,
        enhanced: Option<(u8, u16, u16)>,
        text: &str,
    ) -> Option<Result<Reply, Cause>> {
        let status = |(class, subject, detail)| EnhancedStatus { class, subject, detail };
        Some(Ok(Reply::new(code, enhanced.map(status), text)))
    }

    #[test]
    fn replies_are_read_as_they_are_written() {
        for (bytes, expected) in [
            (&b"250 2.1.5 Ok\r\n"[..], reply(250, Some((2, 1, 5)), "Ok")),
            (b"250\r\n", reply(250, None, "")),
            (b"250 \r\n", reply(250, None, "")),
            (b"250 Ok\n", reply(250, None, "Ok")),
            (b"550 5.7.606 Access denied\r\n", reply(550, Some((5, 7, 606)), "Access denied")),
            (b"550 5.7.999\r\n", reply(550, Some((5, 7, 999)), "")),
            (b"550 5.7.1000 x\r\n", reply(550, None, "5.7.1000 x")),
            (
                b"250-mx.test\r\n250-SIZE 99\r\n250 HELP\r\n",
                reply(250, None, "mx.test\nSIZE 99\nHELP"),
            ),
            (
                b"550-5.1.1 no\r\n550 5.1.1 such user\r\n",
                reply(550, Some((5, 1, 1)), "no\nsuch user"),
            ),
            (b"220 caf\xe9 ESMTP\r\n", reply(220, None, "caf\u{fffd} ESMTP")),
            (b"600 6.0.0 ok\r\n", reply(600, None, "6.0.0 ok")),
        ] {
            assert_eq!(read(bytes), expected);
        }
    }

    #[test]
    fn a_long_reply_is_read_and_an_endless_one_is_not() {
        let line = [b"550-5.7.1 ".to_vec(), vec![b'x'; 480], b"\r\n".to_vec()].concat();
        let long = [line.repeat(14), b"550 5.7.1 end\r\n".to_vec()].concat();
        assert!(long.len() > 6000);
        let read_long = read(&long).expect("ended").expect("a reply");
        assert_eq!((read_long.code, read_long.text.lines().count()), (550, 15));
        let one_line = [b"550 ".to_vec(), vec![b'x'; 6000], b"\r\n".to_vec()].concat();
        assert_eq!(read(&one_line).expect("ended").expect("a reply").text.len(), 6000);
        assert_eq!(read(&line.repeat(200)), Some(Err(Cause::NotAReply)));
    }

    #[test]
    fn what_is_no_reply_is_refused_at_once() {
        for bytes in
            [&b"hello\r\n"[..], b"25x", b"2\r\n", b"\r\n", b"2500 x\r\n", b"250-a\r\nhello\r\n"]
        {
            assert_eq!(read(bytes), Some(Err(Cause::NotAReply)));
        }
    }

    #[test]
    fn what_follows_a_reply_stays() {
        assert_eq!(ReplyReader::default().take(b"250 a\r\n354 b\r\n").0, 7);
        assert_eq!(read(b"250-a\r\n25"), None);
        let mut reader = ReplyReader::default();
        let _ = reader.take(b"250-a\r\n");
        assert!(reader.is_between_lines());
        let _ = reader.take(b"25");
        assert!(!reader.is_between_lines());
    }
}
