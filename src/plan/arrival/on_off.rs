//! Bursts: a Poisson process while on, nothing while off. Lengths of both periods are
//! exponential; while on, the rate is raised so that its mean over both is the one asked for.

use std::time::Duration;

use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, Exp1};

use super::rate::Rate;
use crate::seed::{Key, Purpose, Seed};

/// Poisson arrivals in bursts.
#[derive(Clone, Debug)]
pub struct OnOff {
    rate: Rate,
    on_s: f64,
    off_s: f64,
    stream: ChaCha8Rng,
    /// End of the present on period.
    on_until_s: f64,
    /// Arrivals expected by the end of the present on period, were it on all the time.
    on_until: f64,
    /// The same at the last arrival, or at the start of the on period before its first.
    now: f64,
}

impl OnOff {
    /// Bursts around this mean rate, of these mean lengths `[on, off]`; the first begins at once.
    #[must_use]
    pub fn new(rate: Rate, lengths: [Duration; 2], seed: Seed) -> OnOff {
        let mut law = OnOff {
            rate,
            on_s: lengths[0].as_secs_f64(),
            off_s: lengths[1].as_secs_f64(),
            stream: seed.stream(Purpose::Arrival, Key::default()),
            on_until_s: 0.0,
            on_until: 0.0,
            now: 0.0,
        };
        law.turn_on(0.0);
        law
    }

    /// Begins an on period at this time.
    fn turn_on(&mut self, start_s: f64) {
        self.on_until_s = start_s + self.on_s * unit(&mut self.stream);
        self.now = self.rate.expected_by(start_s);
        self.on_until = self.rate.expected_by(self.on_until_s);
    }
}

impl Iterator for OnOff {
    type Item = f64;

    fn next(&mut self) -> Option<f64> {
        if self.on_s == 0.0 {
            return None;
        }
        // What is left of the gap to the next arrival, on the scale of the mean rate.
        let mut gap = unit(&mut self.stream) * self.on_s / (self.on_s + self.off_s);
        while self.now + gap > self.on_until {
            // No more can come: the rate has ended, or is zero for ever.
            if self.on_until >= self.rate.total() || self.on_until_s >= self.rate.end_s() {
                return None;
            }
            gap -= self.on_until - self.now;
            let off_s = self.off_s * unit(&mut self.stream);
            self.turn_on(self.on_until_s + off_s);
        }
        self.now += gap;
        self.rate.time_of(self.now)
    }
}

/// A draw from the exponential law of mean one.
fn unit(stream: &mut ChaCha8Rng) -> f64 {
    Exp1.sample(stream)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::model::Segment;

    fn times(rate: f64, on_off_ms: [u64; 2], seconds: u64) -> Vec<f64> {
        let duration = Duration::from_secs(seconds);
        let segment = Segment { from_per_second: rate, to_per_second: rate, duration };
        let lengths = on_off_ms.map(Duration::from_millis);
        OnOff::new(Rate::new(&[segment], false), lengths, Seed(7)).collect()
    }

    #[test]
    fn the_mean_rate_is_the_one_asked_for() {
        let times = times(100.0, [500, 1500], 20_000);
        // About 10 000 cycles: 2 000 000 expected; the spread of the periods makes about 1.4 %.
        let count = times.len() as f64;
        assert!((count - 2e6).abs() < 2e6 * 0.05, "{count}");
        assert!(times.windows(2).all(|pair| pair[0] <= pair[1]));
    }

    #[test]
    fn arrivals_come_in_bursts() {
        let times = times(100.0, [500, 1500], 2000);
        let mut per_100_ms = vec![0_u32; 20_000];
        for time in &times {
            per_100_ms[(time * 10.0) as usize] += 1;
        }
        // Were it plain Poisson, an empty tenth of a second would have odds e^-10.
        let silent = per_100_ms.iter().filter(|count| **count == 0).count();
        assert!(silent > 20_000 * 6 / 10, "{silent}");
        // On for a quarter of the time: 40 rather than 10 a tenth of a second.
        let busy = per_100_ms.iter().filter(|count| **count > 25).count();
        assert!(busy > 20_000 / 8, "{busy}");
    }

    #[test]
    fn it_ends_when_the_rate_does() {
        assert!(times(0.0, [500, 500], 10).is_empty());
        assert!(times(10.0, [0, 500], 10).is_empty());
        assert!(times(10.0, [500, 0], 10).iter().all(|time| *time < 10.0));
    }
}
