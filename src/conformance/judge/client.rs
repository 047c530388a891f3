//! The verdict on a target in a case of a misbehaving client, from the events at the client and the
//! mail that was delivered.

use std::collections::HashMap;

use memchr::memmem;

use super::super::case::ClientCheck;
use super::super::client::{Addresses, ClientEvent};
use super::super::finding::Verdict;
use super::super::server_record::ReceivedMessage;
use super::{Finding, described, finding, inconclusive, provisional, without_extension};
use crate::smtp::content::has_bare;

/// The evidence of one case of a client.
pub struct ClientFacts<'a> {
    /// The events at the client.
    pub events: &'a [ClientEvent],
    /// The addresses of the case.
    pub addresses: &'a Addresses,
    /// Everything that was delivered to the compliant server.
    pub delivered: &'a [ReceivedMessage],
    /// Whether the target still sent a banner after the case.
    pub is_responsive: bool,
}

impl ClientFacts<'_> {
    /// Messages that were delivered to this recipient.
    fn delivered_to<'b>(&'b self, recipient: &'b str) -> impl Iterator<Item = &'b ReceivedMessage> {
        let same = move |address: &String| address.eq_ignore_ascii_case(recipient);
        self.delivered.iter().filter(move |message| message.to.iter().any(same))
    }

    /// Number of messages that were delivered to the recipient of the case.
    fn copies(&self) -> usize {
        self.delivered_to(&self.addresses.to).count()
    }

    /// The finding on a message that was not delivered.
    fn not_delivered(&self, rejected: Verdict) -> Finding {
        let bounced = self.delivered_to(&self.addresses.from).next().is_some();
        match (self.was_accepted(), bounced) {
            (_, true) => finding(rejected, "accepted, then bounced to the sender"),
            (true, false) => provisional(
                Verdict::Violates,
                format!("accepted ({}), not delivered", self.last_event()),
            ),
            (false, false) => finding(rejected, format!("not accepted: {}", self.last_event())),
        }
    }

    fn was_accepted(&self) -> bool {
        self.events.last().is_some_and(|event| event.code().starts_with('2'))
    }

    fn was_rejected(&self) -> bool {
        self.events.last().is_some_and(|event| event.code().starts_with(['4', '5']))
    }

    fn last_event(&self) -> String {
        described(self.events.last())
    }
}

/// The finding in a case of a client.
#[must_use]
pub fn client(check: &ClientCheck, facts: &ClientFacts<'_>) -> Finding {
    if !facts.is_responsive {
        return finding(Verdict::Violates, "the target stopped sending banners after this case");
    }
    match check {
        ClientCheck::NotSmuggled { sequence, last, legal } => {
            not_smuggled(sequence, last, *legal, facts)
        }
        ClientCheck::BodyUnchanged { body, rejected, altered } => {
            body_unchanged(body, *rejected, *altered, facts)
        }
        ClientCheck::DeliveredOnce { rejected } => delivered_once(*rejected, facts),
        ClientCheck::LineEndsNormalised => line_ends_normalised(facts),
        ClientCheck::RelayingDenied => relaying_denied(facts),
        ClientCheck::Served => served(facts),
        ClientCheck::EveryRecipient { recipients } => every_recipient(recipients, facts),
        ClientCheck::NotRerouted { address, trick } => not_rerouted(address, trick, facts),
        ClientCheck::NothingDelivered => match facts.copies() {
            0 => finding(Verdict::Conforms, "nothing was delivered"),
            many => finding(Verdict::Violates, format!("{many} messages were delivered")),
        },
        ClientCheck::AtMostOnce => match facts.copies() {
            copies @ 0..=1 => finding(Verdict::Conforms, format!("copies delivered: {copies}")),
            copies => finding(Verdict::Violates, format!("copies delivered: {copies}")),
        },
        ClientCheck::ReplyCodes { codes, otherwise } => reply_codes(codes, *otherwise, facts),
        ClientCheck::TransactionReset => transaction_reset(facts),
        ClientCheck::PlaintextDiscarded => plaintext_discarded(facts),
        ClientCheck::EveryCommandAnswered { lines } => every_command_answered(*lines, facts),
        ClientCheck::LoopStopped => match facts.copies() {
            0 => finding(Verdict::Conforms, format!("not relayed: {}", facts.last_event())),
            _ => finding(Verdict::Tolerates, "relayed once more"),
        },
    }
}

