//! What two runs are compared by: one number a metric and run, with the way in which it is
//! better.

use crate::measure::latency::PERCENTILES;
use crate::measure::latency::samples::decode;
use crate::measure::results::{DestinationFacts, Latency, Results};
use crate::metric::figure::{Better, LATENCIES, OF_DESTINATION, OTHERS, RATES, metric_of};
pub use crate::metric::figure::{GATED, GATED_MOST, names};

/// One number of one run.
#[derive(Clone, Debug, PartialEq)]
pub struct Figure {
    /// As thresholds name it.
    pub name: String,
    /// What it is counted in.
    pub unit: &'static str,
    /// Which way is better.
    pub better: Better,
    /// Whether it says how much was done, rather than how long or how large.
    pub throughput: bool,
    /// The number, zero or above.
    pub value: f64,
    /// The true number is at least this one.
    pub at_least: bool,
    /// Between what it lies, where the instrument's own delays may have made a good part of it, or
    /// hidden one.
    pub within: Option<(f64, f64)>,
    /// Standard error of its logarithm within the run, where it is known.
    pub error: f64,
}

impl Figure {
    /// Logarithm of the value. A ratio needs numbers above zero: what lies below the figure's
    /// [`resolution`] counts as the resolution, so that two such values are equal and a pair with
    /// one of them still counts.
    #[must_use]
    pub fn log(&self) -> f64 {
        self.log_of(self.value)
    }

    fn log_of(&self, value: f64) -> f64 {
        value.max(resolution(&self.name)).ln()
    }

    /// How much lower, and how much higher, it may be without the instrument's own delays, on the
    /// logarithmic scale.
    #[must_use]
    pub fn doubt(&self) -> (f64, f64) {
        self.within.map_or((0.0, 0.0), |(least, most)| {
            let value = self.log();
            ((value - self.log_of(least)).max(0.0), (self.log_of(most) - value).max(0.0))
        })
    }
}

/// The smallest value of a figure that differs from zero in practice: one microsecond of a
/// latency, one millisecond of a drain, one message of a backlog, 1 KiB/s of disk traffic, a
/// thousandth of a core, one event in a million seconds.
#[must_use]
pub fn resolution(name: &str) -> f64 {
    match (name, blank(name).unit) {
        ("backlog.max", _) | (_, "us" | "bytes") => 1.0,
        (_, "bytes/s") => 1024.0,
        (_, "/s") => 1e-6,
        _ => 1e-3,
    }
}

/// The figure of a name, without a value.
#[must_use]
pub fn blank(name: &str) -> Figure {
    if name.ends_with(".rate") {
        return Figure {
            better: Better::Higher,
            throughput: true,
            ..plain(name.to_owned(), "/s", 0.0)
        };
    }
    let other = OTHERS.iter().find(|(other, _)| *other == name);
    plain(name.to_owned(), other.map_or("us", |(_, unit)| unit), 0.0)
}

/// Each figure once, in reading order, and those of `gate` that are not among them, without a
/// value.
#[must_use]
pub fn distinct<'a>(found: impl Iterator<Item = &'a Figure>, gate: &[String]) -> Vec<Figure> {
    let gate = gate.iter().map(|name| blank(name));
    let mut all: Vec<Figure> = Vec::new();
    for figure in found.cloned().chain(gate) {
        if find(&all, &figure.name).is_none() {
            all.push(figure);
        }
    }
    all
}

/// The figure of a name.
#[must_use]
pub fn find<'a>(figures: &'a [Figure], name: &str) -> Option<&'a Figure> {
    figures.iter().find(|figure| figure.name == name)
}

/// Why a run has no such figure.
#[must_use]
pub fn absence(results: &Results, name: &str) -> String {
    if let Some((metric, stat)) = name.rsplit_once('.')
        && let Some(latency) = latency_of(results, metric)
    {
        let samples = latency.count + latency.censored;
        let needs = PERCENTILES.iter().find(|one| one.name == stat).map_or(1, |one| one.needs);
        return format!("{samples} samples, {stat} needs {needs}");
    }
    match name {
        "drain_time" => "the queue did not drain".to_owned(),
        name if name.starts_with("target_") => "the target's use was not measured".to_owned(),
        _ => "it was not measured".to_owned(),
    }
}

