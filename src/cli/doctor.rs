//! `mailbench doctor`: what is missing on this machine, or how a target treats single messages.

use std::path::{Path, PathBuf};

use clap::ValueEnum;

use super::exit::Exit;
use super::scenario::ScenarioArgs;
use super::server;
use crate::escape::{self, plain};
use crate::grammar::units::Timespan;
use crate::measure::checkup;
use crate::report::checkup as words;
use crate::report::progress::Progress;
use crate::run::checkup::{Seen, carry_out};
use crate::run::machine::{self, Need};
use crate::run::safety::Cidr;
use crate::run::signals::Interrupts;
use crate::run::{Request, RunError};

/// Say what is missing on this machine for which feature; or, with `target`, try a target
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct Args {
    #[command(subcommand)]
    what: Option<What>,
    /// Output format
    #[arg(long, value_enum, default_value = "terminal")]
    format: Format,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    Target(TargetArgs),
}

/// Send one message to each destination and one that must bounce through the target of a scenario
///
/// Says what arrived at the sink, after how long, what was changed on its way, which keys of
/// [target.changes] would declare that, whether the bounce came, and whether the queue can be read
/// and is empty. Exit 0 when all is well, 106 when something did not arrive, 97 when content or
/// envelope was changed and that is not declared, 96 when the queue cannot be read.
#[derive(Debug, clap::Args)]
struct TargetArgs {
    /// Scenario file; its load, faults and chaos are left out
    scenario: PathBuf,
    #[command(flatten)]
    changes: ScenarioArgs,
    /// Output format
    #[arg(long, value_enum, default_value = "terminal")]
    format: Format,
    /// How long to wait for mail, and then for the bounce
    #[arg(long, value_name = "TIME", default_value = "30s")]
    wait: Timespan,
    /// Keep both runs in this folder
    #[arg(long, value_name = "DIR")]
    output: Option<PathBuf>,
    /// Allow this address; it must be listed in ~/.config/mailbench/authorized-targets too
    /// (repeatable)
    #[arg(long, value_name = "CIDR")]
    allow_target: Vec<Cidr>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    Terminal,
    Json,
}

pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    if let Some(What::Target(args)) = &args.what {
        return target(args);
    }
    let needs = server::runtime()?.block_on(machine::look());
    super::print(&match args.format {
        Format::Terminal => table(&needs),
        Format::Json => escape::json(&serde_json::to_string_pretty(&needs)?) + "\n",
    })?;
    Ok(Exit::Passed)
}

/// What is missing comes with how to get it, below its line.
fn table(needs: &[Need]) -> String {
    let widest = needs.iter().map(|need| need.needs.len()).max().unwrap_or(0);
    let line = |need: &Need| {
        let mark = if need.ok { "ok     " } else { "missing" };
        let remedy = match need.ok {
            true => String::new(),
            false => format!("{:9}{:widest$}  {}\n", "", "", need.remedy),
        };
        let Need { feature, needs, found, .. } = need;
        let found = plain(found);
        format!("{mark}  {needs:widest$}  {found}  (for {feature})\n{remedy}")
    };
    needs.iter().map(line).collect()
}

fn target(args: &TargetArgs) -> anyhow::Result<Exit> {
    let loaded = args.changes.load(&args.scenario)?;
    let passing = tempfile::tempdir()?;
    let folder = args.output.as_deref().unwrap_or(passing.path());
    let reach = super::network::enter(&loaded)?;
    let request = Request {
        loaded,
        output: None,
        command: format!("mailbench doctor target {}", args.scenario.display()),
        allowed_targets: args.allow_target.clone(),
        reach,
        empty_first: None,
        preflight: false,
    };
    let seen = look(&request, folder, args)
        .map_err(|error| super::exit::exit_of(&error).because(error))?;
    let Seen { mail, bounce, declare, queue_error } = seen;
    let bounce = bounce.as_ref().map(|findings| &findings.results);
    let scenario = &request.loaded.scenario;
    let checkup = checkup::judge(scenario, (&mail.results, bounce), declare, queue_error);
    super::print(&match args.format {
        Format::Terminal => words::terminal(&checkup),
        Format::Json => words::json(&checkup),
    })?;
    Ok(Exit::from_code(checkup.verdict.exit_code))
}

fn look(request: &Request, folder: &Path, args: &TargetArgs) -> Result<Seen, RunError> {
    let runtime = server::runtime_beside_traffic().map_err(RunError::Runtime)?;
    let mut progress = Progress::on_stderr(true);
    let seen = runtime.block_on(async {
        let interrupts = Interrupts::listen().map_err(RunError::Runtime)?;
        carry_out(request, folder, args.wait.0, &interrupts, &mut progress).await
    });
    progress.finish();
    runtime.shutdown_background();
    seen
}
