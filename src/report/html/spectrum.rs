//! The spectrum of percentiles: each step to the right is ten times rarer. Service time, as a
//! naive tool sees it, and response time, as the user of the pipeline does, on one chart.

use hdrhistogram::Histogram;

use super::chart::{Axis, Chart, Form, Mark, Series};
use super::latency::{duration, log_axis};
use crate::measure::results::Results;
use crate::report::figures;

/// Points for each tenfold rarity.
const STEPS: f64 = 20.0;

/// Drawn, with their colour and form.
const METRICS: [(&str, &str, &str, Form); 4] = [
    ("submit_service", "submission, service (sent to reply)", "received", Form::Dashed),
    ("submit_response", "submission, response (due to reply)", "received", Form::Line),
    ("relay_latency", "relaying (target's 250 to the sink's)", "queue", Form::Line),
    ("e2e_response", "end to end, response (due to the sink's 250)", "sent", Form::Line),
];

/// The section.
pub(super) fn spectrum(results: &Results) -> String {
    let lines = METRICS.into_iter().filter_map(|(metric, name, colour, form)| {
        let latency = results.latency.get(metric)?;
        let bounds = figures::bound_from(latency);
        let said = bounds.map(|from| format!("lower bounds from {from} on"));
        let said = said.unwrap_or_default();
        line(name, colour, form, &figures::histogram(latency)?).map(|line| Series { said, ..line })
    });
    let note = "measured period; each step to the right is ten times rarer; logarithmic";
    chart("Time by percentile", note, lines.collect())
}

/// The chart of several spectra.
pub(in crate::report) fn chart(title: &str, note: &str, series: Vec<Series>) -> String {
    let last = |series: &Series| series.points.last().map_or(0.0, |(x, _)| *x);
    let rarest = series.iter().map(last).fold(1.0, f64::max);
    let mut chart = Chart {
        title: title.to_owned(),
        note: note.to_owned(),
        bands: Vec::new(),
        series,
        spans: Vec::new(),
        edges: Vec::new(),
        x: Axis::Linear { low: 0.0, high: rarest },
        ticks: ticks(rarest),
        y: Axis::log(1.0, 10.0),
        place: percentile,
        label: duration,
    };
    chart.y = log_axis(&chart);
    chart.figure()
}

/// One spectrum; `None` without a sample.
pub(in crate::report) fn line(
    name: &str,
    colour: &'static str,
    form: Form,
    histogram: &Histogram<u64>,
) -> Option<Series> {
    if histogram.is_empty() {
        return None;
    }
    // Beyond one in as many as there are, there is only the greatest.
    let rarest = (histogram.len() as f64).log10();
    let steps =
        (0..=120).map(|step| f64::from(step) / STEPS).take_while(|rarity| *rarity <= rarest);
    let point = |rarity: f64| {
        let us = histogram.value_at_quantile(1.0 - 10_f64.powf(-rarity));
        (rarity, Some(us as f64))
    };
    Some(Series {
        name: name.to_owned(),
        colour,
        form,
        points: steps.map(point).collect(),
        said: String::new(),
    })
}

fn ticks(rarest: f64) -> Vec<Mark> {
    let names = ["p90", "p99", "p99.9", "p99.99", "p99.999", "p99.9999"];
    let numbered = (1_u32..).map(f64::from).zip(names);
    let places = std::iter::once((2_f64.log10(), "p50")).chain(numbered);
    let marks = places.map(|(at, name)| Mark { at, label: name.to_owned() });
    marks.take_while(|mark| mark.at <= rarest).collect()
}

/// A rarity as the percentile it is.
fn percentile(rarity: f64) -> String {
    let share = (1.0 - 10_f64.powf(-rarity)) * 100.0;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 6")]
    let digits = rarity.ceil() as usize;
    format!("p{share:.digits$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rarities_read_as_percentiles() {
        assert_eq!(
            [0.0, 1.0, 2.0, 2.5, 3.0].map(percentile),
            ["p0", "p90.0", "p99.00", "p99.684", "p99.900"]
        );
    }
}
