//! What was measured: latencies, the queue, destinations, faults, retries, replies.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::bound::{Certainty, Marked};
use super::recovery::{ConnectionFacts, RecoveryFacts};

/// One latency metric, microseconds.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct Latency {
    /// Always `us`.
    pub unit: String,
    /// Samples, censored ones not included.
    pub count: u64,
    /// Observations without an end: cut off by the end of the run at the age they had reached, or
    /// failed.
    pub censored: u64,
    /// Of the censored, those that failed: what they waited for never arrived. They count as longer
    /// than every sample.
    #[serde(default)]
    pub failed: u64,
    /// Values beyond the histogram's range.
    pub overflow: u64,
    /// Least.
    pub min: Option<u64>,
    /// Mean.
    pub mean: Option<f64>,
    /// Percentiles; null when there are too few samples to state one.
    pub p50: Option<u64>,
    /// 75th percentile.
    pub p75: Option<u64>,
    /// 90th percentile.
    pub p90: Option<u64>,
    /// 95th percentile.
    pub p95: Option<u64>,
    /// 99th percentile.
    pub p99: Option<u64>,
    /// 99.9th percentile.
    pub p999: Option<u64>,
    /// 99.99th percentile.
    pub p9999: Option<u64>,
    /// Greatest.
    pub max: Option<u64>,
    /// Statistics that the censored can raise: the true value is at least the one given.
    pub at_least: Vec<String>,
    /// Percentiles withheld: too few samples.
    pub too_few: Vec<String>,
    /// Figures of which the instrument itself may have made a good part, or hidden one: what they
    /// lie between without its lag, hiccups and waits for a processor. Empty in a simulated run, which
    /// no instrument takes part in.
    #[serde(default)]
    pub doubtful: Vec<DoubtfulFigure>,
    /// The same of every figure that is not exact, by name, microseconds, however little it is: for
    /// thresholds, not part of a report.
    #[serde(skip)]
    #[schemars(skip)]
    pub range: BTreeMap<String, (u64, u64)>,
    /// HdrHistogram V2 deflate, base64; censored observations included, at the age they had
    /// reached or, where they failed, at the greatest value or age of all.
    pub hdr: String,
    /// The censored observations alone, as they are in `hdr`; empty without any.
    #[serde(default)]
    pub hdr_censored: String,
}

impl Latency {
    /// A statistic in microseconds by its name in thresholds, with its mark; `None`: it cannot be
    /// stated.
    #[must_use]
    pub fn stat(&self, name: &str) -> Option<Marked<u64>> {
        let us = match name {
            "min" => self.min,
            "mean" => self.mean.map(|mean| mean.round() as u64),
            "p50" => self.p50,
            "p75" => self.p75,
            "p90" => self.p90,
            "p95" => self.p95,
            "p99" => self.p99,
            "p999" => self.p999,
            "p9999" => self.p9999,
            "max" => self.max,
            _ => None,
        };
        us.map(|us| Marked::new(us, Certainty::at_least(self.is_bound(name))))
    }

    /// Whether a statistic is only a lower bound.
    #[must_use]
    pub fn is_bound(&self, name: &str) -> bool {
        self.at_least.iter().any(|bound| bound == name)
    }
}

/// A figure that is not to be taken as it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DoubtfulFigure {
    /// `p99`, `max`, …
    pub stat: String,
    /// Without the instrument's errors it is at least this, microseconds.
    pub least: u64,
    /// And at most this, microseconds.
    pub most: u64,
}

impl Latency {
    /// Whether the instrument may have made a good part of a figure, or hidden one.
    #[must_use]
    pub fn is_doubtful(&self, stat: &str) -> bool {
        self.doubtful.iter().any(|one| one.stat == stat)
    }
}

