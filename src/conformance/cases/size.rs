//! I8, I15, I16: lengths and numbers, at their limits and beyond.

use super::{HEADER, Heading, client, envelope_with, say};
use crate::conformance::case::{Case, Question, Step};
use crate::conformance::finding::Verdict::{Hardened, Tolerates, Violates};

const HELLO: &str = "EHLO client.mailbench.test\r\n";

pub(super) fn cases() -> Vec<Case> {
    vec![
        local_part_64(),
        local_part_300(),
        long_line(),
        recipients_100(),
        recipients_1100(),
        lying_size(),
    ]
}

fn begun(more: &[String]) -> Vec<Step> {
    let first = [HELLO.to_owned(), "MAIL FROM:<@FROM@>\r\n".to_owned()];
    first.iter().chain(more).flat_map(|line| [say(line), Step::Hear(1)]).collect()
}

fn local_part_64() -> Case {
    let heading = Heading {
        id: "i8-local-part-64",
        title: "a recipient whose local part has 64 octets",
        expected: "taken: no limit may be smaller",
        source: "RFC 5321 §4.5.3.1.1",
        mandated: true,
    };
    let steps = begun(&[format!("RCPT TO:<{}@obedient.test>\r\n", "l".repeat(64))]);
    let codes = vec!["220", "250", "250", "25"];
    client(&heading, steps, Question::Codes { codes, otherwise: Violates })
}

fn local_part_300() -> Case {
    let heading = Heading {
        id: "i8-local-part-300",
        title: "a recipient whose local part has 300 octets",
        expected: "5yz",
        source: "RFC 5321 §4.5.3.1.1",
        mandated: false,
    };
    let steps = begun(&[format!("RCPT TO:<{}@obedient.test>\r\n", "l".repeat(300))]);
    let codes = vec!["220", "250", "250", "5"];
    client(&heading, steps, Question::Codes { codes, otherwise: Tolerates })
}

fn long_line() -> Case {
    let heading = Heading {
        id: "i8-command-64k",
        title: "a command line of 64 KiB",
        expected: "5yz, or turned away; one line is answered once",
        source: "RFC 5321 §4.5.3.1.4, §4.5.3.1.9",
        mandated: false,
    };
    let steps = vec![
        say(HELLO),
        Step::Hear(1),
        say(format!("NOOP {}\r\n", "x".repeat(65_536))),
        Step::Hear(1),
    ];
    let codes = vec!["220", "250", "5|421|250"];
    client(&heading, steps, Question::Codes { codes, otherwise: Hardened })
}

fn recipients_100() -> Case {
    let heading = Heading {
        id: "i16-recipients-100",
        title: "100 recipients in one transaction",
        expected: "all are taken: no limit may be smaller",
        source: "RFC 5321 §4.5.3.1.8",
        mandated: true,
    };
    let rcpt: Vec<String> =
        (0..100).map(|n| format!("RCPT TO:<i16-{n}@obedient.test>\r\n")).collect();
    let mut codes = vec!["220", "250", "250"];
    codes.extend(vec!["25"; 100]);
    client(&heading, begun(&rcpt), Question::Codes { codes, otherwise: Violates })
}

fn recipients_1100() -> Case {
    let heading = Heading {
        id: "i16-recipients-1100",
        title: "a message for 1,100 recipients in one transaction",
        expected: "452 to those that are too many; it arrives at each that was accepted",
        source: "RFC 5321 §4.5.3.1.10",
        mandated: true,
    };
    let recipients: Vec<String> =
        (0..1_100).map(|n| format!("i16-many-{n}@obedient.test")).collect();
    let rcpt: Vec<String> = recipients.iter().map(|to| format!("RCPT TO:<{to}>\r\n")).collect();
    let mut steps = begun(&rcpt);
    steps.extend([say("DATA\r\n"), Step::Hear(1)]);
    steps.extend([say([HEADER, b"for many\r\n.\r\n"].concat()), Step::Hear(1)]);
    client(&heading, steps, Question::Each { recipients })
}

fn lying_size() -> Case {
    let heading = Heading {
        id: "i15-lying-size",
        title: "2 MiB after SIZE=1000",
        expected: "refused, or taken whole",
        source: "RFC 1870 §6.3",
        mandated: false,
    };
    let body = "a line of some length, again and again and again\r\n".repeat(42_000).into_bytes();
    let mut steps = envelope_with(" SIZE=1000");
    steps.extend([say([HEADER, &body, b".\r\n"].concat()), Step::Hear(1)]);
    let question = Question::Whole { body, refused: Hardened, altered: Violates };
    client(&heading, steps, question)
}
