//! Lists of addresses (RFC 5322 §3.4) that may be written in many forms: whether two mean the same
//! mailboxes, or one is the other with domains completed.

use super::field::collapsed;
use crate::probe::change::Change;

/// Fields whose values are addresses.
pub(super) const FIELDS: [&str; 15] = [
    "from",
    "sender",
    "reply-to",
    "to",
    "cc",
    "bcc",
    "resent-from",
    "resent-sender",
    "resent-reply-to",
    "resent-to",
    "resent-cc",
    "errors-to",
    "return-receipt-to",
    "disposition-notification-to",
    "apparently-to",
];

/// One mailbox, or what stands in the place of one.
#[derive(Debug, PartialEq, Eq)]
struct Mailbox {
    /// Display name and comments, without quotes.
    name: String,
    address: String,
}

/// How one list came from the other, if they mean the same.
pub(super) fn form(sent: &[u8], arrived: &[u8]) -> Option<Change> {
    let (sent, arrived) = (mailboxes(sent), mailboxes(arrived));
    if sent.len() != arrived.len() {
        return None;
    }
    let mut form = Change::HeaderForm;
    for (one, other) in sent.iter().zip(&arrived) {
        if one.name != other.name {
            return None;
        }
        if !is_same(&one.address, &other.address) {
            form = Change::AddressCompleted;
            is_completed(&one.address, &other.address).then_some(())?;
        }
    }
    Some(form)
}

fn mailboxes(value: &[u8]) -> Vec<Mailbox> {
    let text = String::from_utf8_lossy(&collapsed(value)).into_owned();
    split(&text).iter().map(|item| mailbox(item)).filter(|it| !it.address.is_empty()).collect()
}

/// The items between commas and semicolons that are not inside quotes, comments or brackets.
fn split(text: &str) -> Vec<String> {
    let mut items = vec![String::new()];
    let mut depth = Depth::default();
    for letter in text.chars() {
        if depth.is_outside() && matches!(letter, ',' | ';') {
            items.push(String::new());
            continue;
        }
        depth.pass(letter);
        if let Some(item) = items.last_mut() {
            item.push(letter);
        }
    }
    items
}

/// Where in quotes, comments and brackets a letter is.
#[derive(Default)]
struct Depth {
    quoted: bool,
    escaped: bool,
    comments: u32,
    brackets: u32,
}

impl Depth {
    fn is_outside(&self) -> bool {
        !self.quoted && self.comments == 0 && self.brackets == 0
    }

    fn pass(&mut self, letter: char) {
        match letter {
            _ if self.escaped => self.escaped = false,
            '\\' => self.escaped = true,
            '"' if self.comments == 0 => self.quoted = !self.quoted,
            '(' if !self.quoted => self.comments += 1,
            ')' if !self.quoted => self.comments = self.comments.saturating_sub(1),
            '<' if !self.quoted && self.comments == 0 => self.brackets += 1,
            '>' if !self.quoted && self.comments == 0 => {
                self.brackets = self.brackets.saturating_sub(1);
            }
            _ => {}
        }
    }
}

fn mailbox(item: &str) -> Mailbox {
    let (mut comments, mut outside) = (String::new(), String::new());
    let mut depth = Depth::default();
    for letter in item.chars() {
        let before = depth.comments > 0;
        depth.pass(letter);
        let into = if before || depth.comments > 0 { &mut comments } else { &mut outside };
        into.push(letter);
    }
    let outside = without_group(&outside);
    let (name, address) = match outside.find('<') {
        Some(at) => (&outside[..at], outside[at + 1..].split('>').next().unwrap_or_default()),
        None => ("", outside),
    };
    let name = [name, &comments].concat();
    let plain = |letter: &char| !matches!(letter, '"' | '\\' | '(' | ')');
    let name: String = name.chars().filter(plain).collect();
    let name = name.split_whitespace().collect::<Vec<_>>().join(" ");
    Mailbox { name, address: plain_address(address) }
}

