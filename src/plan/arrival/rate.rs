//! A rate over time and its exact integral: how many arrivals are expected by when, and by when
//! so many are.
//!
//! Only `+ - * /` and the square root are used, which IEEE 754 rounds the same on every machine.

use crate::scenario::model::Segment;

/// Slack for the rounding of sums: an arrival that falls on the very end is not one.
const ROUNDING: f64 = 1e-12;

/// A rate over time, in arrivals a second; zero after its end unless it goes on.
#[derive(Clone, Debug)]
pub struct Rate {
    pieces: Vec<Piece>,
}

/// A stretch of time over which the rate goes evenly from one value to another.
#[derive(Clone, Debug)]
struct Piece {
    start_s: f64,
    /// Infinite for the last piece of a rate that goes on.
    duration_s: f64,
    from: f64,
    to: f64,
    /// Arrivals expected before it.
    before: f64,
}

impl Rate {
    /// The rate that these segments describe; with `goes_on`, it keeps its last value for ever.
    #[must_use]
    pub fn new(segments: &[Segment], goes_on: bool) -> Rate {
        let mut pieces: Vec<Piece> = Vec::with_capacity(segments.len() + 1);
        let (mut start_s, mut before) = (0.0, 0.0);
        for segment in segments {
            let duration_s = segment.duration.as_secs_f64();
            let (from, to) = (segment.from_per_second, segment.to_per_second);
            pieces.push(Piece { start_s, duration_s, from, to, before });
            start_s += duration_s;
            before += (from + to) / 2.0 * duration_s;
        }
        if let Some(last) = segments.last().filter(|_| goes_on) {
            let rate = last.to_per_second;
            pieces.push(Piece { start_s, duration_s: f64::INFINITY, from: rate, to: rate, before });
        }
        Rate { pieces }
    }

    /// Arrivals expected in all; infinite when the rate goes on.
    #[must_use]
    pub fn total(&self) -> f64 {
        self.pieces.last().map_or(0.0, Piece::after)
    }

    /// When the rate ends; infinite when it goes on.
    #[must_use]
    pub fn end_s(&self) -> f64 {
        self.pieces.last().map_or(0.0, |last| last.start_s + last.duration_s)
    }

    /// Arrivals expected before this time.
    #[must_use]
    pub fn expected_by(&self, time_s: f64) -> f64 {
        let following = self.pieces.partition_point(|piece| piece.start_s <= time_s);
        match following.checked_sub(1).map(|index| &self.pieces[index]) {
            Some(piece) => piece.before + piece.within(time_s - piece.start_s),
            None => 0.0,
        }
    }

    /// The latest time before which no more than `expected` arrivals are expected; `None`: that
    /// many never are.
    #[must_use]
    pub fn time_of(&self, expected: f64) -> Option<f64> {
        if expected + ROUNDING * expected.max(1.0) >= self.total() {
            return None;
        }
        // The first piece that ends with more, so that pieces without arrivals are passed over.
        let index = self.pieces.partition_point(|piece| piece.after() <= expected);
        let piece = self.pieces.get(index)?;
        Some(piece.start_s + piece.offset_of((expected - piece.before).max(0.0)))
    }
}

impl Piece {
    fn slope(&self) -> f64 {
        if self.duration_s.is_finite() && self.duration_s > 0.0 {
            (self.to - self.from) / self.duration_s
        } else {
            0.0
        }
    }

    /// Arrivals expected in the first `offset_s` seconds.
    fn within(&self, offset_s: f64) -> f64 {
        let offset_s = offset_s.min(self.duration_s);
        if self.from == self.to {
            // An endless piece without arrivals has none, where infinity times zero is NaN.
            return if self.from == 0.0 { 0.0 } else { offset_s * self.from };
        }
        offset_s * (self.from + self.slope() * offset_s / 2.0)
    }

    /// Arrivals expected before its end.
    fn after(&self) -> f64 {
        self.before + self.within(self.duration_s)
    }

    /// The time that so many arrivals take: the root of `from·t + slope·t²/2 = count`, written so
    /// that nothing cancels out.
    fn offset_of(&self, count: f64) -> f64 {
        if count == 0.0 {
            return 0.0;
        }
        let under_root = self.from * self.from + 2.0 * self.slope() * count;
        2.0 * count / (self.from + under_root.max(0.0).sqrt())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::time::Duration;

    fn segment(from: f64, to: f64, seconds: u64) -> Segment {
        Segment { from_per_second: from, to_per_second: to, duration: Duration::from_secs(seconds) }
    }

    #[test]
    fn a_ramp_is_integrated_exactly() {
        // 100/s to 500/s over 20 s: by t there are 100 t + 10 t² arrivals.
        let rate = Rate::new(&[segment(100.0, 500.0, 20)], false);
        assert!((rate.total() - 6000.0).abs() < 1e-9);
        for t in [0.5_f64, 3.0, 10.0, 19.9] {
            let expected = 100.0 * t + 10.0 * t * t;
            assert!((rate.expected_by(t) - expected).abs() < 1e-9);
            assert!((rate.time_of(expected).expect("in range") - t).abs() < 1e-9);
        }
        assert_eq!(rate.time_of(6000.0), None);
    }

    #[test]
    fn a_fall_to_zero_and_a_start_from_zero_are_reached() {
        let rate = Rate::new(&[segment(100.0, 0.0, 10), segment(0.0, 0.0, 5)], false);
        assert!((rate.total() - 500.0).abs() < 1e-9);
        assert!(rate.time_of(499.99).expect("in range") < 10.0);
        let rate = Rate::new(&[segment(0.0, 0.0, 5), segment(0.0, 100.0, 10)], false);
        assert_eq!(rate.time_of(0.0), Some(5.0));
        assert!((rate.time_of(50.0).expect("in range") - (5.0 + 10.0_f64.sqrt())).abs() < 1e-9);
    }

    #[test]
    fn a_rate_that_goes_on_keeps_its_last_value() {
        let rate = Rate::new(&[segment(10.0, 20.0, 2)], true);
        assert!((rate.time_of(30.0 + 200.0).expect("goes on") - 12.0).abs() < 1e-9);
        let silent = Rate::new(&[segment(10.0, 0.0, 2)], true);
        assert_eq!(silent.time_of(10.0), None);
        assert_eq!(Rate::new(&[], true).time_of(0.0), None);
    }

    proptest! {
        #[test]
        fn integral_and_inverse_agree(
            pieces in proptest::collection::vec((0.0_f64..1e4, 0.0_f64..1e4, 1_u64..1000), 1..6),
            share in 0.0_f64..0.999_999,
        ) {
            let segments: Vec<_> = pieces.iter().map(|(a, b, d)| segment(*a, *b, *d)).collect();
            let rate = Rate::new(&segments, false);
            let expected = rate.total() * share;
            if let Some(time) = rate.time_of(expected) {
                prop_assert!(time <= rate.end_s() * (1.0 + 1e-12));
                let error = (rate.expected_by(time) - expected).abs();
                prop_assert!(error <= 1e-9 * rate.total().max(1.0), "{error}");
            }
        }
    }
}