fn latency_of<'a>(results: &'a Results, metric: &str) -> Option<&'a Latency> {
    let of_place = |place: &'a DestinationFacts| {
        (metric_of(&place.domain) == metric).then(|| place.latency.get("e2e_response"))?
    };
    results.latency.get(metric).or_else(|| results.destinations.iter().find_map(of_place))
}

/// Every figure of a run that is known, in reading order.
#[must_use]
pub fn figures(results: &Results) -> Vec<Figure> {
    let mut found = Vec::new();
    for (metric, stats) in LATENCIES {
        let latency = results.latency.get(metric);
        found.extend(latency.iter().flat_map(|latency| of_latency(metric, latency, stats)));
    }
    if results.destinations.len() > 1 {
        found.extend(results.destinations.iter().flat_map(of_destination));
    }
    found.extend(RATES.iter().filter_map(|rate| of_rate(rate, results)));
    found.extend(OTHERS.iter().zip(VALUES).filter_map(|((name, unit), value)| {
        let value = value(results).filter(|value| value.is_finite())?;
        let error = if *name == CONNECTIONS { error_of_connections(results) } else { 0.0 };
        Some(Figure { error, ..plain((*name).to_owned(), unit, value) })
    }));
    found
}

fn plain(name: String, unit: &'static str, value: f64) -> Figure {
    let (better, throughput, at_least, error) = (Better::Lower, false, false, 0.0);
    Figure { name, unit, better, throughput, value, at_least, within: None, error }
}

fn of_latency(metric: &str, latency: &Latency, stats: &[&str]) -> Vec<Figure> {
    let histogram = decode(latency);
    let figure = |stat: &&str| {
        let value = latency.stat(stat)?.bare().max(1) as f64;
        let error = histogram.as_ref().map_or(0.0, |all| error_of(all, share(stat)));
        let at_least = latency.is_bound(stat);
        let doubtful = latency.doubtful.iter().find(|one| one.stat == *stat);
        let within = doubtful.map(|one| (one.least as f64, one.most as f64));
        Some(Figure { at_least, within, error, ..plain(format!("{metric}.{stat}"), "us", value) })
    };
    stats.iter().filter_map(figure).collect()
}

fn of_destination(place: &DestinationFacts) -> Vec<Figure> {
    let metric = metric_of(&place.domain);
    let latency = place.latency.get("e2e_response");
    latency.map(|latency| of_latency(&metric, latency, &OF_DESTINATION)).unwrap_or_default()
}

/// The error of a count that could as well have been a little higher or lower is left out: under
/// an open load it is the plan that decides it.
fn of_rate(rate: &str, results: &Results) -> Option<Figure> {
    let value = results.rates.get(rate).copied().filter(|value| value.is_finite())?;
    Some(Figure { value, ..blank(&format!("{rate}.rate")) })
}

/// Standard error of the logarithm of a count of connections: of one opened more or less, as one that
/// is kept open for many messages may be, nothing follows. Independent ones vary by √n.
fn error_of_connections(results: &Results) -> f64 {
    let count = results.queue.connection_attempts.as_ref().and_then(|found| found.count);
    1.0 / (count.unwrap_or_default().max(1) as f64).sqrt()
}

const CONNECTIONS: &str = "connection_attempts.per_delivery";

type Value = fn(&Results) -> Option<f64>;

/// The values of [`OTHERS`], in their order.
const VALUES: [Value; OTHERS.len()] = [
    |results| results.queue.drain_time_s,
    // A bound is no figure: how long it took is not known.
    |results| {
        let bound = results.queue.recovery_time_max_at_least;
        results.queue.recovery_time_max_s.filter(|_| !bound)
    },
    |results| results.queue.connection_attempts.as_ref()?.per_delivery,
    |results| Some(results.queue.backlog_max as f64),
    |results| results.queue.attempts_per_delivery_mean,
    |results| Some(results.resources.target.as_ref()?.cpu_mean_cores),
    |results| Some(results.resources.target.as_ref()?.rss_mean_bytes),
    |results| results.resources.target.as_ref()?.io_mean_bytes_per_s,
];

