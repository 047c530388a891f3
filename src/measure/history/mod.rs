//! The history of a scenario's runs: one line a run, and whether the figures changed for good at
//! some run.
//!
//! Runs are only held against runs of the same scenario, kind of target and machine.

pub mod change_point;
pub mod check;
mod split;
pub mod trend;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::comparison::comparable::flaw;
use super::comparison::figure::figures;
use super::results::Results;

/// Version of the shape of [`Entry`].
pub const SCHEMA_VERSION: u32 = 1;

/// One line of `history.jsonl`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Version of this shape.
    pub schema_version: u32,
    /// Id of the run.
    pub run: String,
    /// RFC 3339, UTC.
    pub started_at: String,
    /// What was tested, where CI says it.
    pub commit: Option<String>,
    /// Scenario name.
    pub scenario: String,
    /// SHA-256 of the resolved scenario.
    pub scenario_sha256: String,
    /// Kind of target.
    pub target_kind: String,
    /// Version of the target.
    pub target_version: String,
    /// Version of mailbench.
    pub tool_version: String,
    /// Facts about the machine.
    pub environment: BTreeMap<String, String>,
    /// The run's exit code.
    pub exit_code: u8,
    /// Whether it proves anything.
    pub counted: bool,
    /// By figure.
    pub figures: BTreeMap<String, f64>,
    /// Figures that are lower bounds: observations without an end could raise them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub at_least: Vec<String>,
}

impl Entry {
    /// The line of a run.
    #[must_use]
    pub fn of(results: &Results, commit: Option<String>) -> Entry {
        let figures = figures(results);
        let bounds = figures.iter().filter(|it| it.at_least).map(|it| it.name.clone());
        Entry {
            at_least: bounds.collect(),
            schema_version: SCHEMA_VERSION,
            run: results.run.id.clone(),
            started_at: results.run.started_at.clone(),
            commit,
            scenario: results.run.name.clone(),
            scenario_sha256: results.run.scenario_sha256.clone(),
            target_kind: results.target.kind.clone(),
            target_version: results.target.version.clone(),
            tool_version: results.tool.version.clone(),
            environment: results.environment.clone(),
            exit_code: results.verdict.exit_code,
            counted: flaw(results, &[]).is_none(),
            figures: figures.into_iter().map(|it| (it.name, it.value)).collect(),
        }
    }

    /// Runs that differ in this are not held against one another.
    fn kin(&self) -> (&str, &str, &BTreeMap<String, String>) {
        (&self.scenario_sha256, &self.target_kind, &self.environment)
    }
}
