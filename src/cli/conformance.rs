//! `mailbench conformance`: how a target bears bad peers and bad content.

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
use crate::conformance::examine::{self, ExamineError};
use crate::conformance::finding::Examination;
use crate::conformance::render::{self, Format};
use crate::run::safety;

/// Examine a target: smuggling, robustness, broken peers in both directions; each case with its
/// source and a verdict
///
/// Of the scenario only the target and where the sink listens are used; no load is sent. The
/// target must be on this machine. Exit 97 when a row that an RFC mandates is violated or
/// vulnerable.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Scenario file
    #[arg(required_unless_present = "list")]
    scenario: Option<PathBuf>,
    #[command(flatten)]
    changes: ScenarioArgs,
    /// Print the examination so
    #[arg(long, value_enum, default_value = "table")]
    format: FormatArg,
    /// Write conformance.json, .md, .sarif, .xml and the target's log to this folder
    #[arg(long, value_name = "DIR")]
    output: Option<PathBuf>,
    /// Only cases whose name begins so (repeatable)
    #[arg(long, value_name = "CASE")]
    case: Vec<String>,
    /// Let cases about patience take the minutes that RFC 5321 speaks of instead of seconds:
    /// eleven minutes for the whole, and up to twenty-five where mail is awaited that never comes
    #[arg(long)]
    full: bool,
    /// Let rows that hold no RFC's demand gate too
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
        let line = |case: Case| format!("{:28}{}\n", case.id, case.title);
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
    let mut examination = examined?;
    if args.strict {
        examination.rows.iter_mut().for_each(|row| row.gates = row.verdict.is_bad());
    }
    let name = scenario.display().to_string();
    let verdict = if examination.fails() { Exit::Correctness } else { Exit::Passed };
    let mut unwritten = Unwritten::default();
    unwritten.print(&render::render(&examination, args.format.into(), &name), verdict);
    if args.output.is_some() {
        unwritten.note(write(&examination, folder.path(), &name));
    }
    Ok(unwritten.exit(verdict))
}

fn exit(error: ExamineError) -> anyhow::Error {
    match &error {
        ExamineError::NoCase(_) => Exit::Usage.because(error),
        ExamineError::NoTarget => Exit::Scenario.because(error),
        _ => Exit::Unreachable.because(error),
    }
}

/// A folder that stays, or one that goes with us.
enum Place {
    Kept(PathBuf),
    Passing(tempfile::TempDir),
}

impl Place {
    fn path(&self) -> &Path {
        match self {
            Place::Kept(path) => path,
            Place::Passing(folder) => folder.path(),
        }
    }
}

fn folder(wanted: Option<&Path>) -> anyhow::Result<Place> {
    let Some(path) = wanted else {
        return Ok(Place::Passing(crate::files::private_temporary("conformance-")?));
    };
    std::fs::create_dir_all(path)
        .with_context(|| format!("cannot make {}", path.display()))
        .map_err(|error| Exit::Usage.because(error))?;
    Ok(Place::Kept(path.to_owned()))
}

fn write(examination: &Examination, folder: &Path, scenario: &str) -> anyhow::Result<()> {
    for (name, format) in [
        ("conformance.json", Format::Json),
        ("conformance.md", Format::Markdown),
        ("conformance.sarif", Format::Sarif),
        ("conformance.xml", Format::Junit),
    ] {
        let path = folder.join(name);
        crate::files::write(&path, render::render(examination, format, scenario))
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}
