//! The curves of a run: rates, backlog, latency over time, and the spectrum of percentiles.

use super::plot::{Line, Plot, Span, Tick};
use crate::measure::results::{Findings, Results, SeriesRow};
use crate::report::figures;
use crate::report::human;

/// At most this many points a line; beyond, the greatest of each stretch is drawn.
const POINTS: usize = 450;

/// Every curve there is data for.
pub(super) fn all(findings: &Findings) -> String {
    let series = &findings.series;
    let plots = [
        rates(series),
        backlog(series),
        latency(series),
        target_cpu(series),
        target_memory(series),
        spectrum(&findings.results),
    ];
    let drawn: String = plots.iter().map(Plot::svg).collect();
    if drawn.is_empty() { drawn } else { format!("<h2>Over time</h2>\n{drawn}") }
}

type Value = fn(&SeriesRow) -> Option<u64>;

fn rates(series: &[SeriesRow]) -> Plot<'static> {
    let lines: [(&str, u8, Value); 6] = [
        ("offered", 0, |row| Some(row.offered)),
        ("accepted", 1, |row| Some(row.accepted)),
        ("delivered", 2, |row| Some(row.delivered)),
        ("deferred", 3, |row| Some(row.deferred)),
        ("rejected", 4, |row| Some(row.rejected)),
        ("bounced", 5, |row| Some(row.bounced)),
    ];
    over_time("A second", series, &lines, human::number)
}

fn backlog(series: &[SeriesRow]) -> Plot<'static> {
    let lines: [(&str, u8, Value); 4] = [
        ("backlog (accepted, not delivered or bounced)", 1, |row| Some(row.backlog)),
        ("queue length as the target reports it", 3, |row| row.queue_length),
        ("of it deferred", 2, |row| row.queue_deferred),
        // A frozen message is seldom.
        ("of it frozen", 4, |row| row.queue_frozen.filter(|frozen| *frozen > 0)),
    ];
    over_time("Queue", series, &lines, human::number)
}

fn latency(series: &[SeriesRow]) -> Plot<'static> {
    let lines: [(&str, u8, Value); 4] = [
        ("submit p50", 1, |row| row.submit_p50_us),
        ("submit p99", 0, |row| row.submit_p99_us),
        ("end to end p50", 2, |row| row.e2e_p50_us),
        ("end to end p99", 3, |row| row.e2e_p99_us),
    ];
    Plot { log: true, ..over_time("Latency of what finished", series, &lines, duration) }
}

fn target_cpu(series: &[SeriesRow]) -> Plot<'static> {
    let lines: [(&str, u8, Value); 1] =
        [("CPU, percent of a core", 1, |row| row.target_cpu_pct.map(|cpu| cpu.round() as u64))];
    over_time("CPU of the target's processes", series, &lines, human::number)
}

fn target_memory(series: &[SeriesRow]) -> Plot<'static> {
    let lines: [(&str, u8, Value); 2] = [
        ("resident memory", 1, |row| row.target_rss_bytes),
        ("disk, a second", 3, |row| row.target_io_bytes),
    ];
    over_time("Memory and disk of the target's processes", series, &lines, |bytes| {
        human::bytes(bytes.max(0.0).round() as u64)
    })
}

fn duration(us: f64) -> String {
    human::duration_s(us / 1e6)
}

fn over_time(
    caption: &'static str,
    series: &[SeriesRow],
    lines: &[(&str, u8, Value)],
    label: fn(f64) -> String,
) -> Plot<'static> {
    let drawn =
        lines.iter().filter(|(_, _, value)| series.iter().filter_map(value).any(|value| value > 0));
    Plot {
        caption,
        lines: drawn.map(|(name, colour, value)| line(name, *colour, series, *value)).collect(),
        spans: spans(series),
        x: periods(series),
        label,
        log: false,
    }
}

fn line(name: &str, colour: u8, series: &[SeriesRow], value: Value) -> Line {
    let stretch = series.len().div_ceil(POINTS).max(1);
    let points = series.chunks(stretch).map(|rows| {
        let greatest = rows.iter().filter_map(value).max();
        (rows[0].t_s as f64, greatest.map(|value| value as f64))
    });
    Line { name: name.to_owned(), colour, points: points.collect() }
}

/// Stretches over which the same faults hold and the same chaos lasts.
fn spans(series: &[SeriesRow]) -> Vec<Span> {
    let stretches = series.chunk_by(|a, b| a.faults == b.faults);
    let faulty = stretches.filter(|rows| !rows[0].faults.is_empty());
    faulty
        .map(|rows| Span {
            from: rows[0].t_s as f64,
            to: (rows[0].t_s + rows.len() as u64) as f64,
            name: rows[0].faults.replace(';', ", "),
        })
        .collect()
}

/// A tick where each period begins, and one at the end.
fn periods(series: &[SeriesRow]) -> Vec<Tick> {
    let stretches = series.chunk_by(|a, b| a.period == b.period);
    let mut ticks: Vec<Tick> = stretches
        .map(|rows| {
            let at = rows[0].t_s as f64;
            Tick { at, label: format!("{} {}", human::moment(at), rows[0].period) }
        })
        .collect();
    if let Some(last) = series.last() {
        let at = (last.t_s + 1) as f64;
        ticks.push(Tick { at, label: human::moment(at) });
    }
    ticks
}

/// Latency against percentile: each step to the right is ten times rarer.
fn spectrum(results: &Results) -> Plot<'static> {
    let metrics = [("submit_service", 0), ("submit_response", 1), ("e2e_response", 3)];
    let lines = metrics.into_iter().filter_map(|(metric, colour)| {
        let histogram = figures::histogram(results.latency.get(metric)?)?;
        let rarest = (histogram.len() as f64).log10();
        let steps = (0..=100).map(|step| f64::from(step) / 20.0);
        let points = steps.take_while(|rarity| *rarity <= rarest).map(|rarity| {
            let us = histogram.value_at_quantile(1.0 - 10_f64.powf(-rarity));
            (rarity, Some(us as f64))
        });
        Some(Line { name: metric.to_owned(), colour, points: points.collect() })
    });
    let names = ["least", "p90", "p99", "p99.9", "p99.99", "p99.999"];
    let tick = |(n, name): (usize, &&str)| Tick { at: n as f64, label: (*name).to_owned() };
    Plot {
        caption: "Percentiles over the measured period; each step is ten times rarer",
        lines: lines.collect(),
        spans: Vec::new(),
        x: names.iter().enumerate().map(tick).collect(),
        label: duration,
        log: true,
    }
}
