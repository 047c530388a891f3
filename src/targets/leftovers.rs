//! What runs left behind whose mailbench was killed together with its watchdog: found by the next
//! run, ended, continued and removed.
//!
//! A target's folder names the process that owns it. Process ids mean something within one boot
//! and one namespace only; folders of others are left alone. So are folders that another user made,
//! or that others may write to: what they say of processes proves nothing.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::process::Signal;

use super::cgroup::ControlGroup;
use super::command::AUXILIARY;
use super::members::Members;
use super::processes::ProcessId;
use super::roster::{self, Record};
use super::{command, process};

/// How the names of all targets' folders begin.
pub const PREFIX: &str = "mailbench-";

/// The file in it that says whose folder it is.
pub const OWNER: &str = "owner";

/// Who a process is, so that no other is ever taken for it.
fn identity(pid: u32) -> Option<String> {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let space = fs::read_link("/proc/self/ns/pid").ok()?;
    let ProcessId { started, .. } = ProcessId::of(pid)?;
    Some(format!("{pid} {started} {} {}", boot.trim(), space.display()))
}

/// A folder for a target that we start, which only we may look into; what earlier runs left beside it
/// is cleaned up first. It goes with its handle.
///
/// # Errors
/// When it cannot be made.
pub async fn workplace() -> std::io::Result<tempfile::TempDir> {
    for found in clean_up(&std::env::temp_dir()).await {
        tracing::warn!("{found}");
    }
    let workplace = crate::files::private_temporary(PREFIX)?;
    claim(workplace.path())?;
    Ok(workplace)
}

/// Marks a folder as that of one of our targets.
fn claim(folder: &Path) -> std::io::Result<()> {
    let own = identity(std::process::id()).unwrap_or_default();
    crate::files::write(&folder.join(OWNER), own)
}

/// Ends what is left of targets whose owner is gone, and removes their folders below `place`;
/// what was found, in words.
pub async fn clean_up(place: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for folder in orphans(place) {
        let record = roster::read(&folder);
        let stopped = record.stopped.iter().filter(|id| id.is_alive()).count();
        record.stopped.iter().for_each(|id| id.signal(Signal::CONT));
        let members = members(&folder, &record);
        let processes = members.pids().len();
        process::kill_all(&members).await;
        remove_group(&record).await;
        let shown = folder.display();
        let continued = match stopped {
            0 => String::new(),
            count => format!(", continued {count} processes that it had stopped"),
        };
        found.push(match fs::remove_dir_all(&folder) {
            Ok(()) => format!(
                "removed {shown} and ended {processes} processes of an earlier run{continued}"
            ),
            Err(error) => format!("{shown} of an earlier run cannot be removed: {error}"),
        });
    }
    found
}

/// The processes of the target with this folder, without the mailbench that started it; and those of
/// its commands.
pub(super) fn members(folder: &Path, record: &Record) -> Members {
    let owner = owner(folder).and_then(|text| parse(&text));
    let commands = owner.map(|owner| command::mark(owner, AUXILIARY));
    let group = record.group.as_deref().and_then(ControlGroup::at);
    Members::of(ProcessId::NONE, folder).in_group(group).with(record.ours.clone(), commands)
}

pub(super) async fn remove_group(record: &Record) {
    if let Some(group) = record.group.as_deref().and_then(ControlGroup::at) {
        group.remove_when_empty().await;
    }
}

fn orphans(place: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(place) else { return Vec::new() };
    let ours = |entry: &fs::DirEntry| entry.file_name().to_string_lossy().starts_with(PREFIX);
    let folders = entries.flatten().filter(ours).map(|entry| entry.path());
    folders.filter(|folder| is_ours(folder) && is_orphan(folder)).collect()
}

/// Whether we made it and only we can have written to it: no link, our user's, closed to others.
fn is_ours(folder: &Path) -> bool {
    let own = nix::unistd::geteuid().as_raw();
    let closed = |path: &Path, others: u32| {
        fs::symlink_metadata(path).is_ok_and(|it| it.uid() == own && it.mode() & others == 0)
    };
    let is = |path: &Path, kind: fn(&fs::FileType) -> bool| {
        fs::symlink_metadata(path).is_ok_and(|it| kind(&it.file_type()))
    };
    let owner = folder.join(OWNER);
    is(folder, fs::FileType::is_dir)
        && closed(folder, 0o022)
        && is(&owner, fs::FileType::is_file)
        && closed(&owner, 0o022)
}

