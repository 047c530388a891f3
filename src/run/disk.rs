//! The disk of a run: there before the target, tested, counted before the load and at the end,
//! unmounted after the target.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::Mutex;

use super::RunError;
use crate::clock::Clock;
use crate::disk::{Disk, detach_all_below, missing};
use crate::ledger::Ledger;
use crate::ledger::event::{DiskSeen, Event};
use crate::scenario::model::Scenario;
use crate::targets::{TargetError, queue_folder};

/// A disk that chaos and the stand use, one at a time; `None`: the target has none of ours.
pub(super) type SharedDisk = Option<Arc<Mutex<Disk>>>;

/// What is mounted below a folder goes when this does, however a run ends.
pub(super) struct Mounts(pub(super) PathBuf);

impl Drop for Mounts {
    fn drop(&mut self) {
        detach_all_below(&self.0);
    }
}

/// Makes the disk that the scenario asks for, mounts it where the target will keep its queue, and
/// tests it.
pub(super) async fn make(
    scenario: &Scenario,
    folder: &Path,
    (clock, ledger): (Clock, &Ledger),
) -> Result<SharedDisk, RunError> {
    let (Some(terms), Some(at)) =
        (scenario.target.disk, queue_folder(&scenario.target.kind, folder))
    else {
        return Ok(None);
    };
    if let Some(missing) = missing(terms.filesystem) {
        let (what, remedy) = (missing.what, missing.remedy);
        return Err(RunError::Target(TargetError::Unmet { what, remedy }));
    }
    let mut disk = Disk::start(terms, folder, at).await?;
    let tested = disk.self_test().await;
    let flaw = match tested {
        Ok(outcome) => outcome.err(),
        Err(error) => {
            disk.close().await;
            return Err(error.into());
        }
    };
    let seen = DiskSeen::Ready { filesystem: terms.filesystem, flaw };
    ledger.record(&Event::Disk { at: clock.now(), seen });
    Ok(Some(Arc::new(Mutex::new(disk))))
}

/// Makes the layout of the queue durable, which a target does not sync by itself, and notes what the
/// disk counted so far.
pub(super) async fn settle(disk: &SharedDisk, (clock, ledger): (Clock, &Ledger)) {
    let Some(disk) = disk else { return };
    if let Err(error) = disk.lock().await.sync() {
        let why = format!("the layout of the queue was not synced: {error}");
        ledger.record(&Event::Disk { at: clock.now(), seen: DiskSeen::Failed { why } });
    }
    count(disk, (clock, ledger)).await;
}

async fn count(disk: &Mutex<Disk>, (clock, ledger): (Clock, &Ledger)) {
    let seen = match disk.lock().await.counts().await {
        Ok(counts) => DiskSeen::Counted(counts),
        Err(error) => DiskSeen::Failed { why: error.to_string() },
    };
    ledger.record(&Event::Disk { at: clock.now(), seen });
}

/// Notes what the disk counted, and ends it.
pub(super) async fn close(disk: &SharedDisk, instruments: (Clock, &Ledger)) {
    let Some(disk) = disk else { return };
    count(disk, instruments).await;
    disk.lock().await.close().await;
}