fn not_smuggled(sequence: &[u8], last: &[u8], legal: bool, facts: &ClientFacts<'_>) -> Finding {
    if facts.delivered_to(&facts.addresses.other).next().is_some() {
        return finding(
            Verdict::Vulnerable,
            "the inner message was delivered as a separate message",
        );
    }
    let is_verbatim = |message: &ReceivedMessage| contains(&message.content, sequence);
    let is_complete = |message: &ReceivedMessage| memmem::find(&message.content, last).is_some();
    match facts.delivered_to(&facts.addresses.to).next() {
        Some(message) if !is_complete(message) => finding(
            Verdict::Violates,
            "the sequence ended the message; the text after it was not delivered",
        ),
        Some(message) if is_verbatim(message) && !legal => {
            finding(Verdict::Violates, "one message, relayed with the sequence unchanged")
        }
        Some(message) if is_verbatim(message) => {
            finding(Verdict::Conforms, "one message, the sequence unchanged in its content")
        }
        Some(_) => finding(Verdict::Conforms, "one message, the sequence neutralised"),
        None => facts.not_delivered(Verdict::Hardened),
    }
}

/// Whether content contains a sequence unchanged. A line end that a server completed does not count:
/// `CRLF.CRLF`, a line with a dot, contains neither `LF.CRLF` nor `CRLF.CR`.
fn contains(content: &[u8], sequence: &[u8]) -> bool {
    memmem::find_iter(content, sequence).any(|at| {
        let completed_before = sequence.starts_with(b"\n") && at > 0 && content[at - 1] == b'\r';
        let completed_after =
            sequence.ends_with(b"\r") && content.get(at + sequence.len()) == Some(&b'\n');
        !completed_before && !completed_after
    })
}

fn body_of(content: &[u8]) -> &[u8] {
    memmem::find(content, b"\r\n\r\n").map_or(&[][..], |at| &content[at + 4..])
}

fn body_unchanged(
    body: &[u8],
    rejected: Verdict,
    altered: Verdict,
    facts: &ClientFacts<'_>,
) -> Finding {
    let mut copies = facts.delivered_to(&facts.addresses.to);
    match (copies.next(), copies.next()) {
        (Some(_), Some(_)) => finding(Verdict::Violates, "delivered more than once"),
        (Some(copy), None) if body_of(&copy.content) == body => {
            finding(Verdict::Conforms, "delivered, body unchanged")
        }
        (Some(copy), None) => {
            let (sent, received) = (body.len(), body_of(&copy.content).len());
            finding(
                altered,
                format!("body changed in transit: {sent} octets sent, {received} delivered"),
            )
        }
        (None, _) => facts.not_delivered(rejected),
    }
}

fn delivered_once(rejected: Verdict, facts: &ClientFacts<'_>) -> Finding {
    match facts.copies() {
        1 => finding(Verdict::Conforms, "delivered once"),
        0 => facts.not_delivered(rejected),
        many => finding(Verdict::Violates, format!("delivered {many} times")),
    }
}

fn line_ends_normalised(facts: &ClientFacts<'_>) -> Finding {
    match facts.delivered_to(&facts.addresses.to).next() {
        Some(message) if has_bare(&message.content) => {
            finding(Verdict::Violates, "relayed with a bare CR or LF")
        }
        Some(_) => finding(Verdict::Conforms, "relayed with CRLF only"),
        None => facts.not_delivered(Verdict::Hardened),
    }
}

