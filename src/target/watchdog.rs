//! Ends a target and removes its folder when mailbench itself is gone, however it went: a small
//! process that waits for the end of its standard input, which we hold. A target that we did not
//! start is not ended, but let go on in case it was paused.

use std::io::{Read, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::TargetError;
use super::members::Members;
use super::process;

/// What a watchdog does when mailbench is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Duty {
    /// Kill every process of the target, and remove its folder.
    Bury,
    /// Let every process of it go on.
    Wake,
}

/// A watchdog over one life of a target.
#[derive(Debug)]
pub(super) struct Watchdog {
    child: Child,
}

impl Watchdog {
    /// Watches over the process `root` and all it starts.
    pub(super) fn start(root: u32, folder: &Path, duty: Duty) -> Result<Watchdog, TargetError> {
        let failed = |cause| TargetError::Start { program: "mailbench".to_owned(), cause };
        let program = std::env::current_exe().map_err(failed)?;
        let child = Command::new(program)
            .args(["bury", &root.to_string()])
            .arg(folder)
            .args((duty == Duty::Wake).then_some("--wake"))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // A Ctrl-C at the terminal must not reach it.
            .process_group(0)
            .spawn()
            .map_err(failed)?;
        Ok(Watchdog { child })
    }
}

impl Drop for Watchdog {
    /// Waits until nothing of the target is left; its folder is ours to remove.
    fn drop(&mut self) {
        if let Some(mut input) = self.child.stdin.take() {
            // If it is gone, somebody killed it, and there is nothing to tell.
            let _gone = input.write_all(b"alive");
        }
        let _status = self.child.wait();
    }
}

/// What the watchdog does: waits until `input` ends, then kills every process of the target that
/// was started as `root`. Who dies says nothing first; then the folder goes, too.
pub async fn bury(mut input: impl Read, root: u32, folder: &Path) {
    let mut told = Vec::new();
    // An input that cannot be read has ended, too.
    let _ended = input.read_to_end(&mut told);
    process::kill_all(&Members::of(root, folder)).await;
    if told.is_empty() {
        // What cannot be removed stays in the system's temporary folder.
        let _left = std::fs::remove_dir_all(folder);
    }
}

/// The same for a target that we did not start: it goes on, in case it was paused.
pub fn wake(mut input: impl Read, root: u32) {
    let _ended = input.read_to_end(&mut Vec::new());
    process::resume_all(&Members::of_unmarked(root));
}
