//! `[load]` as written.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Amount, At};
use crate::scenario::units::{Rate, Timespan};

/// `[load]`: what is offered, when.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Load {
    /// Arrivals independent of completions, or driven by them. Default: open.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<At<Model>>,
    /// Open: the law of the arrivals. Default: poisson.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arrival: Option<At<Arrival>>,
    /// Arrival on-off: mean length of an on period. Default: 1s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on: Option<At<Timespan>>,
    /// Arrival on-off: mean length of an off period. Default: 1s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub off: Option<At<Timespan>>,
    /// Arrival trace: a CSV file, seen from the scenario's folder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace: Option<At<String>>,
    /// Open: messages a second (on-off: the mean over both).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate: Option<At<Rate>>,
    /// Offered before the measured period; not counted. Default: 5s; with a trace 0s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warm_up: Option<At<Timespan>>,
    /// The measured period. Default: 30s; with a trace the rest of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration: Option<At<Timespan>>,
    /// Instead of a duration: so many measured messages.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub messages: Option<At<u64>>,
    /// How long to wait for the queue to empty. Default: 60s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drain: Option<At<Timespan>>,
    /// Simultaneous sessions: at most (open), exactly (closed). Default: 50.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sessions: Option<At<u32>>,
    /// Messages before a session is closed and a new one opened. Default: 100.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub messages_per_session: Option<At<u32>>,
    /// Closed: wait between a reply and the next message. Default: 0s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub think_time: Option<At<Amount<Timespan>>>,
    /// Open: consecutive pieces, instead of rate and duration.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub segment: Vec<At<Segment>>,
}

/// Open or closed model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Model {
    /// Arrivals independent of completions.
    Open,
    /// Each session sends its next message after the reply to the last.
    Closed,
}

/// The law by which open arrivals come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Arrival {
    /// Evenly spaced.
    Constant,
    /// A Poisson process.
    Poisson,
    /// Poisson while on, nothing while off.
    OnOff,
    /// From a file.
    Trace,
}

/// `[[load.segment]]`: a piece of time.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Segment {
    /// Messages a second at its start.
    pub rate: At<Rate>,
    /// Messages a second at its end. Default: as at its start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<At<Rate>>,
    /// How long it lasts.
    pub duration: At<Timespan>,
}
