//! Which processes belong to a target: those in its control group, those that descend from the one
//! we started or share its session or process group, those that have its folder in their environment
//! or as their root directory, those that were left to us when their parents ended, and what
//! listens at its address. What is done to them is not here.

use std::collections::BTreeSet;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use super::cgroup::ControlGroup;
use super::command::{AUXILIARY, WATCHDOG};
use super::listening;
use super::processes::{self, Entry, ProcessId, has_name, has_variable};
use super::roster::Roster;
use crate::disk;

/// Holds the target's folder in the environment of its processes.
pub(super) const MARK: &str = "MAILBENCH_TARGET";

/// How to tell a target's processes from all others.
#[derive(Clone, Debug)]
pub struct Members {
    root: ProcessId,
    /// Found otherwise before.
    known: Vec<ProcessId>,
    /// `NAME=value` that only they have in their environment.
    marks: Vec<Vec<u8>>,
    /// What has its root directory here is a member.
    folder: Option<PathBuf>,
    group: Option<ControlGroup>,
    /// Whether orphans that the kernel gave to us are members.
    adopts: bool,
    /// What listens here is a member.
    address: Option<SocketAddr>,
    /// Where they are noted.
    roster: Option<Roster>,
}

impl Members {
    /// Those of a process that we did not start, with what descends from it.
    pub(super) fn of_unmarked(root: ProcessId) -> Members {
        Members {
            root,
            known: Vec::new(),
            marks: Vec::new(),
            folder: None,
            group: None,
            adopts: false,
            address: None,
            roster: None,
        }
    }

    /// Those of a target that we start, with `folder` in its environment.
    pub(super) fn of(root: ProcessId, folder: &Path) -> Members {
        let variable = [MARK.as_bytes(), b"=", folder.as_os_str().as_encoded_bytes()].concat();
        let folder = Some(folder.to_owned());
        Members { marks: vec![variable], folder, ..Members::of_unmarked(root) }
    }

    /// Also those of a control group.
    pub(super) fn in_group(mut self, group: Option<ControlGroup>) -> Members {
        self.group = group;
        self
    }

    /// Also orphans that the kernel gives to us.
    pub(super) fn with_orphans(mut self, adopts: bool) -> Members {
        self.adopts = adopts;
        self
    }

    /// Also what listens at an address where nothing listened before.
    pub(super) fn listening_at(mut self, address: Option<SocketAddr>) -> Members {
        self.address = address;
        self
    }

    /// Also these, which were found before, and what has this in its environment.
    pub(super) fn with(mut self, known: Vec<ProcessId>, mark: Option<Vec<u8>>) -> Members {
        self.known = known;
        self.marks.extend(mark);
        self
    }

    /// Noted in a roster, when they are looked at.
    pub(super) fn noted_in(mut self, roster: &Roster) -> Members {
        self.roster = Some(roster.clone());
        self
    }

    /// The same ones, after `root` in place of one that has ended.
    pub(super) fn led_by(&self, root: ProcessId) -> Members {
        Members { root, ..self.clone() }
    }

    /// The process we started: another one after each new start.
    #[must_use]
    pub fn root(&self) -> u32 {
        self.root.pid
    }

    pub(super) fn first(&self) -> ProcessId {
        self.root
    }

    pub(super) fn group(&self) -> Option<&ControlGroup> {
        self.group.as_ref()
    }

    /// Those alive now, the one we started first: what it would start anew dies with it.
    #[must_use]
    pub fn pids(&self) -> Vec<u32> {
        // Looked at every second: without a look at every open file of the system.
        let related = Members { address: None, ..self.clone() };
        let ids = related.ids().unwrap_or_default();
        ids.into_iter().map(|id| id.pid).collect()
    }

    /// The same, by id and start time; what listens at the target's address, too.
    ///
    /// # Errors
    /// When the processes cannot be looked at.
    pub(super) fn ids(&self) -> std::io::Result<Vec<ProcessId>> {
        let ids: Vec<ProcessId> = self.entries()?.iter().map(|entry| entry.id).collect();
        // A group finds all of them again by itself.
        if let (Some(roster), None) = (&self.roster, &self.group) {
            roster.note_ours(ids.clone());
        }
        Ok(ids)
    }

    /// The same, with what `/proc` says of them.
    pub(super) fn entries(&self) -> std::io::Result<Vec<Entry>> {
        let entries = processes::all()?;
        if self.adopts {
            processes::reap_adopted(&entries);
        }
        let own = processes::own_line();
        let grouped = self.group.as_ref().map(ControlGroup::pids).unwrap_or_default();
        let listening = self.address.map(listening::owners).unwrap_or_default();
        let mark = |entry: &Entry| {
            let pid = entry.id.pid;
            let belongs = grouped.contains(&pid)
                || listening.contains(&pid)
                || self.known.contains(&entry.id)
                || self.is_marked(pid)
                || self.is_adopted(entry);
            belongs && !own.contains(&pid)
        };
        let found = related(&entries, self.root, mark);
        let is_member = |entry: &Entry| {
            found.contains(&entry.id.pid) && !entry.zombie && !own.contains(&entry.id.pid)
        };
        let mut members: Vec<Entry> = entries.into_iter().filter(is_member).collect();
        members.sort_by_key(|entry| (entry.id != self.root, entry.id.pid));
        Ok(members)
    }

