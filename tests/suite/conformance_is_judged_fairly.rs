//! What a conformance case says of a target follows from what was heard and seen, and from nothing
//! that was not.

use std::time::Duration;

use mailbench::clock::Time;
use mailbench::conformance::case::{Act, Asked, Case, Manner, Question, Step, Strike, Times};
use mailbench::conformance::cases;
use mailbench::conformance::client::{Addresses, Heard};
use mailbench::conformance::examine::patient;
use mailbench::conformance::far_end::{self, Arrived, Seen};
use mailbench::conformance::finding::Verdict;
use mailbench::conformance::judge::server::{ServerFacts, server};
use mailbench::conformance::judge::{self, Facts, Finding};
use mailbench::limits;
use mailbench::queue::schedule::{Growth, RetrySchedule};

fn reply(text: &str) -> Heard {
    Heard::Reply(format!("{text}\r\n"))
}

/// What is said where a client heard this and nothing arrived.
fn verdict(question: &Question, heard: &[Heard]) -> Verdict {
    verdict_with(question, heard, &[])
}

/// The same where these arrived.
fn verdict_with(question: &Question, heard: &[Heard], arrived: &[Arrived]) -> Verdict {
    let address = |who: &str| format!("{who}@obedient.test");
    let addresses = Addresses { from: address("from"), to: address("to"), other: address("other") };
    let facts = Facts { heard, addresses: &addresses, arrived, alive: true };
    judge::client(question, &facts).verdict
}

fn arrived(to: &str, content: &[u8]) -> Arrived {
    Arrived {
        at: Time::ZERO,
        connection: 1,
        from: "from@obedient.test".to_owned(),
        to: vec![to.to_owned()],
        content: content.to_vec(),
        taken: true,
        secured: false,
    }
}

/// A session up to STARTTLS at a server that offers it, and then this.
fn injected(then: &[Heard]) -> Verdict {
    let mut heard = vec![reply("220 here"), reply("250-here\r\n250 STARTTLS")];
    heard.extend_from_slice(then);
    verdict(&Question::Injected, &heard)
}

#[test]
fn who_gives_an_injecting_client_up_is_hardened_and_who_was_not_asked_is_untold() {
    let ready = reply("220 go ahead");
    let under_tls = |then| [ready.clone(), Heard::Secured, then];
    assert_eq!(injected(&under_tls(Heard::Silence)), Verdict::Conforms);
    assert_eq!(injected(&under_tls(reply("250 in.between"))), Verdict::Vulnerable);
    assert_eq!(injected(&under_tls(Heard::Closed)), Verdict::Hardened);
    assert_eq!(injected(&[ready, Heard::NotSecured]), Verdict::Hardened);
    assert_eq!(injected(&[reply("554 synchronization error")]), Verdict::Hardened);
    assert_eq!(injected(&[Heard::Silence]), Verdict::Untold);
    let offers_none = [reply("220 here"), reply("250 here"), reply("502 not here")];
    assert_eq!(verdict(&Question::Injected, &offers_none), Verdict::Untold);
}

/// Whether or not the server then took the rest for commands.
#[test]
fn a_message_that_ends_where_a_sequence_stood_is_no_message_made_harmless() {
    let question =
        Question::Smuggled { sequence: b"\n.\n".to_vec(), last: b"at last", legal: false };
    let judged = |to: &str, content: &[u8]| {
        verdict_with(&question, &[reply("250 taken")], &[arrived(to, content)])
    };
    let to = "to@obedient.test";
    assert_eq!(judged(to, b"before\r\n"), Verdict::Violates);
    assert_eq!(judged(to, b"before\r\n..\r\nMAIL\r\nat last\r\n"), Verdict::Conforms);
    assert_eq!(judged(to, b"before\n.\nMAIL\r\nat last\r\n"), Verdict::Violates);
    assert_eq!(judged("other@obedient.test", b"at last\r\n"), Verdict::Vulnerable);
}

#[test]
fn a_stranger_whose_last_command_got_no_answer_was_not_denied() {
    let asked = |last: Heard| verdict(&Question::Denied, &[reply("220 here"), last]);
    assert_eq!(asked(reply("554 5.7.1 no relaying")), Verdict::Conforms);
    assert_eq!(asked(reply("451 4.7.1 not now")), Verdict::Conforms);
    assert_eq!(asked(reply("250 2.1.5 Ok")), Verdict::Vulnerable);
    assert_eq!(asked(Heard::Silence), Verdict::Untold);
    assert_eq!(asked(Heard::Closed), Verdict::Untold);
    assert_eq!(verdict(&Question::Denied, &[]), Verdict::Untold);
}

