//! `metrics.txt`: the end of the run as OpenMetrics text, in base units; and what a scraper gets
//! while the run goes on.

mod exposition;
mod live;
mod target;

use super::figures;
use super::progress::Snapshot;
use crate::measure::load::rates::GOODPUT;
use crate::measure::results::{
    Certainty, HealthStatus, IsolationFacts, Latency, QueueFacts, Results,
};
pub use exposition::Dialect;
use exposition::Exposition;

/// Upper bounds of the buckets, seconds.
const BOUNDS_S: [f64; 17] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0,
    300.0, 3600.0,
];

/// The exposition, `# EOF` included.
pub(super) fn render(results: &Results) -> String {
    let mut out = Exposition::new(Dialect::Openmetrics);
    ended(&mut out, results);
    out.finish()
}

/// What a scraper gets: where the run stands, and its end once that is known.
#[must_use]
pub fn scraped(dialect: Dialect, snapshot: Option<&Snapshot>, end: Option<&Results>) -> String {
    let mut out = Exposition::new(dialect);
    if let Some(snapshot) = snapshot {
        live::standing(&mut out, snapshot);
    }
    if let Some(results) = end {
        ended(&mut out, results);
    }
    out.finish()
}

fn ended(out: &mut Exposition, results: &Results) {
    run(out, results);
    counts(out, results);
    changes(out, results);
    rates(out, results);
    queue(out, &results.queue);
    target::target(out, results);
    censored(out, results);
    for (metric, latency) in &results.latency {
        histogram(out, metric, latency);
    }
    doubt(out, results);
    judgement(out, results);
}

fn run(out: &mut Exposition, results: &Results) {
    out.family(("mailbench_run", "info", ""), "What ran.");
    let labels = [
        ("scenario", results.run.name.as_str()),
        ("seed", &results.run.seed.to_string()),
        ("version", &results.tool.version),
        ("target", &results.target.kind),
        ("target_version", &results.target.version),
        ("id", &results.run.id),
    ];
    out.sample("mailbench_run_info", &labels, 1);
    let name = "mailbench_run_duration_seconds";
    out.family((name, "gauge", "seconds"), "From the run's epoch to its close.");
    out.sample(name, &[], results.run.duration_s);
}

fn counts(out: &mut Exposition, results: &Results) {
    out.family(("mailbench_probes", "counter", ""), "Probes due in the measured period, by class.");
    for (name, count) in probes(&results.counts) {
        out.sample("mailbench_probes_total", &[("outcome", name)], count);
    }
    out.family(
        ("mailbench_outside_period_probes", "counter", ""),
        "What went wrong with probes due outside the measured period, or is undecided.",
    );
    for (name, count) in &results.counts_outside_period {
        out.sample("mailbench_outside_period_probes_total", &[("outcome", name)], *count);
    }
    out.family(("mailbench_destination_probes", "counter", ""), "The same by destination.");
    for place in &results.destinations {
        for (name, count) in probes(&place.counts) {
            let labels = [("destination", place.domain.as_str()), ("outcome", name)];
            out.sample("mailbench_destination_probes_total", &labels, count);
        }
    }
    out.family(("mailbench_deferrals", "counter", ""), "Attempts answered 4yz by destinations.");
    out.sample("mailbench_deferrals_total", &[], super::story::value(&results.counts, "deferred"));
    out.family(
        ("mailbench_fault_strikes", "counter", ""),
        "Attempts and sessions a fault decided.",
    );
    for fault in &results.faults {
        out.sample("mailbench_fault_strikes_total", &[("fault", &fault.name)], fault.struck);
    }
}

/// How content differed from what was sent.
fn changes(out: &mut Exposition, results: &Results) {
    if results.correctness.changes.is_empty() {
        return;
    }
    let help = "Receptions whose content differed from what was sent.";
    out.family(("mailbench_content_changes", "counter", ""), help);
    for change in &results.correctness.changes {
        let labels = [("kind", change.kind.as_str()), ("level", &change.level)];
        out.sample("mailbench_content_changes_total", &labels, change.receptions);
    }
}

