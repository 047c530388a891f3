//! `message.corpus`: messages from files, made fit to be sent behind our identity.
//!
//! Two are the same when their contents and their names are.

use std::borrow::Cow;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use memchr::{memchr, memmem};
use serde::{Serialize, Serializer};

use super::Encoding;
use crate::grammar::at::At;
use crate::grammar::diagnosis::{Problem, Problems, Unusable};
use crate::probe::head_length;
use crate::{files, limits};

/// Header fields that relays take off on their way (RFC 5321 §4.4, RFC 5322 §3.6.3), and ours.
const DROPPED: [&str; 5] =
    ["return-path", "bcc", "x-mailbench", "x-mailbench-digest", "x-mailbench-counts"];

/// Longest line, line end excluded (RFC 5322 §2.1.1).
const LONGEST_LINE: usize = 998;

/// Messages from files. Cheap to clone.
#[derive(Clone)]
pub struct Corpus(pub Arc<CorpusFiles>);

/// The files of a corpus.
#[derive(Debug, Default)]
pub struct CorpusFiles {
    /// How the scenario names them.
    pub pattern: String,
    /// Digest of their contents.
    pub digest: String,
    /// Their texts, ready to be sent behind our identity, in the order of their names. Empty when
    /// a stored run is judged, which needs no texts.
    pub texts: Vec<Vec<u8>>,
}

impl Corpus {
    /// 8bit as soon as one of the files is.
    pub(super) fn encoding(&self) -> Encoding {
        let ascii = self.0.texts.iter().all(|text| text.is_ascii());
        if ascii { Encoding::SevenBit } else { Encoding::EightBit }
    }
}

impl Serialize for Corpus {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.digest.serialize(serializer)
    }
}

impl PartialEq for Corpus {
    fn eq(&self, other: &Corpus) -> bool {
        (&self.0.digest, &self.0.pattern) == (&other.0.digest, &other.0.pattern)
    }
}

impl fmt::Debug for Corpus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "corpus {} of {} files", self.0.digest, self.0.texts.len())
    }
}

/// Reads the files a scenario names; none of them for a stored run.
pub(super) fn resolve(
    written: &At<String>,
    folder: &Path,
    stored: bool,
    problems: &mut Problems,
) -> Corpus {
    let pattern = written.value.clone();
    let read = if stored { Ok(CorpusFiles::default()) } else { read(&folder.join(&pattern)) };
    let files = read.unwrap_or_else(|wrong| {
        let problem = Problem::unusable("", &wrong).at(&written.span);
        problems.push(problem.help("messages as files, headers first"));
        CorpusFiles::default()
    });
    Corpus(Arc::new(CorpusFiles { pattern, ..files }))
}

fn read(pattern: &Path) -> Result<CorpusFiles, Unusable> {
    let shown = pattern.display().to_string();
    let found = glob::glob(&shown).map_err(|error| format!("`{shown}` is no pattern: {error}"))?;
    let mut files = CorpusFiles::default();
    let (mut hasher, mut bytes) = (blake3::Hasher::new(), 0);
    for path in found {
        let path = path.map_err(std::io::Error::from)?;
        if path.is_dir() {
            continue;
        }
        let most = limits::CORPUS_BYTES as u64;
        let raw = files::read(&path, most).map_err(|error| Unusable::from(error).of(&path))?;
        for (number, message) in (1..).zip(messages(&raw)) {
            let whole = number == 1 && !is_mailbox(&raw);
            let of = |wrong| if whole { wrong } else { format!("message {number}: {wrong}") };
            let text = fit(&message).map_err(|wrong| Unusable::from(of(wrong)).of(&path))?;
            bytes += text.len();
            if bytes > limits::CORPUS_BYTES {
                let most = limits::CORPUS_BYTES >> 20;
                return Err(format!("`{shown}` is more than {most} MiB").into());
            }
            hasher.update(&(text.len() as u64).to_le_bytes()).update(&text);
            files.texts.push(text);
        }
    }
    if files.texts.is_empty() {
        return Err(format!("`{shown}` names no file").into());
    }
    files.digest = hasher.finalize().to_hex()[..16].to_owned();
    Ok(files)
}

/// Whether a file is a mailbox (RFC 4155), not a message.
fn is_mailbox(raw: &[u8]) -> bool {
    without_mark(raw).starts_with(b"From ")
}

/// The messages of a file: one, or those of a mailbox.
fn messages(raw: &[u8]) -> Vec<Cow<'_, [u8]>> {
    if !is_mailbox(raw) {
        return vec![without_mark(raw).into()];
    }
    let mut messages: Vec<Vec<u8>> = Vec::new();
    let mut blank = true;
    for line in without_mark(raw).split_inclusive(|byte| *byte == b'\n') {
        if blank && line.starts_with(b"From ") {
            messages.push(Vec::new());
        } else if let Some(message) = messages.last_mut() {
            message.extend_from_slice(without_escape(line));
        }
        blank = line.trim_ascii().is_empty();
    }
    messages.into_iter().map(Cow::Owned).collect()
}

/// Without a byte order mark, which is no part of a message.
fn without_mark(raw: &[u8]) -> &[u8] {
    raw.strip_prefix("\u{feff}".as_bytes()).unwrap_or(raw)
}

/// Without the mark that a mailbox puts before a line that begins with `From `.
fn without_escape(line: &[u8]) -> &[u8] {
    let marks = line.iter().take_while(|byte| **byte == b'>').count();
    if marks > 0 && line[marks..].starts_with(b"From ") { &line[1..] } else { line }
}

