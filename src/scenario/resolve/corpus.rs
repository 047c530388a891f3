//! `message.corpus`: messages from files, made fit to be sent behind our identity.

use std::path::Path;
use std::sync::Arc;

use memchr::{memchr, memmem};

use crate::probe::head_length;
use crate::scenario::diagnosis::{Problem, Problems};
use crate::scenario::file::At;
use crate::scenario::model::{Corpus, CorpusFiles};
use crate::{files, limits};

/// Header fields that relays take off on their way (RFC 5321 §4.4, RFC 5322 §3.6.3), and ours.
const DROPPED: [&str; 3] = ["return-path", "bcc", "x-mailbench"];

/// Longest line, line end excluded (RFC 5322 §2.1.1).
const LONGEST_LINE: usize = 998;

/// Reads the files a scenario names; none of them for a stored run.
pub(super) fn corpus(
    written: &At<String>,
    folder: &Path,
    stored: bool,
    problems: &mut Problems,
) -> Corpus {
    let pattern = written.value.clone();
    let read = if stored { Ok(CorpusFiles::default()) } else { read(&folder.join(&pattern)) };
    let files = read.unwrap_or_else(|wrong| {
        problems.push(Problem::new(&written.span, wrong).help("messages as files, headers first"));
        CorpusFiles::default()
    });
    Corpus(Arc::new(CorpusFiles { pattern, ..files }))
}

fn read(pattern: &Path) -> Result<CorpusFiles, String> {
    let shown = pattern.display().to_string();
    let found = glob::glob(&shown).map_err(|error| format!("`{shown}` is no pattern: {error}"))?;
    let mut files = CorpusFiles::default();
    let (mut hasher, mut bytes) = (blake3::Hasher::new(), 0);
    for path in found {
        let path = path.map_err(|error| error.to_string())?;
        if path.is_dir() {
            continue;
        }
        let said = |wrong: String| format!("{}: {wrong}", path.display());
        let raw =
            files::read(&path, limits::MESSAGE_SIZE).map_err(|error| said(error.to_string()))?;
        let text = fit(&raw).map_err(said)?;
        bytes += text.len();
        if bytes > limits::CORPUS_BYTES {
            return Err(format!("`{shown}` is more than {} MiB", limits::CORPUS_BYTES >> 20));
        }
        hasher.update(&(text.len() as u64).to_le_bytes()).update(&text);
        files.texts.push(text);
    }
    if files.texts.is_empty() {
        return Err(format!("`{shown}` names no file"));
    }
    files.digest = hasher.finalize().to_hex()[..16].to_owned();
    Ok(files)
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
    let (head, body) = text.split_at(head_length(&text));
    if !head.ends_with(b"\r\n\r\n") {
        return Err("no blank line after the headers".to_owned());
    }
    if !head.is_ascii() {
        return Err("headers that are not ASCII".to_owned());
    }
    let from_blank_line = text[head.len() - 2..].to_ascii_lowercase();
    if memmem::find(&from_blank_line, b"\r\nx-mailbench:").is_some() {
        return Err("an identity of ours in its body".to_owned());
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
            (b"A: b\n", "no blank line after the headers"),
            ("A: \u{e9}\n\n".as_bytes(), "headers that are not ASCII"),
            (b"A: b\nno header\n\n", "line 2 is no header"),
            (b"A: b\n\n\nX-Mailbench: y\n", "an identity of ours in its body"),
        ] {
            assert_eq!(fit(raw).err().as_deref(), Some(wrong));
        }
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
        assert!(read(&folder.path().join("*.mbox")).expect_err("none").ends_with("names no file"));
    }
}
