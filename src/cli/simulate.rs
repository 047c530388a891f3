//! `mailbench simulate`: the scenario in virtual time, against a model of the target.

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;

use super::exit::Exit;
use super::scenario::ScenarioArgs;
use super::stored;
use super::unwritten::Unwritten;
use crate::clock::Clock;
use crate::ledger::Tally;
use crate::limits;
use crate::measure::results::{Findings, Reason, Results};
use crate::measure::verdict;
use crate::report::progress::{Progress, Snapshot};
use crate::report::view::View;
use crate::report::{self, Format};
use crate::run::{self, Folder};
use crate::scenario::Loaded;
use crate::simulate::model::Model;
use crate::simulate::observer::{Observer, Recording};
use crate::simulate::{Glimpse, simulate_observed};

/// Simulate a scenario in virtual time: no mail is sent, the target is a model
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Scenario file
    scenario: PathBuf,
    #[command(flatten)]
    changes: ScenarioArgs,
    /// Take the target's times from this run (folder or report.json) instead of [simulate]; best
    /// one without faults in which no mail waited
    #[arg(long, value_name = "RUN")]
    from: Option<PathBuf>,
    /// Write the report to this folder instead of reports/<scenario>/simulated-<time>
    #[arg(long, value_name = "DIR")]
    output: Option<PathBuf>,
    /// Write the events of the simulation to journal.simulated.bin, in the format of a run's
    /// journal; of at most 4 million events
    #[arg(long)]
    journal: bool,
    /// Print only the result line
    #[arg(long, short)]
    quiet: bool,
}

pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    let loaded = args.changes.load(&args.scenario)?;
    let measured = args.from.as_deref().map(stored::results).transpose()?;
    if !loaded.variants.is_empty() {
        return variants(args, &loaded, measured.as_ref());
    }
    let (findings, recording) = simulated(args, &loaded, measured.as_ref())?;
    let folder = folder(args, &loaded)?;
    let mut unwritten = Unwritten::default();
    write_results(&folder.path, &findings, recording, &mut unwritten);
    let view = View::of_stdout(args.quiet, Some(folder.path.display().to_string()));
    let verdict = Exit::from_code(findings.results.verdict.exit_code);
    unwritten.print(&report::render(Format::Terminal, &findings, &view)?, verdict);
    unwritten.note(report::github::tell(&findings, &loaded));
    Ok(unwritten.exit(verdict))
}

/// Writes what a simulation found, and its events where they were asked for.
fn write_results(
    folder: &Path,
    findings: &Findings,
    recording: Option<Recording>,
    unwritten: &mut Unwritten,
) {
    unwritten.note(write_journal(folder, recording));
    unwritten.note(report::write_all(findings, folder).context("cannot write the report"));
}

fn folder(args: &Args, loaded: &Loaded) -> anyhow::Result<Folder> {
    let folder = run::simulated_folder(loaded, args.output.as_deref());
    folder.map_err(super::run::folder_error)
}

/// Simulates every variant of the scenario, each into a folder of its own, and shows them side
/// by side; ends with the weightiest of their codes.
fn variants(args: &Args, loaded: &Loaded, measured: Option<&Results>) -> anyhow::Result<Exit> {
    let place = folder(args, loaded)?;
    let (folder, mut unwritten) = (&place.path, Unwritten::default());
    let mut found: Vec<(String, Results)> = Vec::new();
    for (name, variant) in &loaded.variants {
        let (findings, recording) = simulated(args, variant, measured)?;
        let own = folder.join(name.replace(' ', "-"));
        let made = std::fs::create_dir_all(&own)
            .and_then(|()| crate::files::write(&own.join(run::SCENARIO), &variant.resolved));
        unwritten.note(made.context("cannot make the variant's folder"));
        write_results(&own, &findings, recording, &mut unwritten);
        found.push((name.clone(), findings.results));
    }
    let summary = report::variants::markdown(&found);
    let written = report::write(&folder.join("variants.md"), &summary);
    unwritten.note(written.context("cannot write variants.md"));
    let view = View::of_stdout(args.quiet, Some(folder.display().to_string()));
    let reasons: Vec<Reason> =
        found.iter().flat_map(|(_, results)| results.verdict.reasons.clone()).collect();
    let verdict = Exit::from_code(verdict::exit_code(&reasons, false, &[]));
    unwritten.print(&report::variants::terminal(&found, &view), verdict);
    Ok(unwritten.exit(verdict))
}

fn write_journal(folder: &Path, recording: Option<Recording>) -> anyhow::Result<()> {
    let Some(recording) = recording else { return Ok(()) };
    run::write_simulated_journal(folder, recording).context("cannot write the journal")
}

/// The findings and, where they were asked for, the events.
fn simulated(
    args: &Args,
    loaded: &Loaded,
    measured: Option<&Results>,
) -> anyhow::Result<(Findings, Option<Recording>)> {
    let scenario = &loaded.scenario;
    let model = match measured {
        Some(run) => Model::from_run(scenario, run),
        None => Model::of(scenario),
    };
    let name = args.scenario.display();
    let model = model
        .map_err(|why| Exit::Scenario.because(anyhow::anyhow!("cannot simulate {name}: {why}")))?;
    let mut progress = Progress::on_stderr(args.quiet);
    let mut pace = Pace::new();
    let mut look = |glimpse| {
        pace.snapshot(&glimpse).iter().for_each(|snapshot| progress.show(snapshot));
    };
    let mut recording = args.journal.then(|| Recording::new(limits::SIMULATED_EVENTS));
    let observer = recording.as_mut().map(|it| -> &mut dyn Observer { it });
    let findings = simulate_observed(loaded, &model, &command(args), &mut look, observer);
    progress.finish();
    Ok((findings, recording))
}

/// The command that repeats this simulation.
fn command(args: &Args) -> String {
    let path = |path: &Path| super::run::quoted(&path.display().to_string());
    let mut words = vec!["mailbench simulate".to_owned(), path(&args.scenario)];
    words.extend(args.changes.words().iter().map(|word| super::run::quoted(word)));
    words.extend(args.from.iter().map(|run| format!("--from {}", path(run))));
    words.join(" ")
}

/// Shows how a simulation stands: now and then by the clock on the wall, however fast virtual
/// time goes by.
struct Pace {
    clock: Clock,
    every: Duration,
    shown: Duration,
    last: Glimpse,
}

impl Pace {
    fn new() -> Pace {
        let every = if std::io::stderr().is_terminal() { 1 } else { 10 };
        Pace {
            clock: Clock::start(),
            every: Duration::from_secs(every),
            shown: Duration::ZERO,
            last: Glimpse::default(),
        }
    }

    fn snapshot(&mut self, now: &Glimpse) -> Option<Snapshot> {
        let wall = self.clock.now().offset();
        if wall.saturating_sub(self.shown) < self.every {
            return None;
        }
        self.shown = wall;
        let span = now.elapsed.saturating_sub(self.last.elapsed).as_secs_f64();
        let delivered = now.delivered.saturating_sub(self.last.delivered) as f64;
        self.last = *now;
        Some(Snapshot {
            period: now.period,
            elapsed: now.elapsed,
            total: now.total,
            tally: Tally {
                offered: now.offered,
                accepted: now.delivered + now.backlog,
                delivered: now.delivered,
                backlog: now.backlog,
                ..Tally::default()
            },
            e2e_p99: None,
            rate_per_s: if span > 0.0 { delivered / span } else { 0.0 },
            faults: Vec::new(),
        })
    }
}
