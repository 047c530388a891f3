//! Notices that MTAs and mailboxes send back, of every make.

use super::Job;
use super::mail::Mail;

/// The form of a notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Notice {
    /// multipart/report (RFC 3464), action failed.
    Standard,
    /// The same, from the postmaster instead of the null sender (RFC 5321 §6.1 forbids it).
    FromPostmaster,
    /// The QSBMF.
    Qmail,
    /// Exim's text, which calls itself auto-replied.
    Exim,
    /// Exim since 4.82: multipart/report that calls itself auto-replied.
    EximReport,
    Notes,
    Exchange,
    Sendmail,
    GroupWise,
    /// A sentence that names neither message nor recipient.
    FreeText,
    /// Words about a failure after a delay.
    AfterDelay,
    /// multipart/report without the returned message and without an original recipient.
    Terse,
    /// multipart/report about a multipart/report (RFC 5321 §4.5.5 forbids it).
    Double,
    /// multipart/report of action delayed.
    Delayed,
    /// Exim's warning, of no standard form.
    DelayedExim,
    /// Sendmail's warning of old.
    DelayedSendmail,
    /// multipart/report of action relayed.
    Relayed,
    /// A mailbox's vacation notice (RFC 3834).
    Vacation,
    /// A mailbox's notice of absence from its own address, without any mark but its subject.
    OutOfOffice,
}

/// A recipient that was refused, and how.
#[derive(Clone, Debug)]
pub(crate) struct Refused {
    pub(crate) recipient: String,
    pub(crate) reply: String,
}

impl Refused {
    pub(crate) fn invented(recipient: &str) -> Refused {
        let reply = "550 5.1.1 No such user".to_owned();
        Refused { recipient: recipient.to_owned(), reply }
    }
}

/// The job of sending one; none about mail that itself has no sender.
pub(super) fn about(notice: Notice, mail: &Mail, refused: &[Refused]) -> Option<Job> {
    let job = |mail| Job { mail, attempts: 0 };
    (!mail.origin.is_empty()).then(|| job(compose(notice, mail, refused)))
}

/// A notice about this message, to its sender as it came in.
pub(crate) fn compose(notice: Notice, mail: &Mail, refused: &[Refused]) -> Mail {
    let text = match notice {
        Notice::Qmail => qmail(mail, refused),
        Notice::Exim => exim(mail, refused),
        Notice::Notes => notes(mail, refused),
        Notice::Exchange => exchange(mail, refused),
        Notice::FreeText => {
            plain(mail, "Mail failure", "", "Sorry, your mail was not delivered.\r\n")
        }
        Notice::AfterDelay => after_delay(mail, refused),
        Notice::Sendmail => sendmail(mail, refused),
        Notice::GroupWise => group_wise(mail, refused),
        Notice::DelayedExim => delayed_exim(mail, refused),
        Notice::DelayedSendmail => delayed_sendmail(mail),
        Notice::Vacation => {
            let marks = "Auto-Submitted: auto-replied (vacation)\r\nPrecedence: bulk\r\n";
            let holiday = plain(mail, "Re: your mail", marks, "I am on holiday until Monday.\r\n");
            by_recipient(mail, &holiday)
        }
        Notice::OutOfOffice => {
            let absent = plain(mail, "Out of Office: your mail", "", "I am out of the office.\r\n");
            by_recipient(mail, &absent)
        }
        Notice::Standard | Notice::FromPostmaster | Notice::EximReport | Notice::Terse => {
            report(notice, mail, refused, "failed")
        }
        Notice::Double => {
            let first = compose(Notice::Standard, mail, refused);
            let to = Refused::invented(&mail.origin);
            report(notice, &Mail { origin: mail.origin.clone(), ..first }, &[to], "failed")
        }
        Notice::Delayed => report(notice, mail, refused, "delayed"),
        Notice::Relayed => report(notice, mail, refused, "relayed"),
    };
    let sender = match notice {
        Notice::FromPostmaster => "postmaster@pipeline.test",
        Notice::OutOfOffice => mail.recipients.first().map_or("", String::as_str),
        _ => "",
    };
    Mail::new(sender.to_owned(), vec![mail.origin.clone()], text.into_bytes())
}

fn plain(mail: &Mail, subject: &str, marks: &str, body: &str) -> String {
    format!(
        "From: MAILER-DAEMON@pipeline.test\r\nTo: {}\r\nSubject: {subject}\r\n\
         Date: Sun, 1 Nov 2026 12:00:00 +0000\r\n{marks}\r\n{body}",
        mail.origin
    )
}

