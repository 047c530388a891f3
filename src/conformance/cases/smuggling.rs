//! I1: what might be taken for the end of data, in one write and bit by bit.

use std::time::Duration;

use super::{HEADER, envelope, say};
use crate::conformance::case::{Act, Case, Question, Script, Step};

/// Name, octets, whether RFC 5321 lets a message carry them on (NUL and stuffed dots are text).
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
    let every = SEQUENCES.iter().flat_map(|sequence| both.map(|manner| (sequence, manner)));
    every.map(|(sequence, (suffix, split))| case(sequence, suffix, split)).collect()
}

fn case(&(name, sequence, legal): &(&str, &[u8], bool), suffix: &str, split: bool) -> Case {
    let how = if split { ", octet by octet and line by line" } else { ", in one write" };
    let shown = sequence.escape_ascii();
    let mut steps = envelope();
    match split {
        true => steps.extend(apart(sequence)),
        false => steps.push(say([HEADER, BEFORE, sequence, INSIDE].concat())),
    }
    steps.extend([Step::Hear(1), Step::Pause(STAY)]);
    let question = Question::Smuggled { sequence: sequence.to_vec(), last: LAST, legal };
    Case {
        id: format!("i1-{name}{suffix}"),
        title: format!("a message holds `{shown}` and then a whole transaction{how}"),
        expected: "only CRLF.CRLF ends data; CR and LF are not passed on alone",
        source: "RFC 5321 §2.3.8, §4.1.1.4; VU#302671",
        mandated: true,
        act: Act::Client(Script { steps, domain: super::OBEDIENT, question, pipelines: false }),
    }
}

/// The sequence octet by octet, so that it is met in parts; then line by line, since some servers
/// take no command that has come with the next.
fn apart(sequence: &[u8]) -> Vec<Step> {
    let pause = crate::limits::SPLIT_REPLY;
    let mut steps = vec![say([HEADER, BEFORE].concat()), Step::Pause(pause)];
    steps.push(Step::Dribble(sequence.to_vec(), pause));
    let lines = INSIDE.split_inclusive(|octet| *octet == b'\n');
    steps.extend(lines.flat_map(|line| [say(line), Step::Pause(TURN)]));
    steps
}

/// Text before the sequence.
const BEFORE: &[u8] = b"before";

/// Between two lines.
const TURN: Duration = Duration::from_millis(100);

/// The first reply may be that to the sequence: the rest is answered, or not, in this time.
const STAY: Duration = Duration::from_millis(300);

/// A transaction for the other recipient, and the true end of data.
const INSIDE: &[u8] = b"MAIL FROM:<@FROM@>\r\nRCPT TO:<@OTHER@>\r\nDATA\r\n\
    From: <@FROM@>\r\nTo: <@OTHER@>\r\nSubject: inside\r\n\r\ninside, at last\r\n.\r\n";

/// Text at the end of it.
const LAST: &[u8] = b"inside, at last";
