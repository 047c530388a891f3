//! Whether a run at a constant rate was a good one, and what it shows.

use super::delivered::Sustained;
use super::results::Seen;
use super::throughput::{Conditions, Throughput};
use crate::measure::load::rates::GOODPUT;
use crate::measure::results::{
    Certainty, Findings, HealthStatus, LedgerVerdict, Marked, Percentile, ResourceUse, Results,
    ThresholdStatus,
};

/// A run, judged as a trial.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Judged {
    /// What did not hold.
    pub reasons: Vec<String>,
    /// Why the trial decides nothing, though nothing is known not to hold: a threshold without
    /// data, mail of an earlier trial.
    pub without_data: Vec<String>,
    /// Whether all that did not hold is that less was delivered than offered.
    pub only_overload: bool,
    /// Whether all that did not hold is the instrument's doing.
    pub generator: bool,
    /// What was delivered; `None`: the trial had no measured period.
    pub throughput: Option<Throughput>,
}

/// What a trial is judged by.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Terms {
    /// Offered, messages a second.
    pub rate: f64,
    /// Share of the mail that may fail.
    pub loss: f64,
    /// Share of the rate that may be missing from the deliveries.
    pub tolerance: f64,
    /// Longest time to an empty queue, seconds.
    pub drain_s: f64,
    /// Whether an invalid instrument makes a trial bad.
    pub health_counts: bool,
}

/// Judges a run: its thresholds, its ledger, its losses, its throughput and its drain.
#[must_use]
pub fn judge(findings: &Findings, terms: &Terms) -> Judged {
    let results = &findings.results;
    let throughput = throughput(findings, terms);
    let mut reasons = of_target(results, terms);
    let unwell = terms.health_counts && results.health.status == HealthStatus::Invalid;
    let before = reasons.len();
    if !unwell {
        // What waits for an instrument that is too slow is not the target's backlog.
        reasons.extend(throughput.as_ref().and_then(|seen| overload(seen, terms)));
    }
    let only_overload = before == 0 && !reasons.is_empty();
    let blameless = reasons.is_empty();
    if unwell {
        let bad = results.health.checks.iter().filter(|it| it.status == HealthStatus::Invalid);
        let names: Vec<&str> = bad.map(|check| check.id.as_str()).collect();
        reasons.push(format!("the instrument was the bottleneck: {}", names.join(", ")));
    }
    Judged {
        only_overload,
        generator: blameless && unwell,
        without_data: without_data(results),
        reasons,
        throughput,
    }
}

fn of_target(results: &Results, terms: &Terms) -> Vec<String> {
    let count = |name: &str| results.counts.get(name).copied().unwrap_or(0);
    let mut reasons = Vec::new();
    let died = results.target.died.iter();
    reasons.extend(died.map(|it| format!("the target ended by itself ({})", it.status)));
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
    if offered == 0 || failed as f64 / offered as f64 > terms.loss {
        reasons.push(format!("{failed} of {offered} refused or without an answer"));
    }
    match results.queue.drain_time_s {
        Some(seconds) if count("pending") == 0 && seconds <= terms.drain_s => {}
        Some(seconds) if count("pending") == 0 => reasons.push(format!(
            "the queue took {seconds:.1} s to drain, longer than load.drain ({:.1} s)",
            terms.drain_s
        )),
        _ => reasons.push(format!("the queue did not drain: {} pending", count("pending"))),
    }
    reasons
}

/// Less was delivered than offered, and the backlog accounts for it.
fn overload(seen: &Throughput, terms: &Terms) -> Option<String> {
    let overloaded = seen.sustains(terms.rate, terms.tolerance) == Sustained::No;
    overloaded.then(|| {
        format!(
            "delivered {:.1} a second of {:.1} offered; the backlog grew by {:.1} a second, to {:.0}",
            seen.saturated.map_or(seen.per_s, |it| it.per_s),
            terms.rate,
            seen.growth_per_s,
            seen.backlog_end
        )
    })
}

fn throughput(findings: &Findings, terms: &Terms) -> Option<Throughput> {
    let results = &findings.results;
    let probes = results.counts.get("offered").copied().unwrap_or(0) as f64;
    let messages = results.load.offered_messages as f64;
    let recipients = if messages > 0.0 { probes / messages } else { 1.0 };
    let drain_s = results.queue.drain_time_s;
    Throughput::of(&findings.timeline, &Conditions { rate: terms.rate, recipients, drain_s })
}

/// What keeps the trial from deciding anything.
fn without_data(results: &Results) -> Vec<String> {
    let silent = results
        .thresholds
        .iter()
        .filter(|it| matches!(it.status, ThresholdStatus::NoData | ThresholdStatus::Inconclusive));
    let mut reasons: Vec<String> = silent
        .map(|it| {
            let why = it.reason.as_deref().unwrap_or("no data");
            format!("threshold {}: inconclusive ({why})", it.expr)
        })
        .collect();
    let foreign = results.counts.get("foreign").copied().unwrap_or(0);
    if foreign > 0 {
        reasons.push(format!("{foreign} messages of an earlier trial or run arrived"));
    }
    reasons
}

/// The figures of a run.
#[must_use]
pub fn seen(findings: &Findings, throughput: Option<&Throughput>) -> Seen {
    let results = &findings.results;
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
        goodput_per_s: results.rates.get(GOODPUT).copied().unwrap_or(0.0),
        throughput: throughput.copied(),
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
