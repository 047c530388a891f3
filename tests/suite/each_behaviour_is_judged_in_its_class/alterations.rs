//! Content that was altered on purpose: the figures stay, and the run fails unless the alteration
//! is declared.

use super::case::{ALL, Case};
use super::messages::STAMPED;
use crate::pipeline::mail::Mail;
use crate::pipeline::{Behaviour, HONEST, Which};

/// What is declared is permitted.
const DECLARED: [(&str, u64); 1] = [("delivered", ALL)];

fn alters(name: &'static str, act: fn(Mail, &mut Vec<Mail>) -> Vec<Mail>) -> Case {
    let behaviour = Behaviour { act, which: Which::Load, ..HONEST };
    Case::unlawful(name, behaviour, &[("altered", ALL)]).samples(ALL)
}

pub(super) fn unlawful() -> Vec<Case> {
    [subjects(), fields(), footers(), bodies()].concat()
}

fn subjects() -> Vec<Case> {
    let subject = [("subject", "true")];
    vec![
        alters("subject tagged", |mail, _| {
            vec![mail.value("subject", |old| format!("[list] {old}"))]
        })
        .kinds(&["subject-changed"])
        .declared(&subject, &DECLARED),
        alters("subject marked as spam", |mail, _| {
            vec![mail.value("subject", |old| format!("***SPAM*** {old}"))]
        })
        .declared(&subject, &DECLARED),
    ]
}

fn fields() -> Vec<Case> {
    let any = [("headers", "any")];
    vec![
        alters("author rewritten", |mail, _| {
            vec![mail.value("from", |_| "\"A via List\" <list@lists.test>".to_owned())]
        })
        .kinds(&["header-rewritten"])
        .declared(&any, &DECLARED),
        alters("date rewritten", |mail, _| {
            vec![mail.value("date", |_| "Mon, 2 Nov 2026 13:00:00 +0100".to_owned())]
        })
        .declared(&any, &DECLARED),
        alters("Message-ID replaced", |mail, _| {
            vec![mail.value("message-id", |_| "<other@pipeline.test>".to_owned())]
        })
        .declared(&any, &DECLARED),
        alters("a field of the author's taken off", |mail, _| vec![mail.without(&["precedence"])])
            .kinds(&["header-removed"])
            .declared(&any, &DECLARED),
        alters("the subject taken off", |mail, _| vec![mail.without(&["subject"])])
            .of(STAMPED)
            .declared(&any, &DECLARED),
    ]
}

fn footers() -> Vec<Case> {
    let footer = [("footer", "true")];
    vec![
        alters("footer added to text", |mail, _| {
            vec![mail.body(|body| [body, b"\r\n-- \r\nScanned by pipeline.test\r\n"].concat())]
        })
        .kinds(&["footer-added"])
        .declared(&footer, &DECLARED),
        alters("footer added to text and HTML", |mail, _| {
            let mail = mail.replaced("</body>", "<p>Scanned by pipeline.test</p></body>");
            let second = boundary(&mail);
            let delimiter = format!("\r\n--{second}\r\nContent-Type: text/html");
            vec![mail.replaced(&delimiter, &format!("\r\nScanned by pipeline.test{delimiter}"))]
        })
        .kinds(&["footer-added"])
        .set("message.parts", "alternative")
        .declared(&footer, &DECLARED),
        alters("footer added as a part", |mail, _| {
            let end = format!("\r\n--{}--", boundary(&mail));
            let part = "\r\nContent-Type: text/plain\r\n\r\nScanned by pipeline.test";
            let with = format!("{}{part}{end}", end.trim_end_matches("--"));
            vec![mail.replaced(&end, &with)]
        })
        .kinds(&["footer-added"])
        .set("message.parts", "mixed")
        .declared(&footer, &DECLARED),
    ]
}

fn boundary(mail: &Mail) -> String {
    let head = String::from_utf8_lossy(mail.halves().0).into_owned();
    let (_, after) = head.split_once("boundary=\"").expect("a boundary");
    after.split('"').next().unwrap_or_default().to_owned()
}

fn bodies() -> Vec<Case> {
    vec![
        alters("lines wrapped at 40", |mail, _| vec![mail.lines(|line| wrapped(line, 40))])
            .kinds(&["lines-wrapped"]),
        alters("attachment stripped", |mail, _| vec![stripped(&mail, "")])
            .kinds(&["part-stripped"])
            .set("message.parts", "mixed"),
        alters("attachment replaced by a notice", |mail, _| {
            let notice = "Content-Type: text/plain\r\n\r\nAn attachment was removed.\r\n";
            vec![stripped(&mail, notice)]
        })
        .kinds(&["part-replaced"])
        .set("message.parts", "mixed"),
    ]
}

fn wrapped(line: &str, width: usize) -> String {
    let (mut out, mut used) = (String::new(), 0);
    for word in line.split(' ') {
        if used > 0 && used + 1 + word.len() > width {
            out.push_str("\r\n");
            used = 0;
        } else if used > 0 {
            out.push(' ');
            used += 1;
        }
        out.push_str(word);
        used += word.len();
    }
    out
}

/// With the last part gone, or another in its place.
fn stripped(mail: &Mail, instead: &str) -> Mail {
    let delimiter = format!("\r\n--{}", boundary(mail));
    let text = String::from_utf8_lossy(&mail.text).into_owned();
    let places: Vec<usize> = text.match_indices(&delimiter).map(|(at, _)| at).collect();
    let [.., last, end] = places.as_slice() else { panic!("no parts in {text}") };
    let instead = match instead {
        "" => String::new(),
        part => format!("{delimiter}\r\n{part}"),
    };
    let text = [&text[..*last], &instead, &text[*end..]].concat().into_bytes();
    Mail { text, ..mail.clone() }
}
