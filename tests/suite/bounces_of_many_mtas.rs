//! A notification is a bounce in whatever form it comes, as long as it comes from the null
//! reverse-path to our sender; one from a sender is a violation of its own; an automatic answer is
//! neither.

use std::net::TcpListener;

use crate::pipeline::notice::{Notice, Refused, compose};
use crate::pipeline::{Behaviour, HONEST, Pipeline};
use crate::rewriting::{self, Mail};
use crate::second_reading::assert_agrees;
use crate::support::{Lab, Ran, free_address};

/// Every message to this destination is rejected.
const STRICT: &str = "[[fault]]\nname = \"unknown\"\ndestination = \"two.test\"\n\
    stage = \"rcpt-to\"\nreject = \"550 5.1.1 No such user here\"\n";

const FORMS: usize = 7;

/// A notification in one of several forms, as to who could not be reached.
fn notification(form: usize, recipient: &str) -> String {
    match form % FORMS {
        0 => standard(recipient),
        1 => format!(
            "From: MAILER-DAEMON@q.test\r\nSubject: failure notice\r\n\r\nHi. This is the \
             qmail-send program at q.test.\r\n\r\n<{recipient}>:\r\nSorry.\r\n"
        ),
        2 => format!(
            "From: Mail Delivery System <Mailer-Daemon@e.test>\r\nX-Failed-Recipients: \
             {recipient}\r\nAuto-Submitted: auto-replied\r\nSubject: Mail delivery failed: \
             returning message to sender\r\n\r\nA message could not be delivered.\r\n"
        ),
        3 => format!(
            "From: postmaster@n.test\r\nSubject: DELIVERY FAILURE: not listed\r\n\r\nYour \
             message was not delivered to:\r\n\r\n  {recipient}\r\n"
        ),
        4 => format!(
            "From: Microsoft Outlook <me@x.test>\r\nAuto-Submitted: auto-replied\r\nSubject: \
             Undeliverable: mailbench\r\nContent-Type: text/html\r\n\r\n<p>Delivery has failed \
             to these recipients: {recipient}</p>\r\n"
        ),
        5 => {
            "From: office@o.test\r\nSubject: Your letter\r\n\r\nNobody was at home.\r\n".to_owned()
        }
        _ => "Subject: \r\n\r\n\r\n".to_owned(),
    }
}

/// As RFC 3464 has it.
fn standard(recipient: &str) -> String {
    format!(
        "From: <>\r\nSubject: Undeliverable\r\nMIME-Version: 1.0\r\nContent-Type: \
         multipart/report; report-type=delivery-status; boundary=\"=_b\"\r\n\r\n--=_b\r\n\
         Content-Type: text/plain\r\n\r\nsorry\r\n--=_b\r\nContent-Type: \
         message/delivery-status\r\n\r\nReporting-MTA: dns; b.test\r\n\r\n\
         Final-Recipient: rfc822; {recipient}\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n\
         --=_b--\r\n"
    )
}

