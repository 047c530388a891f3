//! I8, I15, I16: lengths and numbers at the limits of RFC 5321 and beyond.

use super::{HEADER, Heading, client, envelope_with, send};
use crate::conformance::case::{Case, ClientCheck, Step};
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

fn after_mail(more: &[String]) -> Vec<Step> {
    let first = [HELLO.to_owned(), "MAIL FROM:<@FROM@>\r\n".to_owned()];
    first.iter().chain(more).flat_map(|line| [send(line), Step::AwaitReplies(1)]).collect()
}

fn local_part_64() -> Case {
    let heading = Heading {
        id: "i8-local-part-64",
        title: "a recipient with a local part of 64 octets",
        expected: "accepted: the minimum limit is 64 octets",
        source: "RFC 5321 §4.5.3.1.1",
        mandated: true,
    };
    let steps = after_mail(&[format!("RCPT TO:<{}@compliant.test>\r\n", "l".repeat(64))]);
    let codes = vec!["220", "250", "250", "25"];
    client(&heading, steps, ClientCheck::ReplyCodes { codes, otherwise: Violates })
}

fn local_part_300() -> Case {
    let heading = Heading {
        id: "i8-local-part-300",
        title: "a recipient with a local part of 300 octets",
        expected: "5yz",
        source: "RFC 5321 §4.5.3.1.1",
        mandated: false,
    };
    let steps = after_mail(&[format!("RCPT TO:<{}@compliant.test>\r\n", "l".repeat(300))]);
    let codes = vec!["220", "250", "250", "5"];
    client(&heading, steps, ClientCheck::ReplyCodes { codes, otherwise: Tolerates })
}

fn long_line() -> Case {
    let heading = Heading {
        id: "i8-command-64k",
        title: "a command line of 64 KiB",
        expected: "one reply: 5yz, 421 or 250",
        source: "RFC 5321 §4.5.3.1.4, §4.5.3.1.9",
        mandated: false,
    };
    let steps = vec![
        send(HELLO),
        Step::AwaitReplies(1),
        send(format!("NOOP {}\r\n", "x".repeat(65_536))),
        Step::AwaitReplies(1),
    ];
    let codes = vec!["220", "250", "5|421|250"];
    client(&heading, steps, ClientCheck::ReplyCodes { codes, otherwise: Hardened })
}

fn recipients_100() -> Case {
    let heading = Heading {
        id: "i16-recipients-100",
        title: "100 recipients in one transaction",
        expected: "all accepted: the minimum limit is 100 recipients",
        source: "RFC 5321 §4.5.3.1.8",
        mandated: true,
    };
    let rcpt: Vec<String> =
        (0..100).map(|n| format!("RCPT TO:<i16-{n}@compliant.test>\r\n")).collect();
    let mut codes = vec!["220", "250", "250"];
    codes.extend(vec!["25"; 100]);
    client(&heading, after_mail(&rcpt), ClientCheck::ReplyCodes { codes, otherwise: Violates })
}

fn recipients_1100() -> Case {
    let heading = Heading {
        id: "i16-recipients-1100",
        title: "a message for 1,100 recipients in one transaction",
        expected: "452 beyond the limit; delivered to each accepted recipient",
        source: "RFC 5321 §4.5.3.1.10",
        mandated: true,
    };
    let recipients: Vec<String> =
        (0..1_100).map(|n| format!("i16-many-{n}@compliant.test")).collect();
    let rcpt: Vec<String> = recipients.iter().map(|to| format!("RCPT TO:<{to}>\r\n")).collect();
    let mut steps = after_mail(&rcpt);
    steps.extend([send("DATA\r\n"), Step::AwaitReplies(1)]);
    steps.extend([send([HEADER, b"for many\r\n.\r\n"].concat()), Step::AwaitReplies(1)]);
    client(&heading, steps, ClientCheck::EveryRecipient { recipients })
}

fn lying_size() -> Case {
    let heading = Heading {
        id: "i15-lying-size",
        title: "a message of 2 MiB after SIZE=1000",
        expected: "rejected, or delivered unchanged",
        source: "RFC 1870 §6.3",
        mandated: false,
    };
    let body = "a line of some length, again and again and again\r\n".repeat(42_000).into_bytes();
    let mut steps = envelope_with(" SIZE=1000");
    steps.extend([send([HEADER, &body, b".\r\n"].concat()), Step::AwaitReplies(1)]);
    let check = ClientCheck::BodyUnchanged { body, rejected: Hardened, altered: Violates };
    client(&heading, steps, check)
}
