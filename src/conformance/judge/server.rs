//! The verdict on a target in a case of a misbehaving server, from what the server received and what
//! bounced.

use std::time::Duration;

use super::super::case::{ServerCheck, ServerScript};
use super::super::client::ClientEvent;
use super::super::finding::Verdict;
use super::super::server_record::{ReceivedCommand, ReceivedMessage, ServerRecord};
use super::{Finding, described, finding, inconclusive, omission, provisional, skipped};
use crate::clock::Time;
use crate::limits;

/// The evidence of one case of a server.
pub struct ServerFacts<'a> {
    /// The events at the client that submitted the test message.
    pub events: &'a [ClientEvent],
    /// The recipients of the test message.
    pub recipients: &'a [String],
    /// What the server received.
    pub record: &'a ServerRecord,
    /// Number of bounces (DSNs) for the test message.
    pub bounces: usize,
    /// When the companion message was delivered.
    pub companion: Option<Time>,
}

impl ServerFacts<'_> {
    fn accepted_for(&self, recipient: &str) -> usize {
        let same = |message: &&ReceivedMessage| {
            message.to.iter().any(|to| to.eq_ignore_ascii_case(recipient))
        };
        self.record.messages.iter().filter(|message| message.accepted).filter(same).count()
    }

    /// Copies that the first recipient got.
    fn copies(&self) -> usize {
        self.recipients.first().map_or(0, |recipient| self.accepted_for(recipient))
    }
}

/// The finding in a case of a server.
#[must_use]
pub fn server(script: &ServerScript, facts: &ServerFacts<'_>) -> Finding {
    if let Some(finding) = not_submitted(&script.check, facts.events) {
        return finding;
    }
    if facts.record.connections == 0 && !matches!(script.check, ServerCheck::NextHost) {
        return match facts.bounces {
            0 => Finding { is_provisional: true, ..inconclusive("the target did not connect") },
            _ => finding(Verdict::Conforms, "bounced without an attempt"),
        };
    }
    match &script.check {
        ServerCheck::Delivered | ServerCheck::NextHost => delivered(facts, true),
        ServerCheck::DeliveredAtOnce => delivered(facts, false),
        ServerCheck::OnlyUnderTls => only_under_tls(facts),
        ServerCheck::NotASuccess => not_a_success(facts),
        ServerCheck::SuccessOrRetry => success_or_retry(facts),
        ServerCheck::OtherMailContinues => other_mail_continues(facts),
        ServerCheck::NoBounceOfBounce => no_bounce_of_bounce(facts),
        ServerCheck::WaitsForReply(least) => waits_for_reply(*least, facts),
        ServerCheck::PerRecipient => per_recipient(facts),
        ServerCheck::BouncedOnce => match facts.bounces {
            0 => provisional(Verdict::Violates, "no bounce to the sender"),
            1 => finding(Verdict::Conforms, "bounced to the sender once"),
            many => finding(Verdict::Violates, format!("bounced to the sender {many} times")),
        },
        ServerCheck::EhloAfterTls => ehlo_after_tls(facts),
        ServerCheck::SevenBit => seven_bit(facts),
        ServerCheck::AsciiAddress => ascii_address(facts),
    }
}

/// The finding if the target did not accept the test message; `None` if it did.
fn not_submitted(check: &ServerCheck, events: &[ClientEvent]) -> Option<Finding> {
    let rejection = events.iter().find(|event| event.code().starts_with(['4', '5']));
    if let Some(rejection) = rejection {
        let observed = format!("the test message was rejected: {}", described(Some(rejection)));
        // To reject what cannot be passed on is one of the permitted answers.
        let is_permitted = matches!(check, ServerCheck::SevenBit | ServerCheck::AsciiAddress);
        return Some(match is_permitted {
            true => finding(Verdict::Conforms, observed),
            false => skipped(observed),
        });
    }
    let was_accepted = events.last().is_some_and(|event| event.code().starts_with('2'));
    let unanswered =
        || inconclusive(format!("the test message was not accepted: {}", described(events.last())));
    (!was_accepted).then(unanswered)
}

fn connections(many: usize) -> String {
    format!("{many} {}", if many == 1 { "connection" } else { "connections" })
}