fn relaying_denied(facts: &ClientFacts<'_>) -> Finding {
    let last = facts.last_event();
    match facts.was_accepted() {
        true => finding(Verdict::Vulnerable, format!("accepted: {last}")),
        false if facts.was_rejected() => finding(Verdict::Conforms, format!("rejected: {last}")),
        false => inconclusive(format!("no reply to the last command: {last}")),
    }
}

fn reply_codes(codes: &[&str], otherwise: Verdict, facts: &ClientFacts<'_>) -> Finding {
    let received: Vec<&str> = facts.events.iter().map(ClientEvent::code).collect();
    let fits = |(code, wanted): (&&str, &&str)| {
        wanted.is_empty() || wanted.split('|').any(|one| code.starts_with(one) && !code.is_empty())
    };
    let all = received.len() >= codes.len() && received.iter().zip(codes).all(fits);
    let mut both = facts.events.iter().zip(codes);
    let wrong = both.find(|(event, wanted)| !fits((&event.code(), wanted)));
    match (all, wrong) {
        (true, _) => finding(Verdict::Conforms, format!("replies {}", in_runs(&received))),
        (false, Some((wrong, wanted))) => finding(
            otherwise,
            format!("{} instead of {}", described(Some(wrong)), code_pattern(wanted)),
        ),
        (false, None) => finding(
            otherwise,
            format!("{} of {} replies: {}", received.len(), codes.len(), in_runs(&received)),
        ),
    }
}

/// `503|5|421` as `503, 5yz or 421`.
fn code_pattern(pattern: &str) -> String {
    let full = |code: &str| format!("{code}{}", &"xyz"[code.len().min(3)..]);
    let codes: Vec<String> = pattern.split('|').map(full).collect();
    match codes.split_last() {
        Some((last, others)) if !others.is_empty() => format!("{} or {last}", others.join(", ")),
        _ => codes.concat(),
    }
}

/// `250, 250, 452` as `250 ×2, 452`.
fn in_runs(codes: &[&str]) -> String {
    let runs = codes.chunk_by(|one, next| one == next);
    let shown = runs.map(|run| match run.len() {
        1 => run[0].to_owned(),
        many => format!("{} ×{many}", run[0]),
    });
    shown.collect::<Vec<_>>().join(", ")
}

fn transaction_reset(facts: &ClientFacts<'_>) -> Finding {
    if facts.delivered_to(&facts.addresses.other).next().is_some() {
        return finding(Verdict::Violates, "delivered to a recipient of the previous transaction");
    }
    delivered_once(Verdict::Violates, facts)
}

fn plaintext_discarded(facts: &ClientFacts<'_>) -> Finding {
    let is_established = |event: &ClientEvent| *event == ClientEvent::TlsEstablished;
    let Some(established) = facts.events.iter().position(is_established) else {
        let failed = facts.events.last() == Some(&ClientEvent::TlsFailed);
        return match without_extension(facts.events, "STARTTLS") {
            Some(finding) => finding,
            None if failed || facts.was_rejected() => {
                finding(Verdict::Hardened, format!("aborted: {}", facts.last_event()))
            }
            None => inconclusive(format!("no reply to STARTTLS: {}", facts.last_event())),
        };
    };
    match facts.events.get(established + 1) {
        Some(ClientEvent::Reply(reply)) => {
            let reply = reply.trim_end().to_owned();
            finding(Verdict::Vulnerable, format!("answered under TLS: `{reply}`"))
        }
        Some(ClientEvent::Closed) => {
            finding(Verdict::Hardened, "aborted: connection closed under TLS")
        }
        _ => finding(Verdict::Conforms, "commands sent before the handshake were discarded"),
    }
}

