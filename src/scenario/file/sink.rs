//! `[sink]` and `[[destination]]` as written.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{At, Protocol, Tls};
use crate::scenario::units::Count;
pub use crate::smtp::dialogue::Extension;

/// `[sink]`: the destinations' own settings.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Sink {
    /// Where it listens, `IP:PORT`; port 0: a free one. Default: 127.0.0.1:0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listen: Option<At<String>>,
    /// Which reading of the protocol. Default: native.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub engine: Option<At<Engine>>,
    /// Whether each destination has an address of its own. Default: per-destination for a target
    /// that mailbench starts, shared for an external one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub addresses: Option<At<Addresses>>,
    /// TLS: starttls offers STARTTLS, implicit begins with it. Default: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<At<Tls>>,
    /// The protocol spoken. Default: smtp.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protocol: Option<At<Protocol>>,
    /// Exactly what it offers. Default: PIPELINING, SIZE, 8BITMIME, SMTPUTF8, ENHANCEDSTATUSCODES
    /// and DSN.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub extensions: Option<At<Vec<At<Extension>>>>,
    /// What it offers beside that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub with: Option<At<Vec<At<Extension>>>>,
    /// What of that it does not offer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub without: Option<At<Vec<At<Extension>>>>,
}

/// Which protocol engine the sink runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Engine {
    /// Ours.
    Native,
    /// A second, independent reading of the protocol.
    Samotop,
}

/// How many addresses the sink has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Addresses {
    /// One for all destinations.
    Shared,
    /// One for each destination, to which the target must be routed.
    PerDestination,
}

/// `[[destination]]`: a recipient domain.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Destination {
    /// Its domain.
    pub domain: At<String>,
    /// Its share of recipients, relative to the other weights. Default: 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight: Option<At<Count>>,
    /// Exactly what it offers. Default: what the sink does. This and the next two need an address
    /// of the sink for each destination (`sink.addresses`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extensions: Option<At<Vec<At<Extension>>>>,
    /// What it offers beside what the sink does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub with: Option<At<Vec<At<Extension>>>>,
    /// What of that it does not offer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub without: Option<At<Vec<At<Extension>>>>,
}
