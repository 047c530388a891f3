//! `[target]`, `[target.retry]` and `[target.delivery]` as written.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{At, Changes};
use crate::scenario::model::Network;
use crate::scenario::units::{Share, Timespan};

/// `[target]`: the system under test.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Target {
    /// Which kind. Default: relay.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<At<Kind>>,
    /// Kind external: where it takes mail, `IP:PORT`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<At<String>>,
    /// Kind external: the command that prints its queue.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queue_command: Option<At<Vec<String>>>,
    /// Kind external: the command that starts it, in the foreground or leaving it behind.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_command: Option<At<Vec<String>>>,
    /// Kind external: the command that stops it. Default: SIGTERM.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop_command: Option<At<Vec<String>>>,
    /// Kind external: the file where it writes its process id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pid_file: Option<At<String>>,
    /// A real MTA: the program to start, where it is not on `PATH`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub program: Option<At<String>>,
    /// A real MTA: settings of its own, in its own words.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<BTreeMap<String, serde_json::Value>>")]
    pub settings: Option<At<BTreeMap<String, toml::Value>>>,
    /// A target that mailbench starts: what it can reach. Default: a real MTA loopback only, where
    /// that is possible.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network: Option<At<Network>>,
    /// When it tries again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry: Option<At<Retry>>,
    /// How it delivers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delivery: Option<At<Delivery>>,
    /// What it is intended to do to mail.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changes: Option<At<Changes>>,
}

/// Kinds of target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// The embedded relay.
    Relay,
    /// No target: straight to the sink.
    Direct,
    /// One of the user's, running already or started by `start_command`.
    External,
    /// A private instance of Postfix.
    Postfix,
    /// A private instance of Exim.
    Exim,
    /// A private instance of OpenSMTPD.
    Opensmtpd,
    /// A private instance of Haraka.
    Haraka,
}

/// `[target.retry]`: when a deferred recipient is tried again.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Retry {
    /// How the delay grows. Default: exponential.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schedule: Option<At<Schedule>>,
    /// Fixed and exponential: the first delay. Default: 2s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first: Option<At<Timespan>>,
    /// Exponential: each delay is so many times the last. Default: 2.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub factor: Option<At<f64>>,
    /// Exponential: longest delay. Default: 30s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cap: Option<At<Timespan>>,
    /// Steps: the delays one after the other; the last one repeats.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub steps: Option<At<Vec<Timespan>>>,
    /// Share by which a delay varies to either side. Default: 0.1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jitter: Option<At<Share>>,
    /// Age at which the sender gives up. Default: 10m.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub give_up_after: Option<At<Timespan>>,
}

/// How the delay before the next attempt grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Schedule {
    /// Always `first`.
    Fixed,
    /// `first`, then `factor` times more, up to `cap`.
    Exponential,
    /// As `steps` says.
    Steps,
}

/// `[target.delivery]`: how it delivers.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Delivery {
    /// Simultaneous deliveries, whole target. Default: 50.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<At<u32>>,
    /// Simultaneous deliveries to one destination. Default: 20.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_destination: Option<At<u32>>,
    /// Relay only: which due message goes first. Default: fifo.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ordering: Option<At<Ordering>>,
    /// Relay only: whether a 250 waits for the disk. Default: fsync.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub durability: Option<At<Durability>>,
    /// Relay only: whether mail goes on under TLS, by STARTTLS, whatever the certificate. Default:
    /// may.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<At<OnwardTls>>,
}

/// Which due message goes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Ordering {
    /// In order of acceptance.
    Fifo,
    /// In order of due time.
    DueTime,
    /// By priority.
    Priority,
    /// Healthy destinations first.
    LoadAware,
}

/// Whether a 250 waits for the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Durability {
    /// Synced before the reply.
    Fsync,
    /// Not synced.
    None,
}

/// Whether mail goes on under TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OnwardTls {
    /// Never.
    None,
    /// Where STARTTLS is offered; in the clear where it is not or is refused, and, from the second
    /// attempt on, where it fails.
    May,
    /// Never in the clear: mail waits until TLS is to be had.
    Encrypt,
}

/// The settings file of the embedded relay: `[retry]` and `[delivery]`.
#[derive(Clone, Debug, Default, Serialize)]
pub struct RelaySettings {
    /// When it tries again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry: Option<At<Retry>>,
    /// How it delivers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delivery: Option<At<Delivery>>,
}
