//! `[smtp]` as written: how mail is submitted.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::At;
use crate::scenario::units::Timespan;

/// `[smtp]`: how mail is submitted.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Smtp {
    /// SMTP, or LMTP to a target that speaks it. Default: smtp.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protocol: Option<At<Protocol>>,
    /// When TLS begins. Default: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<At<Tls>>,
    /// Whether the certificate must be trusted and bear the name. Default: not on this machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_verify: Option<At<bool>>,
    /// PEM file of the certificates to trust. Default: those the system trusts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_ca: Option<At<String>>,
    /// The name that is asked for and expected. Default: localhost; elsewhere the address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_name: Option<At<String>>,
    /// Resume TLS sessions, as most senders do; false: every handshake is a full one. Default:
    /// true.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_resumption: Option<At<bool>>,
    /// Use PIPELINING when the target offers it. Default: true.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pipelining: Option<At<bool>>,
    /// Send content by BDAT when the target offers CHUNKING. Default: false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chunking: Option<At<bool>>,
    /// Log in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth: Option<At<Auth>>,
    /// What is said when the target offers DSN.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dsn: Option<At<Dsn>>,
    /// Loopback addresses to connect from, in turn, such as 127.0.0.0/24. Default: the kernel's
    /// choice.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sources: Option<At<String>>,
    /// Time limits by stage. Defaults: RFC 5321 §4.5.3.2.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<At<Timeout>>,
}

/// Which protocol is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// RFC 5321.
    Smtp,
    /// RFC 2033.
    Lmtp,
}

/// When TLS begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Tls {
    /// Never.
    None,
    /// After STARTTLS. A target that does not offer it gets no mail.
    Starttls,
    /// From the first byte.
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
    /// Name of the environment variable that holds the password, or the token.
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
    /// XOAUTH2.
    Xoauth2,
    /// SCRAM-SHA-256 (RFC 7677).
    #[serde(rename = "scram-sha-256")]
    ScramSha256,
}

/// `[smtp.dsn]`: what is said where DSN (RFC 3461) is offered.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Dsn {
    /// ENVID, by which a DSN names its message. Default: true.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub envid: Option<At<bool>>,
    /// ORCPT, the recipient as it was at first. Default: false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub orcpt: Option<At<bool>>,
    /// NOTIFY: when a DSN is wanted. Default: not said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notify: Option<At<Vec<Notify>>>,
    /// RET: how much a DSN returns. Default: not said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ret: Option<At<Ret>>,
}

/// When a DSN is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Notify {
    /// On delivery.
    Success,
    /// On failure. Always wanted: without it nobody can tell a bounce from a loss.
    Failure,
    /// On delay.
    Delay,
}

/// How much a DSN returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Ret {
    /// The whole message.
    Full,
    /// Its headers.
    Headers,
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
