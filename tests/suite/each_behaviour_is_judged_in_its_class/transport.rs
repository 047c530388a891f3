//! Lawful ways to hand mail on, and lawful answers to its submission.

use super::case::{ALL, Case, GREYLIST, LOST_REPLY, REST, THIRD};
use crate::pipeline::{Answer, Behaviour, HONEST, Style, Which};

const AT_THE_END: &str = "[[fault]]\nname = \"full\"\nstage = \"end-of-data\"\nattempts = \"..2\"\n\
    defer = \"452 4.3.1 Insufficient storage\"\n";

const RESET_REPLY: &str = "[[fault]]\nname = \"lost reply\"\nstage = \"end-of-data\"\n\
    attempts = \"1\"\ndisconnect = \"rst\"\n";

pub(super) fn lawful() -> Vec<Case> {
    [styles(), retries(), orders(), answers()].concat()
}

fn styled(name: &'static str, style: Style) -> Case {
    Case::lawful(name, Behaviour { style, ..HONEST })
}

fn styles() -> Vec<Case> {
    let style = HONEST.style;
    vec![
        styled("HELO only", Style { helo: true, ..style }),
        styled("content by BDAT", Style { bdat: true, ..style }).set("sink.with", "[\"CHUNKING\"]"),
        styled("parameters of DSN, SIZE and 8BITMIME", Style { parameters: true, ..style }),
        styled("one session for all", Style { reuses: true, ..style }),
        styled("FIN instead of QUIT", Style { hangs_up: true, ..style }),
        styled(
            "one session for all, FIN instead of QUIT",
            Style { hangs_up: true, reuses: true, ..style },
        ),
        styled("comes, leaves after RCPT, and comes again", Style { hesitates: true, ..style }),
    ]
}

fn retries() -> Vec<Case> {
    let excused = [
        ("ambiguous_receptions", ALL),
        ("delivered", ALL),
        ("duplicates", ALL),
        ("duplicates_excused", ALL),
        ("duplicates_withheld", ALL),
    ];
    vec![
        Case::lawful("retries after greylisting", HONEST).with(GREYLIST),
        Case::lawful("retries after a full disk", HONEST).with(AT_THE_END),
        Case::lawful("a second copy after a reply that was lost", HONEST)
            .with(LOST_REPLY)
            .counts(&excused),
        Case::lawful("a second copy after a reset", HONEST).with(RESET_REPLY).counts(&excused),
    ]
}

fn orders() -> Vec<Case> {
    let two = |name, behaviour| Case::lawful(name, behaviour).set("message.recipients", "2");
    vec![
        two("two recipients in one transaction", HONEST).set("load.messages", "6"),
        two(
            "each recipient in a transaction of its own",
            Behaviour {
                act: |mail, _| mail.recipients.iter().map(|to| mail.copy_for(to)).collect(),
                ..HONEST
            },
        )
        .set("load.messages", "6"),
        Case::lawful(
            "the last first",
            Behaviour {
                which: Which::Load,
                act: |mail, held| {
                    held.push(mail);
                    if held.len() < 12 { Vec::new() } else { held.drain(..).rev().collect() }
                },
                ..HONEST
            },
        ),
    ]
}

/// Its reply to the final dot does not reach the client, which cannot know (RFC 1047).
fn answers() -> Vec<Case> {
    let some = |answer| Behaviour { answer, which: Which::Third, ..HONEST };
    vec![
        Case::lawful("its reply is lost, the message is delivered", some(Answer::Nothing))
            .counts(&[
                ("delivered", REST),
                ("indeterminate", THIRD),
                ("indeterminate_delivered", THIRD),
            ])
            .samples(ALL),
        Case::lawful("its reply is lost, and so is the message", some(Answer::Forget)).counts(&[
            ("delivered", REST),
            ("indeterminate", THIRD),
            ("indeterminate_not_delivered", THIRD),
        ]),
    ]
}
