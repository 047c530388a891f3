//! `mailbench routes`: where a target must send the mail of a scenario. Starts nothing.

use std::path::PathBuf;

use super::choice;
use super::exit::Exit;
use super::scenario::ScenarioArgs;
use crate::report::routes::{Form, render};
use crate::scenario::model::{Scenario, TargetKind};

/// Print where an external target must send mail, ready to paste into its configuration
///
/// The table holds every destination and the domain to which bounces return. With `addresses =
/// "per-destination"` in [sink] each destination has an address of its own.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Scenario file
    #[arg(value_name = "SCENARIO")]
    path: PathBuf,
    /// For which MTA, or in which form; dnsmasq is for MTAs that look domains up in DNS
    #[arg(long, default_value = "table", value_parser = choice(Form::ALL, Form::name))]
    format: Form,
    #[command(flatten)]
    scenario: ScenarioArgs,
}

pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    let loaded = args.scenario.load_target(&args.path)?;
    check(&loaded.scenario).map_err(|why| Exit::Scenario.because(anyhow::anyhow!(why)))?;
    super::print(&render(&loaded.scenario.routes(), args.format))?;
    Ok(Exit::Passed)
}

/// A table can be printed where every address is known before the sink is started.
fn check(scenario: &Scenario) -> Result<(), &'static str> {
    if scenario.sink.listen.port() == 0 {
        let why = "the sink takes a free port at each run, so that there is no table to print; \
                   write a fixed one in [sink], such as listen = \"127.0.0.1:2526\"";
        return Err(why);
    }
    if scenario.target.kind == TargetKind::Direct {
        return Err("a direct run has no target that could be routed");
    }
    Ok(())
}
