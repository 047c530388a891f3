//! The results of a run: the shape of `report.json`, and the series beside it.
//!
//! Report formats read these and compute nothing.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::measure::aggregates::timeline::Timeline;
use crate::scenario::model::ModelKind;

mod abuse;
mod attempts;
mod bound;
mod disk;
mod figures;
mod judgement;
mod recovery;
mod rows;
mod sizing;
mod stored;

pub use abuse::{AbuseFacts, AbuseReport, LegitimateFacts, Percentile};
pub use attempts::Attempts;
pub use bound::{Certainty, Marked};
pub use disk::{DiskFacts, PowerCutFacts};
pub use figures::{
    ChaosFacts, ClosedFacts, DestinationFacts, DoubtfulFigure, FaultFacts, HerdFacts,
    IsolationFacts, Latency, QueueFacts, ReplyCount, RetryPoint,
};
pub use judgement::{
    ChangeExample, ContentChange, ContentionFacts, Correctness, Health, HealthCheck, HealthStatus,
    HiccupFacts, LedgerVerdict, Reason, ThresholdResult, ThresholdStatus, Verdict, Violation,
    Warning,
};
pub use recovery::{ConnectionFacts, RecoveryFacts};
pub use rows::{AttemptRow, Ending, Interval, SeriesRow, Values};
pub use sizing::{ResourceUse, SizingFacts};
pub use stored::upgraded;

/// Version of the shape of [`Results`]. Version 1 had other names of classes
/// ([`crate::ledger::class::EARLIER_NAMES`]) and is still read ([`upgraded`]).
pub const SCHEMA_VERSION: u32 = 2;

/// Everything judged from one run.
#[derive(Debug)]
pub struct Findings {
    /// `report.json`.
    pub results: Results,
    /// `timeseries.csv`: one row a second of the run.
    pub series: Vec<SeriesRow>,
    /// `attempts.csv`: every attempt seen by the sink, in order of its end.
    pub attempts: Attempts,
    /// `latency.hlog`: per second and metric.
    pub intervals: Vec<Interval>,
    /// Probes due and finished while the load lasted; in no file. Empty for a stored report.
    pub timeline: Timeline,
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
    /// Every count and every class of probes, by name, of the probes due in the measured period.
    pub counts: BTreeMap<String, u64>,
    /// Violations, and classes that leave a probe undecided, of probes due outside the measured
    /// period: they count for the verdict and for thresholds, but not in the sums of the period.
    #[serde(default)]
    pub counts_outside_period: BTreeMap<String, u64>,
    /// Events inside the measured period, per second of it, by the name of the count, whatever
    /// period the mail was due in (`deferred`: attempts). `goodput`: probes due in the period and
    /// delivered at any time, over the period and the drain that they needed.
    pub rates: BTreeMap<String, f64>,
    /// By metric.
    pub latency: BTreeMap<String, Latency>,
    /// What the closed model hides; null in the open model.
    #[serde(default)]
    pub closed_model: Option<ClosedFacts>,
    /// The queue.
    pub queue: QueueFacts,
    /// By destination, in scenario order.
    pub destinations: Vec<DestinationFacts>,
    /// By fault rule, in scenario order.
    pub faults: Vec<FaultFacts>,
    /// What was done to the target itself, in order of time.
    #[serde(default)]
    pub chaos: Vec<ChaosFacts>,
    /// The disk that mailbench put under the target's queue; null without one.
    #[serde(default)]
    pub disk: Option<DiskFacts>,
    /// Bad clients beside the honest load; null without any.
    #[serde(default)]
    pub abuse: Option<AbuseReport>,
    /// By attempt number: observed gap against configured delay.
    pub retry_curve: Vec<RetryPoint>,
    /// Replies by stage and code, seen by traffic and given by the sink.
    pub replies: Vec<ReplyCount>,
    /// The ledger's verdict.
    pub correctness: Correctness,
    /// Bounds of the scenario, in file order.
    pub thresholds: Vec<ThresholdResult>,
    /// Resource use of the instrument and of the target.
    pub resources: Resources,
    /// How large the target must be; null where it is not known.
    #[serde(default)]
    pub sizing: Option<SizingFacts>,
    /// What a reader should know before believing a number.
    pub warnings: Vec<Warning>,
    /// The end of it.
    pub verdict: Verdict,
    /// Text of the resolved scenario; empty in reports of versions that did not keep it.
    #[serde(default)]
    pub scenario: String,
}

