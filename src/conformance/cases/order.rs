//! I3 to I5, I7, I17 to I22: the order of commands, and sessions that end early.

use std::time::Duration;

use super::{HEADER, Heading, client, envelope, message, pipelining, send};
use crate::conformance::case::{Case, ClientCheck, Step};
use crate::conformance::finding::Verdict::{Hardened, Tolerates, Violates};

const HELLO: &str = "EHLO client.mailbench.test\r\n";

pub(super) fn cases() -> Vec<Case> {
    let mut cases = vec![
        injection(),
        early_talker(),
        content_before_354(),
        pipelined(),
        idle_clients(),
        unknown_commands(),
    ];
    cases.extend(early_ends());
    cases.extend(resets());
    cases.extend(special());
    cases
}

/// Sends each line after the reply to the one before.
fn commands(lines: &[&str]) -> Vec<Step> {
    lines.iter().flat_map(|line| [send(line), Step::AwaitReplies(1)]).collect()
}

fn injection() -> Case {
    let heading = Heading {
        id: "i3-starttls-injection",
        title: "commands in the same segment as STARTTLS",
        expected: "discarded: no reply to them under TLS",
        source: "RFC 3207 §4.2; CVE-2011-0411",
        mandated: true,
    };
    let mut steps = commands(&[HELLO]);
    steps.extend([
        send("STARTTLS\r\nEHLO in.between\r\nNOOP\r\n"),
        Step::AwaitReplies(1),
        Step::StartTls,
        Step::Listen(Duration::from_secs(2)),
    ]);
    client(&heading, steps, ClientCheck::PlaintextDiscarded)
}

fn early_talker() -> Case {
    let heading = Heading {
        id: "i4-early-talker",
        title: "a whole session in one write, before the banner",
        expected: "rejected, or executed in order: one message, delivered once",
        source: "RFC 5321 §4.3.1; RFC 2920 §3.1",
        mandated: false,
    };
    let session = [
        HELLO.as_bytes(),
        b"MAIL FROM:<@FROM@>\r\nRCPT TO:<@TO@>\r\nDATA\r\n",
        HEADER,
        b"too early\r\n.\r\nQUIT\r\n",
    ];
    let steps = vec![Step::BeforeBanner, send(session.concat()), Step::AwaitReplies(6)];
    client(&heading, steps, ClientCheck::DeliveredOnce { rejected: Hardened })
}

fn content_before_354() -> Case {
    let heading = Heading {
        id: "i4-content-before-354",
        title: "content in the same write as DATA",
        expected: "rejected, or delivered once",
        source: "RFC 2920 §3.1; Postfix smtpd_forbid_unauth_pipelining",
        mandated: false,
    };
    let mut steps = commands(&[HELLO, "MAIL FROM:<@FROM@>\r\n", "RCPT TO:<@TO@>\r\n"]);
    steps
        .extend([send([b"DATA\r\n", HEADER, b"at once\r\n.\r\n"].concat()), Step::AwaitReplies(2)]);
    client(&heading, steps, ClientCheck::DeliveredOnce { rejected: Hardened })
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
    let mut steps = commands(&[HELLO]);
    steps.extend([send(group), Step::AwaitReplies(203)]);
    let mut codes = vec!["220", "250", "2"];
    codes.extend(vec!["2|4|5"; 200]);
    codes.extend(["2", "2"]);
    pipelining(&heading, steps, ClientCheck::ReplyCodes { codes, otherwise: Violates })
}

fn idle_clients() -> Case {
    let heading = Heading {
        id: "i7-idle-crowd",
        title: "a message while 100 other connections are idle",
        expected: "accepted and delivered once, or turned away with 421",
        source: "RFC 5321 §4.5.3.2.7, §3.8",
        mandated: false,
    };
    let mut steps = vec![Step::IdleClients(100)];
    steps.extend(message(b"among idle connections\r\n"));
    client(&heading, steps, ClientCheck::DeliveredOnce { rejected: Hardened })
}

fn unknown_commands() -> Case {
    let heading = Heading {
        id: "i18-unknown-commands",
        title: "12 unknown commands",
        expected: "500 to each, or turned away with 421",
        source: "RFC 5321 §4.2.4, §3.8",
        mandated: true,
    };
    let mut steps = commands(&[HELLO]);
    steps.extend(commands(&["XYZZY\r\n"; 12]));
    client(&heading, steps, ClientCheck::EveryCommandAnswered { lines: 12 })
}

