//! `mailbench capacity`: the highest rate at which the scenario's thresholds hold.

use std::path::PathBuf;

use super::exit::Exit;
use super::scenario::ScenarioArgs;
use super::unwritten::Unwritten;
use super::{server, stored};
use crate::limits;
use crate::report::capacity as report;
use crate::report::forms::Format;
use crate::report::progress::Progress;
use crate::report::view::View;
use crate::run::calibration;
use crate::run::capacity::{SearchOptions, Searched, capacity};
use crate::run::isolation::Reach;
use crate::run::safety::Cidr;
use crate::run::signals::Interrupts;
use crate::run::{Request, RunError};
use crate::simulate::model::Model;

/// Find the highest rate at which the scenario's thresholds hold, the ledger is clean and the
/// backlog does not grow; then what happens below and beyond it
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Scenario file; its rate is only where the search begins
    scenario: PathBuf,
    #[command(flatten)]
    changes: ScenarioArgs,
    /// Short trials and a coarse answer, for CI: 10 s trials, within 5 %
    #[arg(long)]
    quick: bool,
    /// Seconds of a trial, instead of the profile's
    #[arg(long, value_name = "SECONDS")]
    trial: Option<f64>,
    /// Relative width at which the search stops, such as 0.02, instead of the profile's
    #[arg(long, value_name = "SHARE")]
    width: Option<f64>,
    /// No trial above this rate (messages a second), instead of what the generator proves able
    /// to offer; what `mailbench calibrate` found remains a bound
    #[arg(long, value_name = "RATE")]
    max_rate: Option<f64>,
    /// Search only, without the load-latency curve
    #[arg(long)]
    no_curve: bool,
    /// Search on the model of [simulate] instead of the target
    #[arg(long)]
    simulate: bool,
    /// Search on a model with the times of this run (folder or report.json)
    #[arg(long, value_name = "RUN")]
    from: Option<PathBuf>,
    /// Write to this folder; a search that was interrupted there goes on
    #[arg(long, value_name = "DIR")]
    output: Option<PathBuf>,
    /// Print only the answer
    #[arg(long, short)]
    quiet: bool,
    /// health: trials count though the instrument was not at its best, beyond its calibrated
    /// ceiling too
    #[arg(long, value_name = "CLASS", value_parser = ["health"])]
    allow: Vec<String>,
    /// Allow load to this address; it must be listed in ~/.config/mailbench/authorized-targets
    /// too (repeatable)
    #[arg(long, value_name = "CIDR")]
    allow_target: Vec<Cidr>,
}

/// Shares of the capacity at which the curve is drawn.
const SHARES: [f64; 10] = [0.1, 0.25, 0.5, 0.7, 0.8, 0.9, 0.95, 1.0, 1.1, 1.2];

/// The same, quick.
const FEW: [f64; 5] = [0.25, 0.5, 0.9, 1.0, 1.2];

pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    let loaded = args.changes.load(&args.scenario)?;
    let options = options(args, &loaded)?;
    let reach = match options.model {
        Some(_) => Reach::Host,
        None => super::network::enter(&loaded)?,
    };
    let request = Request {
        loaded,
        output: args.output.clone(),
        command: command(args),
        allowed_targets: args.allow_target.clone(),
        reach,
        empty_first: None,
        preflight: true,
    };
    let searched = searched(&request, &options, args.quiet)
        .map_err(|error| super::exit::exit_of(&error).because(error))?;
    let view = View::of_stdout(args.quiet, Some(searched.folder.display().to_string()));
    let mut unwritten = Unwritten::default();
    let text = report::render(Format::Terminal, &searched.capacity, &view)?;
    unwritten.print(&text, Exit::from_code(searched.capacity.exit_code));
    if searched.interrupted {
        super::complain("interrupted: the same command with --output and this folder goes on");
        return Ok(unwritten.exit(Exit::Interrupted));
    }
    if let Some(failure) = searched.failure {
        super::complain(&format!(
            "error: the search ended early: {:#}",
            anyhow::Error::new(failure)
        ));
        super::complain("the same command with --output and this folder goes on");
        return Ok(Exit::Unreachable);
    }
    Ok(unwritten.exit(Exit::from_code(searched.capacity.exit_code)))
}

