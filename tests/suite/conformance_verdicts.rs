//! The verdict of a conformance case follows from the evidence; what the evidence does not decide is
//! skipped or inconclusive.

use std::time::Duration;

use mailbench::clock::Time;
use mailbench::conformance::case::{
    Case, ClientCheck, Misbehaviour, Script, ServerCheck, ServerScript, Step, Times,
};
use mailbench::conformance::cases;
use mailbench::conformance::client::{Addresses, ClientEvent};
use mailbench::conformance::examine::outlasting;
use mailbench::conformance::finding::Verdict;
use mailbench::conformance::judge::client::{ClientFacts, client};
use mailbench::conformance::judge::server::{ServerFacts, server};
use mailbench::conformance::judge::{self, Finding};
use mailbench::conformance::server_record::{ReceivedMessage, ServerRecord};
use mailbench::conformance::test_server;
use mailbench::limits;
use mailbench::queue::schedule::{Growth, RetrySchedule};

fn reply(text: &str) -> ClientEvent {
    ClientEvent::Reply(format!("{text}\r\n"))
}

/// The verdict after these events where nothing was delivered.
fn verdict(check: &ClientCheck, events: &[ClientEvent]) -> Verdict {
    verdict_with(check, events, &[])
}

/// The verdict after these events and deliveries.
fn verdict_with(
    check: &ClientCheck,
    events: &[ClientEvent],
    delivered: &[ReceivedMessage],
) -> Verdict {
    let address = |local: &str| format!("{local}@compliant.test");
    let addresses = Addresses { from: address("from"), to: address("to"), other: address("other") };
    let facts = ClientFacts { events, addresses: &addresses, delivered, is_responsive: true };
    client(check, &facts).verdict
}

fn message(to: &str, content: &[u8]) -> ReceivedMessage {
    ReceivedMessage {
        at: Time::ZERO,
        connection: 1,
        from: "from@compliant.test".to_owned(),
        to: vec![to.to_owned()],
        content: content.to_vec(),
        accepted: true,
        tls: false,
    }
}

/// The verdict where a server that offers STARTTLS answers the injection with `then`.
fn injected(then: &[ClientEvent]) -> Verdict {
    let mut events = vec![reply("220 here"), reply("250-here\r\n250 STARTTLS")];
    events.extend_from_slice(then);
    verdict(&ClientCheck::PlaintextDiscarded, &events)
}

#[test]
fn starttls_injection_gets_each_verdict() {
    let ready = reply("220 go ahead");
    let under_tls = |then| [ready.clone(), ClientEvent::TlsEstablished, then];
    assert_eq!(injected(&under_tls(ClientEvent::Timeout)), Verdict::Conforms);
    assert_eq!(injected(&under_tls(reply("250 in.between"))), Verdict::Vulnerable);
    assert_eq!(injected(&under_tls(ClientEvent::Closed)), Verdict::Hardened);
    assert_eq!(injected(&[ready, ClientEvent::TlsFailed]), Verdict::Hardened);
    assert_eq!(injected(&[reply("554 synchronization error")]), Verdict::Hardened);
    assert_eq!(injected(&[ClientEvent::Timeout]), Verdict::Inconclusive);
    let not_offered = [reply("220 here"), reply("250 here"), reply("502 not here")];
    assert_eq!(verdict(&ClientCheck::PlaintextDiscarded, &not_offered), Verdict::Skipped);
    let no_ehlo = [reply("220 here"), ClientEvent::Timeout];
    assert_eq!(verdict(&ClientCheck::PlaintextDiscarded, &no_ehlo), Verdict::Inconclusive);
}

#[test]
fn missing_extension_skips_and_missing_ehlo_reply_is_inconclusive() {
    let judged = |ehlo: ClientEvent| {
        let finding = judge::without_extension(&[reply("220 here"), ehlo], "PIPELINING");
        finding.map(|finding| (finding.verdict, finding.observed))
    };
    assert_eq!(judged(reply("250-here\r\n250 PIPELINING")), None);
    let skipped = (Verdict::Skipped, "the target does not offer PIPELINING".to_owned());
    assert_eq!(judged(reply("250-here\r\n250 SIZE")), Some(skipped));
    let inconclusive = (Verdict::Inconclusive, "no reply to EHLO: connection closed".to_owned());
    assert_eq!(judged(ClientEvent::Closed), Some(inconclusive));
}

/// Whether or not the server then executed the rest as commands.
#[test]
fn message_cut_at_the_sequence_is_not_neutralised() {
    let check =
        ClientCheck::NotSmuggled { sequence: b"\n.\n".to_vec(), last: b"at last", legal: false };
    let judged = |to: &str, content: &[u8]| {
        verdict_with(&check, &[reply("250 Ok")], &[message(to, content)])
    };
    let to = "to@compliant.test";
    assert_eq!(judged(to, b"before\r\n"), Verdict::Violates);
    assert_eq!(judged(to, b"before\r\n..\r\nMAIL\r\nat last\r\n"), Verdict::Conforms);
    assert_eq!(judged(to, b"before\n.\nMAIL\r\nat last\r\n"), Verdict::Violates);
    assert_eq!(judged("other@compliant.test", b"at last\r\n"), Verdict::Vulnerable);
}

