//! Processes as `/proc` shows them. Each is known by its id and start time, so that one that took
//! the id of another is never taken for it, and is signalled through a pidfd.

use std::collections::BTreeSet;
use std::fs;
use std::io;

use rustix::io::Errno;
use rustix::process::{
    Pid, PidfdFlags, Signal, WaitOptions, kill_process, kill_process_group, pidfd_open,
    pidfd_send_signal, waitpid,
};

/// One process, and no other that has its id later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct ProcessId {
    /// Its id.
    pub(super) pid: u32,
    /// When it began, in the kernel's ticks since boot.
    pub(super) started: u64,
}

/// Its number (signal(7)).
const SIGKILL: u32 = 9;

/// What `/proc/PID/stat` says of one process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) id: ProcessId,
    pub(super) parent: u32,
    pub(super) group: u32,
    pub(super) session: u32,
    /// Ended with all its threads, waiting for its parent to notice.
    pub(super) zombie: bool,
    /// Stopped by a signal.
    pub(super) stopped: bool,
}

impl ProcessId {
    /// Stands for no process.
    pub(super) const NONE: ProcessId = ProcessId { pid: u32::MAX, started: 0 };

    /// The process that has this id now.
    #[must_use]
    pub(super) fn of(pid: u32) -> Option<ProcessId> {
        entry(pid).map(|entry| entry.id)
    }

    /// Whether it has not ended.
    pub(super) fn is_alive(self) -> bool {
        entry(self.pid).is_some_and(|entry| entry.id == self && !entry.zombie)
    }

    /// Whether it has ended, or each of its threads has, or has a SIGKILL waiting: held by the kernel,
    /// it never runs again.
    pub(super) fn is_doomed(self) -> bool {
        let tasks =
            fs::read_dir(format!("/proc/{}/task", self.pid)).into_iter().flatten().flatten();
        let status = |task: fs::DirEntry| fs::read_to_string(task.path().join("status")).ok();
        !self.is_alive() || tasks.filter_map(status).all(|status| is_doomed(&status))
    }

    /// Whether a stop that it was sent holds. A stop signal is taken by one of its threads, when that
    /// comes to run; until then the others go on. One in the kernel alone does not come back from there.
    pub(super) fn is_held(self) -> bool {
        let tasks =
            fs::read_dir(format!("/proc/{}/task", self.pid)).into_iter().flatten().flatten();
        let stat = |task: fs::DirEntry| fs::read_to_string(task.path().join("stat")).ok();
        let stats: Vec<String> = tasks.filter_map(stat).collect();
        hold(&stats.iter().filter_map(|stat| state_of(stat)).collect::<Vec<_>>())
    }

    /// Sends it a signal, if it is still there.
    pub(super) fn signal(self, signal: Signal) {
        let Some(pid) = raw(self.pid) else { return };
        match pidfd_open(pid, PidfdFlags::empty()) {
            // From here on the descriptor stands for one process, whatever becomes of the id.
            Ok(held) => {
                if self.is_alive() {
                    // It may have ended in this moment.
                    let _gone = pidfd_send_signal(&held, signal);
                }
            }
            Err(Errno::SRCH) => {}
            // A kernel without pidfds, or no descriptor left.
            Err(_) => {
                let _gone = kill_process(pid, signal);
            }
        }
    }

    /// Sends a signal to the process group that it leads or, where it has ended, has led.
    pub(super) fn signal_group(self, signal: Signal) {
        let is_another = entry(self.pid).is_some_and(|entry| entry.id != self);
        if let Some(pid) = raw(self.pid).filter(|_| !is_another) {
            let _gone = kill_process_group(pid, signal);
        }
    }
}

fn raw(pid: u32) -> Option<Pid> {
    // Neither init nor all of our own processes: no number of a process that we may signal.
    i32::try_from(pid).ok().filter(|pid| *pid > 1).and_then(Pid::from_raw)
}

/// All processes.
///
/// # Errors
/// When `/proc` cannot be read, for want of descriptors say.
pub(super) fn all() -> io::Result<Vec<Entry>> {
    let folder = fs::read_dir("/proc")?;
    let numbers = folder.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    Ok(numbers.filter_map(entry).collect())
}