fn every_command_answered(lines: usize, facts: &ClientFacts<'_>) -> Finding {
    let codes: Vec<&str> = facts.events.iter().map(ClientEvent::code).collect();
    let rejected = codes.iter().filter(|code| code.starts_with('5')).count();
    let turned_away = codes.contains(&"421") || codes.last() == Some(&"");
    match (rejected >= lines, turned_away) {
        (true, _) => finding(Verdict::Conforms, format!("5yz to each of {lines} commands")),
        (false, true) if rejected > 0 => {
            finding(Verdict::Hardened, format!("turned away after {rejected} commands"))
        }
        _ => finding(Verdict::Violates, format!("5yz to {rejected} of {lines} commands")),
    }
}

fn served(facts: &ClientFacts<'_>) -> Finding {
    match (facts.copies(), facts.events.last()) {
        (0, Some(ClientEvent::Reply(_))) => facts.not_delivered(Verdict::Hardened),
        (0, _) => finding(Verdict::Violates, format!("not served: {}", facts.last_event())),
        _ => delivered_once(Verdict::Hardened, facts),
    }
}

/// Banner, EHLO and MAIL are answered before the recipients.
fn every_recipient(recipients: &[String], facts: &ClientFacts<'_>) -> Finding {
    if !facts.was_accepted() {
        return facts.not_delivered(Verdict::Hardened);
    }
    let mut copies: HashMap<String, usize> = HashMap::new();
    for to in facts.delivered.iter().flat_map(|message| &message.to) {
        *copies.entry(to.to_ascii_lowercase()).or_default() += 1;
    }
    let replies = facts.events.iter().skip(3).map(ClientEvent::code);
    let answered: Vec<(&String, &str)> = recipients.iter().zip(replies).collect();
    let accepted = answered.iter().filter(|(_, code)| code.starts_with("25"));
    let delivered: Vec<usize> = accepted
        .map(|(to, _)| copies.get(&to.to_ascii_lowercase()).copied().unwrap_or(0))
        .collect();
    let missing = delivered.iter().filter(|copies| **copies == 0).count();
    let doubled = delivered.iter().filter(|copies| **copies > 1).count();
    let (sent, many) = (recipients.len(), delivered.len());
    let seen = format!(
        "{many} of {sent} recipients accepted; of these {missing} not delivered, {doubled} duplicated"
    );
    match (missing, doubled, answered.iter().any(|(_, code)| *code == "552")) {
        (0, 0, true) => finding(Verdict::Tolerates, format!("{seen}; 552 to the others")),
        (0, 0, false) => finding(Verdict::Conforms, seen),
        (_, 0, _) => provisional(Verdict::Violates, seen),
        _ => finding(Verdict::Violates, seen),
    }
}

fn not_rerouted(address: &str, trick: &str, facts: &ClientFacts<'_>) -> Finding {
    match (facts.delivered_to(trick).next(), facts.delivered_to(address).count()) {
        (Some(_), _) => finding(Verdict::Vulnerable, format!("relayed to {trick}")),
        (None, 1..) => finding(Verdict::Conforms, "delivered to the address as sent"),
        (None, 0) => facts.not_delivered(Verdict::Hardened),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn completed_line_end_is_not_the_sequence() {
        let normalised = b"before\r\n.\r\nMAIL FROM:<x>\r\n";
        for sequence in [&b"\n.\r\n"[..], b"\n.\n", b"\r\n.\r", b"\r.\r\n", b"\r.\r"] {
            assert!(!contains(normalised, sequence), "{}", sequence.escape_ascii());
            let verbatim = [b"before", sequence, b"MAIL FROM:<x>\r\n"].concat();
            assert!(contains(&verbatim, sequence), "{}", sequence.escape_ascii());
        }
    }

    #[test]
    fn code_patterns_are_written_out() {
        assert_eq!(code_pattern("503|5|421"), "503, 5yz or 421");
        assert_eq!(code_pattern("25"), "25z");
        assert_eq!(code_pattern("250"), "250");
    }
}
