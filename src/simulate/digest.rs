//! A histogram that takes values as they come, and what a report says of it.
//!
//! Five days of retries are beyond the range of a real run's histogram; this one reaches ten.
//! Nothing fails in a simulation without a reply: what has no end was cut off by the close.

use hdrhistogram::Histogram;

use crate::measure::latency::reservoir::growing;
use crate::measure::latency::samples::encode;
use crate::measure::latency::{Open, state};
use crate::measure::results::{Latency, Values};

/// Durations of one metric.
#[derive(Clone, Debug)]
pub(super) struct Digest {
    all: Histogram<u64>,
    /// Those of `all` that had not ended at the close; none in most.
    open: Option<Box<Histogram<u64>>>,
    count: u64,
    /// Nanoseconds.
    sum: f64,
    /// Microseconds; `least` of those that ended.
    least: u64,
    most: u64,
    youngest: u64,
}

impl Default for Digest {
    fn default() -> Digest {
        let all = growing();
        let (least, youngest) = (u64::MAX, u64::MAX);
        Digest { all, open: None, count: 0, sum: 0.0, least, most: 0, youngest }
    }
}

impl Digest {
    pub(super) fn record(&mut self, nanos: u64) {
        self.count += 1;
        self.least = self.least.min(nanos / 1000);
        self.enter(nanos);
    }

    /// One that had not ended at the close.
    pub(super) fn censor(&mut self, nanos: u64) {
        self.youngest = self.youngest.min(nanos / 1000);
        let open = self.open.get_or_insert_with(|| Box::new(growing()));
        let _fits = open.record(nanos / 1000);
        self.enter(nanos);
    }

    fn enter(&mut self, nanos: u64) {
        let us = nanos / 1000;
        self.sum += nanos as f64;
        self.most = self.most.max(us);
        // It grows with its values, so that none is out of range.
        let _fits = self.all.record(us);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// The value at a share of the observations, microseconds; none without any.
    pub(super) fn at(&self, share: f64) -> Option<u64> {
        (!self.is_empty()).then(|| self.all.value_at_quantile(share))
    }

    /// Every value, microseconds, and how often; none without any.
    pub(super) fn values(&self) -> Option<Values> {
        (!self.is_empty()).then(|| Values::of(&self.all))
    }

    /// As `measure::latency` summarises samples: what cannot be stated is null and named.
    pub(super) fn summarise(&self) -> Latency {
        let censored = self.all.len() - self.count;
        let mut latency = Latency {
            unit: "us".to_owned(),
            count: self.count,
            censored,
            hdr: encode(&self.all),
            hdr_censored: self.open.as_ref().map_or_else(String::new, |open| encode(open)),
            ..Latency::default()
        };
        if !self.is_empty() {
            latency.max = Some(self.most);
            latency.mean = Some(self.sum / 1e3 / self.all.len() as f64);
        }
        let open = Open { count: censored, youngest: self.youngest, beyond_range: false };
        state(&mut latency, &self.all, self.least, &open);
        latency
    }
}
