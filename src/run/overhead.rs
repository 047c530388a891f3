//! A look at what the instrument had to wait for: processors, the hypervisor, its control group.
//!
//! Read from `/proc` and `/sys`; what is not there is left out. A thread that ended between two
//! looks takes its last waits with it.

use std::collections::HashMap;
use std::fs;
use std::path::PathBuf;

use super::pulse;
use crate::clock::Time;
use crate::ledger::event::{CpuWait, Overhead};

/// Threads whose waits delay no message beyond what is measured as schedule lag, or at all.
const ASIDE: [&str; 3] = ["dispatcher", "prepare", pulse::THREAD];

/// Threads of the generator.
const TRAFFIC: &str = "traffic";

/// Length of a clock tick of `/proc/stat`, microseconds: `USER_HZ` is 100 on Linux.
const TICK_US: u64 = 10_000;

/// Adds up what threads waited for, whatever threads there are at a time.
#[derive(Debug, Default)]
pub(super) struct OverheadMeter {
    traffic: Waits,
    sink: Waits,
    target: Waits,
    aside: Waits,
}

/// The waits of threads, by their numbers at the last look.
#[derive(Debug, Default)]
struct Waits {
    last: HashMap<u32, CpuWait>,
    sum: CpuWait,
}

impl Waits {
    /// A thread that was not there at the last look waited since its start.
    fn look(&mut self, now: impl Iterator<Item = (u32, CpuWait)>) -> CpuWait {
        let now: HashMap<u32, CpuWait> = now.collect();
        for (thread, wait) in &now {
            let before = self.last.get(thread).copied().unwrap_or_default();
            self.sum.us += wait.us.saturating_sub(before.us);
            self.sum.turns += wait.turns.saturating_sub(before.turns);
            self.sum.ran_us += wait.ran_us.saturating_sub(before.ran_us);
        }
        self.last = now;
        self.sum
    }
}

impl OverheadMeter {
    /// A look at this process, and at those of the target where they are ours to see. The sink's
    /// own sums are the caller's to fill in.
    pub(super) fn look(&mut self, at: Time, target: Option<&[u32]>) -> Overhead {
        let own = threads(std::process::id());
        let on = |side: Side| {
            let of_it = own.iter().filter(move |thread| thread.side() == side);
            of_it.map(|thread| (thread.number, thread.wait))
        };
        let traffic = self.traffic.look(on(Side::Traffic));
        let sink = self.sink.look(on(Side::Sink));
        let aside = self.aside.look(on(Side::Aside));
        let machine = read("/proc/stat");
        Overhead {
            at,
            traffic,
            sink,
            own_us: traffic.ran_us + sink.ran_us + aside.ran_us,
            target: target.map(|pids| {
                let all = pids.iter().flat_map(|pid| threads(*pid));
                self.target.look(all.map(|thread| (thread.number, thread.wait)))
            }),
            busy_us: busy_us(&machine),
            steal_us: steal_us(&machine),
            throttled_us: throttled_us(),
            pressure_us: pressure_us(&read("/proc/pressure/cpu")),
            ..Overhead::default()
        }
    }
}

struct Thread {
    number: u32,
    name: String,
    wait: CpuWait,
}

/// Whose work a thread of mailbench does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Traffic,
    Sink,
    Aside,
}

impl Thread {
    fn side(&self) -> Side {
        match self.name.as_str() {
            TRAFFIC => Side::Traffic,
            name if ASIDE.contains(&name) => Side::Aside,
            _ => Side::Sink,
        }
    }
}

/// The threads of a process that live now.
fn threads(pid: u32) -> Vec<Thread> {
    let Ok(entries) = fs::read_dir(format!("/proc/{pid}/task")) else { return Vec::new() };
    let numbers = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let thread = |number: u32| {
        let of = |name: &str| read(&format!("/proc/{pid}/task/{number}/{name}"));
        let name = of("comm").trim_end().to_owned();
        Some(Thread { number, name, wait: wait(&of("schedstat"))? })
    };
    numbers.filter_map(thread).collect()
}

/// Fields of a `schedstat`: time on a processor, time waiting for one (both nanoseconds), turns.
fn wait(schedstat: &str) -> Option<CpuWait> {
    let mut fields = schedstat.split_whitespace().map_while(|field| field.parse::<u64>().ok());
    let (ran, waited, turns) = (fields.next()?, fields.next()?, fields.next()?);
    Some(CpuWait { us: waited / 1000, turns, ran_us: ran / 1000 })
}

/// The numbers of the first line, in ticks of all processors together: user, nice, system, idle,
/// iowait, irq, softirq, steal.
fn ticks_of_machine(stat: &str) -> Option<[u64; 8]> {
    let fields = stat.lines().next()?.split_whitespace().skip(1);
    let ticks: Vec<u64> = fields.map_while(|field| field.parse().ok()).take(8).collect();
    ticks.try_into().ok()
}

