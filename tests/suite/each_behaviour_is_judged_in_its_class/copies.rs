//! Copies for further recipients whose content is not as it was sent: a declaration says who gets a
//! copy, not what may become of it.

use super::case::{ALL, Case};
use crate::pipeline::mail::Mail;
use crate::pipeline::{Behaviour, HONEST, Which};

const ARCHIVE: &str = "archive@archive.test";

/// It is written otherwise there: quotes, case and the root's dot make no other address.
const DECLARED: (&str, &str) = ("copies", "[\"archive@ARCHIVE.test.\"]");

fn archived(make: fn(Mail) -> Mail) -> impl Fn(Mail) -> Vec<Mail> {
    move |mail| vec![make(mail.copy_for(ARCHIVE)), mail]
}

fn copies(name: &'static str, act: fn(Mail, &mut Vec<Mail>) -> Vec<Mail>) -> Case {
    let behaviour = Behaviour { act, which: Which::Load, ..HONEST };
    Case::unlawful(name, behaviour, &[("copied", ALL), ("copied_violations", ALL)]).samples(ALL)
}

fn shortened(mail: Mail) -> Mail {
    mail.body(|body| {
        let from = body.len() / 2;
        let end = memchr::memmem::find(&body[from..], b"\r\n").expect("a line end");
        body[..from + end + 2].to_vec()
    })
}

fn tagged(mail: Mail) -> Mail {
    mail.value("subject", |old| format!("[archive] {old}"))
}

/// As a journal reports it: attached to a message of its own.
fn attached(mail: Mail) -> Mail {
    let head =
        b"From: journal@archive.test\r\nSubject: a message was sent\r\nMIME-Version: 1.0\r\n\
        Content-Type: multipart/mixed; boundary=\"=_j\"\r\n\r\n\
        --=_j\r\nContent-Type: text/plain\r\n\r\nSender and recipients are as follows.\r\n\
        --=_j\r\nContent-Type: message/rfc822\r\n\r\n";
    let text = [&head[..], &mail.text, b"\r\n--=_j--\r\n"].concat();
    Mail { text, ..mail }
}

/// Without a declaration.
const COPIED: [(&str, u64); 3] = [("copied", ALL), ("copied_violations", ALL), ("delivered", ALL)];

/// As declared.
const MEANT: [(&str, u64); 2] = [("copied", ALL), ("delivered", ALL)];

pub(super) fn unlawful() -> Vec<Case> {
    let damaged = [("copied", ALL), ("copied_violations", ALL), ("corrupted", ALL)];
    let altered = [("copied", ALL), ("copied_violations", ALL), ("altered", ALL)];
    let declared = [DECLARED];
    let with_subject = [DECLARED, ("subject", "true")];
    vec![
        copies("a copy cut short", |mail, _| archived(shortened)(mail))
            .counts(&damaged)
            .samples(ALL)
            .kinds(&["truncated"])
            .still_fails(&declared, &[("copied", ALL), ("corrupted", ALL)]),
        copies("a copy with a tag in its subject", |mail, _| archived(tagged)(mail))
            .counts(&altered)
            .samples(ALL)
            .kinds(&["subject-changed"])
            .declared(&with_subject, &MEANT),
        copies("a copy with a tag in its subject that is not declared", |mail, _| {
            archived(tagged)(mail)
        })
        .counts(&altered)
        .samples(ALL)
        .still_fails(&declared, &[("copied", ALL), ("altered", ALL)]),
        copies("a copy with a field of its own", |mail, _| {
            archived(|copy| copy.appended(&["X-Archived: yes"]))(mail)
        })
        .counts(&COPIED)
        .declared(&declared, &MEANT),
        copies("a copy as an attachment", |mail, _| archived(attached)(mail))
            .counts(&COPIED)
            .kinds(&["attached"])
            .declared(&declared, &MEANT),
        copies("delivered as an attachment", |mail, _| vec![attached(mail)])
            .counts(&[("altered", ALL)])
            .samples(ALL)
            .kinds(&["attached"])
            .despite(&[("headers", "any")]),
    ]
}
