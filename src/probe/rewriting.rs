//! What servers on the way make of envelope addresses: our sender inside another one (SRS, BATV,
//! VERP of a list), our recipient in another spelling, without its subaddress, or under another
//! name. Says how an address differs from the one that was sent, never whether that may be.

use super::address::{parse_number, parse_recipient, parse_reverse_path, split};
use super::{BOUNCE_DOMAIN, MessageId, ProbeId, address};

/// How the sender that arrived came from the one that was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SenderForm {
    /// As sent, but for quoting and case.
    Same,
    /// Sender Rewriting Scheme: a forwarder's address that holds ours.
    Srs,
    /// Bounce Address Tag Validation: ours with a tag before it.
    Batv,
    /// A list's or forwarder's address that holds ours otherwise.
    Verp,
    /// The null reverse-path instead of our sender, or the reverse.
    Null,
    /// Another address, which does not hold ours.
    Other,
}

/// How the recipient that arrived came from the one that was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RecipientForm {
    /// As sent, but for quoting and the case of the domain.
    Same,
    /// The same user and subaddress in another spelling: case, or another separator (RFC 5233).
    Spelling,
    /// The same user without the subaddress.
    SubaddressStripped,
    /// Another user.
    Alias,
}

impl SenderForm {
    /// Its name in a warning and as evidence.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            SenderForm::Same => "unchanged",
            SenderForm::Srs => "rewritten by SRS",
            SenderForm::Batv => "rewritten by BATV",
            SenderForm::Verp => "rewritten by VERP",
            SenderForm::Null => "null reverse-path exchanged",
            SenderForm::Other => "replaced",
        }
    }
}

impl RecipientForm {
    /// Its name in a warning and as evidence.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            RecipientForm::Same => "unchanged",
            RecipientForm::Spelling => "in another spelling",
            RecipientForm::SubaddressStripped => "without its subaddress",
            RecipientForm::Alias => "replaced",
        }
    }
}

/// How `seen` differs from the sender of a message, of which `probe` is a recipient. `null`: it was
/// sent from the null reverse-path.
#[must_use]
pub fn sender_form(message: MessageId, probe: ProbeId, null: bool, seen: &str) -> SenderForm {
    if seen.is_empty() || null {
        return if null && seen.is_empty() { SenderForm::Same } else { SenderForm::Null };
    }
    if parse_reverse_path(seen).is_some_and(|(_, named)| named == message) {
        return SenderForm::Same;
    }
    let Some((local, domain)) = split(seen) else { return SenderForm::Other };
    let Some(found) = embedded_sender(seen).filter(|found| found.message == message) else {
        return if names_recipient(&local, probe) { SenderForm::Verp } else { SenderForm::Other };
    };
    let begins = |prefix: &str| {
        local.get(..prefix.len()).is_some_and(|head| head.eq_ignore_ascii_case(prefix))
    };
    if found.at == 0 && domain.eq_ignore_ascii_case(BOUNCE_DOMAIN) {
        SenderForm::Same
    } else if begins("SRS0") || begins("SRS1") {
        SenderForm::Srs
    } else if begins("prvs=") || begins("btv1==") || begins("msprvs1=") {
        SenderForm::Batv
    } else {
        SenderForm::Verp
    }
}

/// How the local-part of `seen` differs from that of a probe's recipient. Whether it came to the
/// domain it was meant for is another question.
#[must_use]
pub fn recipient_form(probe: ProbeId, seen: &str) -> RecipientForm {
    let Some((local, _)) = split(seen) else { return RecipientForm::Alias };
    if parse_recipient(seen).is_some_and(|(named, _)| named == probe) {
        let mut number = itoa::Buffer::new();
        let user = local.strip_suffix(number.format(probe.0)).and_then(|it| it.strip_suffix('+'));
        let written = user.is_some_and(|user| address::USERS.contains(&user));
        return if written { RecipientForm::Same } else { RecipientForm::Spelling };
    }
    let stripped = address::USERS.iter().any(|user| local.eq_ignore_ascii_case(user));
    if stripped { RecipientForm::SubaddressStripped } else { RecipientForm::Alias }
}

