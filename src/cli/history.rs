//! `mailbench history`: whether figures changed for good, over the runs of a history.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use clap::ValueEnum;

use super::exit::Exit;
use super::unwritten::Unwritten;
use crate::measure::comparison::figure::GATED;
use crate::measure::history::Entry;
use crate::measure::history::check::check;
use crate::measure::history::trend::{self, Family};
use crate::measure::verdict;
use crate::report::history as report;
use crate::report::view::View;
use crate::run::history::{self, FILE};

/// Show where figures changed for good over the runs of a history
///
/// A history is the history.jsonl that runs append to (reports/SCENARIO/history.jsonl, or where
/// --history says). A change is named by the first run that is different.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Files, or folders that hold a history.jsonl [default: every reports/*/history.jsonl]
    #[arg(value_name = "HISTORY")]
    paths: Vec<PathBuf>,
    /// End with 98 when a figure that decides changed for the worse in the last runs, with 96 when
    /// that cannot be decided: fewer than six runs, the newest invalid, or without the figure
    #[arg(long)]
    check: bool,
    /// A figure that decides, such as e2e_response.p99 (repeatable, at most four); a run without it is
    /// inconclusive, as p99 of a short one is [default: e2e_response.p50, e2e_response.p99,
    /// submit_response.p99, delivered.rate]
    #[arg(long, value_name = "FIGURE")]
    gate: Vec<String>,
    /// How many runs --check looks back
    #[arg(long, value_name = "N", default_value_t = 5)]
    last: usize,
    /// Let this class pass in a check: regression, inconclusive (repeatable)
    #[arg(long, value_name = "CLASS", requires = "check",
        value_parser = ["regression", "inconclusive", "invalid"])]
    allow: Vec<String>,
    /// What to make of it; html is a page of trends
    #[arg(long, value_enum, default_value_t = Format::Terminal)]
    format: Format,
    /// Write to this file instead of stdout
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    Terminal,
    Json,
    Html,
}

pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    let (mut entries, mut skipped) = (Vec::new(), 0);
    for path in paths(&args.paths)? {
        let read = history::read(&path).with_context(|| format!("cannot read {}", path.display()));
        let history = read.map_err(|error| Exit::Usage.because(error))?;
        for warning in history.warnings(&path) {
            super::complain(&format!("warning: {warning}"));
        }
        skipped += history.skipped.len() as u64 + history.further;
        entries.extend(history.entries);
    }
    if entries.is_empty() && skipped > 0 && !args.check {
        let what = format!("none of the {skipped} lines is one of a history");
        return Err(Exit::Usage.because(anyhow!(what)));
    }
    let families = trend::families(&entries, &gate(args, &entries)?);
    let view = match args.output {
        Some(_) => View::plain(80),
        None => View::of_stdout(false, None),
    };
    let text = match args.format {
        Format::Terminal => report::terminal(&families, &view),
        Format::Json => report::json(&families)?,
        Format::Html => report::html(&families)?,
    };
    let (verdict, mut unwritten) =
        (judged(args, &families, &entries, skipped), Unwritten::default());
    match &args.output {
        Some(path) => unwritten.note(super::write_output(path, &text)),
        None => unwritten.print(&text, verdict),
    }
    Ok(unwritten.exit(verdict))
}

/// The figures that decide.
fn gate(args: &Args, entries: &[Entry]) -> anyhow::Result<Vec<String>> {
    if args.gate.is_empty() {
        return Ok(GATED.map(str::to_owned).to_vec());
    }
    let known = entries.iter().flat_map(|entry| entry.figures.keys().cloned());
    super::compare::check_gate(&args.gate, known)?;
    Ok(args.gate.clone())
}

/// What `--check` comes to; the reasons go to stderr.
fn judged(args: &Args, families: &[Family], entries: &[Entry], skipped: u64) -> Exit {
    if !args.check {
        return Exit::Passed;
    }
    let reasons = check(families, args.last);
    if entries.is_empty() && skipped > 0 {
        super::complain(&format!("none of {skipped} lines could be read"));
    }
    for reason in &reasons {
        let kind = if reason.exit_code == verdict::REGRESSION {
            "changed for the worse"
        } else {
            "inconclusive"
        };
        super::complain(&format!("{kind}: {}", reason.message));
    }
    Exit::from_code(verdict::exit_code(&reasons, false, &args.allow))
}

fn paths(named: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
    let file = |path: &Path| if path.is_dir() { path.join(FILE) } else { path.to_owned() };
    if !named.is_empty() {
        return Ok(named.iter().map(|path| file(path)).collect());
    }
    let folders = std::fs::read_dir("reports").into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> =
        folders.map(|folder| folder.path().join(FILE)).filter(|path| path.exists()).collect();
    found.sort();
    if found.is_empty() {
        let what = "no reports/*/history.jsonl here; name a history, or run a scenario first";
        return Err(Exit::Usage.because(anyhow!(what)));
    }
    Ok(found)
}