/// A bounce violates either way; where the server failed, the words say how often it was retried.
fn delivered(facts: &ServerFacts<'_>, must_retry: bool) -> Finding {
    let (copies, attempts) = (facts.copies(), facts.record.connections);
    let undelivered = || format!("not delivered in {}", connections(attempts));
    match (copies, facts.bounces) {
        (0, 0) if attempts < 2 => omission(undelivered()),
        (0, 0) => provisional(Verdict::Violates, undelivered()),
        (0, _) if must_retry => bounced_after(attempts),
        (0, _) => finding(Verdict::Violates, "bounced to the sender"),
        (1, 0) => {
            let is_tls = facts.record.messages.iter().any(|it| it.accepted && it.tls);
            let how = if is_tls { "under TLS" } else { "without TLS" };
            finding(Verdict::Conforms, format!("delivered {how} in {}", connections(attempts)))
        }
        (1, _) => finding(Verdict::Violates, "delivered and bounced"),
        (many, _) => finding(Verdict::Tolerates, format!("delivered {many} times")),
    }
}

fn only_under_tls(facts: &ServerFacts<'_>) -> Finding {
    let is_exposed = facts.record.messages.iter().any(|message| !message.tls);
    let attempts = facts.record.connections;
    match (is_exposed, facts.bounces) {
        (true, _) => finding(Verdict::Vulnerable, "sent without TLS"),
        (false, 0) => Finding {
            // A second attempt may fall back to plaintext.
            is_provisional: attempts < 2,
            stays_queued: true,
            ..finding(
                Verdict::Conforms,
                format!("deferred after each of {}", connections(attempts)),
            )
        },
        (false, _) => bounced_after(attempts),
    }
}

fn bounced_after(attempts: usize) -> Finding {
    match attempts {
        0..=1 => finding(Verdict::Violates, "bounced without a retry"),
        _ => finding(Verdict::Violates, format!("bounced after {}", connections(attempts))),
    }
}

/// The first connection gave a reply that is not a success.
fn not_a_success(facts: &ServerFacts<'_>) -> Finding {
    let retries = facts.record.messages.iter().filter(|message| message.connection > 1).count();
    match (retries, facts.bounces) {
        (0, 0) => omission("treated as success: neither retried nor bounced"),
        (0, _) => finding(Verdict::Conforms, "bounced to the sender"),
        (retries, _) => finding(Verdict::Conforms, format!("retries: {retries}")),
    }
}

fn success_or_retry(facts: &ServerFacts<'_>) -> Finding {
    match (facts.record.messages.len(), facts.bounces) {
        (_, 1..) => finding(Verdict::Violates, "bounced to the sender"),
        (0, 0) => provisional(Verdict::Violates, "no message content arrived"),
        (1, 0) => finding(Verdict::Conforms, "treated as success"),
        (many, 0) => finding(Verdict::Conforms, format!("retries: {}", many - 1)),
    }
}

fn waits_for_reply(least: Duration, facts: &ServerFacts<'_>) -> Finding {
    let mut ends = facts.record.messages.iter().map(|message| message.at);
    let (Some(first), second) = (ends.next(), ends.next()) else {
        return Finding { is_provisional: true, ..inconclusive("no message content arrived") };
    };
    match second.map(|second| second.since(first)) {
        Some(gap) if gap < least => {
            finding(Verdict::Violates, format!("sent again after {:.1} s", gap.as_secs_f64()))
        }
        _ => {
            let observed = format!("waited {} s for the reply", least.as_secs());
            let is_provisional = facts.copies() == 0;
            Finding { is_provisional, ..finding(Verdict::Conforms, observed) }
        }
    }
}

fn per_recipient(facts: &ServerFacts<'_>) -> Finding {
    let copies: Vec<usize> =
        facts.recipients.iter().map(|recipient| facts.accepted_for(recipient)).collect();
    let accepted = facts.record.messages.iter().filter(|message| message.accepted);
    let shared = accepted.filter(|message| message.to.len() > 1).count();
    let counts = copies.iter().map(usize::to_string).collect::<Vec<_>>().join(", ");
    let observed = format!("copies by recipient: {counts}; bounces: {}", facts.bounces);
    match (copies.as_slice(), facts.bounces) {
        ([1, 0, 1], 1) if shared == 0 => finding(Verdict::Conforms, observed),
        ([first, _, third], _) if *first > 1 || *third > 1 => {
            finding(Verdict::Violates, format!("sent again after it was delivered: {observed}"))
        }
        _ => omission(observed),
    }
}

