//! Evenly spaced arrivals: arrival `k` comes when exactly `k` are expected before it.

use super::rate::Rate;

/// Evenly spaced arrivals.
#[derive(Clone, Debug)]
pub struct Constant {
    rate: Rate,
    next: u64,
}

impl Constant {
    /// Arrivals at this rate.
    #[must_use]
    pub fn new(rate: Rate) -> Constant {
        Constant { rate, next: 0 }
    }
}

impl Iterator for Constant {
    type Item = f64;

    fn next(&mut self) -> Option<f64> {
        let time_s = self.rate.time_of(self.next as f64)?;
        self.next += 1;
        Some(time_s)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::model::Segment;
    use std::time::Duration;

    #[test]
    fn arrival_number_k_is_due_at_k_over_the_rate() {
        let segment = Segment {
            from_per_second: 3.0,
            to_per_second: 3.0,
            duration: Duration::from_secs(100_000),
        };
        let times: Vec<f64> = Constant::new(Rate::new(&[segment], false)).collect();
        assert_eq!(times.len(), 300_000);
        for k in [0, 1, 2, 1000, 299_999] {
            assert!((times[k] - k as f64 / 3.0).abs() < 1e-9, "arrival {k}");
        }
    }
}
