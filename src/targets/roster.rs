//! What is known of a target, on disk: its control group, its processes, those that we stopped. Read
//! by the watchdog when mailbench is gone, and by the next run when the watchdog is, too.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::processes::ProcessId;

/// Name of the file in a target's folder.
const FILE: &str = "processes";

/// What a roster holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Record {
    /// Its control group.
    pub(super) group: Option<PathBuf>,
    /// Its processes, to be ended with mailbench.
    pub(super) ours: Vec<ProcessId>,
    /// Processes that we stopped, to be continued.
    pub(super) stopped: Vec<ProcessId>,
}

/// A roster being kept.
#[derive(Clone, Debug)]
pub(super) struct Roster {
    folder: PathBuf,
    record: Arc<Mutex<Record>>,
}

impl Roster {
    /// Begins one in `folder`.
    pub(super) fn begin(folder: &Path, group: Option<&Path>) -> Roster {
        let record = Record { group: group.map(Path::to_owned), ..Record::default() };
        let roster =
            Roster { folder: folder.to_owned(), record: Arc::new(Mutex::new(record.clone())) };
        roster.write(&record);
        roster
    }

    /// Notes the target's processes.
    pub(super) fn note_ours(&self, ours: Vec<ProcessId>) {
        self.change(|record| record.ours = ours);
    }

    /// Notes what is stopped now.
    pub(super) fn note_stopped(&self, stopped: Vec<ProcessId>) {
        self.change(|record| record.stopped = stopped);
    }

    fn change(&self, change: impl FnOnce(&mut Record)) {
        let mut record = self.locked();
        let before = record.clone();
        change(&mut record);
        if *record != before {
            self.write(&record);
        }
    }

    fn locked(&self) -> MutexGuard<'_, Record> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// In one piece: who reads it finds the one before or this one.
    fn write(&self, record: &Record) {
        let new = self.folder.join(format!("{FILE}.new"));
        let written = crate::files::write(&new, text(record))
            .and_then(|()| fs::rename(&new, self.folder.join(FILE)));
        if let Err(error) = written {
            tracing::debug!("the roster of the target: {error}");
        }
    }
}

/// The roster of a folder; empty, if there is none.
pub(super) fn read(folder: &Path) -> Record {
    let text = fs::read_to_string(folder.join(FILE)).unwrap_or_default();
    let mut record = Record::default();
    for line in text.lines() {
        match line.split_once(' ') {
            Some(("group", path)) => record.group = Some(PathBuf::from(path)),
            Some(("ours", id)) => record.ours.extend(parse(id)),
            Some(("stopped", id)) => record.stopped.extend(parse(id)),
            _ => {}
        }
    }
    record
}

fn text(record: &Record) -> String {
    let group = record.group.iter().map(|path| format!("group {}\n", path.display()));
    let line =
        |what: &'static str| move |id: &ProcessId| format!("{what} {} {}\n", id.pid, id.started);
    let ours = record.ours.iter().map(line("ours"));
    group.chain(ours).chain(record.stopped.iter().map(line("stopped"))).collect()
}

fn parse(id: &str) -> Option<ProcessId> {
    let (pid, started) = id.split_once(' ')?;
    Some(ProcessId { pid: pid.parse().ok()?, started: started.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_noted_is_read_back() {
        let folder = tempfile::tempdir().expect("a folder");
        assert_eq!(read(folder.path()), Record::default());
        let group = Path::new("/sys/fs/cgroup/with space/mailbench-1");
        let roster = Roster::begin(folder.path(), Some(group));
        let id = |pid| ProcessId { pid, started: 77 };
        roster.note_ours(vec![id(4), id(5)]);
        roster.note_stopped(vec![id(5)]);
        let group = Some(group.to_owned());
        let expected = Record { group, ours: vec![id(4), id(5)], stopped: vec![id(5)] };
        assert_eq!(read(folder.path()), expected);
        roster.note_stopped(Vec::new());
        assert_eq!(read(folder.path()).stopped, []);
    }
}
