//! The shape of `capacity.json`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::throughput::Throughput;
use crate::measure::results::{ResourceUse, Tool};

/// `capacity.json`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct Capacity {
    /// Version of this shape.
    pub schema_version: u32,
    /// What wrote it.
    pub tool: Tool,
    /// Scenario name.
    pub name: String,
    /// The scenario's question.
    pub question: String,
    /// SHA-256 of the resolved scenario.
    pub scenario_sha256: String,
    /// Kind and version of the target.
    pub target: String,
    /// Whether the target was a model.
    pub simulated: bool,
    /// `quick` or `full`.
    pub profile: String,
    /// What was asked of a load.
    pub goal: GoalFacts,
    /// Highest rate shown to be sustained, messages a second: that of a trial, less the error with
    /// which its deliveries are known; null: none was.
    pub lower_bound_per_s: Option<f64>,
    /// Lowest rate found not to be; null: none was.
    pub upper_bound_per_s: Option<f64>,
    /// `target`, `generator` (more could not be offered, or not be measured), `max-rate` (everything
    /// held up to `--max-rate`), `unstable` (the limit moved during the search), `inconclusive` (the
    /// trials decide nothing) or `unfinished`.
    pub limited_by: String,
    /// Whether the limit moved during the search by more than the width.
    #[serde(default)]
    pub unstable: bool,
    /// Rates at which later trials contradicted earlier ones.
    #[serde(default)]
    pub contradictions: Vec<Contradiction>,
    /// Width reached: upper over lower bound less 1; null without both.
    #[serde(default)]
    pub width_reached: Option<f64>,
    /// Why the trials at the upper bound were bad, or what else ended the search.
    pub reason: String,
    /// What the generator can offer on this machine, messages a second; null when it was given or
    /// simulated.
    pub ceiling_per_s: Option<f64>,
    /// What `mailbench calibrate` found the instrument able to do on this machine with such
    /// messages; null when it was not asked, or its verdict does not count (`--allow health`).
    pub calibrated_per_s: Option<f64>,
    /// Whether an unhealthy instrument makes a trial bad (without `--allow health`).
    pub health_counts: bool,
    /// No trial was above this.
    pub most_per_s: f64,
    /// `--max-rate`, where it was given.
    #[serde(default)]
    pub max_rate_per_s: Option<f64>,
    /// Why the search was ended early, where the target's queue was not proved empty before the next
    /// trial.
    #[serde(default)]
    pub not_empty: Option<String>,
    /// Every trial of the search, in order.
    pub trials: Vec<Trial>,
    /// Load against latency, at fixed shares of the result.
    pub curve: Vec<Point>,
    /// The first rate at which the 99th percentile is over twice that at half the capacity.
    pub knee_per_s: Option<f64>,
    /// Goodput at the highest load over goodput at the capacity: 1 bears overload, less collapses.
    pub overload_goodput: Option<f64>,
    /// Resources in use at the highest point of the curve that is no overload, where known.
    pub resources: Vec<ResourceUse>,
    /// Messages a second for each core the target kept busy there; null where not known.
    pub per_core_per_s: Option<f64>,
    /// Facts about the machine.
    pub environment: BTreeMap<String, String>,
    /// The command that repeats it.
    pub command: String,
    /// 0, or 96 when there is no answer.
    pub exit_code: u8,
}

/// What was asked of a load (RFC 9971).
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct GoalFacts {
    /// Seconds of a trial that counts in full.
    pub final_trial_s: f64,
    /// Seconds of trials at a load.
    pub duration_sum_s: f64,
    /// Share of a trial's mail that may fail.
    pub loss_ratio: f64,
    /// Share of the trial time at a load that may be bad.
    pub exceed_ratio: f64,
    /// Relative width at which the search stops.
    pub width: f64,
}

/// A rate at which the search first found one thing and later the opposite.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Contradiction {
    /// Messages a second.
    pub rate_per_s: f64,
    /// Whether it was sustained at first.
    pub sustained_first: bool,
    /// The last trial that found so, from 1.
    pub trial: usize,
    /// The first trial that found the opposite.
    pub contradicted_by: usize,
}

/// What a trial comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Everything held.
    Good,
    /// Something did not.
    Bad,
    /// It decides nothing.
    Inconclusive,
}

/// One trial.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct Trial {
    /// Messages a second.
    pub rate_per_s: f64,
    /// Measured seconds.
    pub duration_s: f64,
    /// Whether everything held.
    pub good: bool,
    /// What did not hold; empty when good or inconclusive.
    pub reasons: Vec<String>,
    /// Whether all that did not hold is that less was delivered than offered.
    #[serde(default)]
    pub only_overload: bool,
    /// Why the trial decides nothing, such as a threshold without data.
    #[serde(default)]
    pub without_data: Vec<String>,
    /// Whether all that did not hold is the generator's doing.
    pub generator: bool,
    /// Seed of its mail: no two trials send the same.
    #[serde(default)]
    pub seed: u64,
    /// What was seen.
    #[serde(flatten)]
    pub seen: Seen,
    /// Its folder below this one; empty when simulated.
    pub folder: String,
}

impl Trial {
    /// What it comes to.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        if self.good {
            Outcome::Good
        } else if self.reasons.is_empty() && self.is_without_data() {
            Outcome::Inconclusive
        } else {
            Outcome::Bad
        }
    }

    /// Whether it says nothing of thresholds and losses.
    #[must_use]
    pub fn is_without_data(&self) -> bool {
        !self.without_data.is_empty()
    }
}

/// One point of the load-latency curve.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct Point {
    /// Share of the capacity.
    pub share: f64,
    /// Messages a second.
    pub rate_per_s: f64,
    /// Whether everything held.
    pub good: bool,
    /// What was seen.
    #[serde(flatten)]
    pub seen: Seen,
    /// Resources in use, where known.
    pub resources: Vec<ResourceUse>,
    /// Messages a second for each core the target kept busy.
    pub per_core_per_s: Option<f64>,
}

/// Figures of one run at a constant rate.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct Seen {
    /// Messages handed out, a second.
    pub offered_per_s: f64,
    /// Probes of the measured period delivered, a second of that period and of the drain they
    /// needed.
    pub goodput_per_s: f64,
    /// Messages a second that the target delivered while the load lasted, with the growth of its
    /// backlog; null in reports of earlier versions.
    #[serde(default)]
    pub throughput: Option<Throughput>,
    /// End-to-end time, median, microseconds; null with too few samples.
    pub e2e_p50_us: Option<u64>,
    /// 99th percentile.
    pub e2e_p99_us: Option<u64>,
    /// Submission, 99th percentile.
    pub submit_p99_us: Option<u64>,
    /// Which of these are lower bounds: observations without an end could raise them.
    #[serde(default)]
    pub at_least: Vec<String>,
    /// Highest backlog.
    pub backlog_max: u64,
    /// From the end of the load to an empty queue, seconds; null: it did not drain.
    pub drain_s: Option<f64>,
}
