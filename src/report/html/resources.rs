//! What the target's processes and the instrument used, over time and in sum.

use super::chart::{Axis, Chart, Form};
use super::table::table;
use super::timeline::{Column, Fold, Timeline};
use crate::escape::xml;
use crate::measure::results::{Findings, Results, SeriesRow};
use crate::report::human;

/// The section.
pub(super) fn resources(findings: &Findings) -> String {
    let charts = Timeline::of(findings).map_or_else(String::new, |timeline| {
        let charts = [cpu(&timeline), memory(&timeline), disk(&timeline)].concat();
        format!("<div class=\"columns\">\n{charts}</div>\n")
    });
    charts + &sums(&findings.results)
}

type Value = fn(&SeriesRow) -> Option<f64>;

fn column(name: &'static str, colour: &'static str, value: Value) -> Column {
    Column { name, colour, form: Form::Line, value, fold: Fold::Mean, said: String::new() }
}

fn cpu(timeline: &Timeline<'_>) -> String {
    let columns = vec![
        column("target", "sent", |row| row.target_cpu_pct),
        column("mailbench", "offered", |row| looked_at(row, row.cpu_pct)),
    ];
    timeline.chart("CPU, percent of one core", columns).figure()
}

fn memory(timeline: &Timeline<'_>) -> String {
    let columns = vec![
        column("target", "sent", |row| row.target_rss_bytes.map(|bytes| bytes as f64)),
        column("mailbench", "offered", |row| looked_at(row, row.rss_bytes as f64)),
    ];
    let mut chart = timeline.chart("Resident memory", columns);
    in_bytes(&mut chart);
    chart.figure()
}

fn disk(timeline: &Timeline<'_>) -> String {
    let columns = vec![column("target, read and written", "sent", |row| {
        row.target_io_bytes.map(|bytes| bytes as f64)
    })];
    let mut chart = timeline.chart("Disk, a second", columns);
    in_bytes(&mut chart);
    chart.figure()
}

fn in_bytes(chart: &mut Chart) {
    let values = chart.series.iter().flat_map(|series| &series.points).filter_map(|(_, y)| *y);
    chart.y = Axis::bytes(values.fold(0.0, f64::max));
    chart.label = size;
}

/// Before the first look at it there is nothing to show.
fn looked_at(row: &SeriesRow, value: f64) -> Option<f64> {
    (row.rss_bytes > 0).then_some(value)
}

fn size(bytes: f64) -> String {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "held above zero")]
    human::bytes(bytes.max(0.0).round() as u64)
}

fn sums(results: &Results) -> String {
    let own = &results.resources;
    let row = |what: &str, mean: String, most: String| vec![what.to_owned(), mean, most];
    let share = human::quantity(own.cpu_share, "share");
    let cores = human::counted(u64::from(own.cores), "core", "cores");
    let mut rows = vec![
        row(
            "mailbench, CPU",
            format!("{share} of {cores}"),
            format!("{} in all", human::duration_s(own.cpu_s)),
        ),
        row("mailbench, memory", String::new(), human::bytes(own.rss_max_bytes)),
    ];
    if let Some(used) = &own.target {
        let rate =
            |rate: Option<f64>| rate.map_or("-".to_owned(), |rate| format!("{}/s", size(rate)));
        let count =
            |count: Option<u32>| count.map_or("-".to_owned(), |count| human::count(count.into()));
        let cores = |cores: f64| format!("{cores:.2} cores");
        rows.extend([
            row("target, CPU", cores(used.cpu_mean_cores), cores(used.cpu_max_cores)),
            row("target, memory", size(used.rss_mean_bytes), human::bytes(used.rss_max_bytes)),
            row("target, disk", rate(used.io_mean_bytes_per_s), rate(used.io_max_bytes_per_s)),
            row("target, open files", String::new(), count(used.open_files_max)),
            row("target, processes", String::new(), count(Some(used.processes_max))),
        ]);
    }
    table(&["measured period", "#mean", "#peak"], rows) + &unread(results)
}

/// What of the target's use could not be read, and why.
fn unread(results: &Results) -> String {
    let unread = results.resources.target.iter().flat_map(|used| &used.not_readable);
    let unread: Vec<String> = unread.map(|line| xml(line)).collect();
    match unread.is_empty() {
        true => String::new(),
        false => format!("<p>Not readable: {}.</p>\n", unread.join("; ")),
    }
}
