//! Owns time since the run's epoch; the only reader of the monotonic and the wall clock.

use std::time::{Duration, Instant, SystemTime};

use serde::{Deserialize, Serialize};

/// Nanoseconds since the run's epoch.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Time(pub u64);

impl Time {
    /// The epoch itself.
    pub const ZERO: Time = Time(0);

    /// The time `offset` after the epoch; saturates after 584 years.
    #[must_use]
    pub fn from_offset(offset: Duration) -> Time {
        Time(u64::try_from(offset.as_nanos()).unwrap_or(u64::MAX))
    }

    /// This time as an offset from the epoch.
    #[must_use]
    pub fn offset(self) -> Duration {
        Duration::from_nanos(self.0)
    }

    /// Seconds since the epoch.
    #[must_use]
    pub fn seconds(self) -> f64 {
        self.offset().as_secs_f64()
    }

    /// How long after `earlier` this is; zero when it is not later.
    #[must_use]
    pub fn since(self, earlier: Time) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    /// This time moved later by `by`.
    #[must_use]
    pub fn plus(self, by: Duration) -> Time {
        Time::from_offset(self.offset().saturating_add(by))
    }
}

/// A length of time in microseconds, as journal and figures hold it; saturates.
#[must_use]
pub fn micros(length: Duration) -> u64 {
    u64::try_from(length.as_micros()).unwrap_or(u64::MAX)
}

/// The same where many are kept; saturates after 71 minutes.
#[must_use]
pub fn micros_u32(length: Duration) -> u32 {
    u32::try_from(length.as_micros()).unwrap_or(u32::MAX)
}

/// Reads the monotonic clock as time since one epoch.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    epoch: Instant,
    wall: SystemTime,
}

impl Clock {
    /// Starts a clock: its epoch is now.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the one reader of both clocks")]
    pub fn start() -> Clock {
        Clock { epoch: Instant::now(), wall: SystemTime::now() }
    }

    /// Time since the epoch.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the one reader of the monotonic clock")]
    pub fn now(&self) -> Time {
        Time::from_offset(Instant::now().duration_since(self.epoch))
    }

    /// The monotonic instant of `time`, for timers.
    #[must_use]
    pub fn instant(&self, time: Time) -> Instant {
        self.epoch + time.offset()
    }

    /// The wall-clock time of the epoch, read once when the clock was started.
    #[must_use]
    pub fn wall(&self) -> SystemTime {
        self.wall
    }
}
