//! Runs that are on disk: how every subcommand that takes one reads it.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};

use super::exit::Exit;
use crate::ledger::journal;
use crate::measure::comparison::comparable;
use crate::measure::results::{Findings, Results, SCHEMA_VERSION, upgraded};
use crate::run::{self, RunError};
use crate::scenario::ScenarioError;
use crate::scenario::difference::difference;
use crate::{files, limits};

/// What was named is not a run; a scenario that cannot be read says so itself.
pub(super) fn wrong_argument(error: anyhow::Error) -> anyhow::Error {
    if error.is::<ScenarioError>() { error } else { Exit::Usage.because(error) }
}

/// Judges a run folder from its scenario and journal; what lies beside them is not looked at.
pub(super) fn judge(folder: &Path) -> anyhow::Result<Findings> {
    let path = folder.join(run::JOURNAL);
    journal::open(&path).with_context(|| format!("cannot judge a run from {}", path.display()))?;
    match run::judge(folder) {
        Err(RunError::Stored(problems)) => Err(problems.into()),
        judged => Ok(judged?),
    }
}

/// Reads a `report.json`.
pub(super) fn read(path: &Path) -> anyhow::Result<Results> {
    let text = files::read_text(path, limits::RESULT_BYTES)
        .with_context(|| format!("{} is neither a run folder nor a report", path.display()))?;
    let stored: serde_json::Value = serde_json::from_str(&text)
        .with_context(|| format!("{} is not a report.json", path.display()))?;
    let report = upgraded(stored).map_err(|version| match version {
        Some(version) => anyhow!(
            "{} has schema version {version}; this mailbench reads versions up to {SCHEMA_VERSION}",
            path.display()
        ),
        None => anyhow!("{} is not a report.json", path.display()),
    })?;
    serde_json::from_value(report)
        .with_context(|| format!("{} is not a whole report.json", path.display()))
}

/// The results of a run that is named by its folder or its `report.json`.
pub(super) fn results(path: &Path) -> anyhow::Result<Results> {
    if !path.is_dir() {
        return read(path).map_err(wrong_argument);
    }
    let report = path.join("report.json");
    let found = match report.exists() {
        true => read(&report).and_then(|results| {
            run::check_scenario(path, &results.run.scenario_sha256)?;
            Ok(results)
        }),
        false => judge(path).map(|it| it.results),
    };
    found.map_err(wrong_argument)
}

/// Everything that keeps two stored runs from being compared, the scenario's keys by name where
/// both lie in their folders.
pub(super) fn differences(base: (&Path, &Results), new: (&Path, &Results)) -> Vec<String> {
    let mut found = comparable::differences(base.1, new.1);
    let scenario =
        |path: &Path| files::read_text(&folder(path).join(run::SCENARIO), limits::SCENARIO_BYTES);
    let same = base.1.run.scenario_sha256 == new.1.run.scenario_sha256;
    if let (false, Ok(before), Ok(after)) = (same, scenario(base.0), scenario(new.0)) {
        found.extend(difference(&before, &after).into_iter().map(|it| format!("scenario, {it}")));
    }
    found
}

fn folder(run: &Path) -> PathBuf {
    if run.is_dir() { run.to_owned() } else { run.parent().unwrap_or(Path::new("")).to_owned() }
}
