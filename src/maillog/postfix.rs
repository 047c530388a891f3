//! Lines of Postfix: the text after `postfix/DAEMON[PID]: `.

use super::record::{Fact, QueuedAs, Record, Source, is_local};

/// Daemons whose lines are read, for a syslog name that does not begin with `postfix`.
const DAEMONS: [&str; 12] = [
    "smtpd", "cleanup", "qmgr", "nqmgr", "pickup", "smtp", "lmtp", "local", "virtual", "pipe",
    "error", "qmqpd",
];

/// Whether Postfix wrote a line: `postfix/smtpd`, `postfix-out/smtp`, `mx1/submission/smtpd`.
pub(super) fn wrote(program: &str) -> bool {
    let daemon = program.rsplit_once('/').map(|(_, daemon)| daemon);
    program.starts_with("postfix") || daemon.is_some_and(|daemon| DAEMONS.contains(&daemon))
}

/// What a line says of a message.
pub(super) fn read(text: &str) -> Option<Record<'_>> {
    let (id, rest) = text.split_once(": ")?;
    if id.is_empty() || !id.bytes().all(|byte| byte.is_ascii_alphanumeric()) || id == "NOQUEUE" {
        return None;
    }
    Some(Record { id, fact: fact(rest)? })
}

fn fact(rest: &str) -> Option<Fact<'_>> {
    let arrived = |source| Fact::Arrived { source, bytes: None, message_id: None };
    if rest == "removed" {
        return Some(Fact::Done);
    }
    if let Some(client) = rest.strip_prefix("client=") {
        let client = client.split(", ").next().unwrap_or(client);
        return Some(arrived(if is_local(client) { Source::Local } else { Source::Remote }));
    }
    if rest.starts_with("uid=") {
        return Some(arrived(Source::Local));
    }
    if let Some(id) = rest.strip_prefix("message-id=") {
        return Some(Fact::MessageId(id));
    }
    if rest.starts_with("from=<") {
        // The sender may hold anything; what follows it does not.
        let (before, _) = rest.rsplit_once(", nrcpt=")?;
        return Some(Fact::Size(before.rsplit_once(">, size=")?.1.parse().ok()?));
    }
    if let Some(tried) = rest.strip_prefix("to=<") {
        return tried_to(tried);
    }
    refused(rest).then_some(Fact::Refused)
}

/// `u@d>, relay=…, delay=1.2, …, status=sent (250 2.0.0 Ok: queued as 4F1A)`.
fn tried_to(text: &str) -> Option<Fact<'_>> {
    let (address, rest) = text.split_once(">, ")?;
    let (fields, answer) = rest.split_once(" (").unwrap_or((rest, ""));
    let field = |name: &str| fields.split(", ").find_map(|field| field.strip_prefix(name));
    let local = field("relay=").is_some_and(is_local);
    let queued_as = answer.rsplit_once("queued as ").map(|(_, id)| {
        let end = id.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(id.len());
        QueuedAs { id: &id[..end], local }
    });
    let age_s = field("delay=").and_then(|age| age.parse().ok());
    Some(Fact::Tried { address: Some(address), age_s, queued_as })
}

/// Whether the message itself was refused or thrown away, not one of its recipients.
fn refused(rest: &str) -> bool {
    let verbs = ["reject: ", "milter-reject: ", "discard: ", "milter-discard: "];
    let Some(what) = verbs.iter().find_map(|verb| rest.strip_prefix(verb)) else { return false };
    !["RCPT", "MAIL", "EHLO", "HELO", "CONNECT", "VRFY", "ETRN"]
        .iter()
        .any(|it| what.starts_with(it))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_known_by_its_program() {
        for known in
            ["postfix/smtpd", "postfix-out/smtp", "postfix", "mx1/smtpd", "a/submission/smtpd"]
        {
            assert!(wrote(known), "{known}");
        }
        for other in ["sshd", "dovecot", "smtpd", "", "amavis", "spamd/child"] {
            assert!(!wrote(other), "{other}");
        }
    }

    #[test]
    fn a_size_is_that_of_the_message() {
        let fact = |text| read(text).map(|record| record.fact);
        let size = |bytes| Some(Fact::Size(bytes));
        assert_eq!(fact("A1: from=<s@a.test>, size=5123, nrcpt=2 (queue active)"), size(5123));
        assert_eq!(fact("A1: from=<>, size=900, nrcpt=1 (queue active)"), size(900));
        let faulty_target =
            "A1: from=<\"a>, size=7, nrcpt=9\"@b.test>, size=44, nrcpt=1 (queue active)";
        assert_eq!(fact(faulty_target), size(44));
        assert_eq!(fact("A1: from=<a@b.test>, status=expired, returned to sender"), None);
        assert_eq!(fact("NOQUEUE: client=a[192.0.2.1]"), None);
    }

    #[test]
    fn a_recipient_refused_is_no_message_refused() {
        for (text, refused) in [
            ("A1: reject: RCPT from a[192.0.2.1]: 550 5.1.1 <x@y>: unknown", false),
            ("A1: reject: END-OF-MESSAGE from a[192.0.2.1]: 554 5.7.1 spam", true),
            ("A1: milter-reject: END-OF-MESSAGE from a[192.0.2.1]: 4.7.1 later", true),
            ("A1: reject: header Subject: x from a[192.0.2.1]; 5.7.1", true),
            ("A1: discard: body x from a[192.0.2.1]", true),
            ("A1: warning: header Subject: reject", false),
        ] {
            assert_eq!(read(text).is_some_and(|it| it.fact == Fact::Refused), refused, "{text}");
        }
    }

    #[test]
    fn a_filters_name_for_a_message_is_read() {
        let text = "A1: to=<u@d.test>, relay=127.0.0.1[127.0.0.1]:10024, delay=2.5, dsn=2.0.0, \
                    status=sent (250 2.0.0 from MTA(smtp:[127.0.0.1]:10025): 250 Ok: queued as A2)";
        let queued_as = Some(QueuedAs { id: "A2", local: true });
        let address = Some("u@d.test");
        let fact = Fact::Tried { address, age_s: Some(2.5), queued_as };
        assert_eq!(read(text), Some(Record { id: "A1", fact }));
    }
}