fn ehlo_after_tls(facts: &ServerFacts<'_>) -> Finding {
    let mut under_tls = facts.record.commands.iter().filter(|command| command.tls);
    let Some(first) = under_tls.next() else {
        return no_tls(facts);
    };
    if !first.line.to_ascii_uppercase().starts_with("EHLO") {
        let observed = format!("the first command after the handshake was `{}`", first.line);
        return finding(Verdict::Violates, observed);
    }
    match first.followed {
        true => finding(
            Verdict::Vulnerable,
            "plaintext from before the handshake was taken for the reply to EHLO",
        ),
        false => finding(Verdict::Conforms, "EHLO after the handshake, its reply awaited"),
    }
}

/// The finding where no command came under TLS.
fn no_tls(facts: &ServerFacts<'_>) -> Finding {
    let is_starttls = |command: &ReceivedCommand| command.line.eq_ignore_ascii_case("STARTTLS");
    let is_tried = facts.record.commands.iter().any(is_starttls);
    let is_delivered = facts.copies() > 0;
    let found = match (is_tried, is_delivered) {
        (true, _) => finding(Verdict::Hardened, "the handshake was aborted"),
        (false, true) => skipped("the target does not use STARTTLS when it relays"),
        (false, false) => inconclusive("neither STARTTLS nor a delivery was attempted"),
    };
    Finding { is_provisional: !is_delivered, ..found }
}

/// Delay of the reply to EHLO in the case of [`ServerCheck::EhloAfterTls`].
pub const EHLO_DELAY: Duration = Duration::from_secs(2);

fn seven_bit(facts: &ServerFacts<'_>) -> Finding {
    let Some(message) = facts.record.messages.first() else {
        return undelivered_or_bounced(facts);
    };
    match message.content.is_ascii() {
        true => finding(Verdict::Conforms, "converted to 7-bit"),
        false => finding(Verdict::Violates, "octets above 127 were sent"),
    }
}

fn ascii_address(facts: &ServerFacts<'_>) -> Finding {
    let sent = facts.record.commands.iter().find(|command| !command.line.is_ascii());
    // The server accepts any other address in its place.
    let replaced = facts.record.messages.iter().flat_map(|message| &message.to).next();
    match (sent, replaced) {
        (Some(command), _) => {
            finding(Verdict::Violates, format!("the target sent `{}`", command.line))
        }
        (None, Some(to)) => finding(Verdict::Violates, format!("sent to another address: `{to}`")),
        (None, None) => undelivered_or_bounced(facts),
    }
}

/// The finding where nothing was sent: the message has to bounce.
fn undelivered_or_bounced(facts: &ServerFacts<'_>) -> Finding {
    match facts.bounces {
        0 => Finding { is_provisional: true, ..inconclusive("neither delivered nor bounced") },
        _ => finding(Verdict::Conforms, "bounced to the sender"),
    }
}

/// The longest of the minimum timeouts of RFC 5321 §4.5.3.2. A target that waits longer than this
/// for a reply gives up late.
const LONGEST_TIMEOUT: Duration = Duration::from_secs(600);

/// A reply that was given up sooner delayed no other mail: the companion is submitted after it began.
const SHORT_DELAY: Duration = Duration::from_secs(4);