/// A run whose target returns what is rejected from this sender, and whose recipients answer with
/// these messages.
fn returning(
    from: &'static str,
    answers: impl Fn(usize, &Mail) -> Vec<Mail> + Send + Sync + 'static,
) -> Ran {
    let sink = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("bound");
    let back = move |number: usize, mail: &Mail, _: &str| {
        let text = notification(number, &mail.recipients[0]);
        let recipients = vec![mail.sender.clone()];
        Some(Mail { sender: from.to_owned(), recipients, text })
    };
    let act = move |number: usize, mail: Mail| {
        let mut all = if number > 0 { answers(number, &mail) } else { Vec::new() };
        all.insert(0, mail);
        all
    };
    let target = rewriting::start(sink, Box::new(act), Box::new(back));
    Lab::small(STRICT)
        .set("target.kind", "external")
        .set("target.address", &target.to_string())
        .set("target.queue_command", r#"["echo", "0"]"#)
        .set("sink.listen", &sink.to_string())
        .set("load.warm_up", "0s")
        .set("load.duration", "2s")
        .run()
}

fn answer(sender: &str, to: &str, text: &str) -> Mail {
    let (sender, recipients) = (sender.to_owned(), vec![to.to_owned()]);
    Mail { sender, recipients, text: text.to_owned() }
}

#[test]
fn each_is_a_bounce_and_automatic_answers_are_none() {
    let ran = returning("", |number, mail| {
        let vacation = "From: a@one.test\r\nAuto-Submitted: auto-replied\r\nSubject: Re: yours\r\n\r\n\
            I am away.\r\n";
        let delay = "From: MAILER-DAEMON@d.test\r\nSubject: Warning: message delayed 4 hours\r\n\r\n\
            It will be retried.\r\n";
        match number % 10 {
            3 => vec![answer("", &mail.sender, vacation)],
            6 => vec![answer("a@one.test", &mail.sender, vacation)],
            9 => vec![answer("", &mail.sender, delay)],
            _ => Vec::new(),
        }
    });
    ran.assert_code(0);
    assert_agrees(std::slice::from_ref(&ran.path));
    let offered = ran.count("offered");
    let (bounced, delivered) = (ran.count("bounced"), ran.count("delivered"));
    assert_eq!((bounced + delivered, ran.count("lost")), (offered, 0), "{ran}");
    assert!(bounced > 20 && delivered > 20, "{ran}");
    assert_eq!((ran.count("auto_replies"), ran.count("phantom")), (offered / 5, 0), "{ran}");
    let nonstandard = ran.count("dsn_nonstandard");
    // One form of seven is standard; delays of mail that was delivered are not.
    assert!(nonstandard > bounced * 3 / 4, "{nonstandard} of {bounced}\n{ran}");
    for none in ["dsn_unmatched", "dsn_malformed", "dsn_non_null_sender", "false_bounce"] {
        assert_eq!(ran.count(none), 0, "{none}\n{ran}");
    }
}

#[test]
fn a_notification_from_a_sender_is_a_violation_of_its_own() {
    let ran = returning("mailer-daemon@b.test", |_, _| Vec::new());
    ran.assert_code(97);
    assert_agrees(std::slice::from_ref(&ran.path));
    let violations = ran.report()["correctness"]["violations"].clone();
    assert!(ran.count("dsn_non_null_sender") > 15, "{ran}");
    let listed = violations.as_array().expect("a list");
    let mut classes = listed.iter().map(|violation| violation["class"].as_str().expect("a class"));
    assert!(
        classes
            .all(|class| class == "dsn_non_null_sender" || class == "phantom" || class == "lost")
    );
    let allowed = ran.report()["verdict"]["reasons"].to_string();
    assert!(allowed.contains("dsn_non_null_sender"), "{allowed}");
}

/// A preflight that is returned never arrives; what the notification says is the reason.
#[test]
fn a_preflight_that_comes_back_says_why() {
    let folder = tempfile::tempdir().expect("a folder");
    let behaviour = Behaviour {
        act: |mail, _| {
            let reply = "555 5.5.4 \u{1b}[2JBODY not offered here".to_owned();
            let recipient = mail.recipients.first().cloned().unwrap_or_default();
            vec![compose(Notice::Standard, &mail, &[Refused { recipient, reply }])]
        },
        ..HONEST
    };
    let sink = free_address();
    let pipeline = Pipeline::start(behaviour, sink, false, folder.path());
    let ran = Lab::small("")
        .set("target.kind", "external")
        .set("target.address", &pipeline.address.to_string())
        .set("sink.listen", &sink.to_string())
        .run();
    ran.assert_code(106);
    assert!(ran.stderr.contains("the target returned it, saying"), "{ran}");
    assert!(ran.stderr.contains("555 5.5.4") && ran.stderr.contains("BODY not offered"), "{ran}");
    assert!(!ran.stderr.contains('\u{1b}'), "{ran}");
}
