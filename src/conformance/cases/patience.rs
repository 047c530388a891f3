//! I6, O4, O7 and the endless reply of O1: timeouts with slow peers.

use std::time::Duration;

use super::{HEADER, Heading, client, envelope, message, once, send, server};
use crate::conformance::case::{
    Case, ClientCheck, Misbehaviour, ServerCheck, ServerScript, ServerStage, Step, TestMessage,
    Times,
};
use crate::conformance::finding::Verdict::Violates;

/// Number of slow clients at the same time.
const SLOW_CLIENTS: usize = 50;

pub(super) fn cases(times: &Times) -> Vec<Case> {
    let mut cases =
        vec![late_reply(times), slow_command(times), slow_content(times), slowloris(times)];
    cases.extend(endless_replies(times));
    cases
}

/// A duration in seconds.
fn seconds(time: Duration) -> String {
    format!("{} s", time.as_secs_f64())
}

fn late_reply(times: &Times) -> Case {
    let delay = times.reply_delay;
    let title = format!("the reply to the end of data comes after {}", seconds(delay));
    let heading = Heading {
        id: "o7-late-reply",
        title: &title,
        expected: "waits (the minimum timeout is 10 minutes) and does not send the message again",
        source: "RFC 5321 §4.5.3.2.6",
        mandated: true,
    };
    let misbehaviour = Misbehaviour::Delay(delay);
    server(&heading, once(ServerStage::EndOfData, misbehaviour, ServerCheck::WaitsForReply(delay)))
}

fn slow_command(times: &Times) -> Case {
    let title = format!("a command sent one octet every {}", seconds(times.octet_interval));
    let heading = Heading {
        id: "i6-slow-command",
        title: &title,
        expected: "waits (the minimum timeout is 5 minutes) and answers",
        source: "RFC 5321 §4.5.3.2.7",
        mandated: false,
    };
    let steps = vec![
        Step::SlowSend(b"EHLO slow.client.mailbench.test\r\n".to_vec(), times.octet_interval),
        Step::AwaitReplies(1),
    ];
    let codes = ClientCheck::ReplyCodes { codes: vec!["220", "250"], otherwise: Violates };
    client(&heading, steps, codes)
}

fn slow_content(times: &Times) -> Case {
    let title = format!(
        "the last line of a message sent one octet every {}",
        seconds(times.octet_interval)
    );
    let heading = Heading {
        id: "i6-slow-content",
        title: &title,
        expected: "waits (the minimum timeout is 5 minutes) and delivers it once",
        source: "RFC 5321 §4.5.3.2.7",
        mandated: false,
    };
    let mut steps = envelope();
    let slow = b"slow end of data\r\n.\r\n".to_vec();
    steps.extend([send(HEADER), Step::SlowSend(slow, times.octet_interval), Step::AwaitReplies(1)]);
    client(&heading, steps, ClientCheck::DeliveredOnce { rejected: Violates })
}

fn slowloris(times: &Times) -> Case {
    let octet = seconds(times.octet_interval);
    let title = format!(
        "a message while {SLOW_CLIENTS} other clients send a command, one octet every {octet}"
    );
    let heading = Heading {
        id: "i6-slowloris",
        title: &title,
        expected: "accepted and delivered once, or turned away with a reply",
        source: "RFC 5321 §4.5.3.2.7, §7.8",
        mandated: false,
    };
    let mut steps = vec![Step::SlowClients(SLOW_CLIENTS, times.octet_interval)];
    steps.extend(message(b"among slow clients\r\n"));
    client(&heading, steps, ClientCheck::Served)
}

/// An endless reply: case, title, stage, first text, repeated text, interval.
type Endless = (&'static str, &'static str, ServerStage, &'static str, Vec<u8>, Duration);

fn endless_replies(times: &Times) -> Vec<Case> {
    let (short, second) = (Duration::from_millis(100), Duration::from_secs(1));
    // Many lines to a segment, as fast as the target reads.
    let flood = b"250-2.1.0 one more line\r\n".repeat(200);
    let all: [Endless; 4] = [
        (
            "o4-endless-banner",
            "a banner with an endless number of lines, ten per second",
            ServerStage::Banner,
            "",
            b"220-far.mailbench.test\r\n".to_vec(),
            short,
        ),
        (
            "o4-endless-ehlo",
            "a reply to EHLO with an endless number of lines, ten per second",
            ServerStage::Ehlo,
            "250-far.mailbench.test\r\n",
            b"250-XMORE\r\n".to_vec(),
            short,
        ),
        (
            "o4-tarpit",
            "a banner of one endless line, one octet per second",
            ServerStage::Banner,
            "220 ",
            b"t".to_vec(),
            second,
        ),
        (
            "o1-endless-reply",
            "a reply to MAIL with an endless number of lines, as fast as the target reads",
            ServerStage::Mail,
            "",
            flood,
            Duration::ZERO,
        ),
    ];
    all.into_iter().map(|endless| endless_reply(endless, times.endless_reply)).collect()
}

fn endless_reply((id, does, stage, first, repeated, interval): Endless, length: Duration) -> Case {
    let title = format!("{does}, for {}", seconds(length));
    let heading = Heading {
        id,
        title: &title,
        expected: "other mail is delivered meanwhile; gives up, after 5 minutes at the earliest",
        source: "RFC 5321 §4.5.3.2, §4.5.3.1.5",
        mandated: false,
    };
    let misbehaviour = Misbehaviour::EndlessReply { first, repeated, interval, length };
    let message = TestMessage { companion: true, ..TestMessage::default() };
    let script = once(stage, misbehaviour, ServerCheck::OtherMailContinues);
    server(&heading, ServerScript { message, ..script })
}
