//! Whether a run at a constant rate was a good one, and what it shows.

use super::results::Seen;
use crate::measure::results::{
    Certainty, Findings, HealthStatus, LedgerVerdict, Marked, Percentile, ResourceUse, Results,
    SeriesRow, ThresholdStatus,
};

/// A run, judged as a trial.
#[derive(Clone, Debug, PartialEq)]
pub struct Judged {
    /// What did not hold.
    pub reasons: Vec<String>,
    /// Whether all of that is the generator's doing.
    pub generator: bool,
}

/// Growth of the backlog that counts, as a share of the offered rate.
const GROWTH: f64 = 0.01;

/// A backlog below twice what it began with and this much does not count as grown.
const GROWN: f64 = 100.0;

/// Judges a run: its thresholds, its ledger, its losses, its backlog. `loss`: the share that may
/// be lost; `health_counts`: whether an unhealthy instrument makes a trial bad.
#[must_use]
pub fn judge(findings: &Findings, loss: f64, health_counts: bool) -> Judged {
    let results = &findings.results;
    let mut reasons = of_target(findings, loss);
    let blameless = reasons.is_empty();
    let unwell = health_counts && results.health.status == HealthStatus::Invalid;
    if unwell {
        let bad = results.health.checks.iter().filter(|it| it.status == HealthStatus::Invalid);
        let names: Vec<&str> = bad.map(|check| check.id.as_str()).collect();
        reasons.push(format!("the instrument was the bottleneck: {}", names.join(", ")));
    }
    Judged { generator: blameless && unwell, reasons }
}

fn of_target(findings: &Findings, loss: f64) -> Vec<String> {
    let results = &findings.results;
    let count = |name: &str| results.counts.get(name).copied().unwrap_or(0);
    let mut reasons = Vec::new();
    let missed = results.thresholds.iter().filter(|it| it.status == ThresholdStatus::Missed);
    reasons.extend(missed.map(|it| {
        let actual = it.actual.as_deref().unwrap_or("unknown");
        format!("threshold {}: {actual}", it.expr)
    }));
    if results.correctness.verdict == LedgerVerdict::Invalid {
        reasons.push("the ledger is violated".to_owned());
    }
    let failed = ["refused", "indeterminate", "not_sent", "unaccounted"].map(count);
    let failed: u64 = failed.iter().sum();
    let offered = count("offered");
    if offered == 0 || failed as f64 / offered as f64 > loss {
        reasons.push(format!("{failed} of {offered} refused or without an answer"));
    }
    if count("pending") > 0 || results.queue.drain_time_s.is_none() {
        reasons.push(format!("the queue did not drain: {} pending", count("pending")));
    }
    reasons.extend(growth(results, &findings.series));
    reasons
}

/// The least-squares slope of the backlog over the measured period, if it counts as growth.
fn growth(results: &Results, series: &[SeriesRow]) -> Option<String> {
    let rows: Vec<&SeriesRow> = series.iter().filter(|row| row.period == "measured").collect();
    let (first, last) = (rows.first()?, rows.last()?);
    let count = rows.len() as f64;
    let mean_t = rows.iter().map(|row| row.t_s as f64).sum::<f64>() / count;
    let mean_b = rows.iter().map(|row| row.backlog as f64).sum::<f64>() / count;
    let (mut with, mut square) = (0.0, 0.0);
    for row in &rows {
        let t = row.t_s as f64 - mean_t;
        with += t * (row.backlog as f64 - mean_b);
        square += t * t;
    }
    let slope = if square > 0.0 { with / square } else { 0.0 };
    let grown = last.backlog as f64 > 2.0 * first.backlog as f64 + GROWN;
    (grown && slope > GROWTH * results.load.offered_per_s)
        .then(|| format!("the backlog grew by {slope:.0} a second, to {}", last.backlog))
}

/// The figures of a run.
#[must_use]
pub fn seen(findings: &Findings) -> Seen {
    let results = &findings.results;
    let rows = findings.series.iter().filter(|row| row.period == "measured");
    let (count, sum) = rows.fold((0_u64, 0), |(count, sum), row| (count + 1, sum + row.delivered));
    let stats = [
        ("e2e_p50_us", "e2e_response", "p50"),
        ("e2e_p99_us", "e2e_response", "p99"),
        ("submit_p99_us", "submit_response", "p99"),
    ];
    let [e2e_p50, e2e_p99, submit_p99] =
        stats.map(|(_, metric, stat)| results.latency.get(metric).and_then(|it| it.stat(stat)));
    let is_bound = |percentile: &Percentile| {
        percentile.is_some_and(|percentile| percentile.certainty == Certainty::AtLeast)
    };
    let named = stats.iter().zip([e2e_p50, e2e_p99, submit_p99]);
    let bounds = named.filter(|(_, percentile)| is_bound(percentile));
    Seen {
        at_least: bounds.map(|((name, ..), _)| (*name).to_owned()).collect(),
        offered_per_s: results.load.offered_per_s,
        goodput_per_s: if count > 0 { sum as f64 / count as f64 } else { 0.0 },
        e2e_p50_us: e2e_p50.map(Marked::bare),
        e2e_p99_us: e2e_p99.map(Marked::bare),
        submit_p99_us: submit_p99.map(Marked::bare),
        backlog_max: results.queue.backlog_max,
        drain_s: results.queue.drain_time_s,
    }
}

/// What was in use, and messages a second for each core the target kept busy.
#[must_use]
pub fn resources(results: &Results) -> (Vec<ResourceUse>, Option<f64>) {
    if let Some(sizing) = &results.sizing {
        return (sizing.resources.clone(), sizing.per_core_per_s);
    }
    let used = &results.resources;
    let Some(target) = &used.target else { return (Vec::new(), None) };
    let cores = f64::from(used.cores.max(1));
    let of = |name: &str, used: f64| ResourceUse { name: name.to_owned(), used };
    let delivered = results.rates.get("delivered").copied().unwrap_or(0.0);
    let per_core = (target.cpu_mean_cores > 0.0).then(|| delivered / target.cpu_mean_cores);
    let uses = vec![
        of("processors, by the target", target.cpu_mean_cores / cores),
        of("processors, by mailbench", used.cpu_share),
    ];
    (uses, per_core)
}
