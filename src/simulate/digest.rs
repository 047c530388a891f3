//! A histogram that takes values as they come, and what a report says of it.
//!
//! Five days of retries are beyond the range of a real run's histogram; this one reaches ten.

use hdrhistogram::Histogram;

use crate::measure::latency::{PERCENTILES, field};
use crate::measure::pile::growing;
use crate::measure::results::{Latency, Values};
use crate::measure::samples::encode;

/// Durations of one metric.
#[derive(Clone, Debug)]
pub(super) struct Digest {
    all: Histogram<u64>,
    count: u64,
    /// Nanoseconds.
    sum: f64,
    least: u64,
    most: u64,
    censored: u64,
    youngest: u64,
}

impl Default for Digest {
    fn default() -> Digest {
        let all = growing();
        let (least, youngest) = (u64::MAX, u64::MAX);
        Digest { all, count: 0, sum: 0.0, least, most: 0, censored: 0, youngest }
    }
}

impl Digest {
    pub(super) fn record(&mut self, nanos: u64) {
        self.count += 1;
        self.enter(nanos);
    }

    /// One that had not ended at the close.
    pub(super) fn censor(&mut self, nanos: u64) {
        self.censored += 1;
        self.youngest = self.youngest.min(nanos / 1000);
        self.enter(nanos);
    }

    fn enter(&mut self, nanos: u64) {
        let us = nanos / 1000;
        self.sum += nanos as f64;
        self.least = self.least.min(us);
        self.most = self.most.max(us);
        // It grows with its values, so that none is out of range.
        let _fits = self.all.record(us);
    }

    pub(super) fn clear(&mut self) {
        self.all.reset();
        (self.count, self.censored, self.sum) = (0, 0, 0.0);
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
        let mut latency = Latency {
            unit: "us".to_owned(),
            count: self.count,
            censored: self.censored,
            hdr: encode(&self.all),
            ..Latency::default()
        };
        if self.is_empty() {
            return latency;
        }
        (latency.min, latency.max) = (Some(self.least), Some(self.most));
        latency.mean = Some(self.sum / 1e3 / self.all.len() as f64);
        let open = self.censored as f64 / self.all.len() as f64;
        for percentile in PERCENTILES {
            if self.all.len() < percentile.needs {
                latency.too_few.push(percentile.name.to_owned());
                continue;
            }
            let value = self.all.value_at_quantile(percentile.share);
            *field(&mut latency, percentile.name) = Some(value);
            if percentile.share > 1.0 - open || value > self.youngest {
                latency.at_least.push(percentile.name.to_owned());
            }
        }
        if self.censored > 0 {
            latency.at_least.extend(["mean".to_owned(), "max".to_owned()]);
        }
        latency
    }
}