fn owner(folder: &Path) -> Option<String> {
    fs::read_to_string(folder.join(OWNER)).ok()
}

fn parse(owner: &str) -> Option<ProcessId> {
    let mut words = owner.split(' ');
    Some(ProcessId { pid: words.next()?.parse().ok()?, started: words.next()?.parse().ok()? })
}

/// Whether the owner lived in our namespace and boot, and is gone.
fn is_orphan(folder: &Path) -> bool {
    let Some(owner) = owner(folder) else { return false };
    let Some(own) = identity(std::process::id()) else { return false };
    let place = |identity: &str| identity.splitn(3, ' ').nth(2).map(str::to_owned);
    let Some(id) = parse(&owner) else { return false };
    place(&owner) == place(&own) && !id.is_alive()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{DirBuilderExt, PermissionsExt, chown, symlink};

    /// A folder with the owner that this process had in another life.
    struct Place(tempfile::TempDir);

    impl Place {
        fn new() -> Place {
            Place(tempfile::tempdir().expect("a folder"))
        }

        fn folder(&self, name: &str, owner: &str) -> PathBuf {
            let folder = self.0.path().join(name);
            fs::DirBuilder::new().mode(0o700).create(&folder).expect("created");
            fs::write(folder.join(OWNER), owner).expect("written");
            folder
        }
    }

    /// The same process id, but of a process that began at another time.
    fn dead() -> String {
        let own = identity(std::process::id()).expect("its identity");
        let ProcessId { pid, started } = ProcessId::of(std::process::id()).expect("a time");
        own.replacen(&format!("{pid} {started}"), &format!("{pid} {}", started + 1), 1)
    }

    #[tokio::test]
    async fn folders_of_the_dead_go_and_those_of_the_living_stay() {
        let place = Place::new();
        let living = place.folder("mailbench-living", "");
        claim(&living).expect("claimed");
        let dead_one = place.folder("mailbench-dead", &dead());
        let elsewhere = place.folder("mailbench-elsewhere", &format!("{}x", dead()));
        let unclaimed = place.0.path().join("mailbench-unclaimed");
        fs::create_dir(&unclaimed).expect("created");
        let said = clean_up(place.0.path()).await;
        assert_eq!(said.len(), 1, "{said:?}");
        assert!(said[0].contains("mailbench-dead"), "{said:?}");
        assert!(!dead_one.exists());
        for kept in [living, elsewhere, unclaimed] {
            assert!(kept.exists(), "{}", kept.display());
        }
    }

    #[tokio::test]
    async fn what_others_may_have_written_is_left_alone() {
        let place = Place::new();
        let open = place.folder("mailbench-open", &dead());
        fs::set_permissions(&open, fs::Permissions::from_mode(0o777)).expect("opened");
        let behind = place.folder("elsewhere", &dead());
        let linked = place.0.path().join("mailbench-linked");
        symlink(&behind, &linked).expect("linked");
        let file = place.folder("mailbench-file", "");
        fs::remove_file(file.join(OWNER)).expect("removed");
        symlink(behind.join(OWNER), file.join(OWNER)).expect("linked");
        let mut kept = vec![open, linked, behind, file];
        if nix::unistd::geteuid().is_root() {
            let foreign = place.folder("mailbench-foreign", &dead());
            chown(&foreign, Some(65_534), None).expect("given away");
            kept.push(foreign);
        }
        assert_eq!(clean_up(place.0.path()).await, [""; 0]);
        for folder in kept {
            assert!(folder.exists(), "{}", folder.display());
        }
    }

    #[tokio::test]
    async fn a_process_that_only_speaks_of_a_folder_is_spared() {
        let place = Place::new();
        let folder = place.folder("mailbench-dead", &dead());
        let run = |name: &str, value: String| {
            let mut command = std::process::Command::new("sleep");
            command.arg("60").env(name, value).spawn().expect("a process")
        };
        let path = folder.display().to_string();
        let mut spared = [
            run("BACKUP_OF", path.clone()),
            run("MAILBENCH_TARGET", format!("{path}-other")),
            run("NOTE", format!("MAILBENCH_TARGET={path}")),
        ];
        let mut ours = run("MAILBENCH_TARGET", path);
        let said = clean_up(place.0.path()).await;
        assert!(said[0].contains("ended 1 processes"), "{said:?}");
        ours.wait().expect("it was ended");
        for child in &mut spared {
            assert!(child.try_wait().expect("a look").is_none(), "it was left alone");
            child.kill().expect("killed");
            child.wait().expect("its end");
        }
    }
}
