//! Ends a target and removes its folder when mailbench itself is gone, however it went: a small
//! process that waits for the end of its standard input, which we hold. It is there before the
//! target's first process, and knows the target by the roster in its folder. Of a target that we did
//! not start, it continues what we stopped.

use std::io::{Read, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use rustix::process::Signal;

use super::TargetError;
use super::command::WATCHDOG;
use super::{leftovers, process, roster};
use crate::disk;

/// What a watchdog does when mailbench is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Duty {
    /// End every process of the target.
    End,
    /// Continue those that were stopped.
    Continue,
}

/// A watchdog over one life of a target.
#[derive(Debug)]
pub(super) struct Watchdog {
    child: Child,
}

impl Watchdog {
    /// Watches over the target with this folder.
    pub(super) fn start(folder: &Path, duty: Duty) -> Result<Watchdog, TargetError> {
        let failed = |cause| TargetError::Start { program: "mailbench".to_owned(), cause };
        let program = std::env::current_exe().map_err(failed)?;
        let child = Command::new(program)
            .arg("watchdog")
            .arg(folder)
            .args((duty == Duty::Continue).then_some("--continue"))
            .env(WATCHDOG, folder)
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
            // If it is gone, it was killed, and there is nothing to report.
            let _gone = input.write_all(b"alive");
        }
        let _status = self.child.wait();
    }
}

/// What the watchdog does: waits until `input` ends, then ends or continues the target's processes.
/// Who dies says nothing first; then the folder goes, too.
pub async fn watch(mut input: impl Read, folder: &Path, duty: Duty) {
    let mut farewell = Vec::new();
    // An input that cannot be read has ended, too.
    let _ended = input.read_to_end(&mut farewell);
    let record = roster::read(folder);
    match duty {
        Duty::End => process::kill_all(&leftovers::members(folder, &record)).await,
        Duty::Continue => record.stopped.iter().for_each(|id| id.signal(Signal::CONT)),
    }
    leftovers::remove_group(&record).await;
    if farewell.is_empty() {
        // A disk that mailbench had mounted there would keep the folder.
        disk::detach_all_below(folder);
        // What cannot be removed stays in the system's temporary folder.
        let _left = std::fs::remove_dir_all(folder);
    }
}
