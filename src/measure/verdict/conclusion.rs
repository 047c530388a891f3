//! The conclusion: from what was measured of a run, real or simulated, to the results of its report.
//! Owns thresholds, validity and verdict; where the figures come from is not known here.

use std::collections::BTreeMap;

use super::threshold_figures::{Figures, Source};
use super::{Grounds, verdict};
use crate::clock::Time;
use crate::measure::correctness::conservation::Counts;
use crate::measure::correctness::criteria;
use crate::measure::latency::coordinated_omission;
use crate::measure::results::{
    AbuseReport, ChaosFacts, Correctness, DestinationFacts, DiskFacts, FaultFacts, Latency,
    LoadFacts, QueueFacts, ReplyCount, Resources, Results, RetryPoint, Run, SCHEMA_VERSION,
    SizingFacts, TargetFacts, ThresholdResult, ThresholdStatus, Tool, Warning,
};
use crate::measure::validity::health::{self, Evidence, Instrument};
use crate::metric::catalogue::{Stat, Subject};
use crate::metric::latency::LatencyMetric;
use crate::scenario::Scenario;
use crate::scenario::model::Threshold;

/// What was measured: all of a report but what is concluded from it.
pub struct Measured {
    /// What made the run.
    pub tool: Tool,
    /// The run.
    pub run: Run,
    /// Text of the resolved scenario.
    pub scenario: String,
    /// Facts about the machine.
    pub environment: BTreeMap<String, String>,
    /// The system under test.
    pub target: TargetFacts,
    /// What was offered.
    pub load: LoadFacts,
    /// What became of the probes.
    pub counts: Counts,
    /// The ledger's verdict and evidence.
    pub correctness: Correctness,
    /// Why that verdict is not valid, in words.
    pub reasons: Vec<String>,
    /// Events a second over the measured period.
    pub rates: BTreeMap<String, f64>,
    /// By metric.
    pub latency: BTreeMap<String, Latency>,
    /// The queue.
    pub queue: QueueFacts,
    /// By destination.
    pub destinations: Vec<DestinationFacts>,
    /// By fault rule.
    pub faults: Vec<FaultFacts>,
    /// What was done to the target.
    pub chaos: Vec<ChaosFacts>,
    /// The disk that mailbench put under its queue.
    pub disk: Option<DiskFacts>,
    /// What should have taken the target down and did not, in words.
    pub survived: Vec<String>,
    /// Misbehaving clients.
    pub abuse: Option<AbuseReport>,
    /// Gaps between attempts.
    pub retry_curve: Vec<RetryPoint>,
    /// Replies by stage and code.
    pub replies: Vec<ReplyCount>,
    /// Resource use.
    pub resources: Resources,
    /// How large the target must be.
    pub sizing: Option<SizingFacts>,
    /// What a reader should know.
    pub warnings: Vec<Warning>,
}

/// Concludes a run. `drain`: from when the drain is timed, and how long it was watched; `None`: there
/// was no mail to drain.
#[must_use]
pub fn conclude(
    (scenario, thresholds): (&Scenario, &[Threshold]),
    measured: Measured,
    source: &impl Source,
    instrument: Instrument<'_>,
    (drain_from, drained_for): (Time, Option<f64>),
) -> Results {
    let counts = measured.counts.bounded();
    let figures = Figures {
        source,
        counts: &counts,
        rates: &measured.rates,
        destinations: &measured.destinations,
        queue: &measured.queue,
        disk_flushes: measured.disk.as_ref().and_then(|disk| disk.flushes_per_accepted),
        measured_from: instrument.from,
        drain_from,
        drained_for,
        validity: instrument.validity,
    };
    let graded = figures.grade(thresholds);
    let health = health::grade(&Evidence {
        load: &measured.load,
        latency: &measured.latency,
        undecided: undecided(thresholds, &graded),
        instrument,
    });
    let verdict = verdict(&Grounds {
        counts: &counts,
        ledger: (measured.correctness.verdict, &measured.reasons),
        unexcused_bound: criteria::unexcused_bound(thresholds),
        thresholds: &graded,
        health: &health,
        complete: measured.run.complete,
        interrupted: measured.run.interrupted,
        died: measured.target.died.as_ref(),
        survived: &measured.survived,
    });
    let response = measured.latency.get(LatencyMetric::SubmitResponse.name());
    let closed_model =
        response.and_then(|response| coordinated_omission::facts(scenario, response));
    let mut warnings = measured.warnings;
    warnings.extend(closed_model.as_ref().map(coordinated_omission::warning));
    Results {
        schema_version: SCHEMA_VERSION,
        tool: measured.tool,
        run: measured.run,
        environment: measured.environment,
        target: measured.target,
        health,
        load: measured.load,
        counts: measured.counts.period,
        counts_outside_period: measured.counts.outside,
        rates: measured.rates,
        latency: measured.latency,
        closed_model,
        queue: measured.queue,
        destinations: measured.destinations,
        faults: measured.faults,
        chaos: measured.chaos,
        disk: measured.disk,
        abuse: measured.abuse,
        retry_curve: measured.retry_curve,
        replies: measured.replies,
        correctness: measured.correctness,
        thresholds: graded,
        resources: measured.resources,
        sizing: measured.sizing,
        warnings,
        verdict,
        scenario: measured.scenario,
    }
}

/// Whether no latency has a threshold that holds or fails in spite of what the instrument may have
/// done to it.
#[must_use]
pub fn undecided(thresholds: &[Threshold], results: &[ThresholdResult]) -> bool {
    let about = thresholds.iter().zip(results).filter(|(threshold, _)| {
        matches!(threshold.subject, Subject::Latency(_)) && threshold.stat != Stat::Count
    });
    let mut decided = about.map(|(_, result)| result.status != ThresholdStatus::Inconclusive);
    decided.clone().next().is_none() || !decided.all(|decided| decided)
}
