//! `[message]` as written.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Amount, At};
use crate::scenario::units::{Count, Share, Size};

/// `[message]`: what the messages are.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Message {
    /// Size of the whole message text. Default: 4KiB.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<At<Amount<Size>>>,
    /// Recipients a message. Default: 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recipients: Option<At<Amount<Count>>>,
    /// MIME structure. Default: text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parts: Option<At<Parts>>,
    /// What lines of made-up text are like. Default: prose.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<At<TextStyle>>,
    /// Transfer encoding. Default: 7bit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encoding: Option<At<Encoding>>,
    /// Priority by MT-PRIORITY (RFC 6710), -9 to 9, said when the target offers it. Default: not
    /// said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority: Option<At<Amount<Count>>>,
    /// Share of messages sent from the null reverse-path, as notifications are: one that cannot be
    /// delivered is dropped, not returned. Default: 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub null_sender: Option<At<Share>>,
    /// Parts corpus: which files, seen from the scenario's folder, such as `mail/*.eml`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub corpus: Option<At<String>>,
    /// Sign each message by DKIM (RFC 6376).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dkim: Option<At<Dkim>>,
}

/// `[message.dkim]`: who signs messages. Without a key one is made from the seed; `mailbench check`
/// prints its DNS record.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Dkim {
    /// The signing domain. Default: bounce.mailbench.test, that of the author.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub domain: Option<At<String>>,
    /// Which of the domain's keys. Default: mailbench.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub selector: Option<At<String>>,
    /// PEM file of the private key (RSA or Ed25519), seen from the scenario's folder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<At<String>>,
    /// Name of the environment variable that holds it instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_env: Option<At<String>>,
}

/// MIME structure of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Parts {
    /// One text/plain part.
    Text,
    /// Plain text and HTML.
    Alternative,
    /// Text and attachments.
    Mixed,
    /// Messages from files.
    Corpus,
}

/// What lines of text are like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TextStyle {
    /// Ordinary lines, and here and there one that broken software trips over.
    Prose,
    /// Every line of 998 bytes, the most a line may have.
    LongLines,
    /// Every line begins with dots; some are nothing else.
    Dots,
}

/// Transfer encoding of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Encoding {
    /// ASCII.
    #[serde(rename = "7bit")]
    SevenBit,
    /// UTF-8 text with 8BITMIME.
    #[serde(rename = "8bit")]
    EightBit,
    /// UTF-8 in text, headers and addresses, by SMTPUTF8. A target that does not offer it gets no
    /// mail.
    #[serde(rename = "utf8")]
    Utf8,
}