fn options(args: &Args, loaded: &crate::scenario::Loaded) -> anyhow::Result<SearchOptions> {
    let mut options = match args.quick {
        true => SearchOptions::quick(),
        false => SearchOptions::full(),
    };
    if let Some(seconds) = args.trial {
        bounded("--trial", seconds, 1.0, limits::TIMESPAN.as_secs_f64())?;
        options = options.with_trials_of(seconds);
    }
    if let Some(width) = args.width {
        bounded("--width", width, 0.001, 1.0)?;
        options.goal.width = width;
    }
    if let Some(most) = args.max_rate {
        bounded("--max-rate", most, limits::CAPACITY_LEAST, limits::RATE)?;
    }
    let model = model(args, &loaded.scenario)?;
    let health_counts = args.allow.is_empty();
    let shares: &'static [f64] = match (args.no_curve, args.quick) {
        (true, _) => &[],
        (false, true) => &FEW,
        (false, false) => &SHARES,
    };
    Ok(SearchOptions {
        shares,
        most: args.max_rate,
        calibrated: calibrated(&loaded.scenario, health_counts && model.is_none()),
        health_counts,
        model,
        ..options
    })
}

/// The ceiling that is kept for this machine and such messages, if it is to count.
fn calibrated(scenario: &crate::scenario::Scenario, counts: bool) -> Option<f64> {
    let file = calibration::file().filter(|_| counts);
    file.and_then(|file| calibration::ceiling_for(scenario, Some(&file)).per_s)
}

fn bounded(option: &str, value: f64, least: f64, most: f64) -> anyhow::Result<()> {
    if (least..=most).contains(&value) {
        return Ok(());
    }
    let error = anyhow::anyhow!("{option} {value} is out of range: from {least} to {most}");
    Err(Exit::Usage.because(error))
}

fn model(args: &Args, scenario: &crate::scenario::Scenario) -> anyhow::Result<Option<Model>> {
    let model = match &args.from {
        Some(run) => Some(Model::from_run(scenario, &stored::results(run)?)),
        None => args.simulate.then(|| Model::of(scenario)),
    };
    model.transpose().map_err(|why| Exit::Scenario.because(why))
}

fn searched(request: &Request, options: &SearchOptions, quiet: bool) -> Result<Searched, RunError> {
    let runtime = server::runtime_beside_traffic().map_err(RunError::Runtime)?;
    let mut progress = Progress::on_stderr(quiet);
    let searched = runtime.block_on(async {
        let interrupts = Interrupts::listen().map_err(RunError::Runtime)?;
        capacity(request, options, &interrupts, &mut progress).await
    });
    progress.finish();
    runtime.shutdown_background();
    searched
}

/// The command that repeats this search.
fn command(args: &Args) -> String {
    let quoted = super::run::quoted;
    let mut words =
        vec!["mailbench capacity".to_owned(), quoted(&args.scenario.display().to_string())];
    words.extend(args.changes.words().iter().map(|word| quoted(word)));
    let flags =
        [("--quick", args.quick), ("--no-curve", args.no_curve), ("--simulate", args.simulate)];
    words.extend(flags.iter().filter(|(_, set)| *set).map(|(flag, _)| (*flag).to_owned()));
    let numbers = [("--trial", args.trial), ("--width", args.width), ("--max-rate", args.max_rate)];
    words.extend(numbers.iter().filter_map(|(name, value)| value.map(|v| format!("{name} {v}"))));
    words.extend(
        args.from.iter().map(|run| format!("--from {}", quoted(&run.display().to_string()))),
    );
    words.extend(args.allow.iter().map(|class| format!("--allow {class}")));
    words.extend(args.allow_target.iter().map(|range| format!("--allow-target {range}")));
    words.join(" ")
}
