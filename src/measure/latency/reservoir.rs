//! Many durations in little memory: each one while they are few, counted by a histogram once they
//! are many, of which only one in so many is kept as well.

use hdrhistogram::Histogram;

use crate::limits;
use crate::measure::results::Values;

/// Durations, microseconds, of which count, sum and extremes are exact, however many there are.
#[derive(Clone, Debug, Default)]
pub struct DurationReservoir {
    /// In the order in which they were added; each, or every `stride`th once they are counted.
    kept: Vec<u32>,
    /// All of them, once they are many.
    counted: Option<Box<Counted>>,
}

#[derive(Clone, Debug)]
struct Counted {
    all: Histogram<u64>,
    sum: u64,
    extremes: (u32, u32),
    stride: u64,
}

/// An empty histogram of durations: 1 µs to 1 h, three digits.
#[must_use]
pub fn empty() -> Histogram<u64> {
    let created =
        Histogram::new_with_bounds(1, limits::HISTOGRAM_HIGH_US, limits::HISTOGRAM_DIGITS);
    match created {
        Ok(histogram) => histogram,
        Err(error) => unreachable!("the bounds are constants: {error}"),
    }
}

/// An empty histogram of durations that begins small and grows with its values, without end.
#[must_use]
pub fn growing() -> Histogram<u64> {
    match Histogram::new(limits::HISTOGRAM_DIGITS) {
        Ok(histogram) => histogram,
        Err(error) => unreachable!("the digits are a constant: {error}"),
    }
}

impl DurationReservoir {
    /// Adds one.
    pub fn add(&mut self, value: u32) {
        let is_kept = self.counted.as_mut().is_none_or(|counted| counted.add(value));
        if !is_kept {
            return;
        }
        self.kept.push(value);
        match (&self.counted, self.kept.len()) {
            (None, limits::RESERVOIR_EXACT) => {
                self.counted = Some(Box::new(Counted::of(&self.kept)));
                self.thin(limits::RESERVOIR_EXACT / limits::RESERVOIR_SAMPLES * 2);
            }
            (Some(_), limits::RESERVOIR_SAMPLES) => self.thin(2),
            _ => {}
        }
    }

    /// Keeps one in `by` of those that are kept.
    fn thin(&mut self, by: usize) {
        let mut nth = 0;
        self.kept.retain(|_| {
            nth += 1;
            nth % by == 1
        });
        self.kept.shrink_to(limits::RESERVOIR_SAMPLES);
        if let Some(counted) = &mut self.counted {
            counted.stride *= by as u64;
        }
    }

    /// How many were added.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.counted.as_ref().map_or(self.kept.len() as u64, |counted| counted.all.len())
    }

    /// Whether none was.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// Their sum.
    #[must_use]
    pub fn sum(&self) -> u64 {
        match &self.counted {
            Some(counted) => counted.sum,
            None => self.kept.iter().map(|value| u64::from(*value)).sum(),
        }
    }

    /// The least and the greatest; none without any.
    #[must_use]
    pub fn extremes(&self) -> Option<(u32, u32)> {
        match &self.counted {
            Some(counted) => Some(counted.extremes),
            None => self.kept.iter().copied().min().zip(self.kept.iter().copied().max()),
        }
    }

    /// Them in the order in which they were added; once they are many, one in so many, evenly
    /// spaced.
    #[must_use]
    pub fn in_order(&self) -> &[u32] {
        &self.kept
    }

    /// All of them; what lies beyond the range is held at its top.
    #[must_use]
    pub fn histogram(&self) -> Histogram<u64> {
        let mut all = empty();
        self.add_to(&mut all);
        all
    }

    /// Adds all of them to a histogram of the full range.
    pub fn add_to(&self, all: &mut Histogram<u64>) {
        match &self.counted {
            // What was counted is within it.
            Some(counted) => all.add(&counted.all).unwrap_or_default(),
            None => self.kept.iter().for_each(|value| all.saturating_record(u64::from(*value))),
        }
    }

    /// What an interval says of them: each, sorted, or how often each step of the histogram was
    /// met.
    #[must_use]
    pub fn into_values(mut self) -> Values {
        match self.counted {
            Some(counted) => Values::of(&counted.all),
            None => {
                self.kept.sort_unstable();
                Values::Each(self.kept)
            }
        }
    }
}

impl Counted {
    fn of(values: &[u32]) -> Counted {
        // Few come near the end of the range.
        let mut counted = Counted { all: growing(), sum: 0, extremes: (u32::MAX, 0), stride: 1 };
        values.iter().for_each(|value| _ = counted.add(*value));
        counted
    }

    /// Counts one, and says whether it is among those to be kept.
    fn add(&mut self, value: u32) -> bool {
        let nth = self.all.len();
        let held = u64::from(value).min(limits::HISTOGRAM_HIGH_US);
        // It grows, so that none is out of range.
        let _fits = self.all.record(held);
        self.sum += u64::from(value);
        self.extremes = (self.extremes.0.min(value), self.extremes.1.max(value));
        nth.is_multiple_of(self.stride)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reservoir(values: impl IntoIterator<Item = u32>) -> DurationReservoir {
        let mut reservoir = DurationReservoir::default();
        values.into_iter().for_each(|value| reservoir.add(value));
        reservoir
    }

    #[test]
    fn few_are_kept_each() {
        let reservoir = reservoir([3000, 1001, 2000]);
        assert_eq!(
            (reservoir.len(), reservoir.sum(), reservoir.extremes()),
            (3, 6001, Some((1001, 3000)))
        );
        assert_eq!(reservoir.in_order(), [3000, 1001, 2000]);
        assert!(
            matches!(reservoir.into_values(), Values::Each(each) if each == [1001, 2000, 3000])
        );
        assert!(
            DurationReservoir::default().is_empty()
                && DurationReservoir::default().extremes().is_none()
        );
    }

    #[test]
    fn many_are_counted_and_a_few_of_them_kept_in_order() {
        let count = 10 * limits::RESERVOIR_EXACT as u32 + 7;
        let reservoir = reservoir(1..=count);
        let exact = (u64::from(count), (1..=u64::from(count)).sum(), Some((1, count)));
        assert_eq!((reservoir.len(), reservoir.sum(), reservoir.extremes()), exact);
        assert_eq!(reservoir.histogram().len(), u64::from(count));
        let kept = reservoir.in_order();
        assert!((limits::RESERVOIR_SAMPLES / 2..limits::RESERVOIR_SAMPLES).contains(&kept.len()));
        let stride = kept[1] - kept[0];
        assert!(kept.windows(2).all(|pair| pair[1] - pair[0] == stride), "evenly spaced");
        assert!(count - kept[kept.len() - 1] < stride, "to the end");
        let counted: u64 = reservoir.into_values().counted().map(|(_, times)| times).sum();
        assert_eq!(counted, u64::from(count));
    }

    #[test]
    fn the_histogram_does_not_depend_on_how_they_are_kept() {
        let many =
            (0..2 * limits::RESERVOIR_EXACT as u32).map(|nth| nth.wrapping_mul(2_654_435_761) >> 9);
        let mut all = empty();
        many.clone().for_each(|value| all.saturating_record(u64::from(value)));
        let reservoir = reservoir(many);
        assert_eq!(reservoir.histogram(), all);
        let mut twice = empty();
        (0..2).for_each(|_| reservoir.add_to(&mut twice));
        assert_eq!(twice.len(), 2 * all.len());
    }
}