fn other_mail_continues(facts: &ServerFacts<'_>) -> Finding {
    let Some(reply) = facts.record.endless_replies.first() else {
        let observed = "the dialogue did not reach the endless reply";
        return Finding { is_provisional: true, ..inconclusive(observed) };
    };
    let Some(companion) = facts.companion else {
        return provisional(Verdict::Violates, "other mail was not delivered");
    };
    let Some((end, was_closed)) = reply.ended else {
        return provisional(Verdict::Conforms, "other mail was delivered meanwhile");
    };
    let (length, octets) = (end.since(reply.started), reply.octets);
    let how = format!("after {:.1} s and {octets} octets", length.as_secs_f64());
    if companion > end && length > SHORT_DELAY {
        let observed = format!("other mail was delayed until the reply ended, {how}");
        return finding(Verdict::Violates, observed);
    }
    match was_closed {
        true => finding(Verdict::Conforms, format!("given up {how}; other mail was delivered")),
        false if octets >= limits::CONFORMANCE_REPLY_OCTETS || length > LONGEST_TIMEOUT => {
            finding(Verdict::Tolerates, format!("not given up {how}; other mail was delivered"))
        }
        false => {
            finding(Verdict::Conforms, format!("still waiting {how}; other mail was delivered"))
        }
    }
}

fn no_bounce_of_bounce(facts: &ServerFacts<'_>) -> Finding {
    let is_bounce =
        |command: &&ReceivedCommand| command.line.to_ascii_uppercase().starts_with("MAIL FROM:<>");
    match facts.record.commands.iter().filter(is_bounce).count() {
        0 => provisional(Verdict::Violates, "no bounce to the sender"),
        1 => finding(Verdict::Conforms, "one bounce; after its rejection no further one"),
        many => finding(Verdict::Violates, format!("{many} bounces")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(text: &str) -> ClientEvent {
        ClientEvent::Reply(format!("{text}\r\n"))
    }

    fn judged(check: ServerCheck, events: &[ClientEvent], record: &ServerRecord) -> Finding {
        let recipients = ["to@far.test".to_owned()];
        let facts =
            ServerFacts { events, recipients: &recipients, record, bounces: 0, companion: None };
        server(&ServerScript { check, ..ServerScript::default() }, &facts)
    }

    #[test]
    fn test_message_that_is_rejected_skips_the_case() {
        let record = ServerRecord::default();
        let rejected = [reply("220 here"), reply("550 5.7.1 no")];
        let found = judged(ServerCheck::Delivered, &rejected, &record);
        assert_eq!(found.verdict, Verdict::Skipped);
        assert_eq!(found.observed, "the test message was rejected: `550 5.7.1 no`");
        let found = judged(ServerCheck::SevenBit, &rejected, &record);
        assert_eq!(found.verdict, Verdict::Conforms);
        let unanswered = [reply("220 here"), ClientEvent::Timeout];
        let found = judged(ServerCheck::Delivered, &unanswered, &record);
        assert_eq!(found.verdict, Verdict::Inconclusive);
        assert_eq!(found.observed, "the test message was not accepted: no reply");
    }

    #[test]
    fn accepted_test_message_without_further_evidence_is_inconclusive() {
        let accepted = [reply("250 Ok")];
        let found = judged(ServerCheck::Delivered, &accepted, &ServerRecord::default());
        assert_eq!(found.verdict, Verdict::Inconclusive);
        assert!(found.is_provisional, "it may connect later");
        let contacted = ServerRecord { connections: 1, ..ServerRecord::default() };
        for check in [
            ServerCheck::WaitsForReply(Duration::from_secs(20)),
            ServerCheck::SevenBit,
            ServerCheck::AsciiAddress,
            ServerCheck::OtherMailContinues,
            ServerCheck::EhloAfterTls,
        ] {
            let found = judged(check.clone(), &accepted, &contacted);
            assert_eq!(found.verdict, Verdict::Inconclusive, "{check:?}: {}", found.observed);
            assert!(found.is_provisional, "{check:?}");
        }
    }

    #[test]
    fn target_that_relays_without_tls_skips_the_tls_case() {
        let message = ReceivedMessage {
            at: Time::ZERO,
            connection: 1,
            from: "from@sender.test".to_owned(),
            to: vec!["to@far.test".to_owned()],
            content: Vec::new(),
            accepted: true,
            tls: false,
        };
        let record =
            ServerRecord { connections: 1, messages: vec![message], ..ServerRecord::default() };
        let found = judged(ServerCheck::EhloAfterTls, &[reply("250 Ok")], &record);
        assert_eq!(found.verdict, Verdict::Skipped);
        assert!(!found.is_provisional);
    }
}
