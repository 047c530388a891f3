//! When a deferred recipient is tried again, and when the sender gives up (RFC 5321 §4.5.4.1).
//!
//! Decided here: no attempt is made before its delay is over, also not a last one. When the next
//! delay would end after the give-up time, the recipient waits until the give-up time and is then
//! returned without a further attempt.

use std::time::Duration;

use rand::{Rng, RngExt};
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

    /// The longest delay, before jitter.
    #[must_use]
    pub fn longest(&self) -> Duration {
        match &self.kind {
            Growth::Fixed { first } => *first,
            Growth::Exponential { cap, .. } => *cap,
            Growth::Steps { delays } => delays.iter().max().copied().unwrap_or_default(),
        }
    }

    /// The delay after failed attempt number `attempt`, varied evenly by up to the jitter's share
    /// to either side.
    pub fn delay_with_jitter<R: Rng>(&self, attempt: u32, rng: &mut R) -> Duration {
        let delay = self.delay(attempt);
        let jitter = self.jitter.clamp(0.0, 1.0);
        if jitter == 0.0 {
            return delay;
        }
        let share: f64 = rng.random_range(-jitter..=jitter);
        delay.mul_f64(1.0 + share)
    }

    /// What follows failed attempt number `attempt` of a recipient that was accepted `age` ago.
    pub fn after_failure<R: Rng>(&self, attempt: u32, age: Duration, rng: &mut R) -> Next {
        let delay = self.delay_with_jitter(attempt, rng);
        let left = self.give_up_after.saturating_sub(age);
        if delay < left { Next::Retry { after: delay } } else { Next::GiveUp { after: left } }
    }

    /// Whether a recipient that was accepted `age` ago is given up rather than tried again.
    #[must_use]
    pub fn is_over(&self, age: Duration) -> bool {
        age >= self.give_up_after
    }
}

/// What follows a failed attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Another attempt.
    Retry { after: Duration },
    /// No other attempt: the recipient is returned to its sender.
    GiveUp { after: Duration },
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::{Key, Purpose, Seed};

    const SECOND: Duration = Duration::from_secs(1);

    fn schedule(kind: Growth, jitter: f64) -> RetrySchedule {
        RetrySchedule { kind, jitter, give_up_after: 60 * SECOND }
    }

    fn rng(attempt: u32) -> impl Rng {
        Seed(1).stream(Purpose::RetryJitter, Key { subject: 1, attempt, detail: 0 })
    }

    #[test]
    fn delays_grow_as_configured() {
        let exponential = Growth::Exponential { first: 2 * SECOND, factor: 2.0, cap: 30 * SECOND };
        let steps = Growth::Steps { delays: vec![SECOND, 5 * SECOND] };
        for (kind, expected) in [
            (Growth::Fixed { first: 3 * SECOND }, [3, 3, 3, 3, 3]),
            (exponential, [2, 4, 8, 16, 30]),
            (steps, [1, 5, 5, 5, 5]),
        ] {
            let schedule = schedule(kind, 0.0);
            let delays = [1, 2, 3, 4, 5].map(|attempt| schedule.delay(attempt).as_secs());
            assert_eq!(delays, expected);
            assert!(schedule.delay(u32::MAX) <= 30 * SECOND);
        }
    }

    #[test]
    fn jitter_stays_in_its_share_and_uses_it() {
        let schedule = schedule(Growth::Fixed { first: 10 * SECOND }, 0.2);
        let delays: Vec<_> = (1..200)
            .map(|attempt| schedule.delay_with_jitter(attempt, &mut rng(attempt)))
            .collect();
        assert!(delays.iter().all(|delay| (8 * SECOND..=12 * SECOND).contains(delay)));
        assert!(delays.iter().any(|delay| *delay < 9 * SECOND));
        assert!(delays.iter().any(|delay| *delay > 11 * SECOND));
    }

    #[test]
    fn gives_up_at_the_age_and_not_before() {
        let schedule = schedule(Growth::Fixed { first: 10 * SECOND }, 0.0);
        let next = |age: u32| schedule.after_failure(1, age * SECOND, &mut rng(1));
        assert_eq!(next(0), Next::Retry { after: 10 * SECOND });
        assert_eq!(next(49), Next::Retry { after: 10 * SECOND });
        assert_eq!(next(50), Next::GiveUp { after: 10 * SECOND });
        assert_eq!(next(55), Next::GiveUp { after: 5 * SECOND });
        assert_eq!(next(70), Next::GiveUp { after: Duration::ZERO });
        assert!(!schedule.is_over(59 * SECOND) && schedule.is_over(60 * SECOND));
    }
}