fn early_ends() -> Vec<Case> {
    let heading = |id, title, expected| Heading {
        id,
        title,
        expected,
        source: "RFC 5321 §4.1.1.5, §4.1.1.10; RFC 1047",
        mandated: true,
    };
    let begun = || {
        let mut steps = envelope();
        steps.push(send([HEADER, b"no end of data\r\n"].concat()));
        steps
    };
    let ended = || {
        let mut steps = envelope();
        steps.push(send([HEADER, b"end of data\r\n.\r\n"].concat()));
        steps
    };
    let with = |mut steps: Vec<Step>, last: &[Step]| {
        steps.extend_from_slice(last);
        steps
    };
    let pause = Step::Pause(Duration::from_millis(300));
    let quit = send("QUIT\r\n");
    let fin = heading("i19-fin-in-data", "FIN within the content", "nothing is delivered");
    let reset = heading("i19-rst-in-data", "RST within the content", "nothing is delivered");
    let after = heading("i19-rst-after-dot", "RST after the end of data", "at most one copy");
    let half =
        heading("i19-half-close", "the client closes its half after the end of data", "one copy");
    let quit_early =
        heading("i20-quit-with-dot", "QUIT in the same write as the end of data", "one copy");
    let mut quit_steps = envelope();
    quit_steps
        .extend([send([HEADER, b"quit at once\r\n.\r\nQUIT\r\n"].concat()), Step::AwaitReplies(1)]);
    vec![
        client(
            &fin,
            with(begun(), &[pause.clone(), Step::HalfClose]),
            ClientCheck::NothingDelivered,
        ),
        client(&reset, with(begun(), &[pause.clone(), Step::Reset]), ClientCheck::NothingDelivered),
        client(&after, with(ended(), &[pause, Step::Reset]), ClientCheck::AtMostOnce),
        pipelining(
            &half,
            with(ended(), &[quit, Step::HalfClose, Step::AwaitReplies(1)]),
            ClientCheck::DeliveredOnce { rejected: Violates },
        ),
        pipelining(&quit_early, quit_steps, ClientCheck::DeliveredOnce { rejected: Violates }),
    ]
}

fn resets() -> Vec<Case> {
    let heading = |id, title| Heading {
        id,
        title,
        expected: "nothing is kept of the previous transaction",
        source: "RFC 5321 §4.1.1.5, §4.1.4",
        mandated: true,
    };
    let after = |reset: &str| {
        let mut steps =
            commands(&[HELLO, "MAIL FROM:<@FROM@>\r\n", "RCPT TO:<@OTHER@>\r\n", reset]);
        steps.extend(commands(&["MAIL FROM:<@FROM@>\r\n", "RCPT TO:<@TO@>\r\n", "DATA\r\n"]));
        steps.extend([
            send([HEADER, b"second transaction\r\n.\r\n"].concat()),
            Step::AwaitReplies(1),
        ]);
        steps
    };
    let nested = Heading {
        id: "i22-mail-in-mail",
        title: "MAIL within a transaction",
        expected: "503",
        source: "RFC 5321 §4.1.4",
        mandated: true,
    };
    let twice = commands(&[HELLO, "MAIL FROM:<@FROM@>\r\n", "MAIL FROM:<@FROM@>\r\n"]);
    let codes = vec!["220", "250", "250", "503|5|421"];
    vec![
        client(
            &heading("i22-rset", "RSET within a transaction"),
            after("RSET\r\n"),
            ClientCheck::TransactionReset,
        ),
        client(
            &heading("i22-ehlo", "EHLO within a transaction"),
            after(HELLO),
            ClientCheck::TransactionReset,
        ),
        client(&nested, twice, ClientCheck::ReplyCodes { codes, otherwise: Violates }),
    ]
}

fn special() -> Vec<Case> {
    let heading =
        |id, title, expected, source, mandated| Heading { id, title, expected, source, mandated };
    let null = heading(
        "i21-null-sender",
        "mail with the null sender `<>`",
        "accepted and delivered once",
        "RFC 5321 §4.5.5, §6.1",
        true,
    );
    let mut null_steps = commands(&[HELLO, "MAIL FROM:<>\r\n", "RCPT TO:<@TO@>\r\n", "DATA\r\n"]);
    null_steps
        .extend([send([HEADER, b"from the null sender\r\n.\r\n"].concat()), Step::AwaitReplies(1)]);
    let vrfy =
        heading("i17-vrfy", "VRFY of an unknown user", "252 or 5yz", "RFC 5321 §3.5.3", true);
    let nul = heading("i10-nul-in-command", "a NUL in a command", "5yz", "RFC 5321 §4.1.1", false);
    let codes = |codes: &[&'static str], otherwise| ClientCheck::ReplyCodes {
        codes: codes.to_vec(),
        otherwise,
    };
    vec![
        client(&null, null_steps, ClientCheck::DeliveredOnce { rejected: Violates }),
        client(
            &vrfy,
            commands(&[HELLO, "VRFY unknown-user\r\n"]),
            codes(&["220", "250", "252|5"], Violates),
        ),
        client(
            &nul,
            commands(&[HELLO, "MAIL FROM:<@FROM@\0>\r\n"]),
            codes(&["220", "250", "5"], Tolerates),
        ),
    ]
}