fn rates(out: &mut Exposition, results: &Results) {
    let help = "Events inside the measured period, per second of it, whatever period the mail was \
                due in.";
    out.family(("mailbench_rate", "gauge", ""), help);
    for (name, rate) in results.rates.iter().filter(|(name, _)| *name != GOODPUT) {
        out.sample("mailbench_rate", &[("event", name)], *rate);
    }
    if let Some(goodput) = results.rates.get(GOODPUT) {
        let help = "Probes due in the measured period and delivered, per second of the period and \
                    the drain they needed.";
        out.gauge("mailbench_goodput", "", *goodput, help);
    }
}

/// Counts of probes; deferrals are counts of attempts.
fn probes(counts: &std::collections::BTreeMap<String, u64>) -> impl Iterator<Item = (&str, u64)> {
    counts.iter().filter(|(name, _)| *name != "deferred").map(|(name, n)| (name.as_str(), *n))
}

fn queue(out: &mut Exposition, queue: &QueueFacts) {
    out.family(("mailbench_backlog", "gauge", ""), "Accepted, not yet delivered or bounced.");
    out.sample("mailbench_backlog", &[("stat", "max")], queue.backlog_max);
    out.sample("mailbench_backlog", &[("stat", "mean")], queue.backlog_mean);
    out.sample("mailbench_backlog", &[("stat", "end")], queue.backlog_end);
    if let Some((max, end)) = queue.length_max.zip(queue.length_end) {
        out.family(("mailbench_queue_length", "gauge", ""), "As the target reports it.");
        out.sample("mailbench_queue_length", &[("stat", "max")], max);
        out.sample("mailbench_queue_length", &[("stat", "end")], end);
    }
    let proved = u8::from(queue.proved_empty);
    out.gauge("mailbench_queue_proved_empty", "", proved, "1: the queue was proved empty.");
    if let Some(seconds) = queue.drain_time_s {
        let help = "Last fault healed or load stopped to backlog 0.";
        out.gauge("mailbench_drain_time_seconds", "seconds", seconds, help);
    }
    recovery(out, queue);
    connections(out, queue);
    let ratios = [
        ("mailbench_attempts_per_delivery", queue.attempts_per_delivery_mean, "Mean."),
        (
            "mailbench_fairness",
            queue.fairness,
            "Jain index of 1 / mean e2e_response, over destinations without a fault.",
        ),
        (
            "mailbench_herd_index",
            queue.herd.as_ref().map(|herd| herd.index),
            "Busiest tenth of a second after the last fault healed, over that of independent \
             attempts.",
        ),
    ];
    for (name, value, help) in ratios {
        if let Some(value) = value {
            out.gauge(name, "", value, help);
        }
    }
    if let Some(times) = queue.isolation.as_ref().and_then(IsolationFacts::inflation) {
        let name = "mailbench_isolation_inflation";
        let help = "p99 of healthy destinations while another had a fault, over before.";
        out.family((name, "gauge", ""), help);
        out.sample(name, &bound(times.certainty), times.bare());
    }
}

/// A label that says that a sample is a bound.
fn bound(mark: Certainty) -> Vec<(&'static str, &'static str)> {
    match mark {
        Certainty::Exact => Vec::new(),
        Certainty::AtLeast => vec![("bound", "at_least")],
        Certainty::AtMost => vec![("bound", "at_most")],
    }
}

/// How many observations of each metric have no end.
fn censored(out: &mut Exposition, results: &Results) {
    let name = "mailbench_censored_observations";
    let help = "Cut off by the end of the run, or failed; they are in no bucket but +Inf.";
    out.family((name, "gauge", ""), help);
    for (metric, latency) in &results.latency {
        out.sample(name, &[("metric", metric)], latency.censored);
    }
}

