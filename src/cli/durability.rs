//! `mailbench durability`: a campaign of power cuts.

use std::path::PathBuf;

use super::exit::Exit;
use super::scenario::ScenarioArgs;
use super::unwritten::Unwritten;
use super::{disk, server};
use crate::disk::{Filesystem, Keep};
use crate::fault::chaos::Act;
use crate::report::durability as report;
use crate::report::forms::Format;
use crate::report::progress::Progress;
use crate::report::view::View;
use crate::run::durability::{CampaignPlan, Cut, durability};
use crate::run::signals::Interrupts;
use crate::run::{Request, RunError};
use crate::scenario::Loaded;
use crate::scenario::model::{Scenario, TargetKind};

/// Cut the target's power many times, and say what of the mail it acknowledged is lost (Linux, root)
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Scenario file; its chaos and thresholds are left out, its faults hold for the whole run
    scenario: PathBuf,
    #[command(flatten)]
    changes: ScenarioArgs,
    /// Power cuts for each file system and each --keep
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u64).range(1..=100_000))]
    cuts: u64,
    /// File system of the disk: ext4, xfs or btrfs (repeatable). Default: the scenario's, or ext4
    #[arg(long, value_name = "F", value_parser = disk::filesystem)]
    filesystem: Vec<Filesystem>,
    /// What of unflushed writes survives: none, subset, torn or prefix (repeatable). Default: the
    /// scenario's, or none
    #[arg(long, value_name = "K", value_parser = keep)]
    keep: Vec<Keep>,
    /// Write to this folder; a campaign that was interrupted there goes on
    #[arg(long, value_name = "DIR")]
    output: Option<PathBuf>,
    /// Print only the answer
    #[arg(long, short)]
    quiet: bool,
}

fn keep(text: &str) -> Result<Keep, String> {
    let found = Keep::ALL.into_iter().find(|keep| keep.name() == text);
    found.ok_or_else(|| "write none, subset, torn or prefix".to_owned())
}

pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    let mut loaded = args.changes.load(&args.scenario)?;
    let plan = plan(args, &loaded.scenario);
    check(&loaded.scenario)?;
    for filesystem in &plan.filesystems {
        disk::check(*filesystem)?;
    }
    // Mounts of this process's own are entered for a scenario that has a disk.
    loaded = with_disk(&loaded, plan.filesystems[0]);
    let request = Request {
        reach: super::network::enter(&loaded)?,
        loaded,
        output: args.output.clone(),
        command: command(args),
        allowed_targets: Vec::new(),
        empty_first: None,
        preflight: true,
    };
    let cut = campaign(&request, &plan, args.quiet)
        .map_err(|error| super::exit::exit_of(&error).because(error))?;
    let view = View::of_stdout(args.quiet, Some(cut.folder.display().to_string()));
    let mut unwritten = Unwritten::default();
    let text = report::render(Format::Terminal, &cut.durability, &view)?;
    let exit = Exit::from_code(cut.durability.exit_code);
    unwritten.print(&text, exit);
    if cut.interrupted {
        super::complain("interrupted: the same command with --output and this folder goes on");
        return Ok(unwritten.exit(Exit::Interrupted));
    }
    Ok(unwritten.exit(exit))
}

fn plan(args: &Args, scenario: &Scenario) -> CampaignPlan {
    let own = scenario.target.disk.map_or(Filesystem::Ext4, |disk| disk.filesystem);
    let kept = scenario.chaos.iter().find_map(|entry| match &entry.act {
        Act::PowerCut(cut) => Some(cut.keep),
        _ => None,
    });
    let mut filesystems = args.filesystem.clone();
    if filesystems.is_empty() {
        filesystems.push(own);
    }
    let mut keeps = args.keep.clone();
    if keeps.is_empty() {
        keeps.push(kept.unwrap_or_default());
    }
    CampaignPlan { cuts: args.cuts, filesystems, keeps }
}

/// Notes a target whose power cannot be cut.
fn check(scenario: &Scenario) -> anyhow::Result<()> {
    match scenario.target.kind {
        TargetKind::Relay | TargetKind::Managed(_) => Ok(()),
        TargetKind::Direct | TargetKind::External(_) => {
            Err(Exit::Scenario.because(anyhow::anyhow!(
                "only a target that mailbench starts can lose its power: write `target.kind = \
                 \"relay\"`, or a real MTA"
            )))
        }
    }
}

fn with_disk(loaded: &Loaded, filesystem: Filesystem) -> Loaded {
    if loaded.scenario.target.disk.is_some() {
        return loaded.clone();
    }
    loaded.changed(|scenario| scenario.target.disk = Some(crate::disk::DiskTerms::of(filesystem)))
}

fn campaign(request: &Request, plan: &CampaignPlan, quiet: bool) -> Result<Cut, RunError> {
    let runtime = server::runtime_beside_traffic().map_err(RunError::Runtime)?;
    let mut progress = Progress::on_stderr(quiet);
    let cut = runtime.block_on(async {
        let interrupts = Interrupts::listen().map_err(RunError::Runtime)?;
        durability(request, plan, &interrupts, &mut progress).await
    });
    progress.finish();
    runtime.shutdown_background();
    cut
}

/// The command that repeats it.
fn command(args: &Args) -> String {
    let quoted = super::run::quoted;
    let mut words =
        vec!["mailbench durability".to_owned(), quoted(&args.scenario.display().to_string())];
    words.extend(args.changes.words().iter().map(|word| quoted(word)));
    words.push(format!("--cuts {}", args.cuts));
    words.extend(args.filesystem.iter().map(|it| format!("--filesystem {}", it.name())));
    words.extend(args.keep.iter().map(|it| format!("--keep {}", it.name())));
    words.join(" ")
}
