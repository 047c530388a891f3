//! What a run is worth: the instrument's health, the ledger's verdict, thresholds, warnings, and
//! the end of it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Whether the instrument is to be believed.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Health {
    /// The worst of the checks.
    pub status: HealthStatus,
    /// One by one.
    pub checks: Vec<HealthCheck>,
    /// The longest times that mailbench stood still in the measured period, the longest first.
    #[serde(default)]
    pub hiccups: Vec<HiccupFacts>,
    /// What it had to wait for; null where the record does not tell.
    #[serde(default)]
    pub contention: Option<ContentionFacts>,
}

/// A time in which mailbench, and with it whatever else waited for a core, stood still.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct HiccupFacts {
    /// When it began, seconds since the start of the measured period.
    pub at_s: f64,
    /// How long it lasted at most, microseconds.
    pub length_us: u64,
}

/// Waits over measured period and drain, beyond what any machine costs (0.1 ms each time a thread
/// is put on a processor, 1 ms of work a message at the sink).
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ContentionFacts {
    /// Threads of mailbench for a processor, microseconds a message.
    pub wait_per_message_us: u64,
    /// The sink from final dot to reply, microseconds a message.
    pub sink_per_message_us: u64,
    /// Threads of the target for a processor that others than it and mailbench held, microseconds
    /// a message; 0 where its processes cannot be looked at.
    pub target_wait_per_message_us: u64,
    /// Processor time that the hypervisor gave to others, seconds; null where it cannot be read.
    pub steal_s: Option<f64>,
    /// Time that mailbench's control group was throttled, seconds.
    pub throttled_s: Option<f64>,
    /// Time in which some task of the machine waited for a processor, seconds.
    pub pressure_s: Option<f64>,
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
    /// Invalid beyond this. A check about time voids a run only where an answer depends on it: an hour
    /// stands here for none.
    pub invalid: f64,
    /// Unit of the three.
    pub unit: String,
    /// What it means and what to do, for people.
    pub advice: String,
}

/// The ledger's verdict.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Correctness {
    /// `valid`, `unknown` or `invalid`.
    pub verdict: LedgerVerdict,
    /// Evidence, at most `limits::VIOLATIONS_LISTED`.
    pub violations: Vec<Violation>,
    /// How content differed from what was sent, by kind.
    #[serde(default)]
    pub changes: Vec<ContentChange>,
}

/// One kind of change of content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ContentChange {
    /// Its name.
    pub kind: String,
    /// What it amounts to under what the scenario declares: `permitted`, `altered`, `corrupted`.
    pub level: String,
    /// Receptions of this run's probes that have it.
    pub receptions: u64,
    /// The line of `[target.changes]` that declares it, where one does.
    pub declaration: Option<String>,
    /// One place where it was seen.
    pub example: Option<ChangeExample>,
}

/// A place where content differed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ChangeExample {
    /// The header field or part.
    pub field: String,
    /// What was sent there, shortened.
    pub sent: String,
    /// What arrived there, shortened.
    pub arrived: String,
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
    /// Class of the probe, or a flag such as `duplicates_unexcused`.
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
    /// Why it could not be judged; null where it could.
    #[serde(default)]
    pub reason: Option<String>,
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
    /// Met or missed by no more than what the instrument itself may have added or hidden.
    Inconclusive,
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
    /// Exit code of the process when nothing is allowed.
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