/// The queue over the run.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct QueueFacts {
    /// Accepted, not yet delivered or bounced: peak.
    pub backlog_max: u64,
    /// When the peak was, seconds since the start of the measured period.
    pub backlog_max_at_s: f64,
    /// Mean over the measured period.
    pub backlog_mean: f64,
    /// At the close.
    pub backlog_end: u64,
    /// Peak of the length the target reports; null where it cannot be asked.
    pub length_max: Option<u64>,
    /// Mean of that length.
    pub length_mean: Option<f64>,
    /// That length at the close.
    pub length_end: Option<u64>,
    /// Peak of what the target reports to wait for a further attempt; null where it does not tell.
    #[serde(default)]
    pub deferred_max: Option<u64>,
    /// Peak of what the target reports to have set aside, not to be tried again.
    #[serde(default)]
    pub frozen_max: Option<u64>,
    /// Whether the queue was proved empty.
    pub proved_empty: bool,
    /// Last fault healed or load stopped, whichever came later, to backlog 0, seconds; null when
    /// it did not drain. How long after a fault the queue was as before is `recovery`.
    pub drain_time_s: Option<f64>,
    /// By fault window and act of chaos, in order of beginning: how long until the backlog was as
    /// before.
    #[serde(default)]
    pub recovery: Vec<RecoveryFacts>,
    /// The longest of them, seconds; null without a fault window or chaos.
    #[serde(default)]
    pub recovery_time_max_s: Option<f64>,
    /// Whether that is a lower bound: the backlog had not recovered from one of them at the close.
    #[serde(default)]
    pub recovery_time_max_at_least: bool,
    /// Attempts for each delivered probe: mean.
    pub attempts_per_delivery_mean: Option<f64>,
    /// Attempts for each delivered probe: most.
    pub attempts_per_delivery_max: Option<u64>,
    /// All attempts for each delivered probe, those for mail that was never delivered included.
    pub retry_amplification: Option<f64>,
    /// Connections that the target tried to open to the destinations; null where there is no
    /// target.
    #[serde(default)]
    pub connection_attempts: Option<ConnectionFacts>,
    /// Jain index of the speeds (1 over mean end-to-end time) of the destinations without a fault;
    /// null with fewer than two of at least ten probes.
    pub fairness: Option<f64>,
    /// Thundering herd: whether what waited came at once when the last fault healed; null without
    /// such a fault.
    pub herd: Option<HerdFacts>,
    /// What a sick destination cost the healthy ones; null where it is not known.
    pub isolation: Option<IsolationFacts>,
}

/// Attempts after the last fault healed or the target came back, in stretches of 100 ms. An attempt
/// is one transaction, however many recipients it has.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct HerdFacts {
    /// How long was looked at: the longest wait between two attempts, seconds.
    pub over_s: f64,
    /// Attempts in the busiest stretch, a second.
    pub peak_per_s: f64,
    /// Attempts in the busiest stretch, over what independent attempts (Poisson) of the same rate
    /// would show in their busiest: 1 is no burst.
    pub index: f64,
    /// Busiest stretch over mean stretch.
    #[serde(default)]
    pub peak_to_mean: f64,
    /// Variance over mean of the stretches; 1 where attempts are independent.
    pub fano: f64,
}

/// End-to-end times of mail to destinations without a fault, microseconds.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct IsolationFacts {
    /// 99th percentile of mail due before the first fault.
    before_p99_us: u64,
    /// 99th percentile of mail due while a fault held elsewhere.
    during_p99_us: u64,
    /// The latter over the former; 1 is perfect isolation; null where both are lower bounds.
    inflation: Option<f64>,
    /// Which of these are lower bounds: observations without an end could raise them.
    #[serde(default)]
    at_least: Vec<String>,
    /// Which of these are upper bounds.
    #[serde(default)]
    at_most: Vec<String>,
}

impl IsolationFacts {
    /// From both percentiles.
    #[must_use]
    pub fn new(before: Marked<u64>, during: Marked<u64>) -> IsolationFacts {
        let inflation = during / before;
        let marks = [
            ("before_p99_us", Some(before.certainty)),
            ("during_p99_us", Some(during.certainty)),
            ("inflation", inflation.map(|it| it.certainty)),
        ];
        IsolationFacts {
            before_p99_us: before.bare(),
            during_p99_us: during.bare(),
            inflation: inflation.map(Marked::bare),
            at_least: named(&marks, Certainty::AtLeast),
            at_most: named(&marks, Certainty::AtMost),
        }
    }

    /// 99th percentile before the first fault, microseconds.
    #[must_use]
    pub fn before(&self) -> Marked<u64> {
        Marked::new(self.before_p99_us, self.mark("before_p99_us"))
    }

    /// 99th percentile while a fault held elsewhere, microseconds.
    #[must_use]
    pub fn during(&self) -> Marked<u64> {
        Marked::new(self.during_p99_us, self.mark("during_p99_us"))
    }

