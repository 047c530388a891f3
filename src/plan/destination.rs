//! Which destination a recipient is at: drawn by weight.

use rand::Rng;

use crate::probe::DestinationId;

/// The destinations' shares, summed up.
#[derive(Clone, Debug)]
pub(super) struct Weights {
    /// Sum of the weights up to and including each.
    sums: Vec<f64>,
}

impl Weights {
    pub(super) fn new(weights: impl Iterator<Item = f64>) -> Weights {
        let mut sum = 0.0;
        let sums = weights.map(|weight| {
            sum += weight;
            sum
        });
        Weights { sums: sums.collect() }
    }

    /// Draws one destination.
    pub(super) fn draw(&self, stream: &mut impl Rng) -> DestinationId {
        // 53 bits: every double in [0, 1) that is a multiple of 2^-53, the same on every machine.
        let share = (stream.next_u64() >> 11) as f64 / (1_u64 << 53) as f64;
        let total = self.sums.last().copied().unwrap_or(0.0);
        let index = self.sums.partition_point(|sum| *sum <= share * total);
        DestinationId(u16::try_from(index.min(self.sums.len().saturating_sub(1))).unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::{Key, Purpose, Seed};

    #[test]
    fn draws_follow_the_weights() {
        let weights = Weights::new([60.0, 0.0, 40.0].into_iter());
        let mut stream = Seed(7).stream(Purpose::Destination, Key::default());
        let mut counts = [0_u32; 3];
        for _ in 0..100_000 {
            counts[usize::from(weights.draw(&mut stream).0)] += 1;
        }
        assert_eq!(counts[1], 0);
        // Standard deviation 155.
        assert!(counts[0].abs_diff(60_000) < 800, "{counts:?}");
    }
}
