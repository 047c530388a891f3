//! Time since the Unix epoch, so that due times mean the same after a restart. Runs with the
//! monotonic clock from the moment the process started: it never jumps while the relay runs.

use std::time::{Duration, Instant, UNIX_EPOCH};

use crate::clock::{Clock, Time};

/// The relay's clock.
#[derive(Clone, Copy, Debug)]
pub struct WallClock {
    clock: Clock,
    start: Duration,
}

impl WallClock {
    /// Sets the clock by the machine's.
    #[must_use]
    pub fn start() -> WallClock {
        let clock = Clock::start();
        let start = clock.wall().duration_since(UNIX_EPOCH).unwrap_or_default();
        WallClock { clock, start }
    }

    /// Time since the Unix epoch.
    #[must_use]
    pub fn now(&self) -> Time {
        self.clock.now().plus(self.start)
    }

    /// The monotonic clock below.
    #[must_use]
    pub fn monotonic(&self) -> Clock {
        self.clock
    }

    /// The monotonic instant of `time`; a time before the start counts as the start.
    #[must_use]
    pub fn instant(&self, time: Time) -> Instant {
        let since_start = time.offset().saturating_sub(self.start);
        self.clock.instant(Time::from_offset(since_start))
    }
}

/// `time` as a date of a header (RFC 5322 §3.3), UTC.
#[must_use]
pub fn header_date(time: Time) -> String {
    let stamp = i64::try_from(time.offset().as_secs())
        .ok()
        .and_then(|second| jiff::Timestamp::from_second(second).ok())
        .unwrap_or_default();
    stamp.strftime("%a, %d %b %Y %H:%M:%S +0000").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_rfc_5322() {
        let time = Time::from_offset(Duration::from_secs(1_795_545_045));
        assert_eq!(header_date(time), "Tue, 24 Nov 2026 18:30:45 +0000");
    }

    #[test]
    fn a_due_time_from_before_the_start_is_now() {
        let clock = WallClock::start();
        assert!(clock.instant(Time(5)) <= clock.instant(clock.now()));
    }
}