/// Our sender, found within an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EmbeddedSender {
    /// The nonce, as written.
    pub nonce: String,
    /// The message.
    pub message: MessageId,
    /// Where in the local-part it begins, bytes.
    at: usize,
}

/// Finds `b+NONCE.NUMBER` within the local-part of an address, with another separator perhaps:
/// `SRS0=HHH=TT=bounce.mailbench.test=b+NONCE.7@forwarder`, `prvs=TAG=b+NONCE.7@…`,
/// `list-bounces+b+NONCE.7=bounce.mailbench.test@list`. It counts where our domain is named, too,
/// or with a nonce that the caller knows (see [`own_sender`]).
#[must_use]
pub fn embedded_sender(address: &str) -> Option<EmbeddedSender> {
    let found = find_sender(address)?;
    let ours = address.to_ascii_lowercase().contains(BOUNCE_DOMAIN);
    ours.then_some(found)
}

/// The message that an address names as a sender of the run with this nonce, however it was
/// rewritten.
#[must_use]
pub fn own_sender(nonce: &str, address: &str) -> Option<MessageId> {
    let own = |found: &EmbeddedSender| found.nonce.eq_ignore_ascii_case(nonce);
    address::own_reverse_path(nonce, address)
        .or_else(|| find_sender(address).filter(own).map(|found| found.message))
}

/// Whether an address is, or holds, a sender of another run than that with this nonce.
#[must_use]
pub fn is_sender_of_another_run(nonce: &str, address: &str) -> bool {
    if let Some((written, _)) = parse_reverse_path(address) {
        return !written.eq_ignore_ascii_case(nonce);
    }
    embedded_sender(address).is_some_and(|found| !found.nonce.eq_ignore_ascii_case(nonce))
}

fn find_sender(address: &str) -> Option<EmbeddedSender> {
    let (local, _) = split(address)?;
    let starts = local.char_indices().filter(|(_, letter)| matches!(letter, 'b' | 'B'));
    starts.map(|(at, _)| at).find_map(|at| sender_at(&local, at))
}

/// Whether a list's sender holds the recipient, as `list-bounces+mb+7=a.test@list`.
fn names_recipient(local: &str, probe: ProbeId) -> bool {
    let word = local.split_once('=').map_or("", |(word, _)| word);
    let at = word.rfind("mb").unwrap_or(word.len());
    let begins = !word[..at].ends_with(|before: char| before.is_alphanumeric());
    let named = parse_recipient(&[&word[at..], "@x"].concat()).map(|(named, _)| named);
    at > 0 && begins && named == Some(probe)
}

