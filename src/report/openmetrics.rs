//! `metrics.txt`: the end of the run as OpenMetrics text, in base units.

use std::fmt::{Display, Write as _};

use super::escape::openmetrics as escaped;
use super::figures;
use crate::measure::results::{HealthStatus, Latency, Results};

/// Upper bounds of the buckets, seconds.
const BOUNDS_S: [f64; 17] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0,
    300.0, 3600.0,
];

/// The exposition, `# EOF` included.
pub(super) fn render(results: &Results) -> String {
    let mut out = Exposition::default();
    run(&mut out, results);
    counts(&mut out, results);
    queue(&mut out, results);
    timeline(&mut out, results);
    target(&mut out, results);
    for (metric, latency) in &results.latency {
        histogram(&mut out, metric, latency);
    }
    judgement(&mut out, results);
    out.text + "# EOF\n"
}

#[derive(Default)]
struct Exposition {
    text: String,
}

impl Exposition {
    fn family(&mut self, (name, kind, unit): (&str, &str, &str), help: &str) {
        let _infallible = writeln!(self.text, "# TYPE {name} {kind}");
        if !unit.is_empty() {
            let _infallible = writeln!(self.text, "# UNIT {name} {unit}");
        }
        let _infallible = writeln!(self.text, "# HELP {name} {help}");
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        let labels: Vec<String> =
            labels.iter().map(|(key, value)| format!("{key}=\"{}\"", escaped(value))).collect();
        let labels =
            if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
        let _infallible = writeln!(self.text, "{name}{labels} {value}");
    }
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
    out.family(("mailbench_probes", "counter", ""), "What became of the probes due in the run.");
    for (name, count) in probes(&results.counts) {
        out.sample("mailbench_probes_total", &[("outcome", name)], count);
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

/// Counts of probes; deferrals are counts of attempts.
fn probes(counts: &std::collections::BTreeMap<String, u64>) -> impl Iterator<Item = (&str, u64)> {
    counts.iter().filter(|(name, _)| *name != "deferred").map(|(name, n)| (name.as_str(), *n))
}

fn queue(out: &mut Exposition, results: &Results) {
    let queue = &results.queue;
    out.family(("mailbench_backlog", "gauge", ""), "Accepted, not yet delivered or bounced.");
    out.sample("mailbench_backlog", &[("stat", "max")], queue.backlog_max);
    out.sample("mailbench_backlog", &[("stat", "mean")], queue.backlog_mean);
    out.sample("mailbench_backlog", &[("stat", "end")], queue.backlog_end);
    if let Some(seconds) = queue.drain_time_s {
        let name = "mailbench_drain_time_seconds";
        out.family((name, "gauge", "seconds"), "Last fault healed or load stopped to backlog 0.");
        out.sample(name, &[], seconds);
    }
    if let Some(max) = queue.length_max {
        let name = "mailbench_queue_length";
        out.family((name, "gauge", ""), "The queue's length as the target reports it.");
        out.sample(name, &[("stat", "max")], max);
        let others = [("mean", queue.length_mean), ("end", queue.length_end.map(|n| n as f64))];
        for (stat, value) in others.into_iter().filter_map(|(stat, value)| Some((stat, value?))) {
            out.sample(name, &[("stat", stat)], value);
        }
    }
    if let Some(herd) = &queue.herd {
        let name = "mailbench_herd_index_ratio";
        let help = "Attempts of the busiest 100 ms after the outage over the mean.";
        out.family((name, "gauge", "ratio"), help);
        out.sample(name, &[], herd.index);
    }
    if let Some(isolation) = &queue.isolation {
        let name = "mailbench_isolation_inflation_ratio";
        let help = "End-to-end p99 of healthy destinations while another was sick over before.";
        out.family((name, "gauge", "ratio"), help);
        out.sample(name, &[], isolation.inflation);
    }
}

/// When faults and chaos struck, and how the target came back.
fn timeline(out: &mut Exposition, results: &Results) {
    let windows = || results.faults.iter().filter_map(|fault| Some((fault, fault.during_s?)));
    if windows().next().is_some() {
        let name = "mailbench_fault_window_seconds";
        out.family((name, "gauge", "seconds"), "A fault's window, from the measured period on.");
        for (fault, (start, end)) in windows() {
            out.sample(name, &[("fault", fault.name.as_str()), ("edge", "start")], start);
            out.sample(name, &[("fault", fault.name.as_str()), ("edge", "end")], end);
        }
    }
    if results.chaos.is_empty() {
        return;
    }
    let name = "mailbench_chaos_seconds";
    let help = "When chaos struck, from the measured period on; and from then to its end (down), \
                the first message accepted and the first probe delivered again.";
    out.family((name, "gauge", "seconds"), help);
    for (nth, strike) in (1_u32..).zip(&results.chaos) {
        let nth = nth.to_string();
        let figures = [
            ("at", Some(strike.at_s)),
            ("down", strike.down_s),
            ("first_accept", strike.first_accept_s),
            ("first_delivery", strike.first_delivery_s),
        ];
        for (stat, value) in figures {
            let Some(value) = value else { continue };
            let labels = [("chaos", strike.what.as_str()), ("strike", &nth), ("stat", stat)];
            out.sample(name, &labels, value);
        }
    }
}

/// What the target's processes used.
fn target(out: &mut Exposition, results: &Results) {
    let Some(used) = &results.resources.target else { return };
    let name = "mailbench_target_cpu_cores";
    out.family((name, "gauge", "cores"), "Cores used by the target's processes.");
    out.sample(name, &[("stat", "mean")], used.cpu_mean_cores);
    out.sample(name, &[("stat", "max")], used.cpu_max_cores);
    let name = "mailbench_target_memory_bytes";
    out.family((name, "gauge", "bytes"), "Resident memory of the target's processes.");
    out.sample(name, &[("stat", "mean")], used.rss_mean_bytes);
    out.sample(name, &[("stat", "max")], used.rss_max_bytes);
    if let Some((mean, max)) = used.io_mean_bytes_per_s.zip(used.io_max_bytes_per_s) {
        let name = "mailbench_target_io_bytes";
        out.family((name, "gauge", "bytes"), "Bytes a second to and from disks.");
        out.sample(name, &[("stat", "mean")], mean);
        out.sample(name, &[("stat", "max")], max);
    }
}

/// Observations cut off by the end of the run stand at the age they had reached.
fn histogram(out: &mut Exposition, metric: &str, latency: &Latency) {
    let Some(histogram) = figures::histogram(latency) else { return };
    let name = format!("mailbench_{metric}_seconds");
    out.family((&name, "histogram", "seconds"), "Latency over the measured period.");
    let bucket = format!("{name}_bucket");
    for bound in BOUNDS_S {
        let below = histogram.count_between(0, us(bound));
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
