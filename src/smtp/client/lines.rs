//! MAIL and RCPT as they are written: paths, and the parameters of whatever is offered. Pure.

use std::io::Write;

use super::capabilities::Capabilities;
use super::mail::{Mail, Options};
use crate::smtp::envelope::{Notify, Ret};

/// Appends MAIL for content of this size.
pub(super) fn write_mail(out: &mut Vec<u8>, mail: &Mail<'_>, size: usize, offered: Capabilities) {
    let options = &mail.options;
    // Writing to memory cannot fail.
    let _ = write!(out, "MAIL FROM:<{}>", mail.reverse_path);
    if offered.size {
        let _ = write!(out, " SIZE={size}");
    }
    if options.eight_bit && offered.eight_bit_mime {
        out.extend_from_slice(b" BODY=8BITMIME");
    }
    if options.utf8 && offered.smtp_utf8 {
        out.extend_from_slice(b" SMTPUTF8");
    }
    if offered.dsn {
        match options.ret {
            Some(Ret::Full) => out.extend_from_slice(b" RET=FULL"),
            Some(Ret::Headers) => out.extend_from_slice(b" RET=HDRS"),
            None => {}
        }
        if let Some(id) = options.envelope_id {
            out.extend_from_slice(b" ENVID=");
            write_xtext(out, id);
        }
    }
    if let Some(priority) = options.priority.filter(|_| offered.mt_priority) {
        let _ = write!(out, " MT-PRIORITY={priority}");
    }
    out.extend_from_slice(b"\r\n");
}

/// Appends RCPT.
pub(super) fn write_rcpt(
    out: &mut Vec<u8>,
    recipient: &str,
    options: &Options<'_>,
    offered: Capabilities,
) {
    out.extend_from_slice(b"RCPT TO:<");
    out.extend_from_slice(recipient.as_bytes());
    out.push(b'>');
    if offered.dsn {
        if let Some(notify) = options.notify {
            out.extend_from_slice(b" NOTIFY=");
            out.extend_from_slice(words(notify).as_bytes());
        }
        if options.original_recipient {
            write_original(out, recipient);
        }
    }
    out.extend_from_slice(b"\r\n");
}

fn words(notify: Notify) -> String {
    let Notify { success, failure, delay } = notify;
    let wanted = [("SUCCESS", success), ("FAILURE", failure), ("DELAY", delay)];
    let wanted: Vec<&str> = wanted.iter().filter(|(_, is)| *is).map(|(word, _)| *word).collect();
    if wanted.is_empty() { "NEVER".to_owned() } else { wanted.join(",") }
}

/// An address in UTF-8 has a type of its own, in which it may stand as it is but for three
/// characters (RFC 6533 §3).
fn write_original(out: &mut Vec<u8>, recipient: &str) {
    if recipient.is_ascii() {
        out.extend_from_slice(b" ORCPT=rfc822;");
        return write_xtext(out, recipient);
    }
    out.extend_from_slice(b" ORCPT=utf-8;");
    for byte in recipient.bytes() {
        match byte {
            b'+' | b'=' | b'\\' | 0..=b' ' | 127 => {
                let _ = write!(out, "\\x{{{byte:02X}}}");
            }
            _ => out.push(byte),
        }
    }
}

/// RFC 3461 §4: `+`, `=` and what is not printable ASCII as `+` and two hexadecimal digits.
fn write_xtext(out: &mut Vec<u8>, text: &str) {
    for byte in text.bytes() {
        match byte {
            b'+' | b'=' | 0..=b' ' | 127 => {
                let _ = write!(out, "+{byte:02X}");
            }
            _ => out.push(byte),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::smtp::client::Content;

    const ALL: &str = "a\nSIZE\n8BITMIME\nSMTPUTF8\nDSN\nMT-PRIORITY";

    fn lines(options: Options<'_>, offer: &str) -> String {
        let recipients = ["mb+7@a.test".to_owned()];
        let mail = Mail {
            reverse_path: "b@b.test",
            recipients: &recipients,
            options,
            content: Content::Text(b""),
        };
        let (mut out, offered) = (Vec::new(), Capabilities::read(offer));
        write_mail(&mut out, &mail, 9, offered);
        write_rcpt(&mut out, &recipients[0], &options, offered);
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn every_option_is_said_where_its_extension_is_offered_and_nowhere_else() {
        let options = Options {
            eight_bit: true,
            utf8: true,
            envelope_id: Some("n.7=+"),
            ret: Some(Ret::Headers),
            notify: Some(Notify { success: false, failure: true, delay: true }),
            original_recipient: true,
            priority: Some(-3),
        };
        assert_eq!(
            lines(options, ALL),
            "MAIL FROM:<b@b.test> SIZE=9 BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=n.7+3D+2B \
             MT-PRIORITY=-3\r\n\
             RCPT TO:<mb+7@a.test> NOTIFY=FAILURE,DELAY ORCPT=rfc822;mb+2B7@a.test\r\n"
        );
        let bare = "MAIL FROM:<b@b.test>\r\nRCPT TO:<mb+7@a.test>\r\n";
        assert_eq!(lines(options, "a"), bare);
        assert_eq!(lines(Options::default(), "a\nDSN\nMT-PRIORITY\nSMTPUTF8"), bare);
        let mut utf8 = Vec::new();
        write_original(&mut utf8, "mb信+7@a.test");
        assert_eq!(String::from_utf8_lossy(&utf8), " ORCPT=utf-8;mb信\\x{2B}7@a.test");
        let never = Options { notify: Some(Notify::default()), ..Options::default() };
        assert!(lines(never, ALL).ends_with("NOTIFY=NEVER\r\n"));
    }
}
