//! The scenario as written: the grammar of the TOML file, one file per section.
//!
//! These types are read, written (a resolved scenario is a scenario) and described as JSON
//! Schema. What keys mean together is decided in `resolve`, not here.

mod abuse;
mod amount;
mod at;
mod changes;
mod chaos;
mod compare;
mod fault;
mod load;
mod message;
mod read;
mod shape;
mod simulate;
mod sink;
mod smtp;
mod target;
mod thresholds;

pub use abuse::{Abuse, AbuseKind};
pub use amount::{Amount, Drawn};
pub use at::At;
pub use changes::Changes;
pub use chaos::{Chaos, Every, Kill, Restart, When};
pub use compare::{Compare, Variant};
pub use fault::{AttemptsText, Connection, Fault, Garble, Limit, Per, TlsFault};
pub use load::{Arrival, Load, Model, Segment};
pub use message::{Dkim, Encoding, Message, Parts, TextStyle};
pub use simulate::Simulate;
pub use sink::{Addresses, Destination, Engine, Extension, Sink};
pub use smtp::{Auth, Dsn, Mechanism, Notify, Protocol, Ret, Smtp, Timeout, Tls};
pub use target::{
    Delivery, Durability, Kind, OnwardTls, Ordering, RelaySettings, Retry, Schedule, Target,
};
pub use thresholds::{Bound, Thresholds};

pub(super) use read::{read, read_relay_settings};

use schemars::JsonSchema;
use serde::Serialize;

/// A mailbench scenario: what a run asks, of whom, under which load and failures.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
#[schemars(title = "mailbench scenario", deny_unknown_fields)]
#[serde(default)]
pub struct File {
    /// Name of the scenario, and of the folder its runs land in. Default: the file's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<At<String>>,
    /// The question it asks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub question: Option<At<String>>,
    /// The seed of everything random. Default: 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<At<u64>>,
    /// The system under test. Default: the embedded relay.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<At<Target>>,
    /// What is offered, when.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub load: Option<At<Load>>,
    /// How mail is submitted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub smtp: Option<At<Smtp>>,
    /// The sink's own settings.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sink: Option<At<Sink>>,
    /// What the messages are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<At<Message>>,
    /// Where they go; at least one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub destination: Vec<At<Destination>>,
    /// What goes wrong there.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fault: Vec<At<Fault>>,
    /// What happens to the target itself.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub chaos: Vec<At<Chaos>>,
    /// Bad clients beside the honest load.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub abuse: Vec<At<Abuse>>,
    /// The model of the target in a simulation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub simulate: Option<At<Simulate>>,
    /// Bounds the run must meet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thresholds: Option<Thresholds>,
    /// Variants to compare.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compare: Option<At<Compare>>,
}