/// Written by the recipient instead of the system.
fn by_recipient(mail: &Mail, text: &str) -> String {
    let author = mail.recipients.first().map_or("", String::as_str);
    text.replace("MAILER-DAEMON@pipeline.test", author)
}

fn original(mail: &Mail) -> String {
    String::from_utf8_lossy(&mail.text).into_owned()
}

/// Groups of a delivery-status part (RFC 3464 §2.3).
fn groups(refused: &[Refused], action: &str) -> String {
    let group = |one: &Refused| {
        let status = match action {
            "failed" => "5.1.1",
            "delayed" => "4.7.1",
            _ => "2.1.5",
        };
        format!(
            "\r\nFinal-Recipient: rfc822; {}\r\nAction: {action}\r\nStatus: {status}\r\n\
             Diagnostic-Code: smtp; {}\r\n",
            one.recipient, one.reply
        )
    };
    refused.iter().map(group).collect()
}

fn report(notice: Notice, mail: &Mail, refused: &[Refused], action: &str) -> String {
    let auto = if notice == Notice::EximReport { "replied" } else { "generated" };
    let returned = match notice {
        Notice::Terse => String::new(),
        _ => format!("--=_b\r\nContent-Type: message/rfc822\r\n\r\n{}\r\n", original(mail)),
    };
    let envelope = match mail.envelope_id.as_str() {
        "" => String::new(),
        id => format!("Original-Envelope-Id: {id}\r\n"),
    };
    let marks = format!(
        "Auto-Submitted: auto-{auto}\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/report; report-type=delivery-status;\r\n boundary=\"=_b\"\r\n"
    );
    let body = format!(
        "--=_b\r\nContent-Type: text/plain\r\n\r\nThis is about your mail.\r\n\
         --=_b\r\nContent-Type: message/delivery-status\r\n\r\n\
         Reporting-MTA: dns; pipeline.test\r\n{envelope}{}\r\n{returned}--=_b--\r\n",
        groups(refused, action)
    );
    plain(mail, "Delivery status", &marks, &body)
}

/// The QSBMF (https://cr.yp.to/proto/qsbmf.txt).
fn qmail(mail: &Mail, refused: &[Refused]) -> String {
    let paragraph = |one: &Refused| {
        format!("<{}>:\r\n127.0.0.1 does not like recipient.\r\n", one.recipient)
            + &format!("Remote host said: {}\r\nGiving up on 127.0.0.1.\r\n\r\n", one.reply)
    };
    let body = format!(
        "Hi. This is the qmail-send program at pipeline.test.\r\n\
         I'm afraid I wasn't able to deliver your message to the following addresses.\r\n\
         This is a permanent error; I've given up. Sorry it didn't work out.\r\n\r\n\
         {}--- Below this line is a copy of the message.\r\n\r\nReturn-Path: <{}>\r\n{}",
        refused.iter().map(paragraph).collect::<String>(),
        mail.origin,
        original(mail)
    );
    plain(mail, "failure notice", "", &body)
}

fn exim(mail: &Mail, refused: &[Refused]) -> String {
    let names: Vec<&str> = refused.iter().map(|one| one.recipient.as_str()).collect();
    let marks = format!(
        "X-Failed-Recipients: {}\r\nAuto-Submitted: auto-replied\r\n",
        names.join(",\r\n ")
    );
    let paragraph = |one: &Refused| {
        format!("  {}\r\n    SMTP error from remote mail server after RCPT TO:\r\n", one.recipient)
            + &format!("    {}\r\n\r\n", one.reply)
    };
    let body = format!(
        "This message was created automatically by mail delivery software.\r\n\r\n\
         A message that you sent could not be delivered to one or more of its\r\n\
         recipients. This is a permanent error. The following address(es) failed:\r\n\r\n\
         {}------ This is a copy of the message, including all the headers. ------\r\n\r\n{}",
        refused.iter().map(paragraph).collect::<String>(),
        original(mail)
    );
    plain(mail, "Mail delivery failed: returning message to sender", &marks, &body)
}

