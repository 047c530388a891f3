//! Which processes belong to a target: those that descend from the one we started, share its
//! session or process group, carry its folder in their environment (an MTA's children fork twice
//! and set sessions of their own), or have their root directory in it. Read from `/proc`; what is
//! done to them is not here.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// How to tell a target's processes from all others.
#[derive(Clone, Debug)]
pub struct Members {
    root: u32,
    /// Text that only they have in their environment.
    mark: Vec<u8>,
    folder: PathBuf,
}

/// What `/proc/PID/stat` says of one process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Entry {
    pid: u32,
    parent: u32,
    group: u32,
    session: u32,
    /// Ended, waiting for its parent to notice.
    zombie: bool,
}

impl Members {
    /// Those of the process `root`, which was started with `folder` in its environment.
    pub(super) fn of(root: u32, folder: &Path) -> Members {
        let mark = folder.as_os_str().as_encoded_bytes().to_vec();
        Members { root, mark, folder: folder.to_owned() }
    }

    /// The same ones, after `root` in place of one that has ended.
    pub(super) fn led_by(&self, root: u32) -> Members {
        Members { root, ..self.clone() }
    }

    /// Those of a process that we did not start.
    pub(super) fn of_unmarked(root: u32) -> Members {
        Members { root, mark: Vec::new(), folder: PathBuf::new() }
    }

    /// The process we started: another one after each new start.
    #[must_use]
    pub fn root(&self) -> u32 {
        self.root
    }

    /// Those alive now, the one we started first: what it would start anew dies with it.
    #[must_use]
    pub fn pids(&self) -> Vec<u32> {
        let entries = entries();
        let own = std::process::id();
        let marked = |entry: &Entry| entry.pid != own && self.is_marked(entry.pid);
        let found = related(&entries, self.root, marked);
        let alive = entries.iter().filter(|entry| found.contains(&entry.pid) && !entry.zombie);
        let mut pids: Vec<u32> = alive.map(|entry| entry.pid).collect();
        pids.sort_by_key(|pid| (*pid != self.root, *pid));
        pids
    }

    fn is_marked(&self, pid: u32) -> bool {
        // Nothing would stand in every environment.
        if self.mark.is_empty() {
            return false;
        }
        let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        // Who writes its state where its environment was still has a root directory.
        let root = || fs::read_link(format!("/proc/{pid}/root"));
        memchr::memmem::find(&environment, &self.mark).is_some()
            || root().is_ok_and(|root| root.starts_with(&self.folder))
    }
}

/// The root, what shares its session or group, what is marked, and all descendants of these.
fn related(entries: &[Entry], root: u32, marked: impl Fn(&Entry) -> bool) -> BTreeSet<u32> {
    let direct =
        |entry: &&Entry| [entry.pid, entry.group, entry.session].contains(&root) || marked(entry);
    let mut found: BTreeSet<u32> = entries.iter().filter(direct).map(|entry| entry.pid).collect();
    loop {
        let known = found.len();
        let children = entries.iter().filter(|entry| found.contains(&entry.parent));
        let children: Vec<u32> = children.map(|entry| entry.pid).collect();
        found.extend(children);
        if found.len() == known {
            return found;
        }
    }
}

fn entries() -> Vec<Entry> {
    let Ok(folder) = fs::read_dir("/proc") else { return Vec::new() };
    let numbers = folder.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let stat = |pid: u32| read_entry(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?);
    numbers.filter_map(stat).collect()
}

/// Whether there is such a process, and it has not ended.
pub(super) fn is_alive(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    read_entry(&stat).is_some_and(|entry| !entry.zombie)
}

/// When a process began, in the kernel's own count since boot.
pub(super) fn start_time(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // Field 22 of proc(5), counted from the state, which is the third.
    stat.rsplit_once(") ")?.1.split(' ').nth(19)?.parse().ok()
}

/// The name in parentheses may hold anything, so what follows it is found from the end.
fn read_entry(stat: &str) -> Option<Entry> {
    let (pid, rest) = stat.split_once(' ')?;
    let (_, rest) = rest.rsplit_once(") ")?;
    let mut words = rest.split(' ');
    let state = words.next()?;
    let mut number = || words.next()?.parse().ok();
    Some(Entry {
        pid: pid.parse().ok()?,
        parent: number()?,
        group: number()?,
        session: number()?,
        zombie: matches!(state, "Z" | "X"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(pid: u32, parent: u32, group: u32, session: u32) -> Entry {
        Entry { pid, parent, group, session, zombie: false }
    }

    #[test]
    fn a_hostile_name_does_not_shift_the_fields() {
        let read = read_entry("42 (a) R 1 ) S 7 40 41 0 -1 4194560 0").expect("an entry");
        assert_eq!(read, Entry { zombie: false, ..entry(42, 7, 40, 41) });
        assert!(read_entry("43 (x) Z 7 40 41 0").expect("an entry").zombie);
        assert_eq!(read_entry("nonsense"), None);
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
        let found = related(&entries, 10, |entry| entry.pid == 14);
        assert_eq!(found.into_iter().collect::<Vec<_>>(), [10, 11, 12, 13, 14, 15]);
    }

    #[test]
    fn a_process_and_its_child_are_found() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut child = std::process::Command::new("sh")
            .args(["-c", "sleep 60 & wait"])
            .env("MAILBENCH_TARGET", folder.path())
            .spawn()
            .expect("a shell");
        let members = Members::of(child.id(), folder.path());
        let found = (0..10_000).find_map(|_| Some(members.pids()).filter(|pids| pids.len() == 2));
        let found = found.expect("the shell and the sleep");
        assert_eq!(found[0], child.id());
        for pid in found {
            let pid = nix::unistd::Pid::from_raw(i32::try_from(pid).expect("a pid"));
            nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL).expect("killed");
        }
        child.wait().expect("it ended");
        // A signal is not the end yet; each look reads all of /proc, so this is time enough.
        assert!((0..10_000).any(|_| members.pids().is_empty()), "both end");
    }
}
