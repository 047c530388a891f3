//! Which key of `[target.changes]` declares what was done to an envelope on its way.
//!
//! How an address differs from the one that was sent is `probe::rewriting`'s; whether a change is a
//! violation is the ledger's.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::Serialize;

use crate::ledger::event::{AttemptOutcome, Event};
use crate::probe::address::{self, Letters};
use crate::probe::rewriting::{RecipientForm, SenderForm, recipient_form, sender_form};
use crate::probe::{MessageId, ProbeId};
use crate::scenario::model::{Changes, Encoding, RecipientChange, Scenario, SenderChange};
use crate::smtp::envelope::domain_of;

/// A key of `[target.changes]`, and why.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Declaration {
    /// The key.
    pub key: String,
    /// Its value, as TOML.
    pub value: String,
    /// What was seen.
    pub why: String,
}

impl fmt::Display for Declaration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Declaration { key, value, why } = self;
        write!(f, "{why}; if that is meant, declare it: [target.changes] {key} = {value}")
    }
}

/// A copy at an address that is not declared.
#[must_use]
pub fn copy(at: &str, declared: &Changes) -> Option<Declaration> {
    let known = declared.copies.iter().any(|copy| address::is_same(copy, at));
    (!known).then(|| Declaration {
        key: "copies".to_owned(),
        value: format!("[\"{at}\"]"),
        why: format!("a copy arrived for <{at}>"),
    })
}

/// A sender that is not as it was sent: sent as `was`, arrived as `is`.
#[must_use]
pub fn sender(
    form: SenderForm,
    (was, is): (&str, &str),
    declared: SenderChange,
) -> Option<Declaration> {
    let key = match form {
        SenderForm::Same => return None,
        SenderForm::Srs => ("srs", SenderChange::Srs),
        SenderForm::Batv => ("batv", SenderChange::Batv),
        SenderForm::Verp => ("verp", SenderChange::Verp),
        SenderForm::Null | SenderForm::Other => ("any", SenderChange::Any),
    };
    let known = declared == key.1 || declared == SenderChange::Any;
    (!known).then(|| Declaration {
        key: "sender".to_owned(),
        value: format!("\"{}\"", key.0),
        why: format!("the sender was {} on its way (<{is}> for <{was}>)", form.name()),
    })
}

/// A recipient that is not as it was sent; `at_home`: at the domain it was sent to.
#[must_use]
pub fn recipient(
    (form, at_home): (RecipientForm, bool),
    (was, is): (&str, &str),
    declared: RecipientChange,
) -> Option<Declaration> {
    let key = match form {
        _ if !at_home => ("any", RecipientChange::Any),
        RecipientForm::Same => return None,
        RecipientForm::Spelling | RecipientForm::SubaddressStripped => {
            ("subaddress-stripped", RecipientChange::SubaddressStripped)
        }
        RecipientForm::Alias => ("alias", RecipientChange::Alias),
    };
    let covers = match declared {
        RecipientChange::Unchanged => false,
        RecipientChange::SubaddressStripped => key.1 == RecipientChange::SubaddressStripped,
        RecipientChange::Alias => key.1 != RecipientChange::Any,
        RecipientChange::Any => true,
    };
    let how = if at_home { form.name() } else { "at another domain" };
    (!covers).then(|| Declaration {
        key: "recipient".to_owned(),
        value: format!("\"{}\"", key.0),
        why: format!("the recipient arrived {how} (<{is}> for <{was}>)"),
    })
}

/// A message that the sink took, under this envelope.
#[derive(Clone, Debug)]
struct Taken {
    /// Whether sender and recipient are those that were sent.
    unchanged: bool,
    reverse_path: String,
    recipient: String,
}

/// What the envelopes of a run went through in which every message has one recipient, at the
/// destinations in their order.
#[must_use]
pub fn of_envelopes(
    events: impl IntoIterator<Item = Event>,
    scenario: &Scenario,
) -> Vec<Declaration> {
    let (nonce, taken) = collect(events);
    let letters = match scenario.message.encoding {
        Encoding::Utf8 => Letters::Utf8,
        Encoding::SevenBit | Encoding::EightBit => Letters::Ascii,
    };
    let mut found = Vec::new();
    for (number, all) in &taken {
        let message = MessageId(*number);
        let place = usize::try_from(*number).unwrap_or(usize::MAX);
        let Some(to) = scenario.destinations.get(place) else { continue };
        let sent = Sent {
            sender: address::reverse_path(letters, &nonce, message),
            recipient: address::recipient(letters, message.probe(0), &to.domain),
            message,
        };
        found.extend(sent.declarations(all, &scenario.target.changes));
    }
    found
}

