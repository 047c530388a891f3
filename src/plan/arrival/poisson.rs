//! Poisson arrivals at a varying rate: a Poisson process of rate one, its time rescaled by the
//! integral of the rate.

use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, Exp1};

use super::rate::Rate;
use crate::seed::{Key, Purpose, Seed};

/// Poisson arrivals.
#[derive(Clone, Debug)]
pub struct Poisson {
    rate: Rate,
    stream: ChaCha8Rng,
    /// Time of the last arrival of the process of rate one.
    expected: f64,
}

impl Poisson {
    /// Arrivals at this rate.
    #[must_use]
    pub fn new(rate: Rate, seed: Seed) -> Poisson {
        Poisson { rate, stream: seed.stream(Purpose::Arrival, Key::default()), expected: 0.0 }
    }
}

impl Iterator for Poisson {
    type Item = f64;

    fn next(&mut self) -> Option<f64> {
        let gap: f64 = Exp1.sample(&mut self.stream);
        self.expected += gap;
        self.rate.time_of(self.expected)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::model::Segment;
    use std::time::Duration;

    fn times(from: f64, to: f64, seconds: u64) -> Vec<f64> {
        let duration = Duration::from_secs(seconds);
        let segment = Segment { from_per_second: from, to_per_second: to, duration };
        Poisson::new(Rate::new(&[segment], false), Seed(7)).collect()
    }

    /// Largest distance between the distribution of the values and the law's (Kolmogorov).
    fn distance(mut values: Vec<f64>, law: impl Fn(f64) -> f64) -> f64 {
        values.sort_by(f64::total_cmp);
        let count = values.len() as f64;
        let gap = |(index, value): (usize, &f64)| {
            (law(*value) - index as f64 / count)
                .abs()
                .max((law(*value) - (index + 1) as f64 / count).abs())
        };
        values.iter().enumerate().map(gap).fold(0.0, f64::max)
    }

    #[test]
    fn gaps_at_an_even_rate_are_exponential() {
        let times = times(200.0, 200.0, 500);
        // 100 000 expected, standard deviation 316.
        assert!((times.len() as f64 - 100_000.0).abs() < 4.0 * 316.0, "{}", times.len());
        let gaps: Vec<f64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
        // Kolmogorov's 0.1 % point is 1.95 / √n.
        let bound = 1.95 / (gaps.len() as f64).sqrt();
        let distance = distance(gaps, |gap| 1.0 - (-200.0 * gap).exp());
        assert!(distance < bound, "{distance} over {bound}");
    }

    #[test]
    fn times_under_a_ramp_follow_its_integral() {
        let times = times(0.0, 400.0, 500);
        // By t, a share (t / 500)² of all has come.
        let bound = 1.95 / (times.len() as f64).sqrt();
        let distance = distance(times, |time| (time / 500.0).powi(2));
        assert!(distance < bound, "{distance} over {bound}");
    }
}
