//! I3 to I5, I7, I17 to I22: the order of commands, and what breaks it off.

use std::time::Duration;

use super::{HEADER, Heading, client, envelope, message, pipelining, say};
use crate::conformance::case::{Case, Question, Step};
use crate::conformance::finding::Verdict::{Hardened, Tolerates, Violates};

const HELLO: &str = "EHLO client.mailbench.test\r\n";

pub(super) fn cases() -> Vec<Case> {
    let mut cases = vec![injection(), early(), impatient(), pipelined(), crowd(), unknown()];
    cases.extend(breaks());
    cases.extend(resets());
    cases.extend(special());
    cases
}

/// Lines, each after the reply to the last.
fn ask(lines: &[&str]) -> Vec<Step> {
    lines.iter().flat_map(|line| [say(line), Step::Hear(1)]).collect()
}

fn injection() -> Case {
    let heading = Heading {
        id: "i3-starttls-injection",
        title: "commands in the same segment as STARTTLS",
        expected: "they are dropped: no reply to them under TLS",
        source: "RFC 3207 §4.2; CVE-2011-0411",
        mandated: true,
    };
    let mut steps = ask(&[HELLO]);
    steps.extend([
        say("STARTTLS\r\nEHLO in.between\r\nNOOP\r\n"),
        Step::Hear(1),
        Step::Secure,
        Step::Listen(Duration::from_secs(2)),
    ]);
    client(&heading, steps, Question::Injected)
}

fn early() -> Case {
    let heading = Heading {
        id: "i4-early-talker",
        title: "a whole session in one write, before the banner",
        expected: "refused, or done in order: one message, its own envelope",
        source: "RFC 5321 §4.3.1; RFC 2920 §3.1",
        mandated: false,
    };
    let session = [
        HELLO.as_bytes(),
        b"MAIL FROM:<@FROM@>\r\nRCPT TO:<@TO@>\r\nDATA\r\n",
        HEADER,
        b"too early\r\n.\r\nQUIT\r\n",
    ];
    let steps = vec![Step::Early, say(session.concat()), Step::Hear(6)];
    client(&heading, steps, Question::Once { refused: Hardened })
}

fn impatient() -> Case {
    let heading = Heading {
        id: "i4-content-before-354",
        title: "content in the same write as DATA",
        expected: "refused, or taken once",
        source: "RFC 2920 §3.1; Postfix smtpd_forbid_unauth_pipelining",
        mandated: false,
    };
    let mut steps = ask(&[HELLO, "MAIL FROM:<@FROM@>\r\n", "RCPT TO:<@TO@>\r\n"]);
    steps.extend([say([b"DATA\r\n", HEADER, b"at once\r\n.\r\n"].concat()), Step::Hear(2)]);
    client(&heading, steps, Question::Once { refused: Hardened })
}

fn pipelined() -> Case {
    let heading = Heading {
        id: "i5-pipelined-200",
        title: "MAIL, 200 RCPT, RSET and NOOP in one write",
        expected: "203 replies in order",
        source: "RFC 2920 §3.2",
        mandated: true,
    };
    let rcpt = "RCPT TO:<@TO@>\r\n".repeat(200);
    let group = format!("MAIL FROM:<@FROM@>\r\n{rcpt}RSET\r\nNOOP\r\n");
    let mut steps = ask(&[HELLO]);
    steps.extend([say(group), Step::Hear(203)]);
    let mut codes = vec!["220", "250", "2"];
    codes.extend(vec!["2|4|5"; 200]);
    codes.extend(["2", "2"]);
    pipelining(&heading, steps, Question::Codes { codes, otherwise: Violates })
}

fn crowd() -> Case {
    let heading = Heading {
        id: "i7-idle-crowd",
        title: "a message while 100 further connections stay idle",
        expected: "taken, or turned away with 421",
        source: "RFC 5321 §4.5.3.2.7, §3.8",
        mandated: false,
    };
    let mut steps = vec![Step::Crowd(100)];
    steps.extend(message(b"in a crowd\r\n"));
    client(&heading, steps, Question::Once { refused: Hardened })
}

fn unknown() -> Case {
    let heading = Heading {
        id: "i18-unknown-commands",
        title: "12 commands that nobody knows",
        expected: "500 to each, or turned away in order",
        source: "RFC 5321 §4.2.4, §3.8",
        mandated: true,
    };
    let mut steps = ask(&[HELLO]);
    steps.extend(ask(&["XYZZY\r\n"; 12]));
    client(&heading, steps, Question::Answered { lines: 12 })
}

