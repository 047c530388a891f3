//! I21: for whom it relays, and where to.

use super::{HEADER, Heading, client, say};
use crate::conformance::case::{Case, Question, Step};
use crate::conformance::finding::Verdict::Violates;

const HELLO: &str = "EHLO client.mailbench.test\r\n";

pub(super) fn cases() -> Vec<Case> {
    vec![stranger(), postmaster(), percent_hack()]
}

fn ask(lines: &[&str]) -> Vec<Step> {
    lines.iter().flat_map(|line| [say(line), Step::Hear(1)]).collect()
}

fn stranger() -> Case {
    let heading = Heading {
        id: "i21-open-relay",
        title: "a client that is not trusted, a recipient elsewhere",
        expected: "refused",
        source: "RFC 2505 §2.1; RFC 5321 §7.9",
        mandated: false,
    };
    let mut steps = vec![Step::AsStranger];
    steps.extend(ask(&[HELLO, "MAIL FROM:<@FROM@>\r\n", "RCPT TO:<@TO@>\r\n"]));
    client(&heading, steps, Question::Denied)
}

fn postmaster() -> Case {
    let heading = Heading {
        id: "i21-postmaster",
        title: "mail for `<Postmaster>`, without a domain",
        expected: "taken",
        source: "RFC 5321 §4.5.1, §2.3.5",
        mandated: true,
    };
    let steps = ask(&[HELLO, "MAIL FROM:<@FROM@>\r\n", "RCPT TO:<Postmaster>\r\n"]);
    let codes = vec!["220", "250", "250", "25"];
    client(&heading, steps, Question::Codes { codes, otherwise: Violates })
}

fn percent_hack() -> Case {
    let heading = Heading {
        id: "i21-percent-hack",
        title: "a recipient whose local part holds another address: `victim%elsewhere.test`",
        expected: "refused, or sent to the domain that the address names, as it stands",
        source: "RFC 5321 §2.3.11; RFC 2505 §2.4",
        mandated: true,
    };
    let address = "i21-percent-hack.victim%elsewhere.test@obedient.test".to_owned();
    let trick = "i21-percent-hack.victim@elsewhere.test".to_owned();
    let rcpt = format!("RCPT TO:<{address}>\r\n");
    let mut steps = ask(&[HELLO, "MAIL FROM:<@FROM@>\r\n", &rcpt, "DATA\r\n"]);
    steps.extend([say([HEADER, b"where to\r\n.\r\n"].concat()), Step::Hear(1)]);
    client(&heading, steps, Question::Literal { address, trick })
}
