//! `mailbench report`: judges a stored run again and renders it in any format. Sends nothing.

use std::path::{Path, PathBuf};

use super::choice;
use super::exit::Exit;
use super::stored;
use super::unwritten::Unwritten;
use crate::measure::aggregates::timeline::Timeline;
use crate::measure::results::{Attempts, Findings};
use crate::report::view::View;
use crate::report::{self, Format};
use crate::run::{self, comparison};
use anyhow::{anyhow, bail};

/// Judge a stored run again and render it in any format; ends with the run's own exit code
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Run folder; or a report.json, for formats that need no more than results
    #[arg(value_name = "RUN")]
    run: PathBuf,
    /// What to make of it
    #[arg(long, default_value = "terminal", value_parser = choice(Format::ALL, Format::name))]
    format: Format,
    /// Write to this file instead of stdout
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Of the terminal summary, only the result line
    #[arg(long, short)]
    quiet: bool,
}

pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    // A run that was held against a baseline has both, and is a run.
    if args.run.join(comparison::FILE).exists() && !args.run.join(run::JOURNAL).exists() {
        return compared(args);
    }
    let findings = find(&args.run, args.format).map_err(stored::wrong_argument)?;
    let verdict = Exit::from_code(findings.results.verdict.exit_code);
    let mut unwritten = Unwritten::default();
    let text = |view: &View| Ok(report::render(args.format, &findings, view)?);
    write(args, text, verdict, &mut unwritten)?;
    Ok(unwritten.exit(verdict))
}

/// A stored comparison, judged again from the results of its runs.
fn compared(args: &Args) -> anyhow::Result<Exit> {
    use crate::report::comparison::render;
    use crate::report::forms::Format;
    let format = Format::ALL.into_iter().find(|format| format.name() == args.format.name());
    let Some(format) = format else {
        let known = Format::ALL.map(Format::name).join(", ");
        let name = args.format.name();
        let error = anyhow!("a comparison has no format {name}, only {known}; its runs have it");
        return Err(Exit::Usage.because(error));
    };
    let comparison = comparison::judge(&args.run).map_err(|error| Exit::Usage.because(error))?;
    let verdict = Exit::from_code(comparison.verdict.exit_code);
    let mut unwritten = Unwritten::default();
    write(args, |view| Ok(render(format, &comparison, view)?), verdict, &mut unwritten)?;
    Ok(unwritten.exit(verdict))
}

/// Where the user wants it.
fn write(
    args: &Args,
    text: impl Fn(&View) -> anyhow::Result<String>,
    verdict: Exit,
    unwritten: &mut Unwritten,
) -> anyhow::Result<()> {
    let folder = args.run.is_dir().then(|| args.run.display().to_string());
    match &args.output {
        Some(path) => {
            let view = View { folder, quiet: args.quiet, ..View::plain(80) };
            unwritten.note(super::write_output(path, &text(&view)?));
        }
        None => unwritten.print(&text(&View::of_stdout(args.quiet, folder))?, verdict),
    }
    Ok(())
}

fn find(run: &Path, format: Format) -> anyhow::Result<Findings> {
    // A simulated run has no journal: its report is all there is.
    let report = run.join("report.json");
    let simulated = run.is_dir() && !run.join(crate::run::JOURNAL).exists() && report.exists();
    if run.is_dir() && !simulated {
        return stored::judge(run);
    }
    let run = if simulated { &report } else { run };
    if matches!(format, Format::Csv | Format::Attempts | Format::Hlog) {
        bail!(
            "format {} needs the whole run: name its folder, not {}",
            format.name(),
            run.display()
        );
    }
    let results = stored::read(run)?;
    if !results.run.simulated {
        let folder = run.parent().unwrap_or(Path::new(""));
        run::check_scenario(folder, &results.run.scenario_sha256)?;
        super::complain(&format!(
            "not judged again: {} is shown as it was stored (a run folder with its journal is \
             judged again)",
            run.display()
        ));
    }
    let attempts = Attempts::default();
    Ok(Findings {
        results,
        series: Vec::new(),
        attempts,
        intervals: Vec::new(),
        timeline: Timeline::default(),
    })
}
