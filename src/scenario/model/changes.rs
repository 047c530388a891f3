//! `[target.changes]` as meant: what the target is intended to do to mail on its way.
//!
//! What each of these covers is decided where mail is compared, not here.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `[target.changes]`. The default is a relay that changes nothing but what RFC 5321 allows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
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
