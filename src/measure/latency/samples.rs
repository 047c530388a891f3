//! A collection of durations, and the histogram made of it.
//!
//! A histogram of a metric's full range weighs 190 KB, and a run has one for each metric,
//! destination and period, so that few values are kept as they come (`reservoir`). What cannot be held
//! is counted, never dropped.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Deserializer, Serializer, V2DeflateSerializer};

use super::observation::Seen;
use super::reservoir;
use super::reservoir::DurationReservoir;
use crate::clock;
use crate::limits;
use crate::measure::results::{Latency, Values};
use crate::measure::validity::interference::Within;

/// Durations of one metric, microseconds.
#[derive(Clone, Debug, Default)]
pub struct Samples {
    /// Finished observations, in the order in which they were recorded.
    pub values: DurationReservoir,
    /// Observations cut off by the end of the run: "at least this long".
    pub censored: DurationReservoir,
    /// Observations that failed after this long: what they waited for never arrived.
    pub failed: DurationReservoir,
    /// Values beyond the histogram's range, held at its top.
    pub overflow: u64,
    /// Those of which the instrument may have made a part; none in a quiet run.
    pub doubted: Option<Box<Doubted>>,
}

/// Observations of which the instrument may have made a part, or hidden one: as they were seen,
/// and between what they lie.
#[derive(Clone, Debug, Default)]
pub struct Doubted {
    seen: DurationReservoir,
    least: DurationReservoir,
    most: DurationReservoir,
}

impl Doubted {
    /// All observations, with these at the least and at the most they may be without the
    /// instrument's errors. `all`: them as they were seen.
    #[must_use]
    pub fn bounds(&self, all: &Histogram<u64>) -> (Histogram<u64>, Histogram<u64>) {
        let mut others = all.clone();
        // What is taken out was put in, and both have the same range.
        let _within = others.subtract(self.seen.histogram());
        let mut most = others.clone();
        self.least.add_to(&mut others);
        self.most.add_to(&mut most);
        (others, most)
    }

    /// How many they are.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.seen.len()
    }

    /// How much may have been added, and how much hidden: sums, microseconds.
    #[must_use]
    pub fn by(&self) -> (u64, u64) {
        let (seen, least, most) = (self.seen.sum(), self.least.sum(), self.most.sum());
        (seen.saturating_sub(least), most.saturating_sub(seen))
    }
}

/// The top of the range fits the type of a value.
const HIGH: u32 = {
    assert!(limits::HISTOGRAM_HIGH_US <= u32::MAX as u64);
    limits::HISTOGRAM_HIGH_US as u32
};

impl Samples {
    /// Records a finished observation.
    pub fn record(&mut self, value: Duration) {
        let value = self.held(value);
        self.values.add(value);
    }

    /// Records one that had not ended when the run was closed.
    pub fn censor(&mut self, age: Duration) {
        let age = self.held(age);
        self.censored.add(age);
    }

    /// Records one that failed.
    pub fn fail(&mut self, age: Duration) {
        let age = self.held(age);
        self.failed.add(age);
    }

    /// Records any.
    pub fn enter(&mut self, seen: Seen) {
        match seen {
            Seen::Whole(value) => self.record(value),
            Seen::Cut(age) => self.censor(age),
            Seen::Failed(age) => self.fail(age),
        }
    }

    /// Records either, with the bounds of what it would be without the instrument's errors.
    pub fn enter_within(&mut self, seen: Seen, within: Within) {
        self.enter(seen);
        let length = seen.length();
        // One that failed stands above all that ended, whatever held it up.
        if matches!(seen, Seen::Failed(_)) {
            return;
        }
        if within.least == length && within.most == length {
            return;
        }
        let doubted = self.doubted.get_or_insert_default();
        let held = |length: Duration| clock::micros_u32(length).min(HIGH);
        doubted.seen.add(held(length));
        doubted.least.add(held(within.least));
        doubted.most.add(held(within.most));
    }