fn delayed_exim(mail: &Mail, refused: &[Refused]) -> String {
    let names: String = refused.iter().map(|one| format!("  {}\r\n", one.recipient)).collect();
    let body = format!(
        "This message was created automatically by mail delivery software.\r\n\
         A message that you sent has not yet been delivered to one or more of its\r\n\
         recipients after more than 24 hours on the queue on pipeline.test.\r\n\r\n\
         The address to which the message has not yet been delivered is:\r\n\r\n{names}\r\n\
         No action is required on your part. Delivery attempts will continue for\r\n\
         some time, and this warning may be repeated at intervals if the message\r\n\
         remains undelivered.\r\n"
    );
    let marks = "Auto-Submitted: auto-replied\r\n";
    plain(mail, "Warning: message 1qX-0001 delayed 24 hours", marks, &body)
}

fn delayed_sendmail(mail: &Mail) -> String {
    let body = "    **********************************************\r\n\
        \x20   **      THIS IS A WARNING MESSAGE ONLY      **\r\n\
        \x20   **  YOU DO NOT NEED TO RESEND YOUR MESSAGE  **\r\n\
        \x20   **********************************************\r\n\r\n\
        The original message was received at Sun, 1 Nov 2026 12:00:00 GMT\r\n\r\n\
        ... Deferred: Connection refused by pipeline.test.\r\n\
        Warning: message still undelivered after 4 hours\r\n\
        Will keep trying until message is 5 days old\r\n";
    plain(mail, "Warning: could not send message for past 4 hours", "", body)
}

fn after_delay(mail: &Mail, refused: &[Refused]) -> String {
    let names: Vec<&str> = refused.iter().map(|one| one.recipient.as_str()).collect();
    let body = format!(
        "Your message to {} was delayed. We have tried for five days and given up:\r\n\
         it could not be delivered, and has been returned to you.\r\n",
        names.join(", ")
    );
    plain(mail, "Undeliverable mail", "", &body)
}

/// As before RFC 1894.
fn sendmail(mail: &Mail, refused: &[Refused]) -> String {
    let names: String = refused.iter().map(|one| format!("<{}>\r\n", one.recipient)).collect();
    let reply =
        |one: &Refused| format!("<<< {}\r\n550 <{}>... User unknown\r\n", one.reply, one.recipient);
    let body = format!(
        "The original message was received at Sun, 1 Nov 2026 12:00:00 GMT\r\n\r\n   \
         ----- The following addresses had permanent fatal errors -----\r\n{names}\r\n   \
         ----- Transcript of session follows -----\r\n... while talking to two.test.:\r\n{}\r\n   \
         ----- Original message follows -----\r\n\r\n{}",
        refused.iter().map(reply).collect::<String>(),
        original(mail)
    );
    plain(mail, "Returned mail: User unknown", "", &body)
}

fn group_wise(mail: &Mail, refused: &[Refused]) -> String {
    let names: String =
        refused.iter().map(|one| format!("\t{} (Unknown user)\r\n", one.recipient)).collect();
    let body =
        format!("The message that you sent was undeliverable to the following:\r\n{names}\r\n");
    plain(mail, "Message status - undeliverable", "", &body)
}

fn notes(mail: &Mail, refused: &[Refused]) -> String {
    let names: String = refused.iter().map(|one| format!("   {}\r\n", one.recipient)).collect();
    let first = refused.first().map_or("", |one| one.recipient.as_str());
    let subject = format!("DELIVERY FAILURE: User {first} not listed in Domino Directory");
    let body = format!(
        "Your message\r\n\r\n  Subject: mailbench\r\n\r\nwas not delivered to:\r\n\r\n{names}\r\n\
         because:\r\n\r\n   User not listed in Domino Directory\r\n"
    );
    plain(mail, &subject, "X-Mailer: Lotus Domino Release 8.5.3\r\n", &body)
}

fn exchange(mail: &Mail, refused: &[Refused]) -> String {
    let paragraph = |one: &Refused| {
        format!("{} on Sun, 1 Nov 2026 12:00:00 +0000\r\n", one.recipient)
            + "    The recipient name is not recognized\r\n"
            + "\tThe MTS-ID of the original message is: c=us;a= ;p=Test;l=EX01\r\n"
    };
    let body = format!(
        "Your message\r\n\r\n  To:      someone\r\n  Subject: mailbench\r\n\
         \x20 Sent:    Sun, 1 Nov 2026 12:00:00 +0000\r\n\r\n\
         did not reach the following recipient(s):\r\n\r\n{}",
        refused.iter().map(paragraph).collect::<String>()
    );
    plain(
        mail,
        "Undeliverable: mailbench",
        "X-Mailer: Internet Mail Service (5.5.2653.19)\r\n",
        &body,
    )
}