impl Results {
    /// A count of the probes due in the measured period, with those outside it where something went
    /// wrong with them.
    #[must_use]
    pub fn count_anywhere(&self, name: &str) -> u64 {
        let of = |counts: &BTreeMap<String, u64>| counts.get(name).copied().unwrap_or(0);
        of(&self.counts) + of(&self.counts_outside_period)
    }
}

/// What wrote a report.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
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
    /// Whether it was simulated: no mail was sent, the target is a model.
    #[serde(default)]
    pub simulated: bool,
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
    /// How it ended by itself; null if it did not.
    #[serde(default)]
    pub died: Option<DeathFacts>,
}

/// The end of the target that nothing of the scenario brought about.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DeathFacts {
    /// When it was noticed, seconds since the start of the measured period.
    pub at_s: f64,
    /// How it ended: an exit status, a signal, or what was seen of it.
    pub status: String,
}

/// What was asked for.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct LoadFacts {
    /// Whether arrivals wait for replies.
    pub model: ModelKind,
    /// `constant`, `poisson`, `on-off`, or `closed`.
    pub arrival: String,
    /// Mean planned rate over the measured period, messages a second; null in the closed model.
    pub planned_per_s: Option<f64>,
    /// Highest planned rate within the measured period, messages a second: of a ramp its top, of
    /// an on-off load the rate while it is on, of a trace its busiest second; null in the closed
    /// model.
    #[serde(default)]
    pub peak_planned_per_s: Option<f64>,
    /// Rate handed to sessions over the measured period, messages a second.
    pub offered_per_s: f64,
    /// Messages planned for the measured period; null in the closed model by duration.
    pub planned_messages: Option<u64>,
    /// Messages handed to sessions that were due in the measured period.
    pub offered_messages: u64,
    /// Configured sessions.
    pub sessions: u32,
}

impl LoadFacts {
    /// The highest rate that the instrument had to keep up, messages a second: what it could not
    /// keep up it did not offer, so that the plan counts where there is one.
    #[must_use]
    pub fn busiest_per_s(&self) -> f64 {
        self.peak_planned_per_s.unwrap_or(0.0).max(self.offered_per_s)
    }
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
    /// What the target's processes used; null where they are not ours to look at.
    pub target: Option<TargetResources>,
}

/// What the target's processes used together over the measured period.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct TargetResources {
    /// CPU, cores: mean.
    pub cpu_mean_cores: f64,
    /// CPU, cores: highest of a second.
    pub cpu_max_cores: f64,
    /// Resident memory, bytes: mean.
    pub rss_mean_bytes: f64,
    /// Resident memory, bytes: most.
    pub rss_max_bytes: u64,
    /// To and from disks, bytes a second: mean; null where it cannot be read.
    pub io_mean_bytes_per_s: Option<f64>,
    /// To and from disks, bytes a second: highest of a second.
    pub io_max_bytes_per_s: Option<f64>,
    /// Open files: most; null where they cannot be counted.
    pub open_files_max: Option<u32>,
    /// Processes: most.
    pub processes_max: u32,
    /// What could not be read, with the reason.
    #[serde(default)]
    pub not_readable: Vec<String>,
}

/// JSON Schema of `report.json`.
#[must_use]
pub fn schema() -> String {
    let schema = schemars::schema_for!(Results);
    // A schema is a JSON value, which always has a text.
    serde_json::to_string_pretty(&schema).map(|text| text + "\n").unwrap_or_default()
}
