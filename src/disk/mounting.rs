//! File systems on images: made, mounted through a loop device, checked, unmounted. The tools are
//! the system's.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use nix::errno::Errno;
use nix::mount::{MntFlags, umount2};
use tokio::process::Command;

use super::terms::Filesystem;
use crate::limits;

/// Time between two tries to unmount.
const PAUSE: Duration = Duration::from_millis(10);

/// Makes an empty file system.
pub(super) async fn make(filesystem: Filesystem, image: &Path) -> io::Result<()> {
    let words: &[&str] = match filesystem {
        // Nothing is kept back for root, so that a full disk is full for all; an inode for every
        // 8 KiB, since a queue is many small files.
        Filesystem::Ext4 => &["mkfs.ext4", "-q", "-F", "-m", "0", "-i", "8192", "-E", "nodiscard"],
        Filesystem::Xfs => &["mkfs.xfs", "-q", "-f", "-K"],
        Filesystem::Btrfs => &["mkfs.btrfs", "-q", "-f", "-K"],
    };
    succeed(words, &[image]).await
}

/// The tool that makes the file system, and the Debian package that has it.
#[must_use]
pub fn tool(filesystem: Filesystem) -> (&'static str, &'static str) {
    match filesystem {
        Filesystem::Ext4 => ("mkfs.ext4", "e2fsprogs"),
        Filesystem::Xfs => ("mkfs.xfs", "xfsprogs"),
        Filesystem::Btrfs => ("mkfs.btrfs", "btrfs-progs"),
    }
}

/// Mounts an image; the loop device goes with the mount.
pub(super) async fn attach(filesystem: Filesystem, image: &Path, at: &Path) -> io::Result<()> {
    succeed(&["mount", "-t", filesystem.name(), "-o", "loop"], &[image, at]).await
}

/// Whether the file system on an image that is not mounted is sound; what is wrong with it.
pub(super) async fn check(filesystem: Filesystem, image: &Path) -> Result<(), String> {
    let words: &[&str] = match filesystem {
        Filesystem::Ext4 => &["e2fsck", "-f", "-n"],
        Filesystem::Xfs => &["xfs_repair", "-n", "-f"],
        Filesystem::Btrfs => &["btrfs", "check", "--readonly"],
    };
    succeed(words, &[image]).await.map_err(|error| error.to_string())
}

/// Unmounts; what uses it may take a moment to go.
pub(super) async fn detach(at: &Path) -> io::Result<()> {
    let unmounted = async {
        loop {
            match umount2(at, MntFlags::empty()) {
                Err(Errno::EBUSY) => tokio::time::sleep(PAUSE).await,
                outcome => return outcome.map_err(io::Error::from),
            }
        }
    };
    let in_time = tokio::time::timeout(limits::DISK_UNMOUNT, unmounted).await;
    in_time.unwrap_or_else(|_| Err(Errno::EBUSY.into()))
}

/// Unmounts whatever is mounted below a folder, the last first, whether it is in use or not.
pub fn detach_all_below(folder: &Path) {
    let Ok(mounts) = std::fs::read_to_string("/proc/self/mountinfo") else { return };
    let points = mounts.lines().filter_map(|line| Some(unescaped(line.split(' ').nth(4)?)));
    let below: Vec<PathBuf> = points.filter(|point| point.starts_with(folder)).collect();
    for point in below.iter().rev() {
        // What is gone already needs no more.
        let _gone = umount2(point, MntFlags::MNT_DETACH);
    }
}

/// mountinfo writes space, tab, newline and backslash as octal numbers (proc(5)).
fn unescaped(point: &str) -> PathBuf {
    let plain = [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")];
    plain.iter().fold(point.to_owned(), |text, (octal, plain)| text.replace(octal, plain)).into()
}

/// Runs a tool to its end.
async fn succeed(words: &[&str], paths: &[&Path]) -> io::Result<()> {
    let Some((program, arguments)) = words.split_first() else { return Ok(()) };
    let mut command = Command::new(program);
    command.args(arguments).args(paths).stdin(Stdio::null()).kill_on_drop(true);
    // Where root's PATH leaves them out.
    let path = std::env::var("PATH").unwrap_or_default();
    command.env("PATH", format!("{path}:/usr/sbin:/sbin")).env("LC_ALL", "C");
    let output = tokio::time::timeout(limits::DISK_TOOL, command.output()).await;
    let output = output
        .map_err(|_| io::Error::other(format!("{program} took too long")))?
        .map_err(|error| io::Error::new(error.kind(), format!("{program}: {error}")))?;
    if output.status.success() {
        return Ok(());
    }
    let said = [output.stderr, output.stdout].concat();
    let said = String::from_utf8_lossy(&said);
    let said = said.trim().lines().take(3).collect::<Vec<_>>().join("; ");
    Err(io::Error::other(format!("{program}: {} ({said})", output.status)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mount_points_are_unescaped() {
        assert_eq!(unescaped("/tmp/a\\040b\\134c"), PathBuf::from("/tmp/a b\\c"));
    }
}