fn steal_us(stat: &str) -> Option<u64> {
    Some(ticks_of_machine(stat)?[7] * TICK_US)
}

fn busy_us(stat: &str) -> Option<u64> {
    let [user, nice, system, _, _, irq, softirq, _] = ticks_of_machine(stat)?;
    Some((user + nice + system + irq + softirq) * TICK_US)
}

/// `some avg10=… avg60=… avg300=… total=MICROSECONDS`
fn pressure_us(pressure: &str) -> Option<u64> {
    let some = pressure.lines().find(|line| line.starts_with("some "))?;
    some.rsplit_once("total=")?.1.trim().parse().ok()
}

/// `throttled_usec` of the process's own group (cgroup v2), or `throttled_time`, nanoseconds, of
/// the first version.
fn throttled_us() -> Option<u64> {
    let groups = read("/proc/self/cgroup");
    groups
        .lines()
        .filter_map(stat_of_group)
        .find_map(|path| throttled(&fs::read_to_string(path).ok()?))
}

/// Where the statistics of a group in `/proc/self/cgroup` lie: `ID:CONTROLLERS:PATH`.
fn stat_of_group(line: &str) -> Option<PathBuf> {
    let mut parts = line.splitn(3, ':').skip(1);
    let (controllers, path) = (parts.next()?, parts.next()?);
    let root = match controllers {
        "" => "/sys/fs/cgroup".to_owned(),
        some if some.split(',').any(|one| one == "cpu") => format!("/sys/fs/cgroup/{some}"),
        _ => return None,
    };
    Some(PathBuf::from(format!("{root}{}/cpu.stat", path.trim_end_matches('/'))))
}

fn throttled(stat: &str) -> Option<u64> {
    let value = |name: &str| {
        let line = stat.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim().parse::<u64>().ok()
    };
    value("throttled_usec ").or_else(|| Some(value("throttled_time ")? / 1000))
}

/// A file's text; empty where there is none.
fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_figures_are_read() {
        let read = CpuWait { us: 3112, turns: 2, ran_us: 19 };
        assert_eq!((wait("19404 3112301 2\n"), wait("")), (Some(read), None));
        let stat = "cpu  66025 55320 19952 42350 1232 0 108 228 0 0\ncpu0 1 2 3\n";
        assert_eq!(steal_us(stat), Some(2_280_000));
        assert_eq!(busy_us(stat), Some((66_025 + 55_320 + 19_952 + 108) * 10_000));
        let some = "some avg10=79.53 avg60=39.41 avg300=18.22 total=111978532\nfull total=0\n";
        assert_eq!(pressure_us(some), Some(111_978_532));
        assert_eq!((steal_us(""), pressure_us("")), (None, None));
        assert_eq!(throttled("usage_usec 5\nthrottled_usec 42\n"), Some(42));
        assert_eq!(throttled("nr_throttled 1\nthrottled_time 42000\n"), Some(42));
        assert_eq!(throttled("usage_usec 5\n"), None);
    }

    #[test]
    fn a_group_of_either_version_is_found() {
        let found = |line| stat_of_group(line).map(|path| path.display().to_string());
        let some = |path: &str| Some(path.to_owned());
        assert_eq!(found("0::/a/b"), some("/sys/fs/cgroup/a/b/cpu.stat"));
        assert_eq!(found("2:cpu,cpuacct:/"), some("/sys/fs/cgroup/cpu,cpuacct/cpu.stat"));
        assert_eq!(found("4:memory:/a"), None);
    }

    #[test]
    fn threads_that_come_and_go_are_added_up() {
        let wait = |us| CpuWait { us, turns: us / 10, ran_us: 0 };
        let mut waits = Waits::default();
        let looks =
            [vec![(1, 100)], vec![(1, 150), (2, 30)], vec![(2, 40)], vec![(1, 20), (2, 40)]];
        let sums = looks.map(|look| waits.look(look.into_iter().map(|(n, us)| (n, wait(us)))).us);
        assert_eq!(sums, [100, 180, 190, 210]);
    }

    /// Twice as many threads as cores, each busy: some wait.
    #[test]
    fn waits_of_this_process_are_seen() {
        let mut meter = OverheadMeter::default();
        let before = meter.look(Time::ZERO, None);
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let busy = || (0..50_000_000_u64).fold(0, |sum: u64, n| sum.wrapping_mul(31) ^ n);
        let meanwhile = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..2 * cores).map(|_| scope.spawn(busy)).collect();
            let mut last = before;
            while threads.iter().any(|thread| !thread.is_finished()) {
                last = meter.look(Time::ZERO, Some(&[std::process::id()]));
                std::thread::yield_now();
            }
            last
        });
        assert!(meanwhile.sink.us > before.sink.us, "{before:?} {meanwhile:?}");
        assert!(meanwhile.target.is_some_and(|target| target.turns > 0), "{meanwhile:?}");
    }
}