    /// Whether nothing at all was observed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.values.is_empty() && self.censored.is_empty() && self.failed.is_empty()
    }

    /// How many observations there are, the censored included.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.values.len() + self.without_end()
    }

    /// How many have no end.
    #[must_use]
    pub fn without_end(&self) -> u64 {
        self.censored.len() + self.failed.len()
    }

    /// Every observation: the censored at the age they had reached, those that failed at the
    /// greatest value or age of all, since none that ended took longer than they.
    #[must_use]
    pub fn histogram(&self) -> Histogram<u64> {
        let mut all = self.values.histogram();
        self.add_without_end(&mut all);
        all
    }

    /// Those of [`Samples::histogram`] that have no end.
    #[must_use]
    pub fn histogram_without_end(&self) -> Histogram<u64> {
        let mut open = reservoir::empty();
        self.add_without_end(&mut open);
        open
    }

    fn add_without_end(&self, to: &mut Histogram<u64>) {
        self.censored.add_to(to);
        let piles = [&self.values, &self.censored, &self.failed];
        let top =
            piles.into_iter().filter_map(DurationReservoir::extremes).map(|(_, most)| most).max();
        to.saturating_record_n(u64::from(top.unwrap_or_default()), self.failed.len());
    }

    fn held(&mut self, value: Duration) -> u32 {
        let micros = clock::micros_u32(value);
        self.overflow += u64::from(micros > HIGH);
        micros.min(HIGH)
    }
}

/// The histogram of an interval. One of a simulation reaches as far as its values do.
#[must_use]
pub fn interval(values: &Values) -> Histogram<u64> {
    let mut all = reservoir::empty();
    if let Values::Counted(counted) = values
        && counted.iter().any(|(us, _)| *us > limits::HISTOGRAM_HIGH_US)
    {
        all.auto(true);
    }
    for (us, count) in values.counted() {
        // Beyond the range only where it grows.
        let _fits = all.record_n(us, count);
    }
    all
}

/// HdrHistogram V2, deflated, in base64. Empty if it cannot be written, which memory can not.
#[must_use]
pub fn encode(histogram: &Histogram<u64>) -> String {
    let mut bytes = Vec::new();
    match V2DeflateSerializer::new().serialize(histogram, &mut bytes) {
        Ok(_) => STANDARD.encode(bytes),
        Err(_) => String::new(),
    }
}

/// The histogram in a report.
#[must_use]
pub fn decode(latency: &Latency) -> Option<Histogram<u64>> {
    read(&latency.hdr)
}

/// What [`encode`] wrote; `None` if it is damaged.
#[must_use]
pub fn read(hdr: &str) -> Option<Histogram<u64>> {
    let bytes = STANDARD.decode(hdr).ok()?;
    Deserializer::new().deserialize(&mut bytes.as_slice()).ok()
}

/// Several runs' histograms as one, encoded; empty without any. What cannot be read is left out.
#[must_use]
pub fn merged<'a>(latencies: impl Iterator<Item = &'a Latency>) -> String {
    let mut all = reservoir::empty();
    for one in latencies.filter_map(decode) {
        // Ours all have the same range, so that nothing is beyond it.
        let _within = all.add(&one);
    }
    if all.is_empty() { String::new() } else { encode(&all) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::synthetic::histogram;

    #[test]
    fn a_value_beyond_the_range_is_counted_and_held_at_the_top() {
        let mut samples = Samples::default();
        samples.record(Duration::from_millis(5));
        samples.record(Duration::from_secs(2 * 3600));
        samples.censor(Duration::from_secs(1 << 40));
        assert_eq!(samples.overflow, 2);
        assert_eq!(samples.values.in_order(), [5000, HIGH]);
        assert_eq!(samples.histogram().len(), 3);
    }

    #[test]
    fn failures_rank_above_everything_that_ended() {
        let mut samples = Samples::default();
        (1..=98).for_each(|ms| samples.record(Duration::from_millis(ms)));
        (0..2).for_each(|_| samples.fail(Duration::from_micros(40)));
        let all = samples.histogram();
        assert_eq!((all.len(), all.value_at_quantile(0.49)), (100, 49_023));
        assert_eq!(all.count_between(98_000, u64::MAX), 3);
        assert_eq!(samples.histogram_without_end().max(), all.max());
    }

    #[test]
    fn a_histogram_survives_its_encoding() {
        let original = histogram(&[1, 1000, 1000, 3_000_000]);
        assert_eq!(read(&encode(&original)).expect("a histogram"), original);
        assert!(read("AAAA").is_none(), "a damaged one is none");
    }

    #[test]
    fn histograms_of_several_runs_become_one() {
        let of = |values: &[u32]| Latency { hdr: encode(&histogram(values)), ..Latency::default() };
        let both = [of(&[1, 1000]), of(&[1000, 5])];
        let whole = read(&merged(both.iter())).expect("a histogram");
        assert_eq!(whole, histogram(&[1, 5, 1000, 1000]));
        assert_eq!(merged(std::iter::empty()), "");
    }
}
