//! The run's folder and name: where everything it writes lands, and a nonce that no other run has.

use std::fs::{File, TryLockError};
use std::io::{Error, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use sha2::{Digest, Sha256};

use super::{Request, RunError, SCENARIO};
use crate::clock::Clock;

/// The folder of one run, created and taken for this process alone: the lock on it ends with the
/// last copy of this, or with the process, however that ends.
#[derive(Clone, Debug)]
pub struct Folder {
    /// The folder itself.
    pub path: PathBuf,
    /// The run's id: UTC time and a short nonce.
    pub(super) id: String,
    /// The nonce: new for every run.
    pub(super) nonce: String,
    /// Start of the run, RFC 3339, UTC.
    pub(super) started_at: String,
    pub(super) lock: Arc<File>,
}

impl Folder {
    /// Creates the run's folder: `output` itself if given, else
    /// `reports/<scenario>/<UTC time>-<nonce>` below the working directory.
    ///
    /// # Errors
    /// When it cannot be created, or `output` already holds a run.
    pub(super) fn create(
        scenario: &str,
        output: Option<&Path>,
        clock: &Clock,
    ) -> std::io::Result<Folder> {
        let nonce = nonce(clock.wall());
        let started = jiff::Timestamp::try_from(clock.wall()).unwrap_or_default();
        let id = format!("{}-{nonce}", started.strftime("%Y%m%dT%H%M%SZ"));
        let path = match output {
            Some(path) => path.to_owned(),
            None => Path::new("reports").join(scenario).join(&id),
        };
        let said = |kind, what: &str| Error::new(kind, format!("{}: {what}", path.display()));
        std::fs::create_dir_all(&path).map_err(|error| said(error.kind(), &error.to_string()))?;
        let lock = Arc::new(lock(&path)?);
        if path.join(super::JOURNAL).exists() {
            return Err(said(ErrorKind::AlreadyExists, "it holds a run already; name another"));
        }
        let started_at = started.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        Ok(Folder { path, id, nonce, started_at, lock })
    }

    /// The same for a simulated run, whose folder says so.
    ///
    /// # Errors
    /// As for a real one.
    pub(super) fn simulated(
        scenario: &str,
        output: Option<&Path>,
        clock: &Clock,
    ) -> std::io::Result<Folder> {
        let started = jiff::Timestamp::try_from(clock.wall()).unwrap_or_default();
        let name =
            format!("simulated-{}-{}", started.strftime("%Y%m%dT%H%M%SZ"), nonce(clock.wall()));
        let own = Path::new("reports").join(scenario).join(name);
        Folder::create(scenario, Some(output.unwrap_or(&own)), clock)
    }

    /// A file in the folder.
    #[must_use]
    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }
}

/// Takes a folder for this process, before anything in it is looked at or written.
///
/// # Errors
/// When another process has it.
pub(super) fn lock(folder: &Path) -> std::io::Result<File> {
    let said = |kind, what: &str| Error::new(kind, format!("{}: {what}", folder.display()));
    let file = File::open(folder).map_err(|error| said(error.kind(), &error.to_string()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            let what = "another mailbench writes a run there; name another, or wait for its end";
            Err(said(ErrorKind::AlreadyExists, what))
        }
        // Not every file system has locks.
        Err(TryLockError::Error(error)) if error.kind() == ErrorKind::Unsupported => Ok(file),
        Err(TryLockError::Error(error)) => Err(said(error.kind(), &error.to_string())),
    }
}

/// Eight characters that differ from run to run, fit for a local-part: from the wall clock and
/// the process id, since a seed would make two runs of one scenario alike.
fn nonce(now: SystemTime) -> String {
    let since = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let mut digest = Sha256::new();
    digest.update(since.as_nanos().to_le_bytes());
    digest.update(std::process::id().to_le_bytes());
    let alphabet = b"abcdefghijklmnopqrstuvwxyz234567";
    digest
        .finalize()
        .iter()
        .take(8)
        .map(|byte| char::from(alphabet[usize::from(byte % 32)]))
        .collect()
}

/// The folder: a new one, or the one named, which may hold, in this file, what was interrupted; and the
/// lock on it.
pub(super) fn resumable(request: &Request, file: &str) -> Result<(PathBuf, Arc<File>), RunError> {
    if let Some(named) = request.output.as_deref().filter(|named| named.join(file).exists()) {
        let lock = lock(named).map_err(RunError::Folder)?;
        return Ok((named.to_owned(), Arc::new(lock)));
    }
    let name = &request.loaded.scenario.name;
    let folder = Folder::create(name, request.output.as_deref(), &Clock::start());
    let Folder { path, lock, .. } = folder.map_err(RunError::Folder)?;
    crate::files::write(&path.join(SCENARIO), &request.loaded.resolved)
        .map_err(RunError::Folder)?;
    Ok((path, lock))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_with_a_run_in_it_is_not_written_over() {
        let place = tempfile::tempdir().expect("a folder");
        let clock = Clock::start();
        let folder = Folder::create("x", Some(place.path()), &clock).expect("created");
        std::fs::write(folder.file("journal.bin"), b"").expect("written");
        drop(folder);
        assert!(Folder::create("x", Some(place.path()), &clock).is_err());
    }

    #[test]
    fn a_folder_is_one_run_s_from_before_its_first_file() {
        let place = tempfile::tempdir().expect("a folder");
        let clock = Clock::start();
        let folder = Folder::create("x", Some(place.path()), &clock).expect("created");
        let error = Folder::create("x", Some(place.path()), &clock).expect_err("taken");
        assert_eq!(error.kind(), ErrorKind::AlreadyExists);
        assert!(error.to_string().contains("another mailbench"), "{error}");
        let copy = folder.clone();
        drop(folder);
        assert!(Folder::create("x", Some(place.path()), &clock).is_err());
        drop(copy);
        assert!(Folder::create("x", Some(place.path()), &clock).is_ok());
    }

    #[test]
    fn two_runs_have_two_nonces() {
        let now = Clock::start().wall();
        assert_ne!(nonce(now), nonce(now + std::time::Duration::from_nanos(1)));
        assert_eq!(nonce(now).len(), 8);
    }
}
