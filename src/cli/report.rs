//! `mailbench report`: judges a stored run again and renders it in any format. Sends nothing.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, bail};
use clap::builder::{PossibleValuesParser, TypedValueParser as _};

use super::exit::Exit;
use crate::ledger::journal;
use crate::measure::results::{Findings, Results, SCHEMA_VERSION};
use crate::report::view::View;
use crate::report::{self, Format};
use crate::run::{self, RunError};
use crate::scenario::ScenarioError;

/// Judge a stored run again and render it in any format; ends with the run's own exit code
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Run folder; or a report.json, for formats that need no more than results
    #[arg(value_name = "RUN")]
    run: PathBuf,
    /// What to make of it
    #[arg(long, default_value = "terminal", value_parser = format_parser())]
    format: Format,
    /// Write to this file instead of stdout
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Of the terminal summary, only the result line
    #[arg(long, short)]
    quiet: bool,
}

fn format_parser() -> impl clap::builder::TypedValueParser<Value = Format> {
    PossibleValuesParser::new(Format::ALL.map(Format::name)).map(|name| {
        let named = Format::ALL.into_iter().find(|format| format.name() == name);
        named.unwrap_or(Format::Terminal)
    })
}

pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    let findings = find(&args.run, args.format).map_err(wrong_argument)?;
    let folder = args.run.is_dir().then(|| args.run.display().to_string());
    let view = match args.output {
        Some(_) => View { folder, quiet: args.quiet, ..View::plain(80) },
        None => View::of_stdout(args.quiet, folder),
    };
    let text = report::render(args.format, &findings, &view)?;
    match &args.output {
        Some(path) => {
            fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))?;
        }
        None => super::print(&text)?,
    }
    Ok(Exit::from_code(findings.results.verdict.exit_code))
}

/// What was named is not a run; a scenario that cannot be read says so itself.
fn wrong_argument(error: anyhow::Error) -> anyhow::Error {
    if error.is::<ScenarioError>() { error } else { Exit::Usage.because(error) }
}

fn find(run: &Path, format: Format) -> anyhow::Result<Findings> {
    // A simulated run has no journal: its report is all there is.
    let stored = run.join("report.json");
    let simulated = run.is_dir() && !run.join(run::JOURNAL).exists() && stored.exists();
    if run.is_dir() && !simulated {
        return judge(run);
    }
    let run = if simulated { &stored } else { run };
    if matches!(format, Format::Csv | Format::Attempts | Format::Hlog) {
        bail!(
            "format {} needs the whole run: name its folder, not {}",
            format.name(),
            run.display()
        );
    }
    let results = read(run)?;
    Ok(Findings { results, series: Vec::new(), attempts: Vec::new(), intervals: Vec::new() })
}

/// Judges a run folder from its scenario and journal; what lies beside them is not looked at.
fn judge(folder: &Path) -> anyhow::Result<Findings> {
    let path = folder.join(run::JOURNAL);
    journal::open(&path).with_context(|| format!("cannot judge a run from {}", path.display()))?;
    match run::judge(folder) {
        Err(RunError::Stored(problems)) => Err(problems.into()),
        judged => Ok(judged?),
    }
}

/// Reads a `report.json`.
pub(super) fn read(path: &Path) -> anyhow::Result<Results> {
    let text = fs::read_to_string(path)
        .with_context(|| format!("{} is neither a run folder nor a report", path.display()))?;
    let version: serde_json::Value = serde_json::from_str(&text)
        .with_context(|| format!("{} is not a report.json", path.display()))?;
    match version.get("schema_version").and_then(serde_json::Value::as_u64) {
        Some(version) if version == u64::from(SCHEMA_VERSION) => {}
        Some(version) => bail!(
            "{} has schema version {version}; this mailbench reads version {SCHEMA_VERSION}",
            path.display()
        ),
        None => return Err(anyhow!("{} is not a report.json", path.display())),
    }
    serde_json::from_value(version)
        .with_context(|| format!("{} is not a whole report.json", path.display()))
}
