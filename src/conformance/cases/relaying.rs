//! I21: for which clients the target relays, and to which domains.

use super::{HEADER, Heading, client, send};
use crate::conformance::case::{Case, ClientCheck, Step};
use crate::conformance::finding::Verdict::Violates;

const HELLO: &str = "EHLO client.mailbench.test\r\n";

pub(super) fn cases() -> Vec<Case> {
    vec![open_relay(), postmaster(), percent_hack()]
}

fn commands(lines: &[&str]) -> Vec<Step> {
    lines.iter().flat_map(|line| [send(line), Step::AwaitReplies(1)]).collect()
}

fn open_relay() -> Case {
    let heading = Heading {
        id: "i21-open-relay",
        title: "an untrusted client, a recipient in another domain",
        expected: "rejected",
        source: "RFC 2505 §2.1; RFC 5321 §7.9",
        mandated: false,
    };
    let mut steps = vec![Step::FromUntrusted];
    steps.extend(commands(&[HELLO, "MAIL FROM:<@FROM@>\r\n", "RCPT TO:<@TO@>\r\n"]));
    client(&heading, steps, ClientCheck::RelayingDenied)
}

fn postmaster() -> Case {
    let heading = Heading {
        id: "i21-postmaster",
        title: "mail for `<Postmaster>`, without a domain",
        expected: "accepted",
        source: "RFC 5321 §4.5.1, §2.3.5",
        mandated: true,
    };
    let steps = commands(&[HELLO, "MAIL FROM:<@FROM@>\r\n", "RCPT TO:<Postmaster>\r\n"]);
    let codes = vec!["220", "250", "250", "25"];
    client(&heading, steps, ClientCheck::ReplyCodes { codes, otherwise: Violates })
}

fn percent_hack() -> Case {
    let heading = Heading {
        id: "i21-percent-hack",
        title: "a recipient with another address in its local part: `victim%elsewhere.test`",
        expected: "rejected, or relayed to the domain after the `@`, the address unchanged",
        source: "RFC 5321 §2.3.11; RFC 2505 §2.4",
        mandated: true,
    };
    let address = "i21-percent-hack.victim%elsewhere.test@compliant.test".to_owned();
    let trick = "i21-percent-hack.victim@elsewhere.test".to_owned();
    let rcpt = format!("RCPT TO:<{address}>\r\n");
    let mut steps = commands(&[HELLO, "MAIL FROM:<@FROM@>\r\n", &rcpt, "DATA\r\n"]);
    steps.extend([send([HEADER, b"percent hack\r\n.\r\n"].concat()), Step::AwaitReplies(1)]);
    client(&heading, steps, ClientCheck::NotRerouted { address, trick })
}
