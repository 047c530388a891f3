//! One response of an IMAP server (RFC 9051 §7): its text, with literals taken out and content examined
//! as it comes.

use tokio::io::{AsyncRead, AsyncWrite};

use super::super::connection::Connection;
use super::super::content::ContentExaminer;
use super::super::{MailboxError, StoredContent};
use super::violation;
use crate::limits;
use crate::probe::Identity;

/// Stands in a response's text for a literal; no line of a server may contain it.
const LITERAL: u8 = 0;

/// The item that content is fetched as.
const CONTENT: &[u8] = b"BODY[]";

/// A response.
#[derive(Debug, Default)]
pub(super) struct Response {
    /// Its text.
    pub(super) text: Vec<u8>,
    /// Its literals but for content, in their order.
    strings: Vec<Vec<u8>>,
    /// The literal after `BODY[]`.
    content: Option<StoredContent>,
}

/// A word of a response.
#[derive(Debug, PartialEq, Eq)]
enum Word<'a> {
    Atom(&'a [u8]),
    Quoted(Vec<u8>),
    /// What stands in parentheses.
    Group(&'a [u8]),
    Literal,
}

/// What a FETCH response says.
pub(super) struct Fetched {
    pub(super) uid: u32,
    pub(super) content: StoredContent,
}

impl Response {
    /// Reads the next one.
    pub(super) async fn read<S: AsyncRead + AsyncWrite + Unpin>(
        connection: &mut Connection<S>,
        own: &Identity,
        during: &'static str,
    ) -> Result<Response, MailboxError> {
        let mut response = Response::default();
        loop {
            let line = connection.line(during).await?;
            if line.contains(&LITERAL) {
                return Err(violation("a NUL outside a literal"));
            }
            response.text.extend_from_slice(&line);
            if response.text.len() > limits::MAILBOX_LINE {
                let most = limits::MAILBOX_LINE as u64;
                return Err(MailboxError::TooMuch { what: "a response", most });
            }
            let Some((start, length)) = announced_literal(&response.text) else {
                return Ok(response);
            };
            response.text.truncate(start);
            response.read_literal(connection, length, own, during).await?;
            response.text.push(LITERAL);
        }
    }

    async fn read_literal<S: AsyncRead + AsyncWrite + Unpin>(
        &mut self,
        connection: &mut Connection<S>,
        length: u64,
        own: &Identity,
        during: &'static str,
    ) -> Result<(), MailboxError> {
        let before = self.text.trim_ascii_end();
        let tail = &before[before.len().saturating_sub(CONTENT.len())..];
        let is_content = tail.eq_ignore_ascii_case(CONTENT);
        let most = if is_content { limits::MESSAGE_SIZE } else { limits::MAILBOX_LINE as u64 };
        if length > most {
            return Err(MailboxError::TooMuch { what: "a literal", most });
        }
        if !is_content {
            let mut string = Vec::new();
            connection.take(length, during, |chunk| string.extend_from_slice(chunk)).await?;
            connection.count(string.len())?;
            self.strings.push(string);
            return Ok(());
        }
        let mut examiner = ContentExaminer::default();
        connection.take(length, during, |chunk| examiner.feed(chunk)).await?;
        if self.content.replace(examiner.finish(own)).is_some() {
            return Err(violation("two contents in one FETCH response"));
        }
        Ok(())
    }

    /// The words of an untagged response after its `*`; `None`: it is tagged.
    fn untagged(&self) -> Option<Vec<Word<'_>>> {
        self.text.strip_prefix(b"* ").map(words)
    }

    /// The number of an EXISTS response.
    pub(super) fn exists(&self) -> Option<u64> {
        match self.untagged()?.as_slice() {
            [Word::Atom(count), Word::Atom(kind), ..] if kind.eq_ignore_ascii_case(b"EXISTS") => {
                number(count)
            }
            _ => None,
        }
    }

    /// The number of a UIDVALIDITY response code.
    pub(super) fn uid_validity(&self) -> Option<u32> {
        let text = self.text.strip_prefix(b"* ")?.to_ascii_uppercase();
        let rest = text.strip_prefix(b"OK [UIDVALIDITY ")?;
        let digits = rest.split(|byte| *byte == b']').next()?;
        number(digits)?.try_into().ok()
    }

    /// The name of a LIST response; `None`: it is none, or its folder holds no messages.
    pub(super) fn listed(&self) -> Result<Option<String>, MailboxError> {
        let words = self.untagged().unwrap_or_default();
        let [Word::Atom(kind), Word::Group(flags), _separator, name, ..] = words.as_slice() else {
            return Ok(None);
        };
        let flags = flags.to_ascii_lowercase();
        let empty = |flag: &[u8]| flag == b"\\noselect" || flag == b"\\nonexistent";
        if !kind.eq_ignore_ascii_case(b"LIST") || flags.split(|byte| *byte == b' ').any(empty) {
            return Ok(None);
        }
        let name = match name {
            Word::Atom(name) => Some(name.to_vec()),
            Word::Quoted(name) => Some(name.clone()),
            Word::Literal => self.strings.last().cloned(),
            Word::Group(_) => None,
        };
        let name = name.and_then(|name| String::from_utf8(name).ok());
        let usable = name.filter(|name| !name.contains(['\r', '\n', '\0']));
        usable.map(Some).ok_or_else(|| violation("a folder name that cannot be used"))
    }

    /// What a FETCH response with content says; `None`: it is none.
    pub(super) fn fetched(mut self, own: &Identity) -> Result<Option<Fetched>, MailboxError> {
        let content = self.content.take();
        let words = self.untagged().unwrap_or_default();
        let [Word::Atom(_), Word::Atom(kind), Word::Group(items)] = words.as_slice() else {
            return content.map_or(Ok(None), |_| Err(violation("content outside FETCH")));
        };
        if !kind.eq_ignore_ascii_case(b"FETCH") {
            return content.map_or(Ok(None), |_| Err(violation("content outside FETCH")));
        }
        let items = self::words(items);
        let value = |name: &[u8]| {
            let is_named = |pair: &&[Word<'_>]| matches!(&pair[0], Word::Atom(atom) if atom.eq_ignore_ascii_case(name));
            items.chunks_exact(2).find(is_named).map(|pair| &pair[1])
        };
        let content = match value(CONTENT) {
            None => return Ok(None),
            Some(Word::Literal) => content,
            Some(Word::Quoted(text)) => Some(examined(text, own)),
            Some(Word::Atom(atom)) if atom.eq_ignore_ascii_case(b"NIL") => Some(examined(b"", own)),
            Some(_) => None,
        };
        let uid = match value(b"UID") {
            Some(Word::Atom(digits)) => number(digits).and_then(|uid| u32::try_from(uid).ok()),
            _ => None,
        };
        match (uid.filter(|uid| *uid > 0), content) {
            (Some(uid), Some(content)) => Ok(Some(Fetched { uid, content })),
            _ => Err(violation("a FETCH response without UID or content")),
        }
    }
}

fn examined(text: &[u8], own: &Identity) -> StoredContent {
    let mut examiner = ContentExaminer::default();
    examiner.feed(text);
    examiner.finish(own)
}

fn number(digits: &[u8]) -> Option<u64> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// Where `{length}` stands at the end of a line, and the length.
fn announced_literal(line: &[u8]) -> Option<(usize, u64)> {
    let inside = line.strip_suffix(b"}")?;
    let start = memchr::memrchr(b'{', inside)?;
    let digits = &inside[start + 1..];
    let plain = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    // A length beyond all numbers is a length beyond all bounds.
    plain.then(|| (start, number(digits).unwrap_or(u64::MAX)))
}

/// The words of a text, groups as one word each; what does not end reaches to the text's end.
fn words(text: &[u8]) -> Vec<Word<'_>> {
    let mut found = Vec::new();
    let mut rest = text.trim_ascii();
    while let Some(first) = rest.first() {
        let length = match first {
            b'(' => {
                let length = group_length(rest);
                found.push(Word::Group(rest[1..length].strip_suffix(b")").unwrap_or(&rest[1..])));
                length
            }
            b'"' => {
                let length = quoted_length(rest);
                found.push(Word::Quoted(unquoted(&rest[1..length])));
                length
            }
            &LITERAL => {
                found.push(Word::Literal);
                1
            }
            _ => {
                let length = rest.iter().position(|byte| *byte == b' ').unwrap_or(rest.len());
                found.push(Word::Atom(&rest[..length]));
                length
            }
        };
        rest = rest[length..].trim_ascii_start();
    }
    found
}

/// Bytes of the group that a text begins with, both parentheses included.
fn group_length(text: &[u8]) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while at < text.len() {
        match text[at] {
            b'"' => at += quoted_length(&text[at..]) - 1,
            b'(' => depth += 1,
            b')' if depth == 1 => return at + 1,
            b')' => depth -= 1,
            _ => {}
        }
        at += 1;
    }
    text.len()
}

/// Bytes of the quoted string that a text begins with, both quotes included.
fn quoted_length(text: &[u8]) -> usize {
    let mut at = 1;
    while at < text.len() && text[at] != b'"' {
        at += if text[at] == b'\\' { 2 } else { 1 };
    }
    (at + 1).min(text.len())
}

fn unquoted(text: &[u8]) -> Vec<u8> {
    let mut bytes = text.strip_suffix(b"\"").unwrap_or(text).iter();
    let mut plain = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        let kept = if *byte == b'\\' { bytes.next().unwrap_or(byte) } else { byte };
        plain.push(*kept);
    }
    plain
}
