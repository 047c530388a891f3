//! The addresses of a case and the steps that submit its test message.

use super::case::{Case, Script, Step, TestMessage};
use super::cases;
use super::client::Addresses;

/// Domain of the senders: bounces go to the compliant server.
const SENDERS: &str = "sender.test";

/// Domain of the recipients of a case.
pub(super) fn domain(case: &Case) -> String {
    match &case.script {
        Script::Client(script) => script.domain.to_owned(),
        Script::Server(_) => format!("{}.test", case.id),
    }
}

/// Sender and recipients of a case.
pub(super) fn addresses(case: &Case) -> Addresses {
    let domain = domain(case);
    let senders = match &case.script {
        Script::Server(script) if script.message.sender_at_server => &domain,
        _ => SENDERS,
    };
    Addresses {
        from: format!("{}.from@{senders}", case.id),
        to: format!("{}.to@{domain}", case.id),
        other: format!("{}.other@{domain}", case.id),
    }
}

/// Recipients of the test message of a case.
pub(super) fn recipients(case: &Case, message: &TestMessage) -> Vec<String> {
    let domain = domain(case);
    message.recipients.iter().map(|local| format!("{}.{local}@{domain}", case.id)).collect()
}

/// Recipient of the companion message.
pub(super) fn companion(case: &Case) -> String {
    format!("{}.companion@{}", case.id, cases::COMPLIANT)
}

/// The steps that submit a message to these recipients.
pub(super) fn submission(recipients: &[String], message: &TestMessage) -> Vec<Step> {
    let mut lines = vec![
        "EHLO client.mailbench.test\r\n".to_owned(),
        format!("MAIL FROM:<@FROM@>{}\r\n", message.parameters),
    ];
    lines.extend(recipients.iter().map(|to| format!("RCPT TO:<{to}>\r\n")));
    lines.push("DATA\r\n".to_owned());
    let command = |line: String| [Step::Send(line.into_bytes()), Step::AwaitReplies(1)];
    let mut steps: Vec<Step> = lines.into_iter().flat_map(command).collect();
    let header = b"From: <@FROM@>\r\nSubject: conformance\r\nMIME-Version: 1.0\r\n\
        Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\
        Date: Tue, 24 Nov 2026 12:00:00 +0000\r\nMessage-ID: <@TO@>\r\n\r\n";
    let text = [&header[..], &message.body, b".\r\n"].concat();
    steps.extend([Step::Send(text), Step::AwaitReplies(1)]);
    steps
}
