//! `mailbench serve-disk` and `probe-disk`: the process that serves a disk, and a try whether a disk
//! can be made here; started by `run` and by tests, not for people.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, bail};

use super::exit::Exit;
use crate::disk::{self, Disk, DiskTerms, Filesystem, Keep};

/// Serve the images of a disk at a folder until standard input ends
#[derive(Debug, clap::Args)]
pub(super) struct ServeArgs {
    /// Folder to serve them at
    folder: PathBuf,
    /// Bytes of an image
    size: u64,
    /// How long a flush takes, in microseconds
    flush: u64,
}

/// Make a disk, test it, lose its power once, and remove it again
#[derive(Debug, clap::Args)]
pub(super) struct ProbeArgs {
    /// Its file system
    #[arg(value_parser = filesystem)]
    filesystem: Filesystem,
}

pub(super) fn filesystem(text: &str) -> Result<Filesystem, String> {
    let found = Filesystem::ALL.into_iter().find(|it| it.name() == text);
    found.ok_or_else(|| "write ext4, xfs or btrfs".to_owned())
}

pub(super) fn serve(args: &ServeArgs) -> anyhow::Result<Exit> {
    disk::server::serve(&args.folder, args.size, Duration::from_micros(args.flush))?;
    Ok(Exit::Passed)
}

pub(super) fn probe(args: &ProbeArgs) -> anyhow::Result<Exit> {
    check(args.filesystem)?;
    disk::enter_own_mounts().context("cannot make a mount namespace")?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(try_one(args.filesystem))?;
    Ok(Exit::Passed)
}

/// Says what is missing here for a disk with this file system.
pub(super) fn check(filesystem: Filesystem) -> anyhow::Result<()> {
    match disk::missing(filesystem) {
        None => Ok(()),
        Some(missing) => {
            let what = format!("{}; {}", missing.what, missing.remedy);
            Err(Exit::Unreachable.because(anyhow::anyhow!(what)))
        }
    }
}

async fn try_one(filesystem: Filesystem) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let terms = DiskTerms { filesystem, size: 512 << 20, flush: Duration::ZERO };
    let mut disk = Disk::start(terms, folder.path(), folder.path().join("queue")).await?;
    let tried = lose_power_once(&mut disk).await;
    disk.close().await;
    tried
}

async fn lose_power_once(disk: &mut Disk) -> anyhow::Result<()> {
    if let Err(why) = disk.self_test().await? {
        bail!("the disk does not do what it should: {why}");
    }
    disk.freeze().await?;
    disk.lose_power(Keep::Torn, (1, 1)).await?;
    disk.thaw().await?;
    if let Err(why) = disk.begin_next_life_checked().await? {
        bail!("the file system is not sound after a loss of power: {why}");
    }
    Ok(())
}
