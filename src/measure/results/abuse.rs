//! Bad clients beside the honest load, as a report has them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::bound::{Certainty, Marked};
use super::figures::{Latency, mark, named};

/// What the target made of bad clients, and what legitimate clients saw.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct AbuseReport {
    /// By `[[abuse]]` entry, in scenario order.
    pub profiles: Vec<AbuseFacts>,
    /// Legitimate mail during the abuse against that before it; null where there is no such
    /// mail to compare.
    pub honest: Option<LegitimateFacts>,
}

/// One `[[abuse]]` entry.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct AbuseFacts {
    /// Its name.
    pub name: String,
    /// What such a client does.
    pub kind: String,
    /// How many at a time.
    pub at_once: u32,
    /// Offsets into the measured period, seconds; null: all of it.
    pub during_s: Option<(f64, f64)>,
    /// How many came in all.
    pub sessions: u64,
    /// Found no connection.
    pub unconnected: u64,
    /// Were answered 4yz or 5yz.
    pub refused: u64,
    /// Were cut off without a word.
    pub cut_off: u64,
    /// Did what they came for, or were still at it when their time was over.
    pub tolerated: u64,
    /// How long one lasted, microseconds: mean.
    pub held_mean_us: u64,
    /// How long one lasted, microseconds: longest.
    pub held_max_us: u64,
}

/// What legitimate mail saw: due to reply, and what of it was not accepted.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct LegitimateFacts {
    /// Median of mail due before any bad client came, microseconds.
    before_p50_us: Option<u64>,
    /// Median of mail due while some were there, microseconds.
    during_p50_us: Option<u64>,
    /// 99th percentile before, microseconds; null with too little mail.
    before_p99_us: Option<u64>,
    /// 99th percentile during, microseconds; null with too little mail.
    during_p99_us: Option<u64>,
    /// The latter over the former; 1: no effect; null also where both are lower bounds.
    inflation_p99: Option<f64>,
    /// Which of these are lower bounds: observations without an end could raise them.
    #[serde(default)]
    at_least: Vec<String>,
    /// Which of these are upper bounds.
    #[serde(default)]
    at_most: Vec<String>,
    /// Share of the recipients that were not accepted before, 0 to 1.
    pub before_unaccepted: f64,
    /// Share of the recipients that were not accepted during, 0 to 1.
    pub during_unaccepted: f64,
}

/// A percentile of legitimate mail, where it can be stated.
pub type Percentile = Option<Marked<u64>>;

impl LegitimateFacts {
    /// From the times before and during, and the shares that were not accepted.
    #[must_use]
    pub fn new(times: [&Latency; 2], unaccepted: [f64; 2]) -> LegitimateFacts {
        let [before, during] = times.map(|latency| ["p50", "p99"].map(|name| latency.stat(name)));
        let inflation = during[1].zip(before[1]).and_then(|(during, before)| during / before);
        let mark = |percentile: Percentile| percentile.map(|it| it.certainty);
        let marks = [
            ("before_p50_us", mark(before[0])),
            ("during_p50_us", mark(during[0])),
            ("before_p99_us", mark(before[1])),
            ("during_p99_us", mark(during[1])),
            ("inflation_p99", inflation.map(|it| it.certainty)),
        ];
        let bare = |percentile: Percentile| percentile.map(Marked::bare);
        LegitimateFacts {
            before_p50_us: bare(before[0]),
            during_p50_us: bare(during[0]),
            before_p99_us: bare(before[1]),
            during_p99_us: bare(during[1]),
            inflation_p99: inflation.map(Marked::bare),
            at_least: named(&marks, Certainty::AtLeast),
            at_most: named(&marks, Certainty::AtMost),
            before_unaccepted: unaccepted[0],
            during_unaccepted: unaccepted[1],
        }
    }

    /// Medians before and during, microseconds.
    #[must_use]
    pub fn p50(&self) -> [Percentile; 2] {
        [
            self.marked("before_p50_us", self.before_p50_us),
            self.marked("during_p50_us", self.during_p50_us),
        ]
    }

    /// 99th percentiles before and during, microseconds.
    #[must_use]
    pub fn p99(&self) -> [Percentile; 2] {
        [
            self.marked("before_p99_us", self.before_p99_us),
            self.marked("during_p99_us", self.during_p99_us),
        ]
    }

    /// The 99th percentile during over that before.
    #[must_use]
    pub fn inflation(&self) -> Option<Marked<f64>> {
        self.marked("inflation_p99", self.inflation_p99)
    }

    fn marked<T: Copy>(&self, name: &str, value: Option<T>) -> Option<Marked<T>> {
        value.map(|value| Marked::new(value, mark(name, &self.at_least, &self.at_most)))
    }
}
