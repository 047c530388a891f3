//! What runs left behind whose mailbench was killed together with its watchdog: found by the next
//! run, ended and removed.
//!
//! A target's folder names the process that owns it. Process ids mean something within one boot
//! and one namespace only; folders of others are left alone.

use std::fs;
use std::path::{Path, PathBuf};

use super::members::{Members, start_time};
use super::process;

/// How the names of all targets' folders begin.
pub const PREFIX: &str = "mailbench-";

/// The file that says whose folder it is.
const OWNER: &str = "owner";

/// Who a process is, so that no other is ever taken for it.
fn identity(pid: u32) -> Option<String> {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let space = fs::read_link("/proc/self/ns/pid").ok()?;
    let started = start_time(pid)?;
    Some(format!("{pid} {started} {} {}", boot.trim(), space.display()))
}

/// Marks a folder as that of a target of ours.
///
/// # Errors
/// When it cannot be written there.
pub fn claim(folder: &Path) -> std::io::Result<()> {
    let own = identity(std::process::id()).unwrap_or_default();
    fs::write(folder.join(OWNER), own)
}

/// Ends what is left of targets whose owner is gone, and removes their folders below `place`;
/// what was found, in words.
pub async fn clean_up(place: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for folder in orphans(place) {
        let members = Members::of(u32::MAX, &folder);
        let processes = members.pids().len();
        process::kill_all(&members).await;
        let shown = folder.display();
        found.push(match fs::remove_dir_all(&folder) {
            Ok(()) => format!("removed {shown} and ended {processes} processes of an earlier run"),
            Err(error) => format!("{shown} of an earlier run cannot be removed: {error}"),
        });
    }
    found
}

fn orphans(place: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(place) else { return Vec::new() };
    let ours = |entry: &fs::DirEntry| entry.file_name().to_string_lossy().starts_with(PREFIX);
    let folders = entries.flatten().filter(ours).map(|entry| entry.path());
    folders.filter(|folder| is_orphan(folder)).collect()
}

/// Whether the owner lived in our namespace and boot, and is gone.
fn is_orphan(folder: &Path) -> bool {
    let Ok(owner) = fs::read_to_string(folder.join(OWNER)) else { return false };
    let Some(own) = identity(std::process::id()) else { return false };
    let place = |identity: &str| identity.splitn(3, ' ').nth(2).map(str::to_owned);
    let pid = owner.split(' ').next().and_then(|pid| pid.parse().ok());
    let Some(pid) = pid else { return false };
    place(&owner) == place(&own) && identity(pid).as_deref() != Some(owner.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn folders_of_the_dead_go_and_those_of_the_living_stay() {
        let place = tempfile::tempdir().expect("a folder");
        let folder = |name: &str| {
            let folder = place.path().join(name);
            fs::create_dir(&folder).expect("created");
            folder
        };
        let living = folder("mailbench-living");
        claim(&living).expect("claimed");
        let own = fs::read_to_string(living.join(OWNER)).expect("its owner");
        let dead = folder("mailbench-dead");
        // The same process id, but of a process that began at another time.
        let pid = std::process::id();
        let began = start_time(pid).expect("a time");
        let other = own.replacen(&format!("{pid} {began}"), &format!("{pid} {}", began + 1), 1);
        fs::write(dead.join(OWNER), &other).expect("written");
        let elsewhere = folder("mailbench-elsewhere");
        fs::write(elsewhere.join(OWNER), format!("{other}x")).expect("written");
        let unclaimed = folder("mailbench-unclaimed");
        let said = clean_up(place.path()).await;
        assert_eq!(said.len(), 1, "{said:?}");
        assert!(said[0].contains("mailbench-dead"), "{said:?}");
        assert!(!dead.exists());
        for kept in [living, elsewhere, unclaimed] {
            assert!(kept.exists(), "{}", kept.display());
        }
    }
}
