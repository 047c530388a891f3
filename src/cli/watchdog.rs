//! `mailbench watchdog`: the watchdog over a target, started by `run`; not for people.

use std::path::PathBuf;

use super::exit::Exit;
use crate::targets::watchdog::{self, Duty};

/// End a target when standard input ends, and remove its folder
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Its folder
    folder: PathBuf,
    /// Only continue what was stopped, of a target that was there before
    #[arg(long = "continue")]
    resume: bool,
}

pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    let duty = if args.resume { Duty::Continue } else { Duty::End };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    runtime.block_on(watchdog::watch(std::io::stdin(), &args.folder, duty));
    Ok(Exit::Passed)
}
