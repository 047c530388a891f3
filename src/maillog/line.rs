//! The envelope of a log line: when, by which program, and what. Syslog files (traditional,
//! RFC 3339, RFC 5424), `journalctl` (short forms and JSON), Docker (JSON files, `docker logs -t`,
//! Compose), Kubernetes, Exim's own log, and Exim by syslog.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::exim;
use super::stamp::{self, Stamp, word};

/// Stamps that may stand before one another, as Docker puts its own before the line's.
const STAMPS: usize = 3;

/// Words before the program: a host, with some daemons facility and priority, or a stamp that cannot
/// be read.
const WORDS_BEFORE: usize = 6;

/// What container runtimes put between their stamp and a whole line (Kubernetes' CRI).
const STREAMS: [&str; 2] = ["stdout F ", "stderr F "];

/// A line, taken apart.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Line<'a> {
    /// When it was written.
    pub(super) stamp: Option<Stamp>,
    /// Who wrote it; empty where the line does not say so.
    pub(super) program: Cow<'a, str>,
    /// What.
    pub(super) text: Cow<'a, str>,
}

/// What may stand before the first line of a file (a byte order mark), or before each record of a
/// sequence of JSON texts (RFC 7464).
const MARKS: [char; 2] = ['\u{feff}', '\u{1e}'];

/// Takes a line apart.
pub(super) fn read(line: &str) -> Line<'_> {
    let line = line.trim_start_matches(MARKS);
    match line.starts_with('{').then(|| serde_json::from_str(line)) {
        Some(Ok(Value::Object(fields))) => json(&fields),
        _ => plain(line),
    }
}

fn json(fields: &Map<String, Value>) -> Line<'static> {
    let text = |name: &str| fields.get(name).map(string).unwrap_or_default();
    if fields.contains_key("MESSAGE") {
        let micros = text("__REALTIME_TIMESTAMP").parse().ok();
        let identifier = Some(text("SYSLOG_IDENTIFIER")).filter(|name| !name.is_empty());
        return Line {
            stamp: micros.and_then(Stamp::of_micros),
            program: identifier.unwrap_or_else(|| text("_COMM")).into(),
            text: text("MESSAGE").into(),
        };
    }
    let logged = text("log");
    let inner = plain(logged.trim_end());
    let outer = stamp::read(&text("time")).map(|(stamp, _)| stamp);
    Line {
        stamp: fuller(outer, inner.stamp),
        program: inner.program.into_owned().into(),
        text: inner.text.into_owned().into(),
    }
}

/// A string, or as the journal writes what is not UTF-8, an array of bytes.
fn string(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(bytes) => {
            let bytes = bytes.iter().filter_map(|byte| u8::try_from(byte.as_u64()?).ok());
            String::from_utf8_lossy(&bytes.collect::<Vec<u8>>()).into_owned()
        }
        other => other.to_string(),
    }
}

fn plain(line: &str) -> Line<'_> {
    let line = without_container(line);
    if let Some(rfc5424) = rfc5424(line) {
        return rfc5424;
    }
    let (stamp, rest) = stamps(without_priority(line));
    if let Some(inner) = STREAMS.iter().find_map(|stream| rest.strip_prefix(stream)) {
        let inner = plain(inner);
        return Line { stamp: fuller(stamp, inner.stamp), ..inner };
    }
    let (program, text) = header(rest);
    if program.starts_with("exim") {
        // By syslog Exim writes a stamp of its own, too.
        let (own, text) = stamps(text);
        return Line { stamp: fuller(own, stamp), program: program.into(), text: text.into() };
    }
    Line { stamp, program: program.into(), text: text.into() }
}

/// The stamps at the start: the one that says most counts, of equals the last, and what follows.
fn stamps(text: &str) -> (Option<Stamp>, &str) {
    let (mut best, mut rest) = (None, text);
    for _ in 0..STAMPS {
        let Some((stamp, after)) = stamp::read(rest) else { break };
        (best, rest) = (fuller(Some(stamp), best), after);
    }
    (best, rest)
}

/// The one that says more, of equals the first.
fn fuller(first: Option<Stamp>, second: Option<Stamp>) -> Option<Stamp> {
    match (first, second) {
        (Some(first), Some(second)) if second.rank() > first.rank() => Some(second),
        (first, second) => first.or(second),
    }
}

/// Without `name  | ` of Docker Compose.
fn without_container(line: &str) -> &str {
    match line.split_once("| ") {
        Some((name, rest))
            if name.len() < 64 && name.ends_with(' ') && is_word(name.trim_end()) =>
        {
            rest
        }
        _ => line,
    }
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && !text.contains(char::is_whitespace)
}