/// What is said of a message that was taken, and of which the server saw no more than this.
fn finding(asked: Asked, seen: &Seen, returned: usize) -> Finding {
    let manner = Manner { asked, ..Manner::default() };
    let facts = ServerFacts {
        heard: &[reply("250 taken")],
        recipients: &["to@far.test".to_owned()],
        seen,
        returned,
        companion: None,
    };
    server(&manner, &facts)
}

fn met(connections: usize) -> Seen {
    Seen { connections, ..Seen::default() }
}

#[test]
fn an_international_address_may_not_become_another() {
    let sent = |arrived: Vec<Arrived>, returned| {
        let seen = Seen { arrived, ..met(1) };
        finding(Asked::AsciiAddress, &seen, returned).verdict
    };
    let other = arrived("xn--grn-hoa@far.test", b"text\r\n");
    assert_eq!(sent(vec![other], 0), Verdict::Violates);
    assert_eq!(sent(Vec::new(), 1), Verdict::Conforms);
    assert_eq!(sent(Vec::new(), 0), Verdict::Untold);
}

#[test]
fn a_queue_that_holds_only_what_should_be_put_off_does_not_hold_the_rest() {
    let judged = |queued| {
        let findings =
            vec![finding(Asked::OnlySecured, &met(2), 0), finding(Asked::NotTaken, &met(1), 0)];
        judge::with_queue(findings, queued).into_iter().map(|one| one.verdict).collect::<Vec<_>>()
    };
    assert_eq!(judged(0), [Verdict::Conforms, Verdict::Violates]);
    assert_eq!(judged(1), [Verdict::Conforms, Verdict::Violates]);
    assert_eq!(judged(2), [Verdict::Conforms, Verdict::Untold]);
}

/// How long its server lets the target wait in one connection.
fn lets_wait(case: &Case) -> Duration {
    let Act::Server(manner) = &case.act else { return Duration::ZERO };
    let length = |strike: &Strike| match strike {
        Strike::Wait(time) => *time,
        Strike::Dawdle { length, .. } => *length,
        _ => Duration::ZERO,
    };
    manner.strikes.iter().map(|(_, strike)| length(strike)).sum()
}

/// Minutes too many of `--full` would be laid at the target's door.
#[test]
fn a_server_hangs_up_only_after_what_it_does_and_the_wait_for_a_command() {
    let all = cases::all(&Times::FULL);
    let longest = all.iter().map(lets_wait).max().expect("cases");
    assert!(longest >= Duration::from_secs(600), "{longest:?}");
    assert!(far_end::patience() >= longest + limits::SERVER_IDLE, "{longest:?}");
}

/// How long a client trickles in this step.
fn trickles(step: &Step) -> Duration {
    match step {
        Step::Dribble(text, pause) => u32::try_from(text.len()).expect("a few octets") * *pause,
        _ => Duration::ZERO,
    }
}

/// What the clients of `--full` trickle, step by step.
fn trickle() -> impl Iterator<Item = Duration> {
    let steps = |case: Case| match case.act {
        Act::Client(script) => script.steps,
        Act::Server(_) => Vec::new(),
    };
    cases::all(&Times::FULL).into_iter().flat_map(steps).map(|step| trickles(&step))
}

/// A server may close five minutes after it began to wait for a command (RFC 5321 §4.5.3.2.7),
/// whatever trickles in meanwhile.
#[test]
fn a_slow_command_ends_within_the_time_that_a_server_must_wait() {
    let longest = trickle().max().expect("steps");
    assert!(longest > limits::SERVER_IDLE / 2, "it tries nobody's patience: {longest:?}");
    assert!(longest < limits::SERVER_IDLE, "{longest:?}");
}

/// What `--full` waits for itself is no reason to return mail.
#[test]
fn a_target_is_told_to_try_for_longer_than_the_examination_takes() {
    let told = |minutes: u64| {
        let give_up_after = Duration::from_secs(60 * minutes);
        let kind = Growth::Fixed { first: Duration::from_secs(2) };
        patient(&RetrySchedule { kind, jitter: 0.0, give_up_after }).give_up_after
    };
    let takes = limits::CONFORMANCE_WAIT + Times::FULL.longest() + trickle().sum::<Duration>();
    assert!(told(10) > 2 * takes, "{takes:?}");
    assert_eq!(told(600), Duration::from_secs(60 * 600));
}
