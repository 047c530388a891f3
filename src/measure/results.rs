//! The results of a run: the shape of `report.json` (contract §5), and the series beside it.
//!
//! Report formats read these and compute nothing.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Version of the shape of [`Results`].
pub const SCHEMA_VERSION: u32 = 1;

/// Everything judged from one run.
#[derive(Debug)]
pub struct Findings {
    /// `report.json`.
    pub results: Results,
    /// `timeseries.csv`: one row a second of the run.
    pub series: Vec<SeriesRow>,
    /// `attempts.csv`: every attempt seen by the sink, in order of its end.
    pub attempts: Vec<AttemptRow>,
    /// `latency.hlog`: per second and metric.
    pub intervals: Vec<Interval>,
}

/// One interval of `latency.hlog`.
#[derive(Debug)]
pub struct Interval {
    /// Metric: the tag.
    pub metric: String,
    /// Start, seconds since the run's epoch.
    pub start_s: f64,
    /// Length in seconds.
    pub length_s: f64,
    /// Values in microseconds. A histogram of each would hold far more memory than the values;
    /// `measure::samples::histogram` makes one at a time, for whoever writes the log.
    pub values_us: Vec<u32>,
}

/// `report.json`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Results {
    /// Version of this shape.
    pub schema_version: u32,
    /// What wrote it.
    pub tool: Tool,
    /// The run.
    pub run: Run,
    /// Facts about the machine.
    pub environment: BTreeMap<String, String>,
    /// The system under test.
    pub target: TargetFacts,
    /// Whether the instrument is to be believed.
    pub health: Health,
    /// What was asked for.
    pub load: LoadFacts,
    /// Every count of contract §4 and every class of correctness §2.2, over the measured period.
    pub counts: BTreeMap<String, u64>,
    /// Messages or probes a second over the measured period, by the name of the count.
    pub rates: BTreeMap<String, f64>,
    /// By metric.
    pub latency: BTreeMap<String, Latency>,
    /// The queue.
    pub queue: QueueFacts,
    /// By destination, in scenario order.
    pub destinations: Vec<DestinationFacts>,
    /// By fault rule, in scenario order.
    pub faults: Vec<FaultFacts>,
    /// By attempt number: observed gap against configured delay.
    pub retry_curve: Vec<RetryPoint>,
    /// Replies by stage and code, seen by traffic and given by the sink.
    pub replies: Vec<ReplyCount>,
    /// The ledger's verdict.
    pub correctness: Correctness,
    /// Bounds of the scenario, in file order.
    pub thresholds: Vec<ThresholdResult>,
    /// Resource use of the instrument (and later of the target).
    pub resources: Resources,
    /// What a reader should know before believing a number.
    pub warnings: Vec<Warning>,
    /// The end of it.
    pub verdict: Verdict,
}

/// What wrote a report.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Tool {
    /// `mailbench`.
    pub name: String,
    /// Its version.
    pub version: String,
}

/// The run.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Run {
    /// Unique id.
    pub id: String,
    /// Scenario name.
    pub name: String,
    /// The scenario's question.
    pub question: String,
    /// RFC 3339, UTC.
    pub started_at: String,
    /// From the epoch to the close of the run, seconds.
    pub duration_s: f64,
    /// Start of the measured period, seconds since the epoch.
    pub measured_from_s: f64,
    /// End of the measured period, seconds since the epoch.
    pub measured_to_s: f64,
    /// Seed.
    pub seed: u64,
    /// SHA-256 of the resolved scenario.
    pub scenario_sha256: String,
    /// The command that repeats it.
    pub command: String,
    /// Whether the user interrupted it.
    pub interrupted: bool,
    /// Whether it ran to its close (a journal cut short by a crash did not).
    pub complete: bool,
    /// Free labels.
    pub labels: BTreeMap<String, String>,
}

/// The system under test.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct TargetFacts {
    /// Kind.
    pub kind: String,
    /// Version it reports.
    pub version: String,
    /// Where it took mail.
    pub address: String,
}

/// Whether the instrument is to be believed (measurement §1.6).
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Health {
    /// The worst of the checks.
    pub status: HealthStatus,
    /// One by one.
    pub checks: Vec<HealthCheck>,
}

/// Grade of a health check.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum HealthStatus {
    /// Within bounds.
    Valid,
    /// A reader should know.
    Warn,
    /// The run does not count.
    Invalid,
}

/// One health check.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct HealthCheck {
    /// Its name, such as `schedule_lag_p99`.
    pub id: String,
    /// Its grade.
    pub status: HealthStatus,
    /// What was seen, in the check's unit.
    pub value: f64,
    /// Warn beyond this.
    pub warn: f64,
    /// Invalid beyond this.
    pub invalid: f64,
    /// Unit of the three.
    pub unit: String,
    /// What it means and what to do, for people.
    pub advice: String,
}