fn share(stat: &str) -> f64 {
    PERCENTILES.iter().find(|known| known.name == stat).map_or(0.5, |known| known.share)
}

/// Standard error of the logarithm of a percentile, from the ranks between which it lies with 95 %
/// (Le Boudec, order statistics). It takes the samples for independent, which in a queue they are
/// not: it is the least the error can be.
fn error_of(all: &hdrhistogram::Histogram<u64>, share: f64) -> f64 {
    let count = all.len() as f64;
    let reach = 1.96 * (count * share * (1.0 - share)).sqrt() / count;
    let (low, high) = ((share - reach).max(0.0), (share + reach).min(1.0));
    let (low, high) = (all.value_at_quantile(low).max(1), all.value_at_quantile(high).max(1));
    (high as f64 / low as f64).ln() / (2.0 * 1.96)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::latency::samples::Samples;
    use crate::measure::latency::summarise;
    use std::time::Duration;

    #[test]
    fn a_blank_figure_is_as_one_of_a_run() {
        assert_eq!(blank("delivered.rate").better, Better::Higher);
        let units = [
            ("e2e_response.p99", "us", 1.0),
            ("e2e_response{destination=a.test}.p50", "us", 1.0),
            ("drain_time", "s", 1e-3),
            ("delivered.rate", "/s", 1e-6),
            ("backlog.max", "", 1.0),
            ("attempts_per_delivery.mean", "", 1e-3),
            ("target_io.mean", "bytes/s", 1024.0),
        ];
        for (name, unit, least) in units {
            assert_eq!((blank(name).unit, resolution(name)), (unit, least), "{name}");
        }
    }

    /// The 59.8th and the 40.2nd percentile of a hundred samples are the 60th and the 41st of them.
    #[test]
    fn the_error_of_a_percentile_is_from_the_ranks_around_it() {
        let value = |rank: u32| 1e6 * (1.0 + f64::from(rank) / 100.0).powi(3);
        let mut samples = Samples::default();
        (1..=100).for_each(|rank| samples.record(Duration::from_micros(value(rank) as u64)));
        let error = of_latency("x", &summarise(&samples), &["p50"])[0].error;
        let expected = (value(60) / value(41)).ln() / 3.92;
        assert!((error / expected - 1.0).abs() < 5e-3, "{error} {expected}");
    }

    #[test]
    fn a_value_of_zero_keeps_its_pair() {
        let of = |value| Figure { value, ..blank("drain_time") }.log();
        assert_eq!(of(0.0).to_bits(), of(0.0004).to_bits(), "neither differs from zero");
        assert!((of(0.0) - 0.001_f64.ln()).abs() < 1e-12 && of(0.04) > of(0.0));
    }

    /// Of exponential samples the standard error of ln p50 is 1 / (ln 2 · √n), by the delta
    /// method: √(q(1−q)/n) / (f(x) · x) with q = f(x) = ½ and x = ln 2.
    #[test]
    fn the_error_of_a_percentile_is_as_theory_has_it() {
        let mut samples = Samples::default();
        for n in 1..=10_000_u32 {
            let quantile = (f64::from(n) - 0.5) / 10_000.0;
            samples.record(Duration::from_secs_f64(-(1.0 - quantile).ln()));
        }
        let figures = of_latency("x", &summarise(&samples), &["p50", "p99"]);
        let theory = 1.0 / (2.0_f64.ln() * 100.0);
        assert_eq!(figures[0].name, "x.p50");
        assert!((figures[0].error / theory - 1.0).abs() < 0.1, "{} {theory}", figures[0].error);
        assert!(figures[1].error > figures[0].error, "the tail is known less well");
    }

    #[test]
    fn a_percentile_that_is_a_bound_says_so() {
        let mut samples = Samples::default();
        (0..980).for_each(|_| samples.record(Duration::from_millis(10)));
        (0..20).for_each(|_| samples.censor(Duration::from_secs(30)));
        let figures = of_latency("x", &summarise(&samples), &["p50", "p99"]);
        assert_eq!(figures.iter().map(|it| it.at_least).collect::<Vec<_>>(), [false, true]);
    }
}
