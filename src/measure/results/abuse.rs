//! Bad clients beside the honest load, as a report has them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What the target made of bad clients, and what honest senders felt.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct AbuseReport {
    /// By `[[abuse]]` entry, in scenario order.
    pub profiles: Vec<AbuseFacts>,
    /// Honest mail during the abuse against honest mail before it; null where there is no such
    /// mail to compare.
    pub honest: Option<HonestFacts>,
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

/// What honest mail felt: due to reply, and what of it was not accepted.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct HonestFacts {
    /// Median of mail due before any bad client came, microseconds.
    pub before_p50_us: Option<u64>,
    /// Median of mail due while some were there, microseconds.
    pub during_p50_us: Option<u64>,
    /// 99th percentile before, microseconds; null with too little mail.
    pub before_p99_us: Option<u64>,
    /// 99th percentile during, microseconds; null with too little mail.
    pub during_p99_us: Option<u64>,
    /// The latter over the former; 1: nothing was felt.
    pub inflation_p99: Option<f64>,
    /// Share of the recipients that were not accepted before, 0 to 1.
    pub before_unaccepted: f64,
    /// Share of the recipients that were not accepted during, 0 to 1.
    pub during_unaccepted: f64,
}