/// A message with CRLF line ends and without what relays take off. `Err`: what no relay would
/// carry unchanged, so that its loss would be blamed on the target.
fn fit(raw: &[u8]) -> Result<Vec<u8>, String> {
    if memchr(0, raw).is_some() {
        return Err("a NUL, which no mail may hold".to_owned());
    }
    let mut text = Vec::with_capacity(raw.len() + raw.len() / 32);
    for (number, line) in (1..).zip(raw.split_inclusive(|byte| *byte == b'\n')) {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.len() > LONGEST_LINE {
            return Err(format!("line {number} is longer than {LONGEST_LINE} bytes"));
        }
        if memchr(b'\r', line).is_some() {
            return Err(format!("line {number} holds a bare CR"));
        }
        text.extend_from_slice(line);
        text.extend_from_slice(b"\r\n");
    }
    if text.starts_with(b" ") || text.starts_with(b"\t") {
        return Err("line 1 begins with white space, as the rest of a header field".to_owned());
    }
    if text.is_empty() || text == b"\r\n" {
        return Err("there is nothing in it".to_owned());
    }
    let headers = head_length(&text);
    if !text[..headers].ends_with(b"\r\n\r\n") && !text.starts_with(b"\r\n") {
        // All of it is headers: the blank line that ends them is not said.
        text.extend_from_slice(b"\r\n");
    }
    let (head, body) = text.split_at(head_length(&text));
    if !head.is_ascii() {
        return Err("headers that are not ASCII".to_owned());
    }
    let from_blank_line = text[head.len() - 2..].to_ascii_lowercase();
    if memmem::find(&from_blank_line, b"\r\nx-mailbench:").is_some() {
        return Err("an X-Mailbench header in its body".to_owned());
    }
    let mut kept = kept_head(head)?;
    kept.extend_from_slice(body);
    Ok(kept)
}

fn kept_head(head: &[u8]) -> Result<Vec<u8>, String> {
    let mut kept = Vec::with_capacity(head.len());
    let mut dropping = false;
    for (number, line) in (1..).zip(head.split_inclusive(|byte| *byte == b'\n')) {
        let folded = line.starts_with(b" ") || line.starts_with(b"\t");
        if !folded && line != b"\r\n" {
            let name = line.split(|byte| *byte == b':').next().unwrap_or_default();
            let lawful = |byte: &u8| (33..=126).contains(byte);
            if name.len() == line.len() || name.is_empty() || !name.iter().all(lawful) {
                return Err(format!("line {number} is no header"));
            }
            dropping = DROPPED.iter().any(|it| name.eq_ignore_ascii_case(it.as_bytes()));
        }
        if line == b"\r\n" || !dropping {
            kept.extend_from_slice(line);
        }
    }
    Ok(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_made_fit() {
        let raw = b"Return-Path: <x>\nSubject: y\n folded\nBcc: a,\n b\r\nTo: z\n\nbody\n.\nend";
        let fit = fit(raw).expect("fit");
        assert_eq!(fit, b"Subject: y\r\n folded\r\nTo: z\r\n\r\nbody\r\n.\r\nend\r\n");
    }

    #[test]
    fn what_would_not_arrive_as_it_was_is_refused() {
        let long = [b"A: b\n\n".as_slice(), &[b'x'; 999]].concat();
        for (raw, wrong) in [
            (b"A: b\n\nc\0".as_slice(), "a NUL, which no mail may hold"),
            (b"A: b\n\nc\rd\n", "line 3 holds a bare CR"),
            (&long, "line 3 is longer than 998 bytes"),
            (b"\tA: b\n\n", "line 1 begins with white space, as the rest of a header field"),
            (b"", "there is nothing in it"),
            (b"body without headers\n", "line 1 is no header"),
            ("A: \u{e9}\n\n".as_bytes(), "headers that are not ASCII"),
            (b"A: b\nno header\n\n", "line 2 is no header"),
            (b"A: b\n\n\nX-Mailbench: y\n", "an X-Mailbench header in its body"),
        ] {
            assert_eq!(fit(raw).err().as_deref(), Some(wrong));
        }
    }

    #[test]
    fn headers_alone_are_a_message() {
        assert_eq!(fit(b"A: b\nC: d").expect("fit"), b"A: b\r\nC: d\r\n\r\n");
    }

    #[test]
    fn a_mailbox_holds_messages() {
        let raw =
            b"\xef\xbb\xbfFrom a@b Thu Jan  1 00:00:00 2026\nA: 1\n\n>From here\n>>From there\n\
            no\nFrom inside\n\nFrom c@d Thu Jan  1 00:00:00 2026\nA: 2\n\nend\n";
        let found: Vec<Vec<u8>> = messages(raw).iter().map(|one| one.to_vec()).collect();
        let first: &[u8] = b"A: 1\n\nFrom here\n>From there\nno\nFrom inside\n\n";
        assert_eq!(found, [first, b"A: 2\n\nend\n"]);
        assert_eq!(messages(b"\xef\xbb\xbfA: 1\n\n"), [&b"A: 1\n\n"[..]]);
        assert_eq!(messages(b"A: 1\n\nFrom\n"), [&b"A: 1\n\nFrom\n"[..]]);
    }

    #[test]
    fn files_are_taken_in_the_order_of_their_names() {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, body) in [("b.eml", "2"), ("a.eml", "1"), ("c.txt", "3")] {
            let text = format!("A: b\n\n{body}\n");
            std::fs::write(folder.path().join(name), text).expect("written");
        }
        let files = read(&folder.path().join("*.eml")).expect("files");
        assert_eq!(files.texts, [b"A: b\r\n\r\n1\r\n", b"A: b\r\n\r\n2\r\n"]);
        let none = read(&folder.path().join("*.mbox")).expect_err("none").to_string();
        assert!(none.ends_with("names no file"), "{none}");
    }
}
