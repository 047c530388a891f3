//! `mailbench run`: one experiment, from question to verdict.

use std::path::PathBuf;

use super::exit::Exit;
use super::scenario_args::ScenarioArgs;
use crate::report::progress::Progress;
use crate::run::safety::Cidr;
use crate::run::signals::Interrupts;
use crate::run::{self, Outcome, Request, RunError};
use crate::{measure, report, scenario};

/// Run a scenario, print the summary, write the run folder.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    scenario: ScenarioArgs,
    /// Write the run to this folder instead of `reports/<scenario>/<time>-<id>`
    #[arg(long, value_name = "DIR")]
    output: Option<PathBuf>,
    /// Print only the result line
    #[arg(long, short)]
    quiet: bool,
    /// Let this class of failure pass: a ledger class such as `lost`, or `threshold`, `invalid`
    #[arg(long, value_name = "CLASS")]
    allow: Vec<String>,
    /// Allow load to this address or range; it must also be listed in
    /// `~/.config/mailbench/authorized-targets`
    #[arg(long, value_name = "CIDR")]
    allow_target: Vec<Cidr>,
}