/// Without the `<22>` of syslog's wire format.
fn without_priority(line: &str) -> &str {
    let priority = line.strip_prefix('<').and_then(|rest| rest.split_once('>'));
    match priority {
        Some((digits, rest)) if is_number(digits) => rest,
        _ => line,
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.len() < 4 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// `<22>1 TIME HOST PROGRAM PROCESS MESSAGE-ID DATA TEXT` (RFC 5424 §6).
fn rfc5424(line: &str) -> Option<Line<'_>> {
    let (priority, rest) = line.strip_prefix('<')?.split_once('>')?;
    let rest = rest.strip_prefix("1 ").filter(|_| is_number(priority))?;
    let (time, rest) = word(rest)?;
    let (_host, rest) = word(rest)?;
    let (program, rest) = word(rest)?;
    let (_process, rest) = word(rest)?;
    let (_id, rest) = word(rest)?;
    let text = without_data(rest)?.trim_start_matches('\u{feff}');
    let stamp = stamp::read(time).map(|(stamp, _)| stamp);
    Some(Line { stamp, program: program.into(), text: text.into() })
}

/// Without structured data: `-`, or elements in brackets, in whose values `]` is escaped.
fn without_data(text: &str) -> Option<&str> {
    let mut rest = match text.strip_prefix('-') {
        Some(rest) => return Some(rest.trim_start()),
        None => text,
    };
    while let Some(element) = rest.strip_prefix('[') {
        let mut escaped = false;
        let end = element.find(|c: char| {
            let ends = c == ']' && !escaped;
            escaped = c == '\\' && !escaped;
            ends
        })?;
        rest = &element[end + 1..];
    }
    Some(rest.trim_start())
}

/// `HOST PROGRAM[PROCESS]: TEXT`; a line of Exim's own log is text only.
fn header(rest: &str) -> (&str, &str) {
    if exim::begins_message(rest) {
        return ("", rest);
    }
    let mut left = rest;
    for _ in 0..WORDS_BEFORE {
        let Some((one, after)) = word(left) else { break };
        if let Some(tag) = one.strip_suffix(':') {
            return (tag.split('[').next().unwrap_or(tag), after);
        }
        left = after;
    }
    ("", rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_form_gives_time_program_and_text() {
        let at = |text: &str| Some(stamp::read(text).expect("a stamp").0);
        let (undated, zoned) = (at("Nov 24 10:00:00"), at("2026-11-24T10:00:00.5+01:00"));
        let text = "4F1A: removed";
        for (line, stamp, program) in [
            ("Nov 24 10:00:00 mx postfix/qmgr[12]: 4F1A: removed", undated, "postfix/qmgr"),
            ("<22>Nov 24 10:00:00 mx postfix/qmgr[12]: 4F1A: removed", undated, "postfix/qmgr"),
            (
                "Nov 24 10:00:00 mx mail.info postfix/qmgr[12]: 4F1A: removed",
                undated,
                "postfix/qmgr",
            ),
            (
                "mail-1  | Nov 24 10:00:00 mx postfix/qmgr[12]: 4F1A: removed",
                undated,
                "postfix/qmgr",
            ),
            (
                "2026-11-24T10:00:00.5+01:00 mx postfix/qmgr[12]: 4F1A: removed",
                zoned,
                "postfix/qmgr",
            ),
            (
                "2026-11-24T10:00:00.5+01:00 Nov 24 10:00:00 mx postfix/qmgr[12]: 4F1A: removed",
                zoned,
                "postfix/qmgr",
            ),
            (
                "<22>1 2026-11-24T10:00:00.5+01:00 mx postfix/qmgr 12 - - 4F1A: removed",
                zoned,
                "postfix/qmgr",
            ),
            (
                r#"<22>1 2026-11-24T10:00:00.5+01:00 mx postfix/qmgr 12 - [a b="x\]y"][c] 4F1A: removed"#,
                zoned,
                "postfix/qmgr",
            ),
            (
                r#"{"log":"Nov 24 10:00:00 mx postfix/qmgr[1]: 4F1A: removed\n","time":"2026-11-24T10:00:00.5+01:00"}"#,
                zoned,
                "postfix/qmgr",
            ),
            (
                "2026-11-24T10:00:00.5+01:00 stdout F Nov 24 10:00:00 mx postfix/qmgr[12]: 4F1A: removed",
                zoned,
                "postfix/qmgr",
            ),
            (
                "2026-11-24T10:00:00.5+01:00 stderr F postfix/qmgr[12]: 4F1A: removed",
                zoned,
                "postfix/qmgr",
            ),
            ("\u{feff}Nov 24 10:00:00 mx postfix/qmgr[12]: 4F1A: removed", undated, "postfix/qmgr"),
            (
                "Nov 24 10:00:00 mx exim[3]: 2026-11-24T10:00:00.5+01:00 4F1A: removed",
                zoned,
                "exim",
            ),
        ] {
            let expected = Line { stamp, program: program.into(), text: text.into() };
            assert_eq!(read(line), expected, "{line}");
        }
    }

    #[test]
    fn the_journal_names_its_program_or_the_command() {
        let line =
            r#"{"__REALTIME_TIMESTAMP":"1795500000000000","_COMM":"qmgr","MESSAGE":[52,70]}"#;
        let expected = Line {
            stamp: Stamp::of_micros(1_795_500_000_000_000),
            program: "qmgr".into(),
            text: "4F".into(),
        };
        assert_eq!(read(line), expected);
        assert_eq!(read(&format!("\u{1e}{line}")), expected, "journalctl -o json-seq");
    }

    #[test]
    fn a_line_of_exims_own_log_has_no_program() {
        let line = read("2026-11-24 10:00:00 [7] 1abcd0-0000000001a-0XyZ ** a@b.example: no");
        assert_eq!(line.program, "");
        assert_eq!(line.text, "[7] 1abcd0-0000000001a-0XyZ ** a@b.example: no");
        assert!(line.stamp.is_some());
    }

    #[test]
    fn what_is_no_log_line_does_no_harm() {
        for text in ["", "{", "{}", "<", "<22>1 ", "a | b", "[", "<22>1 x y z a b [", "é: x", ":"]
        {
            assert_eq!(read(text).stamp, None, "{text}");
        }
    }
}
