//! `mailbench bury`: the watchdog over a target, started by `run`; not for people.

use std::path::PathBuf;

use super::exit::Exit;

/// End a target when standard input ends, and remove its folder
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The process that was started
    root: u32,
    /// The target's folder
    folder: PathBuf,
}

pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    runtime.block_on(crate::target::watchdog::bury(std::io::stdin(), args.root, &args.folder));
    Ok(Exit::Passed)
}
