//! The disk that loses power: a file system whose disk is an image in the memory of a process of
//! ours, so that it is known what was flushed. Its process, mounting and remounting, the cut, the
//! test that it does what it should. Who is killed and when is `run`'s; what it means, `ledger`'s.
//!
//! A cut: *freeze* (nothing is answered, so no honest 250 can appear), kill all that uses the disk,
//! lose power (the next life of the disk begins with what was durable), *thaw* (what is dying writes
//! to the old life, into the void, and sees no error), unmount, mount the next life.

mod fuse;
mod image;
mod mounting;
mod orders;
mod process;
mod requirements;
pub mod server;
mod terms;

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use nix::fcntl::{FallocateFlags, OFlag, fallocate};
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};

pub use mounting::{detach_all_below, tool};
pub use orders::Counts;
use orders::Order;
use process::DiskProcess;
pub use process::{MARK, SUBCOMMAND};
pub use requirements::{Missing, missing};
pub use terms::{DiskTerms, Filesystem, Keep};

/// Where the images are, in the folder of a target.
const IMAGES: &str = "disk";

/// Number of the cut of the self-test; those of a run begin with 1.
const TEST_CUT: u64 = 0;

/// A disk with a mounted file system.
#[derive(Debug)]
pub struct Disk {
    process: DiskProcess,
    terms: DiskTerms,
    images: PathBuf,
    at: PathBuf,
    lives: usize,
    /// What fills the disk, while it is to be full: a file without a name.
    ballast: Option<File>,
}

/// What became of a power cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PowerLost {
    /// Writes that were not flushed.
    pub unflushed: u64,
    /// Of these, those of which something was kept.
    pub kept: u64,
}

/// Why a disk could not be had or did not do what it should.
#[derive(Debug, thiserror::Error)]
#[error("{doing}: {cause}")]
pub struct DiskError {
    doing: &'static str,
    cause: io::Error,
}

/// Names what was being done when it failed.
fn when(doing: &'static str) -> impl FnOnce(io::Error) -> DiskError {
    move |cause| DiskError { doing, cause }
}

/// Gives this process mounts of its own, which go with it. Call it while it has one thread.
///
/// # Errors
/// When the kernel does not let this process.
pub fn enter_own_mounts() -> io::Result<()> {
    unshare(CloneFlags::CLONE_NEWNS)?;
    // Else what is mounted here shows outside.
    let private = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
    Ok(mount(None::<&str>, "/", None::<&str>, private, None::<&str>)?)
}

impl Disk {
    /// Makes one with an empty file system that is mounted at `at`, a folder within `folder`.
    ///
    /// # Errors
    /// When it cannot be made or mounted.
    pub async fn start(terms: DiskTerms, folder: &Path, at: PathBuf) -> Result<Disk, DiskError> {
        let images = folder.join(IMAGES);
        fs::create_dir_all(&images).map_err(when("cannot make the disk's folder"))?;
        fs::create_dir_all(&at).map_err(when("cannot make the queue's folder"))?;
        let process = DiskProcess::start(&images, terms.size, terms.flush).await;
        let process = process.map_err(when("cannot serve the disk"))?;
        let disk = Disk { process, terms, images, at, lives: 1, ballast: None };
        let made = mounting::make(terms.filesystem, &disk.image()).await;
        made.map_err(when("cannot make the disk's file system"))?;
        disk.attach().await?;
        Ok(disk)
    }

    fn image(&self) -> PathBuf {
        self.images.join(server::name(self.lives - 1))
    }

    async fn attach(&self) -> Result<(), DiskError> {
        let attached = mounting::attach(self.terms.filesystem, &self.image(), &self.at).await;
        attached.map_err(when("cannot mount the disk"))
    }

    /// What it was made by.
    #[must_use]
    pub fn terms(&self) -> DiskTerms {
        self.terms
    }

    /// Whether it does what a disk should: what was synced survives a loss of power, what was not is
    /// gone. Its file system is empty again afterwards.
    ///
    /// # Errors
    /// When it could not be tried.
    pub async fn self_test(&mut self) -> Result<Result<(), String>, DiskError> {
        let trying = "cannot test the disk";
        let (synced, unsynced) = (self.at.join("synced"), self.at.join("unsynced"));
        let write = |path: &Path, sync: bool| -> io::Result<()> {
            let mut file = File::create(path)?;
            file.write_all(b"mailbench")?;
            if sync {
                file.sync_all()?;
                File::open(&self.at)?.sync_all()?;
            }
            Ok(())
        };
        write(&synced, true).map_err(when(trying))?;
        write(&unsynced, false).map_err(when(trying))?;
        self.freeze().await?;
        self.lose_power(Keep::None, (0, TEST_CUT)).await?;
        self.thaw().await?;
        self.begin_next_life().await?;
        let outcome = match (fs::read(&synced), fs::read(&unsynced)) {
            (Ok(content), _) if content != b"mailbench" => {
                Err("a synced file changed in the cut".to_owned())
            }
            (Err(error), _) => Err(format!("a synced file was lost in the cut ({error})")),
            (Ok(_), Ok(content)) if !content.is_empty() => {
                Err("an unsynced file survived the cut".to_owned())
            }
            (Ok(_), _) => Ok(()),
        };
        for path in [synced, unsynced] {
            let _gone = fs::remove_file(path);
        }
        self.sync().map_err(when(trying))?;
        Ok(outcome)
    }

