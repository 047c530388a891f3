//! `[smtp]` and `[message]` as written.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Amount, At};
use crate::scenario::units::{Count, Size, Timespan};

/// `[smtp]`: how mail is submitted.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Smtp {
    /// TLS. Only `none` is built. Default: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<At<Tls>>,
    /// Use PIPELINING when the target offers it. Default: true.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pipelining: Option<At<bool>>,
    /// Use CHUNKING. Only `false` is built. Default: false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chunking: Option<At<bool>>,
    /// Log in. Not built yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth: Option<At<Auth>>,
    /// Time limits by stage. Defaults: RFC 5321 §4.5.3.2.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<At<Timeout>>,
}

/// When TLS begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Tls {
    /// Never.
    None,
    /// After STARTTLS. Not built yet.
    Starttls,
    /// From the first byte. Not built yet.
    Implicit,
}

/// How to log in.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Auth {
    /// SASL mechanism.
    pub mechanism: At<Mechanism>,
    /// User name.
    pub user: At<String>,
    /// Name of the environment variable that holds the password.
    pub password_env: At<String>,
}

/// SASL mechanism.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Mechanism {
    /// PLAIN (RFC 4616).
    Plain,
    /// LOGIN.
    Login,
    /// CRAM-MD5 (RFC 2195).
    CramMd5,
    /// SCRAM-SHA-256 (RFC 7677).
    #[serde(rename = "scram-sha-256")]
    ScramSha256,
}

/// `[smtp.timeout]`: time limits by stage.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Timeout {
    /// TCP connection. Default: 30s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connect: Option<At<Timespan>>,
    /// Greeting. Default: 5m.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub banner: Option<At<Timespan>>,
    /// Reply to any command but DATA. Default: 5m.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reply: Option<At<Timespan>>,
    /// Reply to DATA. Default: 2m.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<At<Timespan>>,
    /// One write of content. Default: 3m.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content: Option<At<Timespan>>,
    /// Reply to the final dot. Default: 10m.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_of_data: Option<At<Timespan>>,
}

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
    /// Transfer encoding. Default: 7bit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encoding: Option<At<Encoding>>,
    /// Parts corpus: which files. Not built yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub corpus: Option<At<String>>,
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
    /// Messages from files. Not built yet.
    Corpus,
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
    /// SMTPUTF8. Not built yet.
    #[serde(rename = "utf8")]
    Utf8,
}
