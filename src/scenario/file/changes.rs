//! `[target.changes]` as written.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::At;
use crate::scenario::model::{HeaderChanges, RecipientChange, SenderChange};

/// `[target.changes]`: what the target is intended to do to mail. A change that is neither
/// permitted by the standards nor named here fails the run.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Changes {
    /// Which header fields may differ. Default: permitted, as by RFC 5321 §6.4.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub headers: Option<At<HeaderChanges>>,
    /// Whether the subject may be rewritten. Default: false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<At<bool>>,
    /// Whether text may be added to the body. Default: false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub footer: Option<At<bool>>,
    /// Whether parts may be transfer-encoded anew; their decoded content is compared. Default: true.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reencoded: Option<At<bool>>,
    /// How the envelope's sender may be rewritten. Default: unchanged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sender: Option<At<SenderChange>>,
    /// How envelope recipients may be rewritten. Default: unchanged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recipient: Option<At<RecipientChange>>,
    /// Addresses that get a copy of mail to others: an archive, a second mailbox. Default: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub copies: Option<At<Vec<At<String>>>>,
}