/// Without the name of a group before its first member (RFC 5322 §3.4).
fn without_group(item: &str) -> &str {
    match item.find([':', '<', '@', '[', '"']) {
        Some(at) if item[at..].starts_with(':') => &item[at + 1..],
        _ => item,
    }
}

/// Without white space, quotes and a source route (RFC 5321 appendix C), the domain in lower case.
fn plain_address(address: &str) -> String {
    let plain = |letter: &char| !letter.is_whitespace() && !matches!(letter, '"' | '\\');
    let address: String = address.chars().filter(plain).collect();
    let address = match address.split_once(':') {
        Some((route, rest)) if route.starts_with('@') => rest.to_owned(),
        _ => address,
    };
    match address.rsplit_once('@') {
        Some((local, domain)) => {
            [local, "@", domain.to_ascii_lowercase().trim_end_matches('.')].concat()
        }
        None => address,
    }
}

fn is_same(sent: &str, arrived: &str) -> bool {
    sent == arrived
}

/// Whether a domain, or the rest of one, was added; a path of UUCP or with `%` may be turned round.
fn is_completed(sent: &str, arrived: &str) -> bool {
    let Some((local, _)) = arrived.rsplit_once('@') else { return false };
    let added = arrived.strip_prefix(sent);
    match sent.rsplit_once('@') {
        Some((_, domain)) if !domain.contains('.') => {
            added.is_some_and(|added| domain.is_empty() || added.starts_with('.'))
        }
        Some((old, _)) => old.split_once('%').is_some_and(|(user, _)| user == local),
        None => {
            let turned = sent.rsplit_once('!').map(|(_, user)| user);
            let percent = sent.split_once('%').map(|(user, _)| user);
            added.is_some_and(|added| added.starts_with('@'))
                || turned == Some(local)
                || percent == Some(local)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_mailboxes_in_other_forms() {
        for (sent, arrived) in [
            ("a@b.test", "<a@b.test>"),
            ("<a@b.test>", "a@b.test"),
            ("Bob <a@b.test>", "\"Bob\" <a@B.TEST>"),
            ("a@b.test (Bob)", "Bob <a@b.test>"),
            ("a@b.test,c@d.test", "a@b.test,\r\n\tc@d.test"),
            ("a@b.test, , c@d.test,", "a@b.test, c@d.test"),
            ("\"a\"@b.test", "a@b.test"),
            ("<@r.test,@s.test:a@b.test>", "<a@b.test>"),
            ("Team: a@b.test, c@d.test;", "Team: a@b.test,c@d.test;"),
            ("\"x, y\" <a@b.test>", "\"x, y\"<a@b.test>"),
            ("undisclosed-recipients:;", "undisclosed-recipients: ;"),
        ] {
            let found = form(sent.as_bytes(), arrived.as_bytes());
            assert_eq!(found, Some(Change::HeaderForm), "{sent} to {arrived}");
        }
    }

    #[test]
    fn completed_domains() {
        for (sent, arrived) in [
            ("root", "root@host.test"),
            ("Bob <root>", "Bob <root@host.test>"),
            ("root (Bob)", "root@host.test (Bob)"),
            ("a@host", "a@host.example.test"),
            ("a, b@c.test", "a@h.test, b@c.test"),
            ("h!u", "u@h.test"),
            ("u%h", "u@h.test"),
        ] {
            let found = form(sent.as_bytes(), arrived.as_bytes());
            assert_eq!(found, Some(Change::AddressCompleted), "{sent} to {arrived}");
        }
    }

    #[test]
    fn other_mailboxes() {
        for (sent, arrived) in [
            ("a@b.test", "c@b.test"),
            ("a@b.test", "a@c.test"),
            ("a@b.test", "a@b.test.evil"),
            ("Bob <a@b.test>", "Eve <a@b.test>"),
            ("a@b.test, c@d.test", "a@b.test"),
            ("root", "rooter@host.test"),
            ("a@host", "a@hostile.test"),
        ] {
            assert_eq!(form(sent.as_bytes(), arrived.as_bytes()), None, "{sent} to {arrived}");
        }
    }
}
