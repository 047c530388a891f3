//! `mailbench bury`: the watchdog over a target, started by `run`; not for people.

use std::path::PathBuf;

use super::exit::Exit;
use crate::target::watchdog;

/// End a target when standard input ends, and remove its folder
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The process that was started
    root: u32,
    /// Its folder
    folder: PathBuf,
    /// Only let the target go on, which somebody else started
    #[arg(long)]
    wake: bool,
}

pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    let input = std::io::stdin();
    if args.wake {
        watchdog::wake(input, args.root);
        return Ok(Exit::Passed);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    runtime.block_on(watchdog::bury(input, args.root, &args.folder));
    Ok(Exit::Passed)
}