fn breaks() -> Vec<Case> {
    let heading = |id, title, expected| Heading {
        id,
        title,
        expected,
        source: "RFC 5321 §4.1.1.5, §4.1.1.10; RFC 1047",
        mandated: true,
    };
    let begun = || {
        let mut steps = envelope();
        steps.push(say([HEADER, b"not at its end\r\n"].concat()));
        steps
    };
    let ended = || {
        let mut steps = envelope();
        steps.push(say([HEADER, b"at its end\r\n.\r\n"].concat()));
        steps
    };
    let with = |mut steps: Vec<Step>, last: &[Step]| {
        steps.extend_from_slice(last);
        steps
    };
    let pause = Step::Pause(Duration::from_millis(300));
    let quit = say("QUIT\r\n");
    let never = heading("i19-fin-in-data", "FIN in mid-content", "nothing arrives");
    let reset = heading("i19-rst-in-data", "RST in mid-content", "nothing arrives");
    let after = heading("i19-rst-after-dot", "RST after the dot", "at most one copy");
    let half = heading("i19-half-close", "the client's half ended after the dot", "one copy");
    let hasty = heading("i20-quit-with-dot", "QUIT in the same write as the dot", "one copy");
    let mut hasty_steps = envelope();
    hasty_steps.extend([say([HEADER, b"hasty\r\n.\r\nQUIT\r\n"].concat()), Step::Hear(1)]);
    vec![
        client(&never, with(begun(), &[pause.clone(), Step::EndHalf]), Question::Nothing),
        client(&reset, with(begun(), &[pause.clone(), Step::Reset]), Question::Nothing),
        client(&after, with(ended(), &[pause, Step::Reset]), Question::AtMostOnce),
        pipelining(
            &half,
            with(ended(), &[quit, Step::EndHalf, Step::Hear(1)]),
            Question::Once { refused: Violates },
        ),
        pipelining(&hasty, hasty_steps, Question::Once { refused: Violates }),
    ]
}

fn resets() -> Vec<Case> {
    let heading = |id, title| Heading {
        id,
        title,
        expected: "nothing is left of the transaction before",
        source: "RFC 5321 §4.1.1.5, §4.1.4",
        mandated: true,
    };
    let after = |reset: &str| {
        let mut steps = ask(&[HELLO, "MAIL FROM:<@FROM@>\r\n", "RCPT TO:<@OTHER@>\r\n", reset]);
        steps.extend(ask(&["MAIL FROM:<@FROM@>\r\n", "RCPT TO:<@TO@>\r\n", "DATA\r\n"]));
        steps.extend([say([HEADER, b"anew\r\n.\r\n"].concat()), Step::Hear(1)]);
        steps
    };
    let nested = Heading {
        id: "i22-mail-in-mail",
        title: "MAIL within a transaction",
        expected: "503",
        source: "RFC 5321 §4.1.4",
        mandated: true,
    };
    let twice = ask(&[HELLO, "MAIL FROM:<@FROM@>\r\n", "MAIL FROM:<@FROM@>\r\n"]);
    let codes = vec!["220", "250", "250", "503|5|421"];
    vec![
        client(
            &heading("i22-rset", "RSET within a transaction"),
            after("RSET\r\n"),
            Question::Fresh,
        ),
        client(&heading("i22-ehlo", "EHLO within a transaction"), after(HELLO), Question::Fresh),
        client(&nested, twice, Question::Codes { codes, otherwise: Violates }),
    ]
}

fn special() -> Vec<Case> {
    let heading =
        |id, title, expected, source, mandated| Heading { id, title, expected, source, mandated };
    let null = heading("i21-null-sender", "mail from `<>`", "taken", "RFC 5321 §4.5.5, §6.1", true);
    let mut null_steps = ask(&[HELLO, "MAIL FROM:<>\r\n", "RCPT TO:<@TO@>\r\n", "DATA\r\n"]);
    null_steps.extend([say([HEADER, b"from nobody\r\n.\r\n"].concat()), Step::Hear(1)]);
    let vrfy = heading("i17-vrfy", "VRFY of nobody", "252, 5yz, or 502", "RFC 5321 §3.5.3", true);
    let nul = heading("i10-nul-in-command", "a NUL in a command", "5yz", "RFC 5321 §4.1.1", false);
    let codes =
        |codes: &[&'static str], otherwise| Question::Codes { codes: codes.to_vec(), otherwise };
    vec![
        client(&null, null_steps, Question::Once { refused: Violates }),
        client(
            &vrfy,
            ask(&[HELLO, "VRFY nobody-at-all\r\n"]),
            codes(&["220", "250", "252|5"], Violates),
        ),
        client(
            &nul,
            ask(&[HELLO, "MAIL FROM:<@FROM@\0>\r\n"]),
            codes(&["220", "250", "5"], Tolerates),
        ),
    ]
}
