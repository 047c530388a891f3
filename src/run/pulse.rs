//! A once-a-second look at the instrument itself, for the health checks.
//!
//! The hiccup meter is a thread that only sleeps: how late it wakes says how long anything on
//! this machine had to wait for a core (the idea of jHiccup). It tells stalls of the host apart
//! from stalls of the target.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use nix::sys::resource::{UsageWho, getrusage};

use crate::clock::{Clock, micros};

/// Period of the meter's sleep.
const TICK: Duration = Duration::from_millis(10);

/// Measures how late a periodic sleeper wakes.
#[derive(Debug)]
pub(super) struct HiccupMeter {
    worst_us: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
}

impl HiccupMeter {
    /// Starts the meter's thread; it ends with the meter.
    pub(super) fn start(clock: Clock) -> HiccupMeter {
        let worst_us = Arc::new(AtomicU64::new(0));
        let stop = Arc::new(AtomicBool::new(false));
        let meter = HiccupMeter { worst_us: Arc::clone(&worst_us), stop: Arc::clone(&stop) };
        std::thread::spawn(move || {
            while !stop.load(Ordering::Relaxed) {
                let before = clock.now();
                rest();
                let late = clock.now().since(before).saturating_sub(TICK);
                worst_us.fetch_max(micros(late), Ordering::Relaxed);
            }
        });
        meter
    }

    /// The worst lateness since the last call, microseconds.
    pub(super) fn take_worst_us(&self) -> u64 {
        self.worst_us.swap(0, Ordering::Relaxed)
    }
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
}
