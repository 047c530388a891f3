//! Percentile distribution in the text form of HdrHistogram's own tools (`.hgrm`), milliseconds.
//!
//! The form holds one distribution: end-to-end response time, or submission's where no mail was
//! delivered.

use std::fmt::Write as _;

use hdrhistogram::Histogram;

use super::figures;
use crate::measure::results::{DoubtfulFigure, Latency, Results};

/// Steps for each halving of the distance to 100 %, as in the Java tools.
const TICKS_PER_HALF_DISTANCE: u32 = 5;

/// The distribution; only its heading when there are no samples.
pub(super) fn render(results: &Results) -> String {
    let found = ["e2e_response", "submit_response"].into_iter().find_map(|metric| {
        let histogram = figures::histogram(results.latency.get(metric)?)?;
        (!histogram.is_empty()).then_some((metric, histogram, results.latency.get(metric)?))
    });
    let (metric, histogram, latency) = match found {
        Some(found) => found,
        None => return heading("no samples"),
    };
    let mut text = heading(metric);
    for step in histogram.iter_quantiles(TICKS_PER_HALF_DISTANCE) {
        let (value, quantile) = (ms(step.value_iterated_to()), step.quantile_iterated_to());
        let total = histogram.count_between(0, step.value_iterated_to());
        // Writing to a String cannot fail.
        let _infallible = write!(text, "{value:12.3} {quantile:2.12} {total:10}");
        let _infallible = if quantile < 1.0 {
            writeln!(text, " {:14.2}", 1.0 / (1.0 - quantile))
        } else {
            writeln!(text)
        };
    }
    text + &doubt(latency) + &footer(&histogram) + &bounds(latency)
}

/// What is only a lower bound, as a comment of the form.
fn bounds(latency: &Latency) -> String {
    if latency.censored == 0 {
        return String::new();
    }
    let all = latency.count + latency.censored;
    let from = figures::bound_from(latency).unwrap_or("max");
    format!(
        "#[{} of {all} observations have no end; lower bounds from {from} on]\n",
        latency.censored
    )
}

/// Figures of which the instrument may have made a part, as comments.
fn doubt(latency: &Latency) -> String {
    let line = |one: &DoubtfulFigure| {
        let (least, most) = (ms(one.least), ms(one.most));
        format!("#[{} in doubt: {least:.3} to {most:.3} without mailbench's delays]\n", one.stat)
    };
    latency.doubtful.iter().map(line).collect()
}

fn heading(metric: &str) -> String {
    format!(
        "# mailbench {metric}, milliseconds\n{:>12} {:>14} {:>10} {:>14}\n\n",
        "Value", "Percentile", "TotalCount", "1/(1-Percentile)"
    )
}

fn footer(histogram: &Histogram<u64>) -> String {
    let (mean, deviation) = (histogram.mean() / 1e3, histogram.stdev() / 1e3);
    format!(
        "#[Mean    = {mean:12.3}, StdDeviation   = {deviation:12.3}]\n\
         #[Max     = {:12.3}, Total count    = {:12}]\n\
         #[Buckets = {:12}, SubBuckets     = {:12}]\n",
        ms(histogram.max()),
        histogram.len(),
        histogram.buckets(),
        1 << 11, // Three digits need 2,048 sub-buckets.
    )
}

#[expect(clippy::cast_precision_loss, reason = "three decimals are shown")]
fn ms(us: u64) -> f64 {
    us as f64 / 1e3
}