/// One that is a lower bound stands at that bound, and says so by its label.
fn recovery(out: &mut Exposition, queue: &QueueFacts) {
    let name = "mailbench_recovery_time_seconds";
    let help = "End of a fault window or a chaos event to the backlog as before.";
    if queue.recovery.is_empty() {
        return;
    }
    out.family((name, "gauge", "seconds"), help);
    // Several chaos events of one kind have a number each.
    for (number, it) in (1_u32..).zip(&queue.recovery) {
        let number = number.to_string();
        let labels = [("kind", it.kind.as_str()), ("name", &it.name), ("number", &number)];
        let mark = bound(Certainty::at_least(it.at_least));
        let labels: Vec<(&str, &str)> = labels.into_iter().chain(mark).collect();
        out.sample(name, &labels, it.recovery_time_s);
    }
}

fn connections(out: &mut Exposition, queue: &QueueFacts) {
    let Some(facts) = &queue.connection_attempts else { return };
    let help = "Connections that the target tried to open to destinations, where known.";
    out.family(("mailbench_connection_attempts", "counter", ""), help);
    let parts = [
        ("accepted", Some(facts.accepted)),
        ("turned_away", Some(facts.turned_away)),
        ("refused", facts.refused),
    ];
    for (outcome, count) in parts.into_iter().filter_map(|(name, count)| Some((name, count?))) {
        out.sample("mailbench_connection_attempts_total", &[("outcome", outcome)], count);
    }
    if let Some(each) = facts.per_delivery {
        let help = "Connections tried for each first delivery.";
        out.gauge("mailbench_connection_attempts_per_delivery", "", each, help);
    }
}

/// What has no end is below no bound: it stands in the last bucket only, so that no quantile made of
/// the buckets takes an age for a latency.
fn histogram(out: &mut Exposition, metric: &str, latency: &Latency) {
    let Some(histogram) = figures::histogram(latency) else { return };
    let open = figures::without_end(latency);
    let name = format!("mailbench_{metric}_seconds");
    out.family((&name, "histogram", "seconds"), "Latency over the measured period.");
    let bucket = format!("{name}_bucket");
    for bound in BOUNDS_S {
        let open = open.as_ref().map_or(0, |open| open.count_between(0, us(bound)));
        let below = histogram.count_between(0, us(bound)).saturating_sub(open);
        out.sample(&bucket, &[("le", &format!("{bound:?}"))], below);
    }
    out.sample(&bucket, &[("le", "+Inf")], histogram.len());
    let total = histogram.len() as f64 * latency.mean.unwrap_or(0.0) / 1e6;
    out.sample(&format!("{name}_sum"), &[], total);
    out.sample(&format!("{name}_count"), &[], histogram.len());
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "constants")]
fn us(seconds: f64) -> u64 {
    (seconds * 1e6).round() as u64
}

fn doubt(out: &mut Exposition, results: &Results) {
    let name = "mailbench_latency_doubtful_seconds";
    let help = "Figures of which mailbench itself may have made a part: what they lie between.";
    let figures = results
        .latency
        .iter()
        .flat_map(|(metric, latency)| latency.doubtful.iter().map(move |figure| (metric, figure)));
    for (first, (metric, figure)) in (0..).zip(figures) {
        if first == 0 {
            out.family((name, "gauge", "seconds"), help);
        }
        for (bound, us) in [("least", figure.least), ("most", figure.most)] {
            let labels = [("metric", metric.as_str()), ("stat", &figure.stat), ("bound", bound)];
            out.sample(name, &labels, us as f64 / 1e6);
        }
    }
}

fn judgement(out: &mut Exposition, results: &Results) {
    out.family(("mailbench_threshold_met", "gauge", ""), "1: met; 0: missed or not judged.");
    for threshold in &results.thresholds {
        let labels = [("threshold", threshold.expr.as_str())];
        out.sample("mailbench_threshold_met", &labels, u8::from(threshold.ok));
    }
    out.family(("mailbench_health", "gauge", ""), "1: this check of the instrument did not fail.");
    for check in &results.health.checks {
        let fine = u8::from(check.status != HealthStatus::Invalid);
        out.sample("mailbench_health", &[("check", &check.id)], fine);
    }
    out.family(("mailbench_exit_code", "gauge", ""), "How the run ended; 0: all well.");
    out.sample("mailbench_exit_code", &[], results.verdict.exit_code);
}