    /// Whether none of them can run any more: each has ended, or was killed and is held by the kernel.
    #[must_use]
    pub fn are_doomed(&self) -> bool {
        self.entries().is_ok_and(|left| left.iter().all(|entry| entry.id.is_doomed()))
    }

    /// Whether mailbench itself would be one of them.
    pub(super) fn hold_us(&self) -> bool {
        let entries = processes::all().unwrap_or_default();
        related(&entries, self.root, |_| false).contains(&std::process::id())
    }

    fn is_marked(&self, pid: u32) -> bool {
        // Who writes its state where its environment was still has a root directory.
        let root = || fs::read_link(format!("/proc/{pid}/root"));
        self.marks.iter().any(|mark| has_variable(pid, mark))
            || self.folder.as_ref().is_some_and(|own| root().is_ok_and(|at| at.starts_with(own)))
    }

    /// Whether one of our children was left by its own parent.
    fn is_adopted(&self, entry: &Entry) -> bool {
        self.adopts && entry.parent == std::process::id() && !is_auxiliary(entry.id.pid)
    }
}

/// Whether one of our children does not belong to the target: a command of the user's, the watchdog, the
/// process of the disk, or one that has not become another program yet.
fn is_auxiliary(pid: u32) -> bool {
    [AUXILIARY, WATCHDOG, disk::MARK].iter().any(|name| has_name(pid, name))
        || processes::words(pid) == processes::words(std::process::id())
}

/// The root, what shares its session or group, what is marked, and all descendants of these. What
/// has the id of a root that ended is another process.
fn related(entries: &[Entry], root: ProcessId, marked: impl Fn(&Entry) -> bool) -> BTreeSet<u32> {
    let is_another = entries.iter().any(|entry| entry.id.pid == root.pid && entry.id != root);
    let direct = |entry: &&Entry| {
        let led = !is_another && [entry.group, entry.session].contains(&root.pid);
        entry.id == root || led || marked(entry)
    };
    let mut found: BTreeSet<u32> =
        entries.iter().filter(direct).map(|entry| entry.id.pid).collect();
    loop {
        let known = found.len();
        let children = entries.iter().filter(|entry| found.contains(&entry.parent));
        let children: Vec<u32> = children.map(|entry| entry.id.pid).collect();
        found.extend(children);
        if found.len() == known {
            return found;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::process::Signal;

    fn entry(pid: u32, parent: u32, group: u32, session: u32) -> Entry {
        let id = ProcessId { pid, started: 1 };
        Entry { id, parent, group, session, zombie: false, stopped: false }
    }

    #[test]
    fn children_of_children_the_session_and_the_marked_belong() {
        let entries = [
            entry(1, 0, 1, 1),
            entry(10, 1, 10, 5),
            entry(11, 10, 11, 11),
            entry(12, 11, 12, 12),
            entry(13, 1, 13, 10),
            entry(14, 1, 14, 14),
            entry(15, 14, 15, 15),
            entry(20, 1, 20, 20),
        ];
        let root = ProcessId { pid: 10, started: 1 };
        let marked = |entry: &Entry| entry.id.pid == 14;
        let found = related(&entries, root, marked);
        assert_eq!(found.into_iter().collect::<Vec<_>>(), [10, 11, 12, 13, 14, 15]);
        let earlier = ProcessId { pid: 10, started: 0 };
        let found = related(&entries, earlier, marked);
        assert_eq!(found.into_iter().collect::<Vec<_>>(), [14, 15], "its id is another's now");
    }

    #[test]
    fn a_process_and_its_child_are_found() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut child = std::process::Command::new("sh")
            .args(["-c", "sleep 60 & wait"])
            .env(MARK, folder.path())
            .spawn()
            .expect("a shell");
        let root = ProcessId::of(child.id()).expect("it runs");
        let members = Members::of(root, folder.path());
        let ids = || members.ids().expect("processes");
        let found = (0..10_000).find_map(|_| Some(ids()).filter(|ids| ids.len() == 2));
        let found = found.expect("the shell and the sleep");
        assert_eq!(found[0], root);
        found.iter().for_each(|id| id.signal(Signal::KILL));
        child.wait().expect("it ended");
        // A signal is not the end yet; each look reads all of /proc, so this is time enough.
        assert!((0..10_000).any(|_| members.pids().is_empty()), "both end");
    }

    #[test]
    fn mailbench_itself_and_what_is_above_it_are_never_members() {
        let own = ProcessId::of(std::process::id()).expect("this process");
        let above = ProcessId::of(std::os::unix::process::parent_id()).expect("its parent");
        for root in [own, above] {
            let found = Members::of_unmarked(root).pids();
            assert!(!found.contains(&own.pid) && !found.contains(&above.pid), "{found:?}");
        }
    }
}
