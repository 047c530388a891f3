//! `run --baseline`: the run that was just made against a stored one.

use std::path::{Path, PathBuf};

use super::compare::{TermsArgs, name, refusal};
use super::stored;
use crate::measure::comparison::results::Comparison;
use crate::measure::comparison::single;
use crate::measure::results::Results;
use crate::report::forms::Format;
use crate::report::view::View;
use crate::report::{self, comparison};
use crate::run::{Outcome, environment};
use crate::scenario::Loaded;
use crate::{files, limits};

/// What a run is held against.
#[derive(Debug, clap::Args)]
pub(super) struct BaselineArgs {
    /// Compare the run with this stored one (report.json or run folder): 98 on a regression, 96
    /// without the data to decide
    #[arg(long, value_name = "REPORT.json")]
    baseline: Option<PathBuf>,
    /// Compare with the baseline although scenario, kind of target or machine differ
    #[arg(long, requires = "baseline")]
    force: bool,
    #[command(flatten)]
    terms: TermsArgs,
}

/// A baseline that was read.
pub(super) struct Baseline {
    path: PathBuf,
    results: Results,
}

impl BaselineArgs {
    /// Reads the baseline, and refuses before anything is sent what could not be compared after.
    pub(super) fn read(&self, loaded: &Loaded) -> anyhow::Result<Option<Baseline>> {
        let Some(path) = &self.baseline else { return Ok(None) };
        let results = stored::results(path)?;
        self.terms.read(&results)?;
        if !self.force {
            refuse(path, &results, loaded)?;
        }
        Ok(Some(Baseline { path: path.clone(), results }))
    }

    /// Compares; writes `comparison.json` and `comparison.html` into the run's folder, and says
    /// whether that was done.
    pub(super) fn compare(
        &self,
        baseline: &Baseline,
        outcome: &Outcome,
        allow: &[String],
    ) -> anyhow::Result<(Comparison, std::io::Result<()>)> {
        let (terms, noise) = self.terms.read(&baseline.results)?;
        let new = &outcome.findings.results;
        let differences =
            stored::differences((&baseline.path, &baseline.results), (&outcome.folder, new));
        let base = single::Stored { name: name(&baseline.path), results: &baseline.results };
        let new = [single::Stored { name: name(&outcome.folder), results: new }];
        let options = single::Options { noise, differences, allow };
        let compared = single::compare(&base, &new, &terms, options);
        let mut written = Ok(());
        for format in [Format::Json, Format::Html] {
            if let Some(file) = format.file("comparison") {
                let text = comparison::render(format, &compared, &View::plain(80))?;
                written = written.and(report::write(&outcome.folder.join(file), &text));
            }
        }
        Ok((compared, written))
    }
}

fn refuse(path: &Path, base: &Results, loaded: &Loaded) -> anyhow::Result<()> {
    let mut new = base.clone();
    new.run.name.clone_from(&loaded.scenario.name);
    new.run.scenario_sha256.clone_from(&loaded.sha256);
    new.environment = environment::facts().into_iter().collect();
    let mut found = stored::differences((path, base), (path, &new));
    let stored = if path.is_dir() { path } else { path.parent().unwrap_or(Path::new("")) };
    let before = files::read_text(&stored.join(crate::run::SCENARIO), limits::SCENARIO_BYTES);
    if let (false, Ok(before)) = (base.run.scenario_sha256 == loaded.sha256, before) {
        let keys = crate::scenario::difference::difference(&before, &loaded.resolved);
        found.extend(keys.into_iter().map(|key| format!("scenario, {key}")));
    }
    if found.is_empty() { Ok(()) } else { Err(refusal(path, found)) }
}
