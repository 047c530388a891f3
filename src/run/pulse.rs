//! A look at the instrument itself, for the health checks.
//!
//! The hiccup meter is a thread that only sleeps: how late it wakes says how long anything on
//! this machine had to wait for a core (the idea of jHiccup). It tells stalls of the host apart
//! from stalls of the target. What it cannot see, short waits of busy threads, is in `overhead`.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use nix::sys::resource::{UsageWho, getrusage};

use crate::clock::{Clock, Time, micros};
use crate::limits;

/// Period of the meter's sleep: a stall is known to within it.
const TICK: Duration = Duration::from_millis(2);

/// Lateness from which on a wake-up is recorded by itself: longer than a scheduler's time slice,
/// which is what a busy machine costs every wake-up.
const LEAST: Duration = Duration::from_millis(5);

/// Name of the meter's thread.
pub(super) const THREAD: &str = "hiccup-meter";

/// Measures how late a periodic sleeper wakes.
#[derive(Debug)]
pub(super) struct HiccupMeter {
    late: Arc<Mutex<Late>>,
    stop: Arc<AtomicBool>,
}

/// What was seen since last asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Late {
    /// The worst lateness, microseconds.
    pub(super) worst_us: u64,
    /// From the last time the meter was awake until it was again, where that was late: the
    /// longest, at most `limits::HICCUPS_A_SECOND`.
    pub(super) hiccups: Vec<(Time, Time)>,
}

impl Late {
    /// Takes note of one sleep.
    fn note(&mut self, from: Time, to: Time) {
        let late = to.since(from).saturating_sub(TICK);
        self.worst_us = self.worst_us.max(micros(late));
        if late < LEAST {
            return;
        }
        self.hiccups.push((from, to));
        if self.hiccups.len() > limits::HICCUPS_A_SECOND {
            let lengths = self.hiccups.iter().enumerate();
            let least = lengths.min_by_key(|(_, (from, to))| to.since(*from));
            if let Some(least) = least.map(|(index, _)| index) {
                self.hiccups.remove(least);
            }
        }
    }
}

impl HiccupMeter {
    /// Starts the meter's thread; it ends with the meter.
    ///
    /// # Errors
    /// When the machine gives no thread.
    pub(super) fn start(clock: Clock) -> std::io::Result<HiccupMeter> {
        let late = Arc::new(Mutex::new(Late::default()));
        let stop = Arc::new(AtomicBool::new(false));
        let meter = HiccupMeter { late: Arc::clone(&late), stop: Arc::clone(&stop) };
        let run = move || {
            let mut awake = clock.now();
            while !stop.load(Ordering::Relaxed) {
                rest();
                let now = clock.now();
                locked(&late).note(awake, now);
                awake = now;
            }
        };
        std::thread::Builder::new().name(THREAD.to_owned()).spawn(run)?;
        Ok(meter)
    }

    /// What was seen since the last call.
    pub(super) fn take(&self) -> Late {
        std::mem::take(&mut *locked(&self.late))
    }
}

fn locked(late: &Mutex<Late>) -> MutexGuard<'_, Late> {
    late.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Drop for HiccupMeter {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

#[expect(clippy::disallowed_methods, reason = "the meter's own thread does nothing but sleep")]
fn rest() {
    std::thread::sleep(TICK);
}

/// CPU time of this process since its start, microseconds.
pub(super) fn cpu_us() -> u64 {
    getrusage(UsageWho::RUSAGE_SELF).map_or(0, |usage| {
        let both = [usage.user_time(), usage.system_time()];
        let us = both.map(|time| time.tv_sec() * 1_000_000 + time.tv_usec());
        u64::try_from(us[0] + us[1]).unwrap_or(0)
    })
}

/// Resident memory of this process, bytes.
pub(super) fn rss_bytes() -> u64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.trim().split(' ').next()?.parse::<u64>().ok());
    kib.unwrap_or(0) * 1024
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_process_uses_some_cpu_and_memory() {
        let mut sum = 0_u64;
        (0..20_000_000_u64).for_each(|n| sum = sum.wrapping_mul(31).wrapping_add(n));
        assert!(cpu_us() > 0, "{sum}");
        assert!(rss_bytes() > 1_000_000);
    }

    fn at(millis: u64) -> Time {
        Time::from_offset(Duration::from_millis(millis))
    }

    #[test]
    fn a_late_wake_up_is_kept_and_one_in_time_is_not() {
        let mut late = Late::default();
        late.note(at(0), at(2));
        late.note(at(2), at(8));
        assert_eq!(late, Late { worst_us: 4_000, hiccups: Vec::new() });
        late.note(at(8), at(308));
        late.note(at(308), at(318));
        let hiccups = vec![(at(8), at(308)), (at(308), at(318))];
        assert_eq!(late, Late { worst_us: 298_000, hiccups });
    }

    #[test]
    fn of_many_the_longest_are_kept() {
        let mut late = Late::default();
        for number in 0..100 {
            late.note(at(number * 100), at(number * 100 + 10 + number % 50));
        }
        assert_eq!(late.hiccups.len(), limits::HICCUPS_A_SECOND);
        let lengths = late.hiccups.iter().map(|(from, to)| to.since(*from).as_millis());
        assert_eq!(lengths.min(), Some(52), "the eight longest of each fifty");
    }
}
