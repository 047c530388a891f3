//! What came back to one of our senders: a DSN, a failure notice or delay notice in anybody's words
//! (qmail, Exim, Notes, Exchange), an automatic answer (RFC 3834), or neither.
//!
//! Only RFC 3464 has a form that a program was meant to read. Of anything else the null reverse-path
//! and our sender as its recipient say that it is a notification about one message (RFC 5321 §6.1);
//! the recipients are those whose addresses its own text names.

use mail_parser::{Message, MessageParser};
use memchr::memmem;

use super::fields::Report;
use super::words;
use super::{Arrival, is_null, read as read_dsn};
use crate::ledger::event::{Dsn, Notice, NoticeKind};
use crate::limits;
use crate::probe::recognition::{self, Belongs};
use crate::probe::rewriting;
use crate::probe::{Identity, MessageId, ProbeId, address};

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Returned {
    /// A DSN, with or without flaws.
    Dsn(Dsn),
    /// Anything else that is about our mail.
    Notice(Notice),
    /// It is about mail of another run.
    AnotherRun,
    /// It comes from someone, and is no notification.
    Other,
}

/// Reads what came to one of our senders. Content beyond [`limits::DSN_BYTES`] is not looked at.
#[must_use]
pub fn read(content: &[u8], identity: &Identity, arrival: &Arrival<'_>) -> Returned {
    let content = &content[..content.len().min(limits::DSN_BYTES)];
    if rewriting::is_sender_of_another_run(&identity.nonce, arrival.recipient) {
        return Returned::AnotherRun;
    }
    let report = Report::split(content);
    if report.declared || report.groups.is_some() {
        return Returned::Dsn(read_dsn(content, identity, arrival));
    }
    // What has no headers at all is read as if it had none to look at.
    let parsed = MessageParser::default().parse(content);
    let Some(mail) = parsed.or_else(|| MessageParser::default().parse(b"Subject: \r\n\r\n")) else {
        return Returned::Other;
    };
    let null_sender = is_null(arrival.reverse_path);
    let Some(kind) = kind(&mail, content, null_sender) else { return Returned::Other };
    let message = rewriting::own_sender(&identity.nonce, arrival.recipient)
        .or_else(|| returned_message(content, identity));
    let recipients = message.map_or(Vec::new(), |message| named(&mail, content, message));
    let subject = limits::cut(mail.subject().unwrap_or_default().to_owned(), limits::REPLY_TEXT);
    let (at, session) = (arrival.at, arrival.session);
    Returned::Notice(Notice { at, session, null_sender, message, kind, recipients, subject })
}

/// What it says; `None`: it is no notification. Headers for programs first, then who wrote it, then
/// words of the subject, then those of the text.
fn kind(mail: &Message<'_>, content: &[u8], null_sender: bool) -> Option<NoticeKind> {
    let seen = words::Seen { mail, text: own_text(mail, content) };
    let delayed_or_failed =
        |delayed| Some(if delayed { NoticeKind::Delayed } else { NoticeKind::Failed });
    if mail.header("X-Failed-Recipients").is_some() {
        Some(NoticeKind::Failed)
    } else if seen.is_from_a_system() && (null_sender || seen.speaks_of_delivery()) {
        delayed_or_failed(seen.is_delay())
    } else if seen.is_failure_by_subject() {
        Some(NoticeKind::Failed)
    } else if seen.is_automatic() {
        Some(NoticeKind::AutoReply)
    } else if null_sender {
        // Nothing but notifications is sent from there (RFC 5321 §4.5.5).
        delayed_or_failed(seen.is_delay())
    } else {
        None
    }
}

/// Its first text, without the message that it returns.
fn own_text(mail: &Message<'_>, content: &[u8]) -> String {
    let text = mail.body_text(0).map_or_else(
        || String::from_utf8_lossy(content).into_owned(),
        std::borrow::Cow::into_owned,
    );
    let end = words::RETURNED.iter().filter_map(|mark| text.find(mark)).min();
    text[..end.unwrap_or(text.len())].to_owned()
}

/// The message whose headers it returns.
fn returned_message(content: &[u8], identity: &Identity) -> Option<MessageId> {
    let at = memmem::find(content, b"X-Mailbench:")?;
    match recognition::belongs(&content[at..], identity) {
        Belongs::Ours(message) => Some(message),
        Belongs::AnotherRun | Belongs::Unknown => None,
    }
}

