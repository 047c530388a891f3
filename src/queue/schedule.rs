//! When a deferred recipient is tried again, and when the sender gives up (RFC 5321 §4.5.4.1).

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A retry schedule: `[target.retry]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RetrySchedule {
    /// How the delay grows.
    pub kind: Growth,
    /// Share by which a delay varies to either side, 0 to 1.
    pub jitter: f64,
    /// Age at which the sender gives up and returns a DSN.
    pub give_up_after: Duration,
}

/// How the delay before the next attempt grows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Growth {
    /// Always `first`.
    Fixed { first: Duration },
    /// `first * factor^(n-1)`, at most `cap`.
    Exponential { first: Duration, factor: f64, cap: Duration },
    /// Written out; the last one repeats.
    Steps { delays: Vec<Duration> },
}

impl RetrySchedule {
    /// The delay after failed attempt number `attempt` (1 for the first), before jitter.
    #[must_use]
    pub fn delay(&self, attempt: u32) -> Duration {
        let index = attempt.max(1) - 1;
        match &self.kind {
            Growth::Fixed { first } => *first,
            Growth::Exponential { first, factor, cap } => {
                let exponent = i32::try_from(index).unwrap_or(i32::MAX);
                let seconds = first.as_secs_f64() * factor.powi(exponent);
                if seconds.is_finite() && seconds < cap.as_secs_f64() {
                    Duration::from_secs_f64(seconds)
                } else {
                    *cap
                }
            }
            Growth::Steps { delays } => {
                let last = delays.len().saturating_sub(1);
                delays.get((index as usize).min(last)).copied().unwrap_or_default()
            }
        }
    }
}
