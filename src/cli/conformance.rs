//! `mailbench conformance`: tests how a target handles misbehaving peers and unusual content.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::ValueEnum;

use super::exit::Exit;
use super::scenario::ScenarioArgs;
use super::server;
use super::unwritten::Unwritten;
use crate::conformance::case::{Case, Times};
use crate::conformance::cases;
use crate::conformance::examine::{self, ConformanceError};
use crate::conformance::finding::ConformanceReport;
use crate::conformance::render::{self, Format, Presentation};
use crate::report::view::View;
use crate::run::safety;

/// Test how a target handles misbehaving clients and servers and unusual content; each case has a
/// source and a verdict
///
/// Uses only the target and the sink address of the scenario; sends no load. The target must be on
/// this machine. The exit code is 97 if a case that an RFC mandates has the verdict `violates` or
/// `vulnerable`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Scenario file
    #[arg(required_unless_present = "list")]
    scenario: Option<PathBuf>,
    #[command(flatten)]
    changes: ScenarioArgs,
    /// Output format
    #[arg(long, value_enum, default_value = "table")]
    format: FormatArg,
    /// With the table format: show every case by itself, also those that conform
    #[arg(long)]
    verbose: bool,
    /// Write conformance.json, .md, .sarif, .xml and the target's log to this folder
    #[arg(long, value_name = "DIR")]
    output: Option<PathBuf>,
    /// Run only cases whose names begin with this (repeatable)
    #[arg(long, value_name = "CASE")]
    case: Vec<String>,
    /// Test timeouts with the minutes of RFC 5321 instead of seconds: takes about 11 minutes, up to
    /// 25 if expected mail does not arrive
    #[arg(long)]
    full: bool,
    /// Also fail on cases that no RFC mandates
    #[arg(long)]
    strict: bool,
    /// Print the names of all cases
    #[arg(long)]
    list: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum FormatArg {
    Table,
    Markdown,
    Json,
    Junit,
    Sarif,
}

impl From<FormatArg> for Format {
    fn from(arg: FormatArg) -> Format {
        match arg {
            FormatArg::Table => Format::Table,
            FormatArg::Markdown => Format::Markdown,
            FormatArg::Json => Format::Json,
            FormatArg::Junit => Format::Junit,
            FormatArg::Sarif => Format::Sarif,
        }
    }
}

pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    let times = if args.full { Times::FULL } else { Times::QUICK };
    let Some(scenario) = args.scenario.as_ref().filter(|_| !args.list) else {
        let line = |case: Case| format!("{:28} {}\n", case.id, case.title);
        super::print(&cases::all(&times).into_iter().map(line).collect::<String>())?;
        return Ok(Exit::Passed);
    };
    let loaded = args.changes.load_target(scenario)?;
    let chosen = examine::chosen(&args.case, &times).map_err(exit)?;
    let folder = folder(args.output.as_deref())?;
    let log = folder.path().join("target.log");
    let tell = |case: &str| {
        if std::io::stderr().is_terminal() {
            super::complain(case);
        }
    };
    let reach = super::network::enter(&loaded)?;
    safety::check_routes(&loaded.scenario, &reach, &[])
        .map_err(|error| Exit::Unreachable.because(error))?;
    let runtime = server::runtime()?;
    let examined = runtime.block_on(async {
        let stop = server::stop_on_signal()?;
        tokio::select! {
            examined = examine::examine(&loaded.scenario, chosen, &times, &log, tell) => examined.map_err(exit),
            () = stop.cancelled() => Err(Exit::Interrupted.because(anyhow::anyhow!("interrupted"))),
        }
    });
    runtime.shutdown_background();
    let mut report = examined?;
    if args.strict {
        report.rows.iter_mut().for_each(|row| row.gates = row.verdict.is_bad());
    }
    let name = scenario.display().to_string();
    let verdict = if report.failures() > 0 { Exit::Correctness } else { Exit::Passed };
    let view = View::of_stdout(false, None);
    let how = Presentation { scenario: &name, view: &view, verbose: args.verbose };
    let mut unwritten = Unwritten::default();
    unwritten.print(&render::render(&report, args.format.into(), &how), verdict);
    if args.output.is_some() {
        unwritten.note(write(&report, folder.path(), &how));
    }
    Ok(unwritten.exit(verdict))
}

fn exit(error: ConformanceError) -> anyhow::Error {
    match &error {
        ConformanceError::NoCase(_) | ConformanceError::Renamed(..) => Exit::Usage.because(error),
        ConformanceError::NoTarget => Exit::Scenario.because(error),
        _ => Exit::Unreachable.because(error),
    }
}

/// The folder for the target's log and the report.
enum OutputFolder {
    /// Named by the user.
    Kept(PathBuf),
    /// Removed when the command ends.
    Temporary(tempfile::TempDir),
}

impl OutputFolder {
    fn path(&self) -> &Path {
        match self {
            OutputFolder::Kept(path) => path,
            OutputFolder::Temporary(folder) => folder.path(),
        }
    }
}

fn folder(wanted: Option<&Path>) -> anyhow::Result<OutputFolder> {
    let Some(path) = wanted else {
        return Ok(OutputFolder::Temporary(crate::files::private_temporary("conformance-")?));
    };
    std::fs::create_dir_all(path)
        .with_context(|| format!("cannot create {}", path.display()))
        .map_err(|error| Exit::Usage.because(error))?;
    Ok(OutputFolder::Kept(path.to_owned()))
}

fn write(report: &ConformanceReport, folder: &Path, how: &Presentation<'_>) -> anyhow::Result<()> {
    for (name, format) in [
        ("conformance.json", Format::Json),
        ("conformance.md", Format::Markdown),
        ("conformance.sarif", Format::Sarif),
        ("conformance.xml", Format::Junit),
    ] {
        let path = folder.join(name);
        crate::files::write(&path, render::render(report, format, how))
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}