/// Reads one that begins here, at the start of a word.
fn sender_at(local: &str, at: usize) -> Option<EmbeddedSender> {
    if local[..at].ends_with(|before: char| before.is_alphanumeric()) {
        return None;
    }
    let rest = &local[at + 1..];
    let rest = rest.strip_prefix('信').unwrap_or(rest);
    let rest = rest.strip_prefix(['+', '-', '=', '_'])?;
    let (nonce, rest) = rest.split_once('.')?;
    let word = !nonce.is_empty() && nonce.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let ends = !rest[digits..].starts_with(|next: char| next.is_alphanumeric());
    let number = parse_number(&rest[..digits]).filter(|_| word && ends && digits > 0)?;
    Some(EmbeddedSender { nonce: nonce.to_owned(), message: MessageId(number), at })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Senders as they were seen in the wild, of message 7 of run `01jd9x`.
    const SENDERS: [(&str, SenderForm); 19] = [
        ("b+01jd9x.7@bounce.mailbench.test", SenderForm::Same),
        ("B+01JD9X.7@Bounce.Mailbench.Test", SenderForm::Same),
        ("\"b\\+01jd9x.7\"@bounce.mailbench.test", SenderForm::Same),
        ("SRS0=HHHH=TT=bounce.mailbench.test=b+01jd9x.7@forwarder.test", SenderForm::Srs),
        ("SRS0+HHHH=TT=bounce.mailbench.test=b+01jd9x.7@forwarder.test", SenderForm::Srs),
        ("srs0-hhhh=tt=bounce.mailbench.test=b+01jd9x.7@forwarder.test", SenderForm::Srs),
        (
            "SRS1=XX=first.test==HHHH=TT=bounce.mailbench.test=b+01jd9x.7@second.test",
            SenderForm::Srs,
        ),
        ("\"SRS0=H=T=bounce.mailbench.test=b\\+01jd9x.7\"@f.test", SenderForm::Srs),
        ("prvs=0123456789=b+01jd9x.7@bounce.mailbench.test", SenderForm::Batv),
        ("btv1==0123456789==b+01jd9x.7@bounce.mailbench.test", SenderForm::Batv),
        ("list-bounces+b+01jd9x.7=bounce.mailbench.test@list.test", SenderForm::Verp),
        ("list+bounces-b-01jd9x.7=bounce.mailbench.test@list.test", SenderForm::Verp),
        ("list-bounces+mb+7=a.test@list.test", SenderForm::Verp),
        ("list-bounces+mb+8=a.test@list.test", SenderForm::Other),
        ("", SenderForm::Null),
        ("list-owner@list.test", SenderForm::Other),
        ("b+01jd9x.8@bounce.mailbench.test", SenderForm::Other),
        ("someone", SenderForm::Other),
        ("list-b+01jd9x.7x=bounce.mailbench.test@list.test", SenderForm::Other),
    ];

    #[test]
    fn sender_rewriting_is_classified() {
        for (seen, form) in SENDERS {
            assert_eq!(sender_form(MessageId(7), ProbeId(7), false, seen), form, "{seen}");
        }
        assert_eq!(sender_form(MessageId(7), ProbeId(7), true, ""), SenderForm::Same);
        assert_eq!(sender_form(MessageId(7), ProbeId(7), true, "x@y.test"), SenderForm::Null);
    }

    #[test]
    fn a_run_finds_its_own_senders_only() {
        for (seen, form) in SENDERS {
            let names =
                !matches!(form, SenderForm::Null | SenderForm::Other) && !seen.contains("+mb+");
            let message = names.then_some(MessageId(7));
            let named = own_sender("01JD9X", seen).filter(|found| *found == MessageId(7));
            assert_eq!(named, message, "{seen}");
            assert_eq!(own_sender("another", seen), None, "{seen}");
            assert_eq!(is_sender_of_another_run("another", seen), names || seen.contains("x.8"));
            assert!(!is_sender_of_another_run("01jd9x", seen), "{seen}");
        }
        // A word of the same form at another domain is not ours.
        assert!(!is_sender_of_another_run("01jd9x", "list-b-other.7@list.test"));
        assert_eq!(own_sender("01jd9x", "list-b-01jd9x.7@list.test"), Some(MessageId(7)));
    }

    #[test]
    fn recipient_rewriting_is_classified() {
        for (seen, form) in [
            ("mb+7@a.test", RecipientForm::Same),
            ("\"mb+7\"@A.test", RecipientForm::Same),
            ("\"mb\\+7\"@a.test", RecipientForm::Same),
            ("mb信+7@a.test", RecipientForm::Same),
            ("MB+7@a.test", RecipientForm::Spelling),
            ("mb-7@a.test", RecipientForm::Spelling),
            ("mb_7@a.test", RecipientForm::Spelling),
            ("mb@a.test", RecipientForm::SubaddressStripped),
            ("MB@a.test", RecipientForm::SubaddressStripped),
            ("alice@a.test", RecipientForm::Alias),
            ("mb+8@a.test", RecipientForm::Alias),
            ("mb7@a.test", RecipientForm::Alias),
            ("postmaster", RecipientForm::Alias),
        ] {
            assert_eq!(recipient_form(ProbeId(7), seen), form, "{seen}");
        }
    }

    proptest! {
        #[test]
        fn nothing_makes_them_panic(text in "[b信+=_.\\\\\"@0-9a\\PC]{0,30}") {
            let _form = sender_form(MessageId(7), ProbeId(7), false, &text);
            let _form = recipient_form(ProbeId(7), &text);
            let _found = (own_sender("a", &text), is_sender_of_another_run("a", &text));
        }
    }
}
