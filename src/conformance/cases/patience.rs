//! I6, O4, O7 and the endless reply of O1: peers that take their time.

use std::time::Duration;

use super::{HEADER, Heading, client, envelope, message, once, say, server};
use crate::conformance::case::{
    Asked, Case, Errand, Manner, Moment, Question, Step, Strike, Times,
};
use crate::conformance::finding::Verdict::Violates;

/// Clients of a siege.
const BESIEGERS: usize = 50;

pub(super) fn cases(times: &Times) -> Vec<Case> {
    let mut cases = vec![late_reply(times), slow_command(times), slow_content(times), siege(times)];
    cases.extend(dawdlers(times));
    cases
}

/// Seconds, or parts of one.
fn shown(time: Duration) -> String {
    format!("{} s", time.as_secs_f64())
}

fn late_reply(times: &Times) -> Case {
    let late = times.reply;
    let title = format!("the reply to the dot comes after {}", shown(late));
    let heading = Heading {
        id: "o7-late-reply",
        title: &title,
        expected: "awaited (10 minutes are the least), not sent again meanwhile",
        source: "RFC 5321 §4.5.3.2.6",
        mandated: true,
    };
    let manner = once(Moment::Dot, Strike::Wait(late), Asked::Patient(late));
    server(&heading, manner)
}

fn slow_command(times: &Times) -> Case {
    let title = format!("a command, one octet in {}", shown(times.octet));
    let heading = Heading {
        id: "i6-slow-command",
        title: &title,
        expected: "awaited (5 minutes are the least), and answered",
        source: "RFC 5321 §4.5.3.2.7",
        mandated: false,
    };
    let steps = vec![
        Step::Dribble(b"EHLO slow.client.mailbench.test\r\n".to_vec(), times.octet),
        Step::Hear(1),
    ];
    let codes = Question::Codes { codes: vec!["220", "250"], otherwise: Violates };
    client(&heading, steps, codes)
}

fn slow_content(times: &Times) -> Case {
    let title = format!("the last line of a message, one octet in {}", shown(times.octet));
    let heading = Heading {
        id: "i6-slow-content",
        title: &title,
        expected: "awaited (5 minutes are the least), and taken",
        source: "RFC 5321 §4.5.3.2.7",
        mandated: false,
    };
    let mut steps = envelope();
    let slow = b"a slow end\r\n.\r\n".to_vec();
    steps.extend([say(HEADER), Step::Dribble(slow, times.octet), Step::Hear(1)]);
    client(&heading, steps, Question::Once { refused: Violates })
}

fn siege(times: &Times) -> Case {
    let octet = shown(times.octet);
    let title =
        format!("a message while {BESIEGERS} connections say a command, one octet in {octet}");
    let heading = Heading {
        id: "i6-slowloris",
        title: &title,
        expected: "taken, or turned away with a reply",
        source: "RFC 5321 §4.5.3.2.7, §7.8",
        mandated: false,
    };
    let mut steps = vec![Step::Besiege(BESIEGERS, times.octet)];
    steps.extend(message(b"under siege\r\n"));
    client(&heading, steps, Question::Served)
}

/// What each server does: case, what it does in words, when, first, then again and again, how often.
type Dawdler = (&'static str, &'static str, Moment, &'static str, Vec<u8>, Duration);

fn dawdlers(times: &Times) -> Vec<Case> {
    let (short, second) = (Duration::from_millis(100), Duration::from_secs(1));
    // Many to a segment, as fast as they are taken.
    let flood = b"250-2.1.0 once more\r\n".repeat(200);
    let all: [Dawdler; 4] = [
        (
            "o4-endless-banner",
            "a banner whose lines never end, ten a second",
            Moment::Banner,
            "",
            b"220-far.mailbench.test\r\n".to_vec(),
            short,
        ),
        (
            "o4-endless-ehlo",
            "a reply to EHLO whose lines never end, ten a second",
            Moment::Ehlo,
            "250-far.mailbench.test\r\n",
            b"250-XMORE\r\n".to_vec(),
            short,
        ),
        (
            "o4-tarpit",
            "a banner of one line that never ends, one octet a second",
            Moment::Banner,
            "220 ",
            b"t".to_vec(),
            second,
        ),
        (
            "o1-endless-reply",
            "a reply to MAIL whose lines never end, as fast as they are taken",
            Moment::Mail,
            "",
            flood,
            Duration::ZERO,
        ),
    ];
    all.into_iter().map(|dawdler| dawdle(dawdler, times.dawdle)).collect()
}

fn dawdle((id, does, moment, lead, again, pause): Dawdler, length: Duration) -> Case {
    let title = format!("{does}, for {}", shown(length));
    let heading = Heading {
        id,
        title: &title,
        expected: "other mail goes on; given up, after 5 minutes at the least",
        source: "RFC 5321 §4.5.3.2, §4.5.3.1.5",
        mandated: false,
    };
    let strike = Strike::Dawdle { lead, again, pause, length };
    let errand = Errand { companion: true, ..Errand::default() };
    let manner = Manner { message: errand, ..once(moment, strike, Asked::NotHeldUp) };
    server(&heading, manner)
}