/// What was asked for.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct LoadFacts {
    /// `open` or `closed`.
    pub model: String,
    /// `constant`, `poisson`, `on-off`, or `closed`.
    pub arrival: String,
    /// Mean planned rate over the measured period, messages a second; null in the closed model.
    pub planned_per_s: Option<f64>,
    /// Rate handed to sessions over the measured period, messages a second.
    pub offered_per_s: f64,
    /// Messages planned for the measured period; null in the closed model by duration.
    pub planned_messages: Option<u64>,
    /// Messages handed to sessions that were due in the measured period.
    pub offered_messages: u64,
    /// Configured sessions.
    pub sessions: u32,
}

/// One latency metric, microseconds.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct Latency {
    /// Always `us`.
    pub unit: String,
    /// Samples, censored ones not included.
    pub count: u64,
    /// Observations cut off by the end of the run: "at least this long".
    pub censored: u64,
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
    /// Percentiles that lie among the censored: the true value is at least the one given.
    pub at_least: Vec<String>,
    /// Percentiles withheld for want of samples.
    pub too_few: Vec<String>,
    /// HdrHistogram V2 deflate, base64; censored observations included as "at least".
    pub hdr: String,
}

/// The queue over the run.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
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
    /// Whether the queue was proved empty.
    pub proved_empty: bool,
    /// Last fault healed or load stopped, whichever came later, to backlog 0, seconds; null when
    /// it did not drain.
    pub drain_time_s: Option<f64>,
    /// Attempts for each delivered probe: mean.
    pub attempts_per_delivery_mean: Option<f64>,
    /// Attempts for each delivered probe: most.
    pub attempts_per_delivery_max: Option<u64>,
    /// All attempts for each delivered probe, those for mail that was never delivered included.
    pub retry_amplification: Option<f64>,
    /// Jain index over the destinations without a fault; null with fewer than two.
    pub fairness: Option<f64>,
}

/// One destination.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct DestinationFacts {
    /// Its domain.
    pub domain: String,
    /// Whether a fault rule names it (or names no destination).
    pub faulty: bool,
    /// Counts by the names of contract §4.
    pub counts: BTreeMap<String, u64>,
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
    /// Attempts and sessions it decided.
    pub struck: u64,
}

/// One point of the retry curve: the gap after attempt `attempt`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct RetryPoint {
    /// Attempt number the gap follows.
    pub attempt: u32,
    /// Configured delay, seconds, before jitter.
    pub configured_s: f64,
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

/// The ledger's verdict.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Correctness {
    /// `valid`, `unknown` or `invalid`.
    pub verdict: LedgerVerdict,
    /// Evidence, at most `limits::VIOLATIONS_LISTED`.
    pub violations: Vec<Violation>,
}

/// Jepsen's order: invalid over unknown over valid.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum LedgerVerdict {
    /// Every obligation accounted for.
    Valid,
    /// Some could not be decided.
    Unknown,
    /// A violation.
    Invalid,
}

/// One violation with its evidence.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Violation {
    /// Class of correctness §2.2, or a flag such as `duplicates_unexcused`.
    pub class: String,
    /// Probe number, where one is known.
    pub probe: Option<u64>,
    /// Envelope recipient, where one is known.
    pub recipient: Option<String>,
    /// What was seen, in order.
    pub evidence: Vec<String>,
}

/// One bound and what came of it.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ThresholdResult {
    /// `METRIC OP VALUE`, as written.
    pub expr: String,
    /// Met.
    pub ok: bool,
    /// What was measured, for people; null without data.
    pub actual: Option<String>,
    /// The grade.
    pub status: ThresholdStatus,
    /// Line in the scenario file, from 1; 0 when it came from the command line.
    pub line: u32,
}

/// Grade of a threshold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ThresholdStatus {
    /// Met.
    Met,
    /// Missed.
    Missed,
    /// Could not be judged: no data, too few samples.
    NoData,
}

/// Resource use.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct Resources {
    /// CPU time of mailbench over the run, seconds.
    pub cpu_s: f64,
    /// Share of the machine's cores that mailbench used over the measured period, 0 to 1.
    pub cpu_share: f64,
    /// Peak resident memory of mailbench, bytes.
    pub rss_max_bytes: u64,
    /// Cores of the machine.
    pub cores: u32,
}

/// Something a reader should know before believing a number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Warning {
    /// Its kind, such as `too-few-samples`.
    pub id: String,
    /// In words, with what to do.
    pub message: String,
}

/// The end of it.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Verdict {
    /// `pass`, `fail` or `invalid`, `interrupted`.
    pub status: String,
    /// Exit code of contract §3.
    pub exit_code: u8,
    /// Why; empty when all is well. The weightiest class first.
    pub reasons: Vec<Reason>,
}

/// One reason why a run does not pass.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Reason {
    /// Its class, as `--allow` names it.
    pub class: String,
    /// The exit code it calls for.
    pub exit_code: u8,
    /// In words.
    pub message: String,
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

/// One second of the run.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct SeriesRow {
    /// Second, from the epoch.
    pub t_s: u64,
    /// Period it lies in.
    pub period: String,
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
    /// Latencies of what finished in this second; empty without samples.
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
    /// Names of faults whose window is open, joined by `;`.
    pub faults: String,
}

/// One attempt as a row.
#[derive(Clone, Debug, Serialize, Deserialize)]
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
    /// Damage seen, joined by `;`.
    pub damage: String,
}
