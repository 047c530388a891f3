//! The report to the sender of recipients that failed (RFC 3464): text only; when one is due is
//! decided by `settle`.

use std::fmt::Write;

use crate::clock::Time;
use crate::limits::RELAY_RETURNED_HEADERS;
use crate::relay::HOST_NAME;
use crate::relay::mail::{Envelope, MailId};
use crate::relay::settle::Failure;
use crate::relay::wall::header_date;

/// The report `id` on `failed` recipients of the mail in `envelope`, of which `content` begins
/// with the headers to return.
#[must_use]
pub fn report(
    id: MailId,
    envelope: &Envelope,
    failed: &[Failure],
    content: &[u8],
    now: Time,
) -> Vec<u8> {
    let boundary = format!("=_report_{id}_{}", now.0);
    let mut text = header(id, envelope, &boundary, now);
    explanation(&mut text, &boundary, failed);
    delivery_status(&mut text, &boundary, envelope, failed);
    let headers = headers_of(content);
    let kind = kind("text/rfc822-headers", "message/global-headers", headers.is_ascii());
    let mut octets = text.into_bytes();
    octets.extend_from_slice(format!("\r\n--{boundary}\r\n{kind}\r\n").as_bytes());
    octets.extend_from_slice(headers);
    octets.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
    octets
}

/// The header of a part: what is not ASCII has a type of its own (RFC 6533 §4, §6).
fn kind(ascii: &str, global: &str, is_ascii: bool) -> String {
    match is_ascii {
        true => format!("Content-Type: {ascii}\r\n"),
        false => format!("Content-Type: {global}\r\nContent-Transfer-Encoding: 8bit\r\n"),
    }
}

fn header(id: MailId, envelope: &Envelope, boundary: &str, now: Time) -> String {
    format!(
        "From: Mail delivery <MAILER-DAEMON@{HOST_NAME}>\r\n\
         To: <{to}>\r\n\
         Subject: Undelivered mail returned to sender\r\n\
         Date: {date}\r\n\
         Message-ID: <{id}.{stamp}@{HOST_NAME}>\r\n\
         Auto-Submitted: auto-replied\r\n\
         MIME-Version: 1.0\r\n\
         Content-Type: multipart/report; report-type=delivery-status;\r\n boundary=\"{boundary}\"\r\n\
         \r\n",
        to = envelope.reverse_path,
        date = header_date(now),
        stamp = now.0,
    )
}

fn explanation(text: &mut String, boundary: &str, failed: &[Failure]) {
    let _infallible = write!(
        text,
        "--{boundary}\r\nContent-Type: text/plain; charset=utf-8\r\n\
         Content-Transfer-Encoding: 8bit\r\n\r\n\
         Your mail could not be delivered to these recipients:\r\n\r\n",
    );
    for failure in failed {
        let why = failure.recipient.last_reply.as_deref().unwrap_or("never attempted");
        let _infallible = write!(text, "<{}>: {why}\r\n", failure.recipient.address);
    }
}

fn delivery_status(text: &mut String, boundary: &str, envelope: &Envelope, failed: &[Failure]) {
    let is_ascii = failed.iter().all(|failure| failure.recipient.address.is_ascii());
    let kind = kind("message/delivery-status", "message/global-delivery-status", is_ascii);
    let _infallible = write!(
        text,
        "\r\n--{boundary}\r\n{kind}\r\n\
         Reporting-MTA: dns; {HOST_NAME}\r\nArrival-Date: {}\r\n",
        header_date(envelope.accepted),
    );
    for Failure { recipient, status } in failed {
        let address = &recipient.address;
        let of = if address.is_ascii() { "rfc822" } else { "utf-8" };
        let _infallible = write!(
            text,
            "\r\nOriginal-Recipient: {of}; {address}\r\nFinal-Recipient: {of}; {address}\r\n\
             Action: failed\r\nStatus: {status}\r\n",
        );
        if let Some(reply) = &recipient.last_reply {
            let _infallible = write!(text, "Diagnostic-Code: {reply}\r\n");
        }
    }
}

/// The header section of a message, whole lines, bounded.
fn headers_of(content: &[u8]) -> &[u8] {
    let end = memchr::memmem::find(content, b"\r\n\r\n").map_or(content.len(), |at| at + 2);
    if end <= RELAY_RETURNED_HEADERS {
        return &content[..end];
    }
    let bounded = &content[..RELAY_RETURNED_HEADERS];
    memchr::memrchr(b'\n', bounded).map_or(&[], |at| &bounded[..=at])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::relay::mail::Recipient;
    use crate::smtp::reply::EnhancedStatus;
    use mail_parser::{MessageParser, MimeHeaders};

    const NOW: Time = Time(1_795_545_045_000_000_000);

    fn failure(address: &str, reply: Option<&str>) -> Failure {
        let last_reply = reply.map(str::to_owned);
        let recipient = Recipient { position: 0, address: address.into(), last_reply };
        Failure { recipient, status: EnhancedStatus { class: 5, subject: 1, detail: 1 } }
    }

    fn envelope() -> Envelope {
        let reverse_path = "b+1@bounce.test".to_owned();
        let (eight_bit, utf8) = (false, false);
        Envelope { id: 4, reverse_path, priority: 0, eight_bit, utf8, accepted: NOW }
    }

    #[test]
    fn another_program_reads_the_report() {
        let failed =
            [failure("a@x.test", Some("smtp; 550 5.1.1 no such user")), failure("b@x.test", None)];
        let octets =
            report(9, &envelope(), &failed, b"X-Mailbench: id=3\r\nTo: a\r\n\r\nbody", NOW);
        let message = MessageParser::default().parse(&octets).expect("a message");
        assert!(message.content_type().expect("typed").ctype().eq_ignore_ascii_case("multipart"));
        assert_eq!(message.subject(), Some("Undelivered mail returned to sender"));
        let parts: Vec<_> = message.parts.iter().skip(1).collect();
        assert_eq!(parts.len(), 3);
        let status = String::from_utf8_lossy(parts[1].contents()).into_owned();
        assert!(status.contains("Final-Recipient: rfc822; a@x.test\r\nAction: failed\r\n"));
        assert_eq!(status.matches("Status: 5.1.1").count(), 2);
        assert!(status.contains("Diagnostic-Code: smtp; 550 5.1.1 no such user"));
        let returned = String::from_utf8_lossy(parts[2].contents()).into_owned();
        assert!(returned.contains("X-Mailbench: id=3") && !returned.contains("body"));
    }

    #[test]
    fn endless_headers_are_cut_at_a_line() {
        let content = b"X: y\r\n".repeat(RELAY_RETURNED_HEADERS);
        let returned = headers_of(&content);
        assert!(returned.len() <= RELAY_RETURNED_HEADERS && returned.ends_with(b"\r\n"));
        assert!(headers_of(&vec![b'x'; RELAY_RETURNED_HEADERS + 1]).is_empty());
    }
}
