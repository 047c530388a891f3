//! How large the target must be: what the load used up, and how much more would fit.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What the load used up of what there was.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct SizingFacts {
    /// First deliveries inside the measured period, probes per second of it.
    pub delivered_per_s: f64,
    /// Probes due in the measured period, per second of it; zero in reports of versions that did
    /// not keep it.
    #[serde(default)]
    pub offered_per_s: f64,
    /// Whether the target kept up: it took in what was offered, and its backlog did not grow. If it
    /// did not, there is no headroom, whatever is in use.
    #[serde(default = "kept_up")]
    pub sustained: bool,
    /// The resource that was used up most over the measured period.
    pub limited_by: String,
    /// How many times the same load it could have taken: 1 is no headroom.
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

/// Of reports of versions that did not ask.
fn kept_up() -> bool {
    true
}

/// How much of one resource was in use.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ResourceUse {
    /// Its name.
    pub name: String,
    /// Mean share in use over the measured period, 0 to 1.
    pub used: f64,
}
