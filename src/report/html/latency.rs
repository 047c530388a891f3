//! How long it took, second by second, and every metric's figures.

use super::chart::{Axis, Chart, Form};
use super::table::{code, table};
use super::timeline::{Column, Fold, Timeline};
use crate::escape::xml;
use crate::measure::results::{Findings, Latency, Results, SeriesRow};
use crate::report::figures::{self, ROWS, STATS};
use crate::report::human;

/// The section.
pub(super) fn latency(findings: &Findings) -> String {
    let chart = Timeline::of(findings).map_or_else(String::new, |timeline| over_time(&timeline));
    chart + &all_figures(&findings.results)
}

/// Microseconds as text.
pub(super) fn duration(us: f64) -> String {
    human::duration_s(us / 1e6)
}

fn over_time(timeline: &Timeline<'_>) -> String {
    type Value = fn(&SeriesRow) -> Option<f64>;
    let lines: [(&str, &str, Form, Value); 4] = [
        ("end to end p99", "sent", Form::Line, |row| us(row.e2e_p99_us)),
        ("end to end p50", "sent", Form::Dashed, |row| us(row.e2e_p50_us)),
        ("submission p99", "received", Form::Line, |row| us(row.submit_p99_us)),
        ("submission p50", "received", Form::Dashed, |row| us(row.submit_p50_us)),
    ];
    let column = |(name, colour, form, value)| Column {
        name,
        colour,
        form,
        value,
        fold: Fold::Most,
        said: String::new(),
    };
    let columns = lines.into_iter().map(column).collect();
    let mut chart = timeline.chart("Response time of what ended in each second", columns);
    let more = if chart.note.is_empty() { String::new() } else { format!("; {}", chart.note) };
    chart.note = format!("from when it was due; logarithmic{more}");
    chart.label = duration;
    chart.y = log_axis(&chart);
    chart.figure()
}

fn us(us: Option<u64>) -> Option<f64> {
    us.map(|us| us as f64)
}

/// A logarithmic axis with room for all that a chart shows.
pub(super) fn log_axis(chart: &Chart) -> Axis {
    let lines = chart.series.iter().flat_map(|series| &series.points).filter_map(|(_, y)| *y);
    let bands =
        chart.bands.iter().flat_map(|band| &band.points).flat_map(|(_, low, high)| [*low, *high]);
    let values: Vec<f64> = lines.chain(bands).filter(|y| *y > 0.0).collect();
    let least = values.iter().copied().reduce(f64::min).unwrap_or(1.0);
    let top = values.iter().copied().reduce(f64::max).unwrap_or(1.0);
    Axis::log(least, top)
}

/// Every metric in figures. `-`: too few samples; `>=`: observations without an end could raise it;
/// `<=`, `~`: in doubt.
fn all_figures(results: &Results) -> String {
    let mut titles = vec!["".to_owned()];
    titles.extend(STATS.iter().map(|stat| format!("#{}", stat.title)));
    titles.extend(["#n".to_owned(), "#censored".to_owned()]);
    let headline = figures::rows(results).into_iter().map(|row| (row.name, row.latency));
    let other = |name: &str| ROWS.iter().all(|(known, _)| *known != name);
    let rest = results.latency.iter().filter(|(name, _)| other(name));
    let rest = rest.map(|(name, latency)| (name.as_str(), latency));
    let row = |(name, latency): (&str, &Latency)| {
        let mut cells = vec![code(name)];
        cells.extend(STATS.iter().map(|stat| xml(&stat.text(latency))));
        cells.extend([human::count(latency.count), human::count(latency.censored)]);
        cells
    };
    let titles: Vec<&str> = titles.iter().map(String::as_str).collect();
    table(&titles, headline.chain(rest).map(row).collect())
        + "<p class=\"faint\">-: too few samples to state it. &gt;=: at least; some were censored: \
           cut off by the end of the run, or failed. &lt;= or ~: mailbench itself may have made a \
           part of it, or hidden one.</p>\n"
}
