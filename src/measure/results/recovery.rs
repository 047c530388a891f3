//! How the queue came back after a disturbance, and what the target's connections were.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How long after the end of a fault window or a chaos event the backlog was back within the band
/// it had before, and stayed there (`measure::recovery` has the rules).
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct RecoveryFacts {
    /// `fault` or `chaos`.
    pub kind: String,
    /// Name of the fault rule, or kind of the act of chaos.
    pub name: String,
    /// Its beginning, seconds into the measured period.
    pub from_s: f64,
    /// Its end, seconds into the measured period; null when it had not ended at the close.
    pub to_s: Option<f64>,
    /// Upper end of the band, probes: the highest backlog of the minute before, at least five.
    pub band: u64,
    /// Highest backlog from its beginning on, probes.
    pub backlog_peak: u64,
    /// From its end until the backlog was back, seconds.
    pub recovery_time_s: f64,
    /// Whether that is a lower bound: the backlog was not back at the close, or the disturbance
    /// had not ended.
    pub at_least: bool,
}

/// Connections that the target tried to open to destinations, from the measured period to the
/// close, those for bounces included.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct ConnectionFacts {
    /// All of them; null where some cannot be known.
    pub count: Option<u64>,
    /// For each first delivery in the same time; null without one, or without a count.
    pub per_delivery: Option<f64>,
    /// Those that got a greeting.
    pub accepted: u64,
    /// Those that were closed, or answered 4yz or 5yz, in place of a greeting.
    pub turned_away: u64,
    /// Those that found the port closed; null where nothing tells.
    pub refused: Option<u64>,
    /// Why there is no count; null where there is one.
    pub not_known: Option<String>,
}