fn entry(pid: u32) -> Option<Entry> {
    read_entry(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// Whether threads in these states do nothing more: one has taken the stop for all, or none can run.
fn hold(states: &[&str]) -> bool {
    states.contains(&"T") || states.iter().all(|state| matches!(*state, "D" | "t" | "Z" | "X"))
}

/// Whether a thread with this `/proc/PID/task/TID/status` has ended or has a SIGKILL waiting.
fn is_doomed(status: &str) -> bool {
    let value = |name: &str| status.lines().find_map(|line| line.strip_prefix(name));
    let has_ended = value("State:").is_some_and(|state| state.trim().starts_with(['Z', 'X']));
    let waits = |name: &str| {
        let signals = value(name).and_then(|it| u64::from_str_radix(it.trim(), 16).ok());
        signals.is_some_and(|signals| signals >> (SIGKILL - 1) & 1 == 1)
    };
    has_ended || waits("SigPnd:") || waits("ShdPnd:")
}

fn state_of(stat: &str) -> Option<&str> {
    stat.rsplit_once(") ")?.1.split(' ').next()
}

/// The name in parentheses may hold anything, so what follows it is found from the end.
fn read_entry(stat: &str) -> Option<Entry> {
    let (pid, rest) = stat.split_once(' ')?;
    let (_, rest) = rest.rsplit_once(") ")?;
    let words: Vec<&str> = rest.split(' ').collect();
    let number = |index: usize| words.get(index)?.parse().ok();
    let state = *words.first()?;
    // Its first thread has ended; as long as another has not, its files and sockets are open.
    let threads: u32 = words.get(17)?.parse().ok()?;
    Some(Entry {
        // Field 22 of proc(5), counted from the state, which is the third.
        id: ProcessId { pid: pid.parse().ok()?, started: words.get(19)?.parse().ok()? },
        parent: number(1)?,
        group: number(2)?,
        session: number(3)?,
        zombie: matches!(state, "Z" | "X") && threads <= 1,
        stopped: state == "T",
    })
}

/// Whether exactly this `NAME=value` stands in its environment.
pub(super) fn has_variable(pid: u32, variable: &[u8]) -> bool {
    // Nothing is found at the end of every environment.
    !variable.is_empty() && environment(pid).split(|byte| *byte == 0).any(|it| it == variable)
}

/// Whether a variable with this name stands in its environment.
pub(super) fn has_name(pid: u32, name: &str) -> bool {
    let is_it = |entry: &[u8]| {
        entry.strip_prefix(name.as_bytes()).is_some_and(|rest| rest.first() == Some(&b'='))
    };
    environment(pid).split(|byte| *byte == 0).any(is_it)
}

fn environment(pid: u32) -> Vec<u8> {
    fs::read(format!("/proc/{pid}/environ")).unwrap_or_default()
}

/// The words it was started with, as the kernel keeps them.
pub(super) fn words(pid: u32) -> Vec<u8> {
    fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default()
}

/// Its name.
pub(super) fn name(pid: u32) -> String {
    fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default().trim().to_owned()
}

/// This process and all above it, the first process of the system included.
pub(super) fn own_line() -> BTreeSet<u32> {
    let mut line = BTreeSet::from([0, 1]);
    let mut next = std::process::id();
    while line.insert(next) {
        next = entry(next).map_or(1, |entry| entry.parent);
    }
    line
}

/// Reaps processes that became our children when their own parents ended. A
/// child that we started leads a process group and no session; it is left to who started it.
pub(super) fn reap_adopted(entries: &[Entry]) {
    let own = std::process::id();
    let adopted = |entry: &&Entry| {
        let Entry { id, group, session, .. } = **entry;
        entry.zombie && entry.parent == own && (group != id.pid || session == id.pid)
    };
    for entry in entries.iter().filter(adopted) {
        // Another look may have been faster.
        let _status = waitpid(raw(entry.id.pid), WaitOptions::NOHANG);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_is_doomed_once_it_has_ended_or_a_sigkill_waits() {
        let status = |state: &str, own: &str, shared: &str| {
            format!("Name:\tx\nState:\t{state}\nSigPnd:\t{own}\nShdPnd:\t{shared}\n")
        };
        let (none, kill) = ("0000000000000000", "0000000000000100");
        assert!(is_doomed(&status("D (disk sleep)", kill, none)));
        assert!(is_doomed(&status("S (sleeping)", none, kill)));
        assert!(is_doomed(&status("Z (zombie)", none, none)));
        assert!(!is_doomed(&status("D (disk sleep)", none, none)));
        assert!(!is_doomed(&status("R (running)", "0000000000004000", none)), "SIGTERM waits");
        assert!(!is_doomed(""));
    }

    #[test]
    fn a_hostile_name_does_not_shift_the_fields() {
        let rest = "7 40 41 0 -1 4194560 1 2 3 4 100 20 3 1 20 0 1 0 9000 0";
        let read = read_entry(&format!("42 (a) R 1 ) T {rest}")).expect("an entry");
        let id = ProcessId { pid: 42, started: 9000 };
        let expected =
            Entry { id, parent: 7, group: 40, session: 41, zombie: false, stopped: true };
        assert_eq!(read, expected);
        assert!(read_entry(&format!("43 (x) Z {rest}")).expect("an entry").zombie);
        let others_live = rest.replacen("20 0 1 0 9000", "20 0 4 0 9000", 1);
        let entry = read_entry(&format!("43 (x) Z {others_live}")).expect("an entry");
        assert!(!entry.zombie, "three of its threads have not ended");
        assert_eq!(read_entry("nonsense"), None);
        assert_eq!(read_entry("43 (x) Z 7 40"), None);
    }

    #[test]
    fn a_stop_holds_when_one_thread_has_taken_it() {
        assert!(hold(&["S", "T", "R"]) && hold(&["D"]) && hold(&["D", "Z"]));
        assert!(!hold(&["S"]) && !hold(&["D", "R"]) && !hold(&["R", "S"]));
        assert!(hold(&[]), "it has ended");
        let mut child = std::process::Command::new("sleep").arg("60").spawn().expect("a process");
        let id = ProcessId::of(child.id()).expect("it runs");
        id.signal(Signal::STOP);
        assert!((0..100_000).any(|_| id.is_held()));
        child.kill().expect("killed");
        child.wait().expect("its end");
    }

    #[test]
    fn a_process_that_took_the_id_of_another_is_not_taken_for_it() {
        let own = ProcessId::of(std::process::id()).expect("this process");
        assert!(own.is_alive());
        let earlier = ProcessId { started: own.started - 1, ..own };
        assert!(!earlier.is_alive());
        // It would end this test.
        earlier.signal(Signal::KILL);
    }

    #[test]
    fn a_variable_counts_whole() {
        let mut child = std::process::Command::new("sleep")
            .arg("60")
            .env("MAILBENCH_TEST", "/tmp/mailbench-x")
            .env("OTHER", "MAILBENCH_NAME=1")
            .spawn()
            .expect("a process");
        let has = |variable: &str| has_variable(child.id(), variable.as_bytes());
        // Until it has become another program its environment is ours.
        assert!((0..100_000).any(|_| has("MAILBENCH_TEST=/tmp/mailbench-x")));
        assert!(!has("MAILBENCH_TEST=/tmp/mailbench-") && !has("TEST=/tmp/mailbench-x"));
        assert!(!has(""), "nothing is in no environment");
        assert!(has_name(child.id(), "MAILBENCH_TEST") && !has_name(child.id(), "MAILBENCH_NAME"));
        child.kill().expect("killed");
        child.wait().expect("its end");
    }

    #[test]
    fn the_first_process_and_our_own_line_are_known() {
        let line = own_line();
        let parent = std::os::unix::process::parent_id();
        for pid in [1, std::process::id(), parent] {
            assert!(line.contains(&pid), "{pid}");
        }
        assert!(raw(1).is_none() && raw(0).is_none() && raw(u32::MAX).is_none());
    }
}
