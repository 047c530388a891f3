//! What a target's processes use together: CPU, memory, disk, open files. Read from `/proc`.

use std::fs;
use std::time::Duration;

use super::members::Members;

/// Length of a clock tick of `/proc`: `USER_HZ` is 100 on Linux, whatever the kernel's own is.
const TICK: Duration = Duration::from_millis(10);

/// What the processes alive at one moment use. CPU and disk count what children that have ended
/// used, so that they rise as long as the parent lives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// CPU time of the living and of their ended children.
    pub cpu: Duration,
    /// Resident memory, bytes.
    pub rss_bytes: u64,
    /// Bytes moved to and from disks; `None`: not ours to read.
    pub io_bytes: Option<u64>,
    /// Open files; `None`: not ours to read.
    pub open_files: Option<u32>,
    /// Processes.
    pub processes: u32,
}

/// Looks at all members.
#[must_use]
pub fn usage(members: &Members) -> Usage {
    members.pids().into_iter().filter_map(of).fold(Usage::default(), |sum, one| Usage {
        cpu: sum.cpu + one.cpu,
        rss_bytes: sum.rss_bytes + one.rss_bytes,
        io_bytes: either(sum.io_bytes, one.io_bytes, |a, b| a + b),
        open_files: either(sum.open_files, one.open_files, |a, b| a + b),
        processes: sum.processes + 1,
    })
}

fn either<T>(a: Option<T>, b: Option<T>, sum: impl Fn(T, T) -> T) -> Option<T> {
    match (a, b) {
        (Some(a), Some(b)) => Some(sum(a, b)),
        (a, b) => a.or(b),
    }
}

/// One process; `None`: it has ended meanwhile.
fn of(pid: u32) -> Option<Usage> {
    let read = |name: &str| fs::read_to_string(format!("/proc/{pid}/{name}")).ok();
    let files = fs::read_dir(format!("/proc/{pid}/fd")).ok();
    Some(Usage {
        cpu: cpu(&read("stat")?)?,
        rss_bytes: field(&read("status")?, "VmRSS:").unwrap_or(0) * 1024,
        io_bytes: read("io")
            .and_then(|io| Some(field(&io, "read_bytes:")? + field(&io, "write_bytes:")?)),
        open_files: files.and_then(|files| u32::try_from(files.count()).ok()),
        processes: 1,
    })
}

/// Fields 14 to 17 of `/proc/PID/stat`: own time and that of ended children, in ticks.
fn cpu(stat: &str) -> Option<Duration> {
    let (_, rest) = stat.rsplit_once(") ")?;
    let times = rest.split(' ').skip(11).take(4).map(str::parse::<u32>);
    let ticks: Vec<u32> = times.collect::<Result<_, _>>().ok()?;
    (ticks.len() == 4).then(|| ticks.into_iter().map(|ticks| TICK * ticks).sum())
}

fn field(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().split(' ').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_found_behind_a_hostile_name() {
        let stat = "7 (a) b) S 1 7 7 0 -1 4194560 1 2 3 4 100 20 3 1 20 0 1 0";
        assert_eq!(cpu(stat), Some(Duration::from_millis(1240)));
        assert_eq!(cpu("7 (x) S 1 2"), None);
    }

    #[test]
    fn this_process_uses_something() {
        let own = of(std::process::id()).expect("it lives");
        assert!(own.rss_bytes > 1_000_000 && own.processes == 1, "{own:?}");
        assert!(own.open_files.is_some_and(|files| files >= 3), "{own:?}");
        assert_eq!(of(u32::MAX), None);
    }

    #[test]
    fn what_one_may_not_read_does_not_hide_what_another_shows() {
        assert_eq!(either(None, Some(3), |a, b| a + b), Some(3));
        assert_eq!(either(Some(1), Some(3), |a, b| a + b), Some(4));
    }
}
