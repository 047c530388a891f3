//! What holds one life of a target together, from before its first process to after its last: its
//! control group, its roster, and the watchdog over both.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use super::TargetError;
use super::cgroup::ControlGroup;
use super::members::Members;
use super::processes::ProcessId;
use super::roster::Roster;
use super::watchdog::{Duty, Watchdog};

/// The containment of one life. When it is dropped, nothing of a target that we started is left.
#[derive(Debug)]
pub(super) struct Containment {
    folder: PathBuf,
    group: Option<ControlGroup>,
    /// Whether orphans of the target become our children.
    adopts: bool,
    /// Where nothing listened before.
    address: Option<SocketAddr>,
    roster: Roster,
    watchdog: Option<Watchdog>,
}

impl Containment {
    /// For a target that we start, with its folder. What listens at `address` later belongs to it.
    pub(super) fn of_ours(
        folder: &Path,
        address: Option<SocketAddr>,
    ) -> Result<Containment, TargetError> {
        let name = folder.file_name().unwrap_or_default().to_string_lossy();
        let group = ControlGroup::make(&name);
        // A process that is in no group of its own can leave its parent, session and environment;
        // then the kernel gives it to us.
        let adopts = group.is_none() && nix::sys::prctl::set_child_subreaper(true).is_ok();
        let roster = Roster::begin(folder, group.as_ref().map(ControlGroup::path));
        let watchdog = Some(Watchdog::start(folder, Duty::End)?);
        Ok(Containment { folder: folder.to_owned(), group, adopts, address, roster, watchdog })
    }

    /// For a target that was there before us, which is never ended.
    pub(super) fn of_another(folder: &Path) -> Result<Containment, TargetError> {
        let roster = Roster::begin(folder, None);
        let watchdog = Some(Watchdog::start(folder, Duty::Continue)?);
        let folder = folder.to_owned();
        Ok(Containment { folder, group: None, adopts: false, address: None, roster, watchdog })
    }

    pub(super) fn group(&self) -> Option<&ControlGroup> {
        self.group.as_ref()
    }

    pub(super) fn roster(&self) -> &Roster {
        &self.roster
    }

    /// The processes of a target that we started as `root`.
    pub(super) fn members(&self, root: ProcessId) -> Members {
        Members::of(root, &self.folder)
            .in_group(self.group.clone())
            .with_orphans(self.adopts)
            .listening_at(self.address)
            .noted_in(&self.roster)
    }

    /// Notes the first process of a life.
    pub(super) fn begin(&self, root: ProcessId) {
        self.roster.note_ours(vec![root]);
    }
}

impl Drop for Containment {
    fn drop(&mut self) {
        // The watchdog ends what is left, and the group with it, unless it was killed.
        drop(self.watchdog.take());
        if let Some(group) = &self.group {
            group.kill();
            group.remove();
        }
    }
}
