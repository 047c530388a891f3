//! `mailbench compare BASE NEW...`: holds stored runs against one another. Sends nothing.

use std::collections::{BTreeSet, HashSet};
use std::path::{Path, PathBuf};

use super::choice;
use super::exit::Exit;
use super::stored;
use super::unwritten::Unwritten;
use crate::measure::comparison::{Terms, figure, mistakes, single};
use crate::measure::results::Results;
use crate::measure::verdict;
use crate::report::comparison;
use crate::report::forms::Format;
use crate::report::view::View;
use anyhow::anyhow;

/// Compare stored runs: each NEW with BASE; ends with 98 on a regression, 96 without the data to
/// decide
///
/// Single runs say little: how much two runs of the same differ is not in them and is taken for
/// granted (--noise). A scenario with [compare] measures it and finds smaller effects.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// What the others are held against: a run folder or its report.json
    #[arg(value_name = "BASE")]
    base: PathBuf,
    /// Run folders or their report.json
    #[arg(value_name = "NEW", required = true)]
    new: Vec<PathBuf>,
    /// Compare although scenario, kind of target or machine differ
    #[arg(long)]
    force: bool,
    /// What to make of it
    #[arg(long, default_value = "terminal", value_parser = choice(Format::ALL, Format::name))]
    format: Format,
    /// Write to this file instead of stdout
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Of the terminal summary, only the result line
    #[arg(long, short)]
    quiet: bool,
    #[command(flatten)]
    terms: TermsArgs,
    /// Let this class pass: regression, inconclusive, invalid (repeatable)
    #[arg(long, value_name = "CLASS", value_parser = ["regression", "inconclusive", "invalid"])]
    allow: Vec<String>,
}

/// By what single runs are judged.
#[derive(Debug, clap::Args)]
pub(super) struct TermsArgs {
    /// How much two runs of the same differ here, as a share
    #[arg(long, value_name = "SHARE", default_value = "10%", value_parser = share)]
    noise: f64,
    /// A latency or size may be worse by this share
    #[arg(long, value_name = "SHARE", default_value = "5%", value_parser = share)]
    margin: f64,
    /// A rate may be worse by this share
    #[arg(long, value_name = "SHARE", default_value = "3%", value_parser = share)]
    rate_margin: f64,
    /// A figure that decides, such as e2e_response.p99 (repeatable, at most four)
    #[arg(long, value_name = "FIGURE")]
    gate: Vec<String>,
}

impl TermsArgs {
    /// The terms, and the noise taken for granted.
    pub(super) fn read(&self, base: &Results) -> anyhow::Result<(Terms, f64)> {
        let mut terms = Terms {
            latency_margin: self.margin,
            throughput_margin: self.rate_margin,
            ..Terms::default()
        };
        if !self.gate.is_empty() {
            let own = figure::figures(base).into_iter().map(|figure| figure.name);
            check_gate(&self.gate, own)?;
            terms.gate.clone_from(&self.gate);
        }
        Ok((terms, self.noise))
    }
}

/// `10%` or `0.1`, from nothing to all.
fn share(text: &str) -> Result<f64, String> {
    let number = match text.strip_suffix('%') {
        Some(percent) => percent.trim().parse::<f64>().map(|percent| percent / 100.0),
        None => text.parse::<f64>(),
    };
    number
        .ok()
        .filter(|share| (0.0..=1.0).contains(share))
        .ok_or_else(|| "write a share from 0 to 1, or a percentage such as 10%".to_owned())
}

/// Refuses names of `--gate` that are no figures; `own`: those that the runs at hand have.
pub(super) fn check_gate(gate: &[String], own: impl Iterator<Item = String>) -> anyhow::Result<()> {
    let wrong = |text: String| Err(Exit::Usage.because(anyhow!(text)));
    if gate.len() > figure::GATED_MOST {
        return wrong(format!("at most {} figures can decide", figure::GATED_MOST));
    }
    let mut known = figure::names();
    let listed: HashSet<String> = known.iter().cloned().collect();
    let own: BTreeSet<String> = own.filter(|name| !listed.contains(name)).collect();
    known.extend(own);
    match mistakes(gate, &known).next() {
        None => Ok(()),
        Some((_, mistake)) => wrong(format!("--gate: {}; {}", mistake.message, mistake.help)),
    }
}

pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    let base = stored::results(&args.base)?;
    let new = args.new.iter().map(|path| stored::results(path)).collect::<Result<Vec<_>, _>>()?;
    let (terms, noise) = args.terms.read(&base)?;
    let mut differences = Vec::new();
    for (path, results) in args.new.iter().zip(&new) {
        let found = stored::differences((&args.base, &base), (path, results));
        differences.extend(found.into_iter().map(|one| format!("{}: {one}", path.display())));
    }
    if !differences.is_empty() && !args.force {
        return Err(refusal(&args.base, differences));
    }
    let named = |path: &Path, results| single::Stored { name: name(path), results };
    let others: Vec<single::Stored<'_>> =
        args.new.iter().zip(&new).map(|(path, results)| named(path, results)).collect();
    let base = named(&args.base, &base);
    let options = single::Options { noise, differences, allow: &args.allow };
    let compared = single::compare(&base, &others, &terms, options);
    let view = match args.output {
        Some(_) => View { quiet: args.quiet, ..View::plain(80) },
        None => View::of_stdout(args.quiet, None),
    };
    let text = comparison::render(args.format, &compared, &view)?;
    let verdict = verdict::exit_code(&compared.verdict.reasons, false, &args.allow);
    let (verdict, mut unwritten) = (Exit::from_code(verdict), Unwritten::default());
    match &args.output {
        Some(path) => unwritten.note(super::write_output(path, &text)),
        None => unwritten.print(&text, verdict),
    }
    Ok(unwritten.exit(verdict))
}

/// A run as its user knows it.
pub(super) fn name(path: &Path) -> String {
    path.components().collect::<PathBuf>().display().to_string()
}

/// Why runs are not compared, with the way out.
pub(super) fn refusal(base: &Path, mut differences: Vec<String>) -> anyhow::Error {
    differences.push("--force compares them all the same".to_owned());
    let what = anyhow!("not comparable with {}:", base.display());
    Exit::Usage.with_details(what, differences)
}
