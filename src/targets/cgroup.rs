//! A control group (cgroup v2) of a target's own: what is in it stays in it, however it forks, and is
//! killed at once. Made below our own group where we may write there: as root, or where a service
//! manager delegated it to us.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Without one where this is set, so that the other ways to find a target's processes can be tried.
const REFUSED: &str = "MAILBENCH_NO_CGROUP";

/// Tries to remove a group, and the time between two.
const TRIES: usize = 200;
const PAUSE: Duration = Duration::from_millis(10);

/// A control group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ControlGroup {
    path: PathBuf,
}

impl ControlGroup {
    /// Makes one; `None`: there is no cgroup v2, or we may not.
    pub(super) fn make(name: &str) -> Option<ControlGroup> {
        if std::env::var_os(REFUSED).is_some() {
            return None;
        }
        let own = own()?;
        let path = own.join(name);
        fs::create_dir(&path).ok()?;
        let group = ControlGroup { path };
        // To be allowed to make it is not to be allowed to move a process to it: for that, both groups
        // must be ours to write, and this one must be able to hold processes.
        let is_writable = |group: &Path| {
            fs::OpenOptions::new().write(true).open(group.join("cgroup.procs")).is_ok()
        };
        let kind = fs::read_to_string(group.path.join("cgroup.type")).unwrap_or_default();
        let holds = kind.trim() == "domain" && group.path.join("cgroup.kill").exists();
        if holds && is_writable(&group.path) && is_writable(&own) {
            return Some(group);
        }
        group.remove();
        None
    }

    /// The one that was made at `path`, if it is still there.
    pub(super) fn at(path: &Path) -> Option<ControlGroup> {
        path.join("cgroup.procs").exists().then(|| ControlGroup { path: path.to_owned() })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Moves this process to it, and with it whatever it becomes and starts.
    pub(super) fn join(path: &Path) -> io::Result<()> {
        fs::write(path.join("cgroup.procs"), "0")
    }

    /// Its processes, and those of the groups below it.
    pub(super) fn pids(&self) -> BTreeSet<u32> {
        let mut pids = BTreeSet::new();
        for group in self.all() {
            let text = fs::read_to_string(group.join("cgroup.procs")).unwrap_or_default();
            pids.extend(text.lines().filter_map(|line| line.parse::<u32>().ok()));
        }
        pids
    }

    /// SIGKILL to all of them at once, also to what is being forked.
    pub(super) fn kill(&self) {
        // What cannot be killed so is killed one by one.
        let _unwritten = fs::write(self.path.join("cgroup.kill"), "1");
    }

    /// Removes it, if it is empty; whether it is gone.
    pub(super) fn remove(&self) -> bool {
        for group in self.all().into_iter().rev() {
            // One that still holds a process stays.
            let _busy = fs::remove_dir(group);
        }
        !self.path.exists()
    }

    /// Removes it once it is empty: the kernel lets go of what was killed a moment later.
    pub(super) async fn remove_when_empty(&self) {
        for _ in 0..TRIES {
            if self.remove() {
                return;
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Itself and the groups below it, those above first.
    fn all(&self) -> Vec<PathBuf> {
        let mut all = vec![self.path.clone()];
        let mut next = 0;
        while let Some(group) = all.get(next).cloned() {
            let entries = fs::read_dir(group).into_iter().flatten().flatten();
            let below = entries.filter(|it| it.file_type().is_ok_and(|kind| kind.is_dir()));
            all.extend(below.map(|it| it.path()));
            next += 1;
        }
        all
    }
}

/// Our own group.
fn own() -> Option<PathBuf> {
    let mounts = fs::read_to_string("/proc/self/mountinfo").ok()?;
    let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
    find(&mounts, &groups)
}

/// Where the group is seen that `/proc/self/cgroup` names, among the mounts of `mountinfo`.
fn find(mounts: &str, groups: &str) -> Option<PathBuf> {
    let group = groups.lines().find_map(|line| line.strip_prefix("0::"))?;
    let mount = mounts.lines().find_map(|line| {
        let (place, kind) = line.split_once(" - ")?;
        let words: Vec<&str> = place.split(' ').collect();
        kind.starts_with("cgroup2 ").then_some((*words.get(3)?, *words.get(4)?))
    });
    let (root, point) = mount?;
    let below = Path::new(group).strip_prefix(root).ok()?;
    Some(Path::new(point).join(below))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTS: &str = "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n\
                          32 31 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n\
                          41 31 0:38 /box /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n";

    #[test]
    fn our_own_group_is_found_below_its_mount() {
        let found = find(MOUNTS, "4:memory:/x\n0::/box/run\n");
        assert_eq!(found, Some(PathBuf::from("/sys/fs/cgroup/unified/run")));
        assert_eq!(find(MOUNTS, "0::/elsewhere\n"), None, "not below the root of the mount");
        assert_eq!(find(MOUNTS, "4:memory:/x\n"), None, "cgroup v1 alone");
        assert_eq!(find("", "0::/\n"), None);
    }

    #[tokio::test]
    async fn what_a_group_holds_is_killed_at_once() {
        let name = format!("mailbench-test-{}", std::process::id());
        let Some(group) = ControlGroup::make(&name) else {
            eprintln!("skipped: cgroup v2: it cannot be written here");
            return;
        };
        let script = "echo $$ >\"$1/cgroup.procs\" && setsid -f sleep 60 & wait; sleep 60";
        let mut child = std::process::Command::new("sh")
            .args(["-c", script, "sh"])
            .arg(group.path())
            .spawn()
            .expect("a shell");
        assert!((0..1_000_000).any(|_| group.pids().len() >= 2), "the shell and the daemon");
        assert_eq!(ControlGroup::at(group.path()).as_ref(), Some(&group));
        group.kill();
        child.wait().expect("it ended");
        assert!((0..1_000_000).any(|_| group.pids().is_empty()), "all end");
        group.remove_when_empty().await;
        assert_eq!(ControlGroup::at(group.path()), None);
    }
}
