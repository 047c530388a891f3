//! Identity in envelopes: the recipient's local-part names the probe, VERP sender and envelope id
//! name the run and the message.
//!
//! Reading is tolerant of what a relay may lawfully do to an address: angle brackets, quoted
//! local-parts with quoted pairs (RFC 5321 §4.1.2), source routes, changes of case, another
//! character between user and subaddress. What a change of an address amounts to is `rewriting`'s.

use std::borrow::Cow;

use super::{BOUNCE_DOMAIN, MessageId, ProbeId};

/// Which letters local-parts are made of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Letters {
    /// ASCII.
    #[default]
    Ascii,
    /// With one letter that is not (RFC 6531): it has neither upper case nor a second way to be
    /// composed.
    Utf8,
}

/// First part of every recipient's local-part, by letters; a `+` and the probe follow.
pub(super) const USERS: [&str; 2] = ["mb", "mb信"];

/// First part of every sender's local-part, by letters; a `+` and nonce and message follow.
const BOUNCE_USERS: [&str; 2] = ["b", "b信"];

/// What servers put between user and subaddress (RFC 5233 §1 leaves it to them): we write the
/// first.
const SEPARATORS: [char; 4] = ['+', '-', '=', '_'];

/// The envelope recipient of a probe, without angle brackets.
#[must_use]
pub fn recipient(letters: Letters, probe: ProbeId, domain: &str) -> String {
    let mut number = itoa::Buffer::new();
    [USERS[letters as usize], "+", number.format(probe.0), "@", domain].concat()
}

/// The probe an address names, with the domain as written. `None`: not an address of ours.
#[must_use]
pub fn parse_recipient(address: &str) -> Option<(ProbeId, &str)> {
    let (local, domain) = split(address)?;
    let number = strip_user(&local, USERS)?;
    Some((ProbeId(parse_number(number)?), domain))
}

/// The VERP sender of a message, without angle brackets. The nonce is in lower case.
#[must_use]
pub fn reverse_path(letters: Letters, nonce: &str, message: MessageId) -> String {
    let (user, mut number) = (BOUNCE_USERS[letters as usize], itoa::Buffer::new());
    [user, "+", nonce, ".", number.format(message.0), "@", BOUNCE_DOMAIN].concat()
}

/// The nonce (as written; compare it without regard to case) and the message an address names.
/// `None`: not a sender of ours, of whatever run.
#[must_use]
pub fn parse_reverse_path(address: &str) -> Option<(&str, MessageId)> {
    let (local, domain) = split(address)?;
    if !domain.eq_ignore_ascii_case(BOUNCE_DOMAIN) {
        return None;
    }
    // Nothing that quoting can be needed for is in it, so it is found where it is written.
    let Cow::Borrowed(local) = local else { return None };
    let (nonce, number) = strip_user(local, BOUNCE_USERS)?.rsplit_once('.')?;
    Some((nonce, MessageId(parse_number(number)?)))
}

/// The message an address names, if it is a sender of the run with this nonce.
#[must_use]
pub fn own_reverse_path(nonce: &str, address: &str) -> Option<MessageId> {
    let (written, message) = parse_reverse_path(address)?;
    written.eq_ignore_ascii_case(nonce).then_some(message)
}

/// The envelope id of a message: as [`own_envelope_id`] reads it.
#[must_use]
pub fn envelope_id(nonce: &str, message: MessageId) -> String {
    [nonce, ".", itoa::Buffer::new().format(message.0)].concat()
}

/// The message an envelope id (`ENVID`, RFC 3461 §4.4) names, if it is of the run with this nonce:
/// `NONCE.MESSAGE`, as in the sender.
#[must_use]
pub fn own_envelope_id(nonce: &str, envelope_id: &str) -> Option<MessageId> {
    let (written, number) = envelope_id.trim().rsplit_once('.')?;
    let message = MessageId(parse_number(number)?);
    written.eq_ignore_ascii_case(nonce).then_some(message)
}

/// The one form in which addresses of mailboxes are compared: without brackets, quotes, source route
/// and the root's dot, in lower case. RFC 5321 §2.4 leaves the case of local-parts to their host;
/// local-parts that differ in case alone are one mailbox almost everywhere.
#[must_use]
pub fn canonical(address: &str) -> String {
    match split(address) {
        Some((local, domain)) => [&local, "@", domain].concat().to_lowercase(),
        None => unquoted(address.trim().trim_matches(['<', '>'])).to_lowercase(),
    }
}

/// Whether two addresses name the same mailbox, as [`canonical`] has it.
#[must_use]
pub fn is_same(one: &str, other: &str) -> bool {
    one == other || canonical(one) == canonical(other)
}

/// Local-part without quotes and quoted pairs, domain without a trailing dot (RFC 5321 §4.1.2).
pub(super) fn split(address: &str) -> Option<(Cow<'_, str>, &str)> {
    let address = address.trim();
    let address = address.strip_prefix('<').unwrap_or(address);
    let address = address.strip_suffix('>').unwrap_or(address);
    let address = match address.split_once(':') {
        Some((route, rest)) if route.starts_with('@') => rest,
        _ => address,
    };
    let (local, domain) = address.rsplit_once('@')?;
    Some((unquoted(local), domain.strip_suffix('.').unwrap_or(domain)))
}