/// Recipients' values, each of which covers those before it.
const RECIPIENT: [&str; 3] = ["\"subaddress-stripped\"", "\"alias\"", "\"any\""];

/// Each key once, as TOML wants it, with a value that covers all that was seen and what is declared
/// already; the reason is that of the value, or else the first.
#[must_use]
pub fn merged(all: Vec<Declaration>, declared: &Changes) -> Vec<Declaration> {
    let mut by_key: BTreeMap<String, Vec<Declaration>> = BTreeMap::new();
    for one in all {
        by_key.entry(one.key.clone()).or_default().push(one);
    }
    let together = |(key, all): (String, Vec<Declaration>)| {
        let value = match key.as_str() {
            "copies" => copies(&all, declared),
            "recipient" => widest(&all),
            _ if all.iter().any(|one| one.value != all[0].value) => "\"any\"".to_owned(),
            _ => all[0].value.clone(),
        };
        let reason = all.iter().find(|one| one.value == value).unwrap_or(&all[0]);
        Declaration { why: reason.why.clone(), key, value }
    };
    by_key.into_iter().map(together).collect()
}

fn copies(all: &[Declaration], declared: &Changes) -> String {
    let seen = all.iter().map(|one| one.value.trim_matches(['[', ']']).to_owned());
    let known = declared.copies.iter().map(|address| format!("\"{address}\""));
    let all: BTreeSet<String> = known.chain(seen).collect();
    format!("[{}]", all.into_iter().collect::<Vec<_>>().join(", "))
}

fn widest(all: &[Declaration]) -> String {
    let rank = |one: &&Declaration| RECIPIENT.iter().position(|value| *value == one.value);
    all.iter().max_by_key(rank).map(|one| one.value.clone()).unwrap_or_default()
}

/// The run's nonce, and by message under which envelopes it was taken.
fn collect(events: impl IntoIterator<Item = Event>) -> (String, BTreeMap<u64, Vec<Taken>>) {
    let mut nonce = String::new();
    let mut taken: BTreeMap<u64, Vec<Taken>> = BTreeMap::new();
    let mut rewritten: BTreeMap<(u64, ProbeId), Taken> = BTreeMap::new();
    for event in events {
        match event {
            Event::Run(facts) => nonce = facts.identity.nonce,
            Event::Readdressed(it) => {
                let (reverse_path, recipient) = (it.reverse_path, it.recipient);
                let envelope = Taken { unchanged: false, reverse_path, recipient };
                rewritten.insert((it.session, it.probe), envelope);
            }
            Event::Attempt(it) if it.outcome == AttemptOutcome::Taken => {
                let plain = Taken {
                    unchanged: true,
                    reverse_path: String::new(),
                    recipient: String::new(),
                };
                let envelope = rewritten.remove(&(it.session, it.probe)).unwrap_or(plain);
                let message = it.content.and_then(|content| content.message);
                let message = message.unwrap_or(MessageId(it.probe.0));
                taken.entry(message.0).or_default().push(envelope);
            }
            Event::Recognised(it) if it.attempt.outcome == AttemptOutcome::Taken => {
                let Some(message) = it.message else { continue };
                let (reverse_path, recipient) = (it.reverse_path, it.recipient);
                let envelope = Taken { unchanged: false, reverse_path, recipient };
                taken.entry(message.0).or_default().push(envelope);
            }
            _ => {}
        }
    }
    (nonce, taken)
}

/// A message as it was sent.
struct Sent {
    message: MessageId,
    sender: String,
    recipient: String,
}

