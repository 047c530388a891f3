//! Rows and intervals beside `report.json`: second by second, attempt by attempt.

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use crate::ledger::event::Period;

/// One interval of `latency.hlog`.
#[derive(Debug)]
pub struct Interval {
    /// Metric.
    pub metric: String,
    /// Whether the mail was due in the warm-up; else in the measured period.
    pub warm_up: bool,
    /// How the observations ended.
    pub ending: Ending,
    /// Start, seconds since the run's epoch.
    pub start_s: f64,
    /// Length in seconds.
    pub length_s: f64,
    /// What was observed. A histogram of each interval would hold far more memory than the values;
    /// `measure::samples::interval` makes one at a time, for the writer of the log.
    pub values: Values,
}

/// How the observations of an interval ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ending {
    /// As they should.
    Whole,
    /// They did not: the run ended first, and these are the ages they had reached.
    Censored,
    /// They failed: what they waited for never arrived, and these are their ages then.
    Failed,
}

impl Interval {
    /// The tag: the metric; `.warm-up` of mail due in the warm-up; `.censored` or `.failed` of
    /// observations without an end.
    #[must_use]
    pub fn tag(&self) -> String {
        let period = if self.warm_up { ".warm-up" } else { "" };
        let ending = match self.ending {
            Ending::Whole => "",
            Ending::Censored => ".censored",
            Ending::Failed => ".failed",
        };
        format!("{}{period}{ending}", self.metric)
    }
}

/// Durations of one interval, microseconds.
#[derive(Debug)]
pub enum Values {
    /// One by one.
    Each(Vec<u32>),
    /// Where there are many: each step of a histogram that was met, and how often.
    Counted(Vec<(u64, u64)>),
}

impl Values {
    /// The steps of a histogram.
    #[must_use]
    pub fn of(all: &Histogram<u64>) -> Values {
        let steps = all.iter_recorded();
        let counted = steps.map(|it| (it.value_iterated_to(), it.count_since_last_iteration()));
        Values::Counted(counted.collect())
    }

    /// Each value, and how often.
    pub fn counted(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        let (each, counted) = match self {
            Values::Each(each) => (&each[..], &[][..]),
            Values::Counted(counted) => (&[][..], &counted[..]),
        };
        each.iter().map(|us| (u64::from(*us), 1)).chain(counted.iter().copied())
    }
}

/// One second of the run.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct SeriesRow {
    /// Second, from the epoch.
    pub t_s: u64,
    /// Period it lies in.
    pub period: Period,
    /// Probes due.
    pub offered: u64,
    /// Probes accepted by the target.
    pub accepted: u64,
    /// Probes delivered to the sink.
    pub delivered: u64,
    /// Probes bounced.
    pub bounced: u64,
    /// Attempts rejected.
    pub rejected: u64,
    /// Attempts deferred.
    pub deferred: u64,
    /// Accepted less delivered less bounced, at the end of the second.
    pub backlog: u64,
    /// As the target reports it; empty where it cannot be asked.
    pub queue_length: Option<u64>,
    /// Offered, without a reply, at the end of the second.
    pub inflight: u64,
    /// Sessions of traffic.
    pub conns: u64,
    /// Sessions at the sink.
    pub sink_conns: u64,
    /// Latencies of what finished in this second, or was no longer watched from it on; empty
    /// without samples. A row of the warm-up is about mail due in it, every other about mail of the
    /// measured period. With `submit_censored` or `e2e_censored` they are lower bounds.
    pub submit_p50_us: Option<u64>,
    /// 99th percentile.
    pub submit_p99_us: Option<u64>,
    /// End to end.
    pub e2e_p50_us: Option<u64>,
    /// End to end, 99th percentile.
    pub e2e_p99_us: Option<u64>,
    /// Schedule lag, 99th percentile.
    pub lag_p99_us: Option<u64>,
    /// CPU of mailbench, percent of one core.
    pub cpu_pct: f64,
    /// Resident memory of mailbench.
    pub rss_bytes: u64,
    /// CPU of the target, percent of one core; empty where its processes are not ours.
    pub target_cpu_pct: Option<f64>,
    /// Resident memory of the target.
    pub target_rss_bytes: Option<u64>,
    /// Bytes the target moved to and from disks, a second.
    pub target_io_bytes: Option<u64>,
    /// Open files of the target.
    pub target_files: Option<u32>,
    /// Processes of the target.
    pub target_processes: Option<u32>,
    /// Names of faults whose window is open and of chaos that lasts, joined by `;`.
    pub faults: String,
    /// Of the target's queue: being delivered or about to be; empty where it does not tell.
    pub queue_active: Option<u64>,
    /// Of the target's queue: waiting for a further attempt.
    pub queue_deferred: Option<u64>,
    /// Of the target's queue: set aside, not tried again by itself.
    pub queue_frozen: Option<u64>,
    /// Of `submit_*_us`: observations without an end.
    #[serde(default)]
    pub submit_censored: u64,
    /// Of `e2e_*_us`: observations without an end.
    #[serde(default)]
    pub e2e_censored: u64,
    /// Longest time that mailbench stood still, of those that ended in this second, microseconds.
    #[serde(default)]
    pub hiccup_us: u64,
}

/// One attempt as a row.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct AttemptRow {
    /// Start, seconds since the epoch.
    pub started_s: f64,
    /// End, seconds since the epoch.
    pub ended_s: f64,
    /// Probe number.
    pub probe: u64,
    /// Domain.
    pub destination: String,
    /// 1 for the first.
    pub attempt: u32,
    /// Session ordinal.
    pub session: u64,
    /// Stage of its conclusion.
    pub stage: String,
    /// How it ended.
    pub outcome: String,
    /// Reply code.
    pub code: Option<u16>,
    /// Enhanced status code.
    pub enhanced: String,
    /// Text of the reply.
    pub text: String,
    /// Name of the fault rule that decided it.
    pub fault: String,
    /// Whether the peer proved that it read the reply.
    pub confirmed: bool,
    /// Damage to its content, joined by `;`.
    pub damage: String,
    /// Other changes of its content, joined by `;`.
    pub changes: String,
}
