//! Damaged content: no declaration excuses it.

use super::case::{ALL, Case, REST, THIRD};
use crate::pipeline::mail::Mail;

/// What could be declared.
const EVERYTHING: [(&str, &str); 5] = [
    ("headers", "any"),
    ("subject", "true"),
    ("footer", "true"),
    ("sender", "any"),
    ("recipient", "any"),
];

fn damages(name: &'static str, act: fn(Mail, &mut Vec<Mail>) -> Vec<Mail>) -> Case {
    let counts = [("corrupted", THIRD), ("delivered", REST)];
    Case::defect(name, act, &counts).samples(ALL).despite(&EVERYTHING)
}

pub(super) fn unlawful() -> Vec<Case> {
    [cut(), dots(), ends(), letters()].concat()
}

fn cut() -> Vec<Case> {
    vec![
        damages("cut in the middle", |mail, _| {
            vec![mail.body(|body| body[..line_start(body, body.len() / 2)].to_vec())]
        }),
        damages("the last line cut off", |mail, _| {
            vec![mail.body(|body| {
                let before = memchr::memmem::rfind(&body[..body.len() - 2], b"\r\n");
                body[..before.expect("lines") + 2].to_vec()
            })]
        }),
        damages("the body cut off", |mail, _| vec![mail.body(|_| Vec::new())]),
        damages("a line lost in the middle", |mail, _| {
            vec![mail.body(|body| {
                let from = line_start(body, body.len() / 2);
                let to = line_start(body, from + 1);
                [&body[..from], &body[to..]].concat()
            })]
        }),
        damages("a line doubled", |mail, _| {
            vec![mail.body(|body| {
                let from = line_start(body, body.len() / 2);
                let to = line_start(body, from + 1);
                [&body[..to], &body[from..]].concat()
            })]
        }),
    ]
}

/// Where the first line at or after this place begins.
fn line_start(body: &[u8], from: usize) -> usize {
    if body[..from].ends_with(b"\r\n") {
        return from;
    }
    from + memchr::memmem::find(&body[from..], b"\r\n").expect("a line end") + 2
}

fn dots() -> Vec<Case> {
    vec![
        damages("dots at line starts lost", |mail, _| {
            vec![mail.lines(|line| line.strip_prefix('.').unwrap_or(line).to_owned())]
        }),
        damages("dots at line starts doubled", |mail, _| {
            vec![mail.lines(|line| match line.starts_with('.') {
                true => format!(".{line}"),
                false => line.to_owned(),
            })]
        }),
    ]
}

fn ends() -> Vec<Case> {
    vec![
        damages("line ends of the body made LF", |mail, _| {
            vec![mail.body(|body| {
                let bare: Vec<u8> = body.iter().copied().filter(|byte| *byte != b'\r').collect();
                [&bare[..], b"\r\n"].concat()
            })]
        }),
        damages("a CR lost", |mail, _| {
            vec![mail.body(|body| {
                let at = line_start(body, body.len() / 2) - 2;
                [&body[..at], &body[at + 1..]].concat()
            })]
        }),
        damages("a CR added", |mail, _| {
            vec![mail.body(|body| {
                let at = line_start(body, body.len() / 2) - 2;
                [&body[..at], b"\r", &body[at..]].concat()
            })]
        }),
    ]
}

fn letters() -> Vec<Case> {
    let eight_bit = |name, act| damages(name, act).set("message.encoding", "8bit");
    vec![
        damages("a byte flipped", |mail, _| {
            vec![mail.body(|body| {
                let mut body = body.to_vec();
                let middle = body.len() / 2;
                let letter = body[middle..].iter().position(u8::is_ascii_lowercase);
                body[middle + letter.expect("a letter")] ^= 1;
                body
            })]
        }),
        damages("a NUL put in", |mail, _| {
            vec![mail.body(|body| {
                let at = line_start(body, body.len() / 2);
                [&body[..at], b"\0", &body[at..]].concat()
            })]
        }),
        eight_bit("the eighth bit stripped", |mail, _| {
            vec![mail.body(|body| body.iter().map(|byte| byte & 127).collect())]
        }),
        eight_bit("letters that are not ASCII made question marks", |mail, _| {
            vec![mail.body(|body| {
                body.iter().map(|byte| if byte.is_ascii() { *byte } else { b'?' }).collect()
            })]
        }),
        eight_bit("text taken for Latin-1 and encoded again", |mail, _| {
            vec![mail.body(|body| {
                body.iter().map(|byte| char::from(*byte)).collect::<String>().into_bytes()
            })]
        }),
        eight_bit("quoted-printable without saying so", |mail, _| {
            vec![mail.body(crate::pipeline::text::quoted_printable)]
        }),
    ]
}
