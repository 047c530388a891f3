//! An SMTP reply (RFC 5321 §4.2) with its enhanced status code (RFC 3463, RFC 2034).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::limits;

/// A reply: three-digit code, enhanced status code if it has one, text.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Reply {
    /// Reply code, 200 to 599.
    pub code: u16,
    /// Enhanced status code (RFC 3463).
    pub enhanced: Option<EnhancedStatus>,
    /// Text without the codes; the lines of a multi-line reply joined by `\n`.
    pub text: String,
}

/// `class.subject.detail` (RFC 3463 §2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct EnhancedStatus {
    /// 2 success, 4 persistent transient failure, 5 permanent failure.
    pub class: u8,
    /// Subject, 0 to 999.
    pub subject: u16,
    /// Detail, 0 to 999.
    pub detail: u16,
}

/// What the first digit of a reply says (RFC 5321 §4.2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Severity {
    /// 2yz.
    Positive,
    /// 3yz.
    Intermediate,
    /// 4yz: a deferral.
    Transient,
    /// 5yz: a rejection.
    Permanent,
}

impl Reply {
    /// A reply from its parts.
    #[must_use]
    pub fn new(code: u16, enhanced: Option<EnhancedStatus>, text: impl Into<String>) -> Reply {
        Reply { code, enhanced, text: text.into() }
    }

    /// As the ledger keeps it: its text cut to [`limits::REPLY_TEXT`] bytes.
    #[must_use]
    pub fn shortened(self) -> Reply {
        Reply { text: limits::cut(self.text, limits::REPLY_TEXT), ..self }
    }

    /// What the first digit says; `None` when it is not 2 to 5, which is fatal for the
    /// transaction (RFC 5321 §4.2).
    #[must_use]
    pub fn severity(&self) -> Option<Severity> {
        match self.code / 100 {
            2 => Some(Severity::Positive),
            3 => Some(Severity::Intermediate),
            4 => Some(Severity::Transient),
            5 => Some(Severity::Permanent),
            _ => None,
        }
    }

    /// Whether this is a 2yz reply.
    #[must_use]
    pub fn is_positive(&self) -> bool {
        self.severity() == Some(Severity::Positive)
    }

    /// Appends the reply as it goes over the wire.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let mut lines = self.text.split('\n').peekable();
        let mut number = itoa::Buffer::new();
        while let Some(line) = lines.next() {
            let separator = if lines.peek().is_some() { b'-' } else { b' ' };
            out.extend_from_slice(number.format(self.code).as_bytes());
            out.push(separator);
            if let Some(EnhancedStatus { class, subject, detail }) = self.enhanced {
                for (part, end) in [(u16::from(class), b'.'), (subject, b'.'), (detail, b' ')] {
                    out.extend_from_slice(number.format(part).as_bytes());
                    out.push(end);
                }
            }
            out.extend_from_slice(line.as_bytes());
            out.extend_from_slice(b"\r\n");
        }
    }
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.code)?;
        if let Some(enhanced) = self.enhanced {
            write!(f, " {enhanced}")?;
        }
        if !self.text.is_empty() {
            write!(f, " {}", self.text)?;
        }
        Ok(())
    }
}

impl fmt::Display for EnhancedStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.class, self.subject, self.detail)
    }
}

/// Why a text is not a reply.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a reply is `CODE [x.y.z] text` with a code from 200 to 599, such as `451 4.7.1 Try later`"
)]
pub struct NotAReply;

impl FromStr for Reply {
    type Err = NotAReply;

    /// Reads `CODE [x.y.z] [text]`, one line.
    fn from_str(line: &str) -> Result<Reply, NotAReply> {
        let (code, rest) = line.split_once(' ').unwrap_or((line, ""));
        let digits = code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_digit());
        let code = code.parse::<u16>().map_err(|_| NotAReply)?;
        if !digits || !(200..600).contains(&code) {
            return Err(NotAReply);
        }
        let (first, after) = rest.split_once(' ').unwrap_or((rest, ""));
        match first.parse::<EnhancedStatus>() {
            Ok(enhanced) => Ok(Reply::new(code, Some(enhanced), after)),
            Err(_) => Ok(Reply::new(code, None, rest)),
        }
    }
}

impl FromStr for EnhancedStatus {
    type Err = NotAReply;

    fn from_str(text: &str) -> Result<EnhancedStatus, NotAReply> {
        let mut parts = text.split('.').map(|part| {
            let digits = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
            if digits { part.parse::<u16>().ok().filter(|n| *n < 1000) } else { None }
        });
        match (parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some(Some(class @ (2 | 4 | 5))), Some(Some(subject)), Some(Some(detail)), None) => {
                Ok(EnhancedStatus { class: class as u8, subject, detail })
            }
            _ => Err(NotAReply),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_writes_a_reply() {
        let reply: Reply = "451 4.7.1 Greylisted, try later".parse().expect("a reply");
        assert_eq!(reply.enhanced, Some(EnhancedStatus { class: 4, subject: 7, detail: 1 }));
        let mut wire = Vec::new();
        reply.encode(&mut wire);
        assert_eq!(wire, b"451 4.7.1 Greylisted, try later\r\n");
    }

    #[test]
    fn refuses_what_is_not_a_reply() {
        for text in ["", "45", "4511 x", "199 x", "600 x", "+51 x", "abc"] {
            assert_eq!(text.parse::<Reply>(), Err(NotAReply), "{text}");
        }
    }

    #[test]
    fn several_lines_are_continued() {
        let mut wire = Vec::new();
        Reply::new(250, None, "a\nb").encode(&mut wire);
        assert_eq!(wire, b"250-a\r\n250 b\r\n");
    }
}
