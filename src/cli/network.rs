//! Entering the network of a run, before anything else starts; and the hidden subcommand that tries.

use super::exit::Exit;
use crate::run::isolation::{self, Reach};
use crate::scenario::Loaded;

/// Try whether a network namespace can be entered here (used by mailbench itself)
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

pub(super) fn run(_: &Args) -> anyhow::Result<Exit> {
    isolation::enter_now().map(|()| Exit::Passed).map_err(|error| Exit::Unreachable.because(error))
}

/// Enters the network that the scenario's targets are to be in.
pub(super) fn enter(loaded: &Loaded) -> anyhow::Result<Reach> {
    isolation::enter(loaded).map_err(|error| Exit::Unreachable.because(error))
}