    /// Makes all that was written durable.
    ///
    /// # Errors
    /// When the file system cannot.
    pub fn sync(&self) -> io::Result<()> {
        Ok(nix::unistd::syncfs(File::open(&self.at)?)?)
    }

    /// From now on nothing is answered.
    ///
    /// # Errors
    /// When the disk's process is gone.
    pub async fn freeze(&mut self) -> Result<(), DiskError> {
        self.process.tell(Order::Freeze).await.map_err(when("cannot freeze the disk"))
    }

    /// Loses power; what uses the disk is to be dead already, or unable to run. The choice of what
    /// survives is by seed and number of the cut.
    ///
    /// # Errors
    /// When the disk's process is gone.
    pub async fn lose_power(
        &mut self,
        keep: Keep,
        choice: (u64, u64),
    ) -> Result<PowerLost, DiskError> {
        self.ballast = None;
        let lost = self.process.lose_power(keep, choice).await;
        let (unflushed, kept) = lost.map_err(when("the disk cannot lose power"))?;
        self.lives += 1;
        Ok(PowerLost { unflushed, kept })
    }

    /// Answers again: what is dying can die.
    ///
    /// # Errors
    /// When the disk's process is gone.
    pub async fn thaw(&mut self) -> Result<(), DiskError> {
        self.process.tell(Order::Thaw).await.map_err(when("cannot thaw the disk"))
    }

    /// Mounts the life that began with the last loss of power.
    ///
    /// # Errors
    /// When the last life is still in use, or the file system cannot be mounted.
    pub async fn begin_next_life(&self) -> Result<(), DiskError> {
        mounting::detach(&self.at).await.map_err(when("cannot unmount the disk"))?;
        self.attach().await
    }

    /// As [`Self::begin_next_life`], and sees whether the file system is sound once its own log is
    /// replayed.
    ///
    /// # Errors
    /// When it cannot be mounted.
    pub async fn begin_next_life_checked(&self) -> Result<Result<(), String>, DiskError> {
        self.begin_next_life().await?;
        mounting::detach(&self.at).await.map_err(when("cannot unmount the disk"))?;
        let checked = mounting::check(self.terms.filesystem, &self.image()).await;
        self.attach().await?;
        Ok(checked)
    }

    /// From now on a flush takes so long; `None`: as at the start.
    ///
    /// # Errors
    /// When the disk's process is gone.
    pub async fn slow(&mut self, flush: Option<std::time::Duration>) -> Result<(), DiskError> {
        let flush = flush.unwrap_or(self.terms.flush);
        let us = u64::try_from(flush.as_micros()).unwrap_or(u64::MAX);
        self.process.tell(Order::Flush { us }).await.map_err(when("cannot slow the disk down"))
    }

    /// Whether flushes are answered without being done.
    ///
    /// # Errors
    /// When the disk's process is gone.
    pub async fn lie(&mut self, on: bool) -> Result<(), DiskError> {
        self.process.tell(Order::Lie { on }).await.map_err(when("cannot make the disk lie"))
    }

    /// Whether reads and writes fail (EIO).
    ///
    /// # Errors
    /// When the disk's process is gone.
    pub async fn fail(&mut self, on: bool) -> Result<(), DiskError> {
        self.process.tell(Order::Fail { on }).await.map_err(when("cannot make the disk fail"))
    }

    /// Takes all free space, by a file without a name, or gives it back.
    ///
    /// # Errors
    /// When the file cannot be made.
    pub fn fill(&mut self, on: bool) -> Result<(), DiskError> {
        self.ballast = None;
        if !on {
            return self.sync().map_err(when("cannot free the disk"));
        }
        let file = fs::OpenOptions::new();
        let ballast = nameless(file, &self.at).map_err(when("cannot fill the disk"))?;
        let mut piece = i64::try_from(self.terms.size).unwrap_or(i64::MAX);
        let mut offset = 0;
        // Ever smaller pieces, down to a block.
        while piece >= 4096 {
            match fallocate(&ballast, FallocateFlags::empty(), offset, piece) {
                Ok(()) => offset += piece,
                Err(_) => piece /= 2,
            }
        }
        self.ballast = Some(ballast);
        Ok(())
    }

    /// What was counted since the start.
    ///
    /// # Errors
    /// When the disk's process is gone.
    pub async fn counts(&mut self) -> Result<Counts, DiskError> {
        self.process.counts().await.map_err(when("cannot count the disk's writes"))
    }

    /// Unmounts everything and ends the process.
    pub async fn close(&mut self) {
        self.ballast = None;
        if mounting::detach(&self.at).await.is_err() {
            detach_all_below(&self.at);
        }
        self.process.end().await;
        detach_all_below(&self.images);
    }
}

/// A file without a name in this folder (O_TMPFILE).
fn nameless(mut options: fs::OpenOptions, folder: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    options.read(true).write(true).custom_flags(OFlag::O_TMPFILE.bits()).open(folder)
}
