//! `[simulate]` as written: the model that stands for the target in a simulation.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Amount, At};
use crate::scenario::units::Timespan;

/// `[simulate]`: how long the model of the target takes. `run` sends real mail and ignores it.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Simulate {
    /// One delivery over a connection that is open: how long it holds a slot. Without it, a
    /// measured run must be named (`--from`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<At<Amount<Timespan>>>,
    /// Opening a connection to a destination. Default: 0s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connect: Option<At<Amount<Timespan>>>,
    /// From MAIL to the final dot of a submission, disk left out. Default: 0s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub intake: Option<At<Amount<Timespan>>>,
    /// One commit of the queue to disk; one at a time, and a 250 waits for it. Default: 0s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit: Option<At<Amount<Timespan>>>,
    /// Messages and results that share a commit: 1 for an MTA that syncs each. Default: 1024, as
    /// the embedded relay.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit_batch: Option<At<u32>>,
}
