//! I1: sequences that a server might mistake for the end of data, in one write and in small parts.

use std::time::Duration;

use super::{HEADER, envelope, send};
use crate::conformance::case::{Case, ClientCheck, ClientScript, Script, Step};

/// Name, octets, whether they are legal content (RFC 5321 §4.5.2: NUL and stuffed dots are text).
const SEQUENCES: [(&str, &[u8], bool); 9] = [
    ("lf-dot-lf", b"\n.\n", false),
    ("lf-dot-crlf", b"\n.\r\n", false),
    ("crlf-dot-lf", b"\r\n.\n", false),
    ("cr-dot-cr", b"\r.\r", false),
    ("crlf-dot-cr", b"\r\n.\r", false),
    ("cr-dot-crlf", b"\r.\r\n", false),
    ("crlf-nul-dot-crlf", b"\r\n\0.\r\n", true),
    ("crlf-dot-nul-crlf", b"\r\n.\0\r\n", true),
    ("control-two-dots", b"\r\n..\r\n", true),
];

pub(super) fn cases() -> Vec<Case> {
    let both = [("", false), ("-split", true)];
    let every = SEQUENCES.iter().flat_map(|sequence| both.map(|variant| (sequence, variant)));
    every.map(|(sequence, (suffix, split))| case(sequence, suffix, split)).collect()
}

fn case(&(name, sequence, legal): &(&str, &[u8], bool), suffix: &str, split: bool) -> Case {
    let how = if split { ", octet by octet and line by line" } else { ", in one write" };
    let shown = sequence.escape_ascii();
    let mut steps = envelope();
    match split {
        true => steps.extend(in_parts(sequence)),
        false => steps.push(send([HEADER, BEFORE, sequence, INSIDE].concat())),
    }
    steps.extend([Step::AwaitReplies(1), Step::Pause(FINAL_PAUSE)]);
    let check = ClientCheck::NotSmuggled { sequence: sequence.to_vec(), last: LAST, legal };
    let domain = super::COMPLIANT;
    Case {
        id: format!("i1-{name}{suffix}"),
        title: format!("a message contains `{shown}` and then a complete transaction{how}"),
        expected: "only CRLF.CRLF ends the data; no bare CR or LF is relayed",
        source: "RFC 5321 §2.3.8, §4.1.1.4; VU#302671",
        mandated: true,
        script: Script::Client(ClientScript { steps, domain, check, pipelines: false }),
    }
}

/// Sends the sequence octet by octet, so that the server receives it in parts; then the rest line by
/// line, since some servers accept no command that came together with the next.
fn in_parts(sequence: &[u8]) -> Vec<Step> {
    let pause = crate::limits::SPLIT_REPLY;
    let mut steps = vec![send([HEADER, BEFORE].concat()), Step::Pause(pause)];
    steps.push(Step::SlowSend(sequence.to_vec(), pause));
    let lines = INSIDE.split_inclusive(|octet| *octet == b'\n');
    steps.extend(lines.flat_map(|line| [send(line), Step::Pause(LINE_PAUSE)]));
    steps
}

/// Content before the sequence.
const BEFORE: &[u8] = b"before";

/// Pause between two lines.
const LINE_PAUSE: Duration = Duration::from_millis(100);

/// The first reply may be the one to the sequence: the connection stays open this long for the
/// server to execute the rest.
const FINAL_PAUSE: Duration = Duration::from_millis(300);

/// A transaction with the other recipient, and the real end of data.
const INSIDE: &[u8] = b"MAIL FROM:<@FROM@>\r\nRCPT TO:<@OTHER@>\r\nDATA\r\n\
    From: <@FROM@>\r\nTo: <@OTHER@>\r\nSubject: inside\r\n\r\ninside, at last\r\n.\r\n";

/// Text at the end of the inner message.
const LAST: &[u8] = b"inside, at last";