#[test]
fn relaying_is_denied_only_by_a_reply() {
    let judged =
        |last: ClientEvent| verdict(&ClientCheck::RelayingDenied, &[reply("220 here"), last]);
    assert_eq!(judged(reply("554 5.7.1 no relaying")), Verdict::Conforms);
    assert_eq!(judged(reply("451 4.7.1 not now")), Verdict::Conforms);
    assert_eq!(judged(reply("250 2.1.5 Ok")), Verdict::Vulnerable);
    assert_eq!(judged(ClientEvent::Timeout), Verdict::Inconclusive);
    assert_eq!(judged(ClientEvent::Closed), Verdict::Inconclusive);
    assert_eq!(verdict(&ClientCheck::RelayingDenied, &[]), Verdict::Inconclusive);
}

/// The finding on a test message that was accepted.
fn finding(check: ServerCheck, record: &ServerRecord, bounces: usize) -> Finding {
    let script = ServerScript { check, ..ServerScript::default() };
    let facts = ServerFacts {
        events: &[reply("250 Ok")],
        recipients: &["to@far.test".to_owned()],
        record,
        bounces,
        companion: None,
    };
    server(&script, &facts)
}

fn contacted(connections: usize) -> ServerRecord {
    ServerRecord { connections, ..ServerRecord::default() }
}

#[test]
fn internationalized_address_may_not_be_replaced() {
    let judged = |messages: Vec<ReceivedMessage>, bounces| {
        let record = ServerRecord { messages, ..contacted(1) };
        finding(ServerCheck::AsciiAddress, &record, bounces).verdict
    };
    let other = message("xn--grn-hoa@far.test", b"text\r\n");
    assert_eq!(judged(vec![other], 0), Verdict::Violates);
    assert_eq!(judged(Vec::new(), 1), Verdict::Conforms);
    assert_eq!(judged(Vec::new(), 0), Verdict::Inconclusive);
}

#[test]
fn queued_mail_makes_an_omission_inconclusive_unless_it_is_expected_there() {
    let judged = |queued| {
        let findings = vec![
            finding(ServerCheck::OnlyUnderTls, &contacted(2), 0),
            finding(ServerCheck::NotASuccess, &contacted(1), 0),
        ];
        judge::with_queue(findings, queued)
    };
    let verdicts = |queued| judged(queued).into_iter().map(|one| one.verdict).collect::<Vec<_>>();
    assert_eq!(verdicts(0), [Verdict::Conforms, Verdict::Violates]);
    assert_eq!(verdicts(1), [Verdict::Conforms, Verdict::Violates]);
    assert_eq!(verdicts(2), [Verdict::Conforms, Verdict::Inconclusive]);
    let observed = &judged(2)[1].observed;
    assert!(observed.ends_with("the target's queue still holds 1 message"), "{observed}");
}

/// How long the server of a case keeps the target waiting in one connection.
fn keeps_waiting(case: &Case) -> Duration {
    let Script::Server(script) = &case.script else { return Duration::ZERO };
    let length = |misbehaviour: &Misbehaviour| match misbehaviour {
        Misbehaviour::Delay(time) => *time,
        Misbehaviour::EndlessReply { length, .. } => *length,
        _ => Duration::ZERO,
    };
    script.misbehaviour.iter().map(|(_, misbehaviour)| length(misbehaviour)).sum()
}

/// A server that closed earlier would make a patient target look impatient.
#[test]
fn server_session_outlasts_every_misbehaviour() {
    let all = cases::all(&Times::FULL);
    let longest = all.iter().map(keeps_waiting).max().expect("cases");
    assert!(longest >= Duration::from_secs(600), "{longest:?}");
    assert!(test_server::session_timeout() >= longest + limits::SERVER_IDLE, "{longest:?}");
}

/// How long a client takes for this step.
fn slow_send(step: &Step) -> Duration {
    match step {
        Step::SlowSend(text, pause) => u32::try_from(text.len()).expect("a few octets") * *pause,
        _ => Duration::ZERO,
    }
}

/// The slow steps of `--full`.
fn slow_sends() -> impl Iterator<Item = Duration> {
    let steps = |case: Case| match case.script {
        Script::Client(script) => script.steps,
        Script::Server(_) => Vec::new(),
    };
    cases::all(&Times::FULL).into_iter().flat_map(steps).map(|step| slow_send(&step))
}

/// A server may close five minutes after it began to wait for a command (RFC 5321 §4.5.3.2.7), even
/// if octets arrive meanwhile.
#[test]
fn slow_command_ends_within_the_server_timeout() {
    let longest = slow_sends().max().expect("steps");
    assert!(longest > limits::SERVER_IDLE / 2, "too short to test a timeout: {longest:?}");
    assert!(longest < limits::SERVER_IDLE, "{longest:?}");
}

#[test]
fn queue_lifetime_outlasts_the_test() {
    let lifetime = |minutes: u64| {
        let give_up_after = Duration::from_secs(60 * minutes);
        let kind = Growth::Fixed { first: Duration::from_secs(2) };
        outlasting(&RetrySchedule { kind, jitter: 0.0, give_up_after }).give_up_after
    };
    let longest_test =
        limits::CONFORMANCE_WAIT + Times::FULL.longest() + slow_sends().sum::<Duration>();
    assert!(lifetime(10) > 2 * longest_test, "{longest_test:?}");
    assert_eq!(lifetime(600), Duration::from_secs(60 * 600));
}