/// A local-part without its quotes; `\` before a character goes with them.
fn unquoted(local: &str) -> Cow<'_, str> {
    let inner = local.strip_prefix('"').and_then(|l| l.strip_suffix('"'));
    let inner = inner.unwrap_or(local);
    if !inner.contains('\\') {
        return Cow::Borrowed(inner);
    }
    let mut quoted = false;
    let kept = |letter: &char| {
        quoted = *letter == '\\' && !quoted;
        !quoted
    };
    Cow::Owned(inner.chars().filter(kept).collect())
}

/// What follows user and separator, without regard to case.
fn strip_user<'a>(local: &'a str, users: [&str; 2]) -> Option<&'a str> {
    users.into_iter().find_map(|user| {
        let head = local.get(..user.len())?;
        if !head.eq_ignore_ascii_case(user) {
            return None;
        }
        local[user.len()..].strip_prefix(SEPARATORS)
    })
}

/// Digits only: no sign, as `u64::from_str` would take.
pub(super) fn parse_number(digits: &str) -> Option<u64> {
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_what_relays_make_of_addresses() {
        for written in [
            "mb+42@gmail.test",
            "<mb+42@gmail.test>",
            " <MB+42@gmail.test> ",
            "\"mb+42\"@gmail.test",
            "\"mb\\+42\"@gmail.test",
            "mb\\+42@gmail.test",
            "mb-42@gmail.test",
            "mb=42@gmail.test",
            "mb_42@gmail.test",
            "<@relay.test,@other.test:mb+42@gmail.test>",
            "mb+42@gmail.test.",
            "mb信+42@gmail.test",
            "MB信+42@gmail.test",
        ] {
            assert_eq!(parse_recipient(written), Some((ProbeId(42), "gmail.test")), "{written}");
        }
        assert_eq!(
            parse_reverse_path("<B+01ABC.7@Bounce.Mailbench.TEST>"),
            Some(("01ABC", MessageId(7)))
        );
        assert_eq!(
            own_reverse_path("01abc", "b+01ABC.7@bounce.mailbench.test"),
            Some(MessageId(7))
        );
    }

    #[test]
    fn refuses_what_is_not_ours() {
        for written in [
            "",
            "<>",
            "mb+@a.test",
            "mb++1@a.test",
            "mb+-1@a.test",
            "mb+1",
            "mc+1@a.test",
            "mb+1x@a",
            "mb倻+1@a.test",
            "mb?+1@a.test",
        ] {
            assert_eq!(parse_recipient(written), None, "{written}");
        }
        assert_eq!(parse_recipient("mb+18446744073709551616@a.test"), None);
        for written in ["<>", "b+x.1@gmail.test", "b+x@bounce.mailbench.test"] {
            assert_eq!(parse_reverse_path(written), None, "{written}");
        }
        assert_eq!(own_reverse_path("mine", "b+other.7@bounce.mailbench.test"), None);
    }

    #[test]
    fn the_same_mailbox_however_it_is_written() {
        let archive = "archive+all@a.test";
        for written in [
            "archive+all@a.test",
            "<Archive+ALL@A.TEST>",
            " <archive+all@a.test> ",
            "\"archive+all\"@a.test.",
            "\"archive\\+all\"@a.test",
            "archive\\+all@A.test",
            "<@relay.test,@other.test:archive+all@a.test>",
        ] {
            assert!(is_same(archive, written) && is_same(written, archive), "{written}");
        }
        for other in ["archive@a.test", "archive-all@a.test", "archive+all@b.test", "", "a.test"] {
            assert!(!is_same(archive, other), "{other}");
        }
        assert!(is_same("Postmaster", "<postmaster>") && is_same("", "<>"));
        assert!(is_same("\u{c4}rger@a.test", "\"\u{e4}rger\"@a.test"));
    }

    proptest! {
        #[test]
        fn round_trips(number: u64, nonce in "[a-z0-9]{1,26}") {
            for letters in [Letters::Ascii, Letters::Utf8] {
                let written = recipient(letters, ProbeId(number), "a.test");
                prop_assert_eq!(parse_recipient(&written), Some((ProbeId(number), "a.test")));
                prop_assert_eq!(written.is_ascii(), letters == Letters::Ascii);
                let written = reverse_path(letters, &nonce, MessageId(number));
                prop_assert_eq!(own_reverse_path(&nonce, &written), Some(MessageId(number)));
                prop_assert_eq!(written.is_ascii(), letters == Letters::Ascii);
            }
            let written = format!("{nonce}.{number}");
            prop_assert_eq!(own_envelope_id(&nonce, &written), Some(MessageId(number)));
        }

        #[test]
        fn never_panics(text in "\\PC*") {
            let _ = parse_recipient(&text);
            let _ = parse_reverse_path(&text);
            prop_assert!(is_same(&text, &text.clone()));
        }
    }
}
