//! Entering the network of a run, before anything else starts; and the hidden subcommand that tries.

use super::exit::Exit;
use crate::disk;
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
    enter_mounts(loaded)?;
    isolation::enter(loaded).map_err(|error| Exit::Unreachable.because(error))
}

/// Enters mounts of this process's own, where a target of the scenario has its queue on a disk that
/// mailbench mounts.
fn enter_mounts(loaded: &Loaded) -> anyhow::Result<()> {
    let variants = loaded.variants.iter().map(|(_, variant)| &variant.scenario.target);
    let mut disks = std::iter::once(&loaded.scenario.target).chain(variants);
    let Some(terms) = disks.find_map(|target| target.disk) else { return Ok(()) };
    let unmet = |what: String| Err(Exit::Unreachable.because(anyhow::anyhow!(what)));
    if let Some(missing) = disk::missing(terms.filesystem) {
        return unmet(format!("{}; {}", missing.what, missing.remedy));
    }
    match disk::enter_own_mounts() {
        Ok(()) => Ok(()),
        Err(error) => unmet(format!(
            "[target.disk] needs a mount namespace: {error}; run mailbench outside a container, or \
             with CAP_SYS_ADMIN"
        )),
    }
}
