//! `[target.changes]`: what the target is intended to do to mail on its way.
//!
//! What each of these covers is decided where mail is compared, not here.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::grammar::at::{At, some, value_or};
use crate::grammar::diagnosis::Problems;
use crate::grammar::schema::{self, Refinement};
use crate::probe::address::is_same;

/// The form of an address, for the schema.
const MAILBOX: &str = r#"^("[^<>]+|[^\s<>]+)@[^\s<>,@]+$"#;

/// `[target.changes]`: what the target is intended to do to mail. A change that is neither
/// permitted by the standards nor named here fails the run.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Changes")]
pub(in crate::scenario) struct Written {
    /// Which header fields may differ. Default: permitted, as by RFC 5321 §6.4.
    pub headers: Option<At<HeaderChanges>>,
    /// Whether the subject may be rewritten. Default: false.
    pub subject: Option<At<bool>>,
    /// Whether text may be added to the body. Default: false.
    pub footer: Option<At<bool>>,
    /// Whether parts may be transfer-encoded anew; their decoded content is compared. Default: true.
    pub reencoded: Option<At<bool>>,
    /// How the envelope's sender may be rewritten. Default: unchanged.
    pub sender: Option<At<SenderChange>>,
    /// How envelope recipients may be rewritten. Default: unchanged.
    pub recipient: Option<At<RecipientChange>>,
    /// Addresses that get a copy of mail to others: an archive, a second mailbox. Default: none.
    pub copies: Option<At<Vec<At<String>>>>,
}

/// How the schema refines the types.
pub(super) fn refinements() -> Vec<Refinement> {
    let each_once = json!({ "uniqueItems": true, "items": schema::pattern(MAILBOX) });
    vec![("Changes.copies", each_once)]
}

/// `[target.changes]`. The default is a relay that changes nothing but what RFC 5321 allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changes {
    /// Which header fields may differ.
    pub headers: HeaderChanges,
    /// Whether the subject may be rewritten.
    pub subject: bool,
    /// Whether text may be added to the body.
    pub footer: bool,
    /// Whether parts may be transfer-encoded anew (RFC 6152 §3).
    pub reencoded: bool,
    /// How the envelope's sender may be rewritten.
    pub sender: SenderChange,
    /// How envelope recipients may be rewritten.
    pub recipient: RecipientChange,
    /// Addresses that get a copy of mail to others, in the order of the scenario.
    pub copies: Vec<String>,
}

/// `headers`: which header fields may differ.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum HeaderChanges {
    /// What relays and submission servers are permitted to change.
    #[default]
    Permitted,
    /// Any.
    Any,
}

/// `sender`: how the envelope's sender may be rewritten.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SenderChange {
    /// Not at all.
    #[default]
    Unchanged,
    /// Sender Rewriting Scheme: `SRS0=hash=tt=domain=local@forwarder`.
    Srs,
    /// Bounce Address Tag Validation: `prvs=tag=local@domain`.
    Batv,
    /// An address for each message or recipient, as mailing lists use.
    Verp,
    /// To anything.
    Any,
}

/// `recipient`: how envelope recipients may be rewritten.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RecipientChange {
    /// Not at all.
    #[default]
    Unchanged,
    /// The subaddress is taken off (RFC 5233): `user+detail@domain` becomes `user@domain`.
    SubaddressStripped,
    /// To another address in the same domain.
    Alias,
    /// To anything.
    Any,
}

impl Default for Changes {
    fn default() -> Changes {
        Changes {
            headers: HeaderChanges::Permitted,
            subject: false,
            footer: false,
            reencoded: true,
            sender: SenderChange::Unchanged,
            recipient: RecipientChange::Unchanged,
            copies: Vec::new(),
        }
    }
}

pub(super) fn resolve(written: Option<&At<Written>>, problems: &mut Problems) -> Changes {
    let default = Changes::default();
    let Some(At { value: written, .. }) = written else { return default };
    Changes {
        headers: value_or(&written.headers, default.headers),
        subject: value_or(&written.subject, default.subject),
        footer: value_or(&written.footer, default.footer),
        reencoded: value_or(&written.reencoded, default.reencoded),
        sender: value_or(&written.sender, default.sender),
        recipient: value_or(&written.recipient, default.recipient),
        copies: copies(written.copies.as_ref(), problems),
    }
}

/// The addresses, each once.
fn copies(written: Option<&At<Vec<At<String>>>>, problems: &mut Problems) -> Vec<String> {
    let mut copies: Vec<String> = Vec::new();
    for At { value: address, span } in written.iter().flat_map(|list| &list.value) {
        if !is_address(address) {
            problems.refuse(
                span,
                format!("`{address}` is not an address"),
                "write `local@domain`, without angle brackets",
            );
        } else if copies.iter().any(|earlier| is_same(earlier, address)) {
            problems.refuse(span, format!("`{address}` is listed twice"), "leave one out");
        } else {
            copies.push(address.clone());
        }
    }
    copies
}

fn is_address(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else { return false };
    let plain = |part: &str| !part.is_empty() && !part.contains(char::is_control);
    plain(local)
        && plain(domain)
        && !text.contains(['<', '>'])
        && !domain.contains(|letter: char| letter.is_whitespace() || letter == ',')
        && (local.starts_with('"') || !local.contains(char::is_whitespace))
}

impl From<&Changes> for Written {
    fn from(changes: &Changes) -> Written {
        Written {
            headers: some(changes.headers),
            subject: some(changes.subject),
            footer: some(changes.footer),
            reencoded: some(changes.reencoded),
            sender: some(changes.sender),
            recipient: some(changes.recipient),
            copies: some(changes.copies.iter().cloned().map(At::from).collect()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_a_local_part_and_a_domain() {
        for good in ["archive@a.test", "\"a b\"@a.test", "信@例.test", "a+b@[127.0.0.1]"] {
            assert!(is_address(good), "{good}");
        }
        for bad in
            ["", "archive", "@a.test", "a@", "<a@a.test>", "a b@a.test", "a@b.test, c", "a@b\n"]
        {
            assert!(!is_address(bad), "{bad}");
        }
    }
}
