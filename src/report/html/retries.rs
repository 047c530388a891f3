//! The retry curve as it was seen, over the one that was configured; and whether what waited came
//! as a thundering herd.

use super::chart::{Axis, Band, Chart, Form, Mark, Series};
use super::latency::log_axis;
use super::table::table;
use crate::measure::results::{Results, RetryPoint};
use crate::report::human;
use crate::report::recovery;

/// Beyond this ratio of the longest gap to the shortest the axis is logarithmic.
const STEEP: f64 = 20.0;

/// The section.
pub(super) fn retries(results: &Results) -> String {
    [curve(&results.retry_curve), rows(&results.retry_curve), herd(results)].concat()
}

fn curve(points: &[RetryPoint]) -> String {
    let line = |name: &str, colour, form, value: fn(&RetryPoint) -> Option<f64>| Series {
        name: name.to_owned(),
        colour,
        form,
        points: points.iter().map(|point| (f64::from(point.attempt), value(point))).collect(),
        said: String::new(),
    };
    let seen = points.iter().filter(|point| point.count > 0);
    let band = Band {
        name: "observed p5 to p95".to_owned(),
        colour: "sent",
        points: seen.map(|point| (f64::from(point.attempt), point.p5_s, point.p95_s)).collect(),
    };
    let attempts = || points.iter().map(|point| f64::from(point.attempt));
    let last = attempts().fold(1.0, f64::max);
    let every = (last / 15.0).ceil().max(1.0);
    let tick = |at: f64| Mark { at, label: human::number(at) };
    let mut chart = Chart {
        title: "Pause after each attempt".to_owned(),
        note: "by number of the attempt".to_owned(),
        bands: vec![band],
        series: vec![
            line("configured, before jitter", "offered", Form::Dashed, |it| it.configured_s),
            line("observed median", "sent", Form::Line, |it| (it.count > 0).then_some(it.p50_s)),
        ],
        spans: Vec::new(),
        edges: Vec::new(),
        x: Axis::Linear { low: 0.5, high: last + 0.5 },
        ticks: attempts().filter(|at| (at - 1.0) % every < 0.5).map(tick).collect(),
        y: Axis::from_zero(1.0),
        place: |attempt| format!("after attempt {attempt}"),
        label: human::duration_s,
    };
    chart.y = axis(&chart);
    chart.figure()
}

/// From zero; logarithmic where the curve is steep.
fn axis(chart: &Chart) -> Axis {
    let Axis::Log { low, high } = log_axis(chart) else { return Axis::from_zero(1.0) };
    if high / low > STEEP { Axis::Log { low, high } } else { Axis::from_zero(high) }
}

fn rows(points: &[RetryPoint]) -> String {
    let row = |point: &RetryPoint| {
        let seconds =
            |seconds| if point.count == 0 { "-".to_owned() } else { human::duration_s(seconds) };
        vec![
            point.attempt.to_string(),
            point.configured_s.map_or("-".to_owned(), human::duration_s),
            seconds(point.p5_s),
            seconds(point.p50_s),
            seconds(point.p95_s),
            human::count(point.count),
            human::count(point.early),
            human::count(point.missed),
        ]
    };
    let titles =
        ["#after attempt", "#configured", "#p5", "#p50", "#p95", "#gaps", "#early", "#missed"];
    table(&titles, points.iter().map(row).collect())
}

fn herd(results: &Results) -> String {
    let Some(herd) = &results.queue.herd else { return String::new() };
    format!(
        "<p>Thundering herd after the last fault healed: {}.</p>\n",
        recovery::herd(herd).join(", ")
    )
}