impl Sent {
    /// What happened to its envelope. Of several receptions the one nearest to what was sent is its
    /// own, the others are copies.
    fn declarations(&self, all: &[Taken], declared: &Changes) -> Vec<Declaration> {
        let probe = self.message.probe(0);
        let at_home = |one: &Taken| domain_of(&one.recipient) == domain_of(&self.recipient);
        let far = |one: &&Taken| match one.unchanged {
            true => 0,
            false if recipient_form(probe, &one.recipient) == RecipientForm::Same => 1,
            false if at_home(one) => 2,
            false => 3,
        };
        let Some(own) = all.iter().min_by_key(far) else { return Vec::new() };
        let is_own =
            |one: &&Taken| one.unchanged || address::is_same(&one.recipient, &own.recipient);
        let others = all.iter().filter(|one| !is_own(one));
        let mut found: Vec<Declaration> =
            others.filter_map(|one| copy(&one.recipient, declared)).collect();
        if !own.unchanged {
            let form = sender_form(self.message, probe, false, &own.reverse_path);
            found.extend(sender(form, (&self.sender, &own.reverse_path), declared.sender));
            let form = (recipient_form(probe, &own.recipient), at_home(own));
            found.extend(recipient(form, (&self.recipient, &own.recipient), declared.recipient));
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent() -> Sent {
        Sent {
            message: MessageId(3),
            sender: "b+n.3@bounce.mailbench.test".to_owned(),
            recipient: "mb+3@a.test".to_owned(),
        }
    }

    fn taken(reverse_path: &str, recipient: &str) -> Taken {
        let unchanged = recipient.is_empty();
        Taken { unchanged, reverse_path: reverse_path.to_owned(), recipient: recipient.to_owned() }
    }

    #[track_caller]
    fn keys(all: &[Taken], declared: &Changes, wanted: &[(&str, &str)]) {
        let found = sent().declarations(all, declared);
        let found: Vec<(&str, &str)> =
            found.iter().map(|one| (one.key.as_str(), one.value.as_str())).collect();
        assert_eq!(found, wanted);
    }

    #[test]
    fn each_change_has_its_key() {
        let none = Changes::default();
        let own = "b+n.3@bounce.mailbench.test";
        keys(&[taken("", "")], &none, &[]);
        let srs = "SRS0=hh=tt=bounce.mailbench.test=b+n.3@forward.test";
        keys(&[taken(srs, "mb+3@a.test")], &none, &[("sender", "\"srs\"")]);
        keys(&[taken(own, "mb@a.test")], &none, &[("recipient", "\"subaddress-stripped\"")]);
        keys(&[taken(own, "who@a.test")], &none, &[("recipient", "\"alias\"")]);
        keys(&[taken(own, "who@b.test")], &none, &[("recipient", "\"any\"")]);
        let copied = [taken("", ""), taken(own, "archive@a.test")];
        keys(&copied, &none, &[("copies", "[\"archive@a.test\"]")]);
    }

    #[test]
    fn what_is_declared_is_not_asked_for_again() {
        let declared = Changes {
            sender: SenderChange::Any,
            recipient: RecipientChange::Alias,
            copies: vec!["Archive@a.test".to_owned()],
            ..Changes::default()
        };
        let all = [taken("x@y.test", "who@a.test"), taken("x@y.test", "archive@a.test")];
        keys(&all, &declared, &[]);
        for written in ["<ARCHIVE@a.test>", "\"archive\"@a.test", "archive@a.test."] {
            keys(&[taken("", ""), taken("x@y.test", written)], &declared, &[]);
        }
    }

    #[test]
    fn each_key_is_given_once_with_a_value_that_covers_all() {
        let seen = |key: &str, value: &str| Declaration {
            key: key.to_owned(),
            value: value.to_owned(),
            why: format!("{key} {value}"),
        };
        let all = vec![
            seen("recipient", "\"alias\""),
            seen("copies", "[\"x@a.test\"]"),
            seen("sender", "\"srs\""),
            seen("recipient", "\"subaddress-stripped\""),
            seen("copies", "[\"x@b.test\"]"),
            seen("copies", "[\"x@a.test\"]"),
            seen("sender", "\"verp\""),
            seen("footer", "true"),
            seen("footer", "true"),
        ];
        let declared = Changes { copies: vec!["old@a.test".to_owned()], ..Changes::default() };
        let merged = merged(all, &declared);
        let lines: Vec<String> =
            merged.iter().map(|one| format!("{} = {}", one.key, one.value)).collect();
        let wanted = [
            "copies = [\"old@a.test\", \"x@a.test\", \"x@b.test\"]",
            "footer = true",
            "recipient = \"alias\"",
            "sender = \"any\"",
        ];
        assert_eq!(lines, wanted);
        assert_eq!(merged[2].why, "recipient \"alias\"");
    }
}
