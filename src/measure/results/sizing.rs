//! How large the target must be: what the load used up, and how much more would fit.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What the load used up of what there was.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct SizingFacts {
    /// Probes delivered a second over the measured period.
    pub delivered_per_s: f64,
    /// The resource that was used up most over the measured period.
    pub limited_by: String,
    /// How much more of the same load it could have borne: 1 is none.
    pub headroom: f64,
    /// Every resource looked at, the one used up most first.
    pub resources: Vec<ResourceUse>,
    /// Probes delivered a second for each core that the target kept busy; null where its
    /// processor time is not known.
    pub per_core_per_s: Option<f64>,
    /// Bytes of mail the target owed, mean over its worst hour (or over the run, if shorter).
    pub backlog_bytes: f64,
    /// When that hour began, seconds since the start of the run.
    pub backlog_from_s: f64,
}

/// How much of one resource was in use.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ResourceUse {
    /// Its name.
    pub name: String,
    /// Mean share in use over the measured period, 0 to 1.
    pub used: f64,
}