/// The recipients of the message that it names, in its own text or in a header for the purpose.
fn named(mail: &Message<'_>, content: &[u8], message: MessageId) -> Vec<ProbeId> {
    let header = mail.header_raw("X-Failed-Recipients").unwrap_or_default();
    let text = format!("{header} {}", own_text(mail, content));
    let apart = |letter: char| letter.is_whitespace() || "<>(),;:'[]".contains(letter);
    let words = text.split(apart).filter(|word| word.contains('@'));
    let probes = words.filter_map(|word| address::parse_recipient(word.trim_end_matches('.')));
    let mut found: Vec<ProbeId> = probes
        .map(|(probe, _)| probe)
        .filter(|probe| probe.0.wrapping_sub(message.0) < limits::RECIPIENTS as u64)
        .collect();
    found.sort_unstable();
    found.dedup();
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Time;
    use proptest::prelude::*;

    const VERP: &str = "b+01jd9x.40@bounce.mailbench.test";

    macro_rules! notice {
        ($name:literal) => {
            include_str!(concat!("../../../tests/fixtures/notices/", $name, ".eml"))
        };
    }

    fn identity() -> Identity {
        Identity { tag: "j0sc3b0q".to_owned(), nonce: "01jd9x".to_owned() }
    }

    /// Reads a text as it comes over the wire.
    fn read_from(text: &str, reverse_path: &str, recipient: &str) -> Returned {
        let arrival = Arrival { at: Time(1), session: 3, reverse_path, recipient };
        read(text.replace('\n', "\r\n").as_bytes(), &identity(), &arrival)
    }

    fn seen(text: &str, reverse_path: &str) -> Option<(NoticeKind, Vec<u64>)> {
        match read_from(text, reverse_path, VERP) {
            Returned::Notice(notice) => {
                assert_eq!(notice.message, Some(MessageId(40)));
                assert_eq!(notice.null_sender, reverse_path.is_empty());
                Some((notice.kind, notice.recipients.iter().map(|probe| probe.0).collect()))
            }
            _ => None,
        }
    }

    #[test]
    fn bounces_of_every_make_name_their_recipients() {
        for (text, kind, recipients) in [
            (notice!("qmail"), NoticeKind::Failed, &[41][..]),
            (notice!("exim"), NoticeKind::Failed, &[41, 42]),
            (notice!("notes"), NoticeKind::Failed, &[40]),
            (notice!("exchange"), NoticeKind::Failed, &[42]),
            (notice!("free-text"), NoticeKind::Failed, &[]),
            (notice!("exim-delay"), NoticeKind::Delayed, &[41]),
            (notice!("sendmail-delay"), NoticeKind::Delayed, &[]),
            (notice!("vacation"), NoticeKind::AutoReply, &[]),
            (notice!("out-of-office"), NoticeKind::AutoReply, &[]),
        ] {
            assert_eq!(seen(text, ""), Some((kind, recipients.to_vec())), "{text}");
        }
    }

    #[test]
    fn from_a_sender_only_a_mail_system_reports_and_only_a_program_answers() {
        for (text, kind) in [
            (notice!("qmail"), Some(NoticeKind::Failed)),
            (notice!("exim"), Some(NoticeKind::Failed)),
            (notice!("notes"), Some(NoticeKind::Failed)),
            (notice!("exchange"), Some(NoticeKind::Failed)),
            (notice!("exim-delay"), Some(NoticeKind::Delayed)),
            (notice!("vacation"), Some(NoticeKind::AutoReply)),
            (notice!("out-of-office"), Some(NoticeKind::AutoReply)),
            (notice!("free-text"), None),
            (notice!("letter"), None),
        ] {
            let found = seen(text, "someone@example.test").map(|(kind, _)| kind);
            assert_eq!(found, kind, "{text}");
        }
    }

    const SYSTEM: &str = "From: Mail Delivery <MAILER-DAEMON@mx.test>\n";
    const PERSON: &str = "From: Bob <bob@else.test>\n";

    /// Each sign for itself: who wrote it, headers for programs, words of subject and text.
    #[test]
    fn each_sign_of_a_notification_counts_by_itself() {
        use NoticeKind::{AutoReply, Delayed, Failed};
        let hello = "Subject: hello\n\nhello\n";
        for (from, rest, null, sender) in [
            // A system says something from the null reverse-path; else it must be about delivery.
            (SYSTEM, hello, Some(Failed), None),
            (SYSTEM, "Precedence: bulk\nSubject: hello\n\nhello\n", Some(Failed), Some(AutoReply)),
            (SYSTEM, "Subject: hello\n\nuser unknown\n", Some(Failed), Some(Failed)),
            (SYSTEM, "Subject: user unknown\n\nhello\n", Some(Failed), Some(Failed)),
            (SYSTEM, "Subject: hello\n\nit will be retried\n", Some(Delayed), Some(Delayed)),
            (SYSTEM, "Subject: Still trying\n\nhello\n", Some(Delayed), Some(Delayed)),
            // The end of all attempts may follow words of delay.
            (SYSTEM, "Subject: delayed\n\nWe have given up.\n", Some(Failed), Some(Failed)),
            (PERSON, hello, Some(Failed), None),
            (PERSON, "Subject: hello\n\nit will be retried\n", Some(Delayed), None),
            (PERSON, "Subject: hello\n\nuser unknown\n", Some(Failed), None),
            (PERSON, "Subject: Returned mail\n\nhello\n", Some(Failed), Some(Failed)),
            (
                PERSON,
                "X-Failed-Recipients: a@b.test\nSubject: delayed\n\n",
                Some(Failed),
                Some(Failed),
            ),
            // Automatic answers (RFC 3834 §5), by any one of their signs.
            (
                PERSON,
                "Auto-Submitted: Auto-Replied\nSubject: hello\n\n",
                Some(AutoReply),
                Some(AutoReply),
            ),
            (PERSON, "Precedence: junk\nSubject: hello\n\n", Some(AutoReply), Some(AutoReply)),
            (PERSON, "X-Autoreply: yes\nSubject: hello\n\n", Some(AutoReply), Some(AutoReply)),
            (PERSON, "Subject: Out of Office\n\n", Some(AutoReply), Some(AutoReply)),
            (PERSON, "Subject: Automatic reply: undelivered\n\n", Some(AutoReply), Some(AutoReply)),
            (PERSON, "Auto-Submitted: auto-generated\nSubject: hello\n\n", Some(Failed), None),
            (PERSON, "Precedence: list\nSubject: hello\n\n", Some(Failed), None),
        ] {
            let text = format!("{from}{rest}");
            let kind = |reverse_path| seen(&text, reverse_path).map(|(kind, _)| kind);
            assert_eq!((kind(""), kind("a@b.test")), (null, sender), "{text}");
        }
    }

    #[test]
    fn only_recipients_that_a_message_can_have_are_named() {
        let last = 39 + limits::RECIPIENTS;
        let text = format!(
            "{SYSTEM}X-Failed-Recipients: mb+42@gmail.test,\n mb+40@gmail.test\n\n\
             mb+39@gmail.test mb+{last}@gmail.test mb+{}@gmail.test <mb+42@gmail.test>.\n",
            last + 1
        );
        assert_eq!(seen(&text, ""), Some((NoticeKind::Failed, vec![40, 42, last as u64])));
    }

    #[test]
    fn what_has_the_form_of_a_dsn_in_part_is_one_with_flaws() {
        let declared = "Content-Type: multipart/report; report-type=delivery-status; boundary=x\n\n\
                        --x\n\nhello\n--x--\n";
        let undeclared = "Content-Type: multipart/mixed; boundary=x\n\n--x\n\
                          Content-Type: message/delivery-status\n\nReporting-MTA: dns; a.test\n\n\
                          Final-Recipient: rfc822; mb+40@gmail.test\nAction: failed\n\
                          Status: 5.1.1\n\n--x--\n";
        for text in [declared, undeclared] {
            let Returned::Dsn(dsn) = read_from(text, "", VERP) else { panic!("{text}") };
            assert!(!dsn.flaws.is_empty(), "{text}");
        }
    }

    #[test]
    fn what_has_no_headers_is_a_notification_all_the_same() {
        for text in ["", "\n", "sorry\n", "\n\nsorry <mb+40@gmail.test>\n"] {
            let kind = seen(text, "").map(|(kind, _)| kind);
            assert_eq!(kind, Some(NoticeKind::Failed), "{text:?}");
            assert_eq!(seen(text, "a@b.test"), None, "{text:?}");
        }
    }

    #[test]
    fn what_has_the_form_of_a_dsn_is_one() {
        let standard = include_str!("../../../tests/fixtures/dsn/postfix.eml");
        assert!(matches!(read_from(standard, "", VERP), Returned::Dsn(_)));
        assert!(matches!(read_from(standard, "a@b.test", VERP), Returned::Dsn(_)));
    }

    #[test]
    fn another_run_is_distinguished_and_a_returned_header_names_the_message() {
        let other = VERP.replace("01jd9x", "earlier");
        assert_eq!(read_from(notice!("qmail"), "", &other), Returned::AnotherRun);
        let forwarded = "SRS0=H=T=bounce.mailbench.test=b+01jd9x.40@f.test";
        let any = "postmaster@bounce.mailbench.test";
        for recipient in [forwarded, any] {
            let Returned::Notice(notice) = read_from(notice!("qmail"), "", recipient) else {
                panic!("{recipient}");
            };
            assert_eq!(notice.message, Some(MessageId(40)), "{recipient}");
        }
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(parts in prop::collection::vec(prop_oneof![
            Just(notice!("notes").to_owned()), Just("Subject: ".to_owned()),
            Just("\n\n".to_owned()), Just("Content-Type: multipart/mixed; boundary=x\n".to_owned()),
            Just("mb+41@gmail.test".to_owned()), "\\PC{0,20}",
        ], 0..8)) {
            let _returned = read_from(&parts.concat(), "", VERP);
        }
    }
}