    /// The latter over the former; `None`: both are lower bounds.
    #[must_use]
    pub fn inflation(&self) -> Option<Marked<f64>> {
        self.inflation.map(|times| Marked::new(times, self.mark("inflation")))
    }

    fn mark(&self, name: &str) -> Certainty {
        mark(name, &self.at_least, &self.at_most)
    }
}

/// The names of figures with one mark.
pub(super) fn named(marks: &[(&str, Option<Certainty>)], wanted: Certainty) -> Vec<String> {
    let found = marks.iter().filter(|(_, mark)| *mark == Some(wanted));
    found.map(|(name, _)| (*name).to_owned()).collect()
}

/// The mark of a figure among those named.
pub(super) fn mark(name: &str, at_least: &[String], at_most: &[String]) -> Certainty {
    let among = |names: &[String]| names.iter().any(|known| known == name);
    match (among(at_least), among(at_most)) {
        (true, _) => Certainty::AtLeast,
        (false, true) => Certainty::AtMost,
        (false, false) => Certainty::Exact,
    }
}

/// What a closed load hides, and the figure corrected for it.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ClosedFacts {
    /// How long a session needs from one message to the next while nothing is late, microseconds:
    /// the median of `submit_response` and the mean think time.
    pub expected_interval_us: u64,
    /// Messages that were not sent because replies were late.
    pub omitted: u64,
    /// `submit_response` with these (HdrHistogram's correction for coordinated omission). Not what
    /// was measured, and no threshold bounds it.
    pub corrected_submit_response: Latency,
}

/// One destination.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct DestinationFacts {
    /// Its domain.
    pub domain: String,
    /// Whether a fault rule names it (or names no destination).
    pub faulty: bool,
    /// Counts by name, as in `counts` of the whole run.
    pub counts: BTreeMap<String, u64>,
    /// As `counts_outside_period` of the whole run.
    #[serde(default)]
    pub counts_outside_period: BTreeMap<String, u64>,
    /// As `rates` of the whole run.
    #[serde(default)]
    pub rates: BTreeMap<String, f64>,
    /// Latency by metric.
    pub latency: BTreeMap<String, Latency>,
    /// Attempts for each delivered probe: mean.
    pub attempts_per_delivery_mean: Option<f64>,
}

/// One fault rule.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct FaultFacts {
    /// Its name.
    pub name: String,
    /// Stage.
    pub stage: String,
    /// Destination domain, if limited to one.
    pub destination: Option<String>,
    /// What it does, in words.
    pub action: String,
    /// Window, seconds into the measured period.
    pub during_s: Option<(f64, f64)>,
    /// Attempts and sessions it decided, from the measured period on.
    pub struck: u64,
}

/// Something that was done to the target itself, and how it came back.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ChaosFacts {
    /// `kill`, `pause`, `restart` or `run`.
    pub what: String,
    /// What was done, in words; of a command, how it ended.
    pub detail: String,
    /// When, seconds into the measured period.
    pub at_s: f64,
    /// From then until the target greeted again, was resumed, or the command ended, seconds; null
    /// when it never came back.
    pub down_s: Option<f64>,
    /// From then until the first message was accepted once it was back, seconds.
    pub first_accept_s: Option<f64>,
    /// From then until the first probe was delivered once it was back, seconds.
    pub first_delivery_s: Option<f64>,
}

/// One point of the retry curve: the gap after attempt `attempt`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct RetryPoint {
    /// Attempt number the gap follows.
    pub attempt: u32,
    /// Configured delay, seconds, before jitter; null where mailbench does not set the target's
    /// schedule and the scenario does not say what it is.
    pub configured_s: Option<f64>,
    /// Gaps seen.
    pub count: u64,
    /// Observed, seconds.
    pub p5_s: f64,
    /// Median, seconds.
    pub p50_s: f64,
    /// 95th percentile, seconds.
    pub p95_s: f64,
    /// Gaps shorter than the configured least allows.
    pub early: u64,
    /// Probes deferred this often, still owed an attempt, that saw none.
    pub missed: u64,
}

/// How often one reply code was seen.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ReplyCount {
    /// `target` (read by traffic) or `sink` (given by the sink).
    pub by: String,
    /// Stage.
    pub stage: String,
    /// Code.
    pub code: u16,
    /// How often.
    pub count: u64,
    /// One text that came with it.
    pub example: String,
}
