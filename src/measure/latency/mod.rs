//! From samples to one [`Latency`]: which percentiles may be stated, and which are only bounds.
//!
//! Three rules. A percentile is withheld below the number of samples at which a
//! two-sided 95 % interval for it exists. A percentile that an observation without an end could
//! still raise is given as "at least". Which observations have none, `observation` says. A figure
//! of which the instrument itself may have made a part, or hidden one, says between what it lies
//! (`doubt`).

pub mod coordinated_omission;
pub mod observation;
pub mod per_second;
pub mod reservoir;
pub mod samples;
pub mod stages;
pub mod table;
pub mod uncertainty;

use hdrhistogram::Histogram;

use super::results::Latency;
use crate::limits;
use reservoir::DurationReservoir;
use samples::{Samples, encode};

/// A percentile: its name, its share, and the fewest samples that can state it,
/// `ceil(ln 0.025 / ln share)`.
#[derive(Clone, Copy, Debug)]
pub struct Percentile {
    /// Its name in thresholds and reports.
    pub name: &'static str,
    /// The share of observations at or below it.
    pub share: f64,
    /// Fewest observations.
    pub needs: u64,
}

/// The percentiles a report states, with the samples each needs.
pub const PERCENTILES: [Percentile; 7] = [
    Percentile { name: "p50", share: 0.5, needs: 6 },
    Percentile { name: "p75", share: 0.75, needs: 13 },
    Percentile { name: "p90", share: 0.9, needs: 36 },
    Percentile { name: "p95", share: 0.95, needs: 72 },
    Percentile { name: "p99", share: 0.99, needs: 368 },
    Percentile { name: "p999", share: 0.999, needs: 3_688 },
    Percentile { name: "p9999", share: 0.9999, needs: 36_887 },
];

/// Summarises samples; every field that cannot be stated is null and named as such.
#[must_use]
pub fn summarise(samples: &Samples) -> Latency {
    summarise_with(samples, 0.0)
}

/// The same, where the observations may hold so much, microseconds all together, that the
/// instrument added and that is not known one by one.
#[must_use]
pub fn summarise_with(samples: &Samples, added_us: f64) -> Latency {
    let all = samples.histogram();
    let mut latency = stated(samples, &all);
    latency.range = uncertainty::ranges((samples, &all), &latency, added_us);
    latency.doubtful = uncertainty::doubtful(&latency);
    latency
}

fn stated(samples: &Samples, all: &Histogram<u64>) -> Latency {
    let open = samples.histogram_without_end();
    let mut latency = Latency {
        unit: "us".to_owned(),
        count: samples.values.len(),
        censored: samples.without_end(),
        failed: samples.failed.len(),
        overflow: samples.overflow,
        hdr: encode(all),
        hdr_censored: if open.is_empty() { String::new() } else { encode(&open) },
        ..Latency::default()
    };
    let piles = [&samples.values, &samples.censored, &samples.failed];
    let [ended, cut, failed] = piles.map(DurationReservoir::extremes);
    let youngest =
        |reservoir: Option<(u32, u32)>| reservoir.map_or(u64::MAX, |(least, _)| u64::from(least));
    latency.max = [ended, cut, failed].into_iter().flatten().map(|it| u64::from(it.1)).max();
    latency.mean = (!all.is_empty()).then(|| mean(samples));
    let open = Open {
        count: latency.censored,
        youngest: youngest(cut),
        beyond_range: samples.overflow > 0,
    };
    let least = ended.map_or(youngest(failed), |(least, _)| u64::from(least));
    state(&mut latency, all, least, &open);
    latency
}

/// The observations of a metric that have no end.
pub struct Open {
    /// How many.
    pub count: u64,
    /// Least age of one that could still end, microseconds; `u64::MAX` without any.
    pub youngest: u64,
    /// Whether a value beyond the histogram's range is held at its top.
    pub beyond_range: bool,
}

/// States least, percentiles and greatest of `all` observations: what they are, which are
/// withheld, and which are only lower bounds. `least`: of those that ended.
pub fn state(latency: &mut Latency, all: &Histogram<u64>, least: u64, open: &Open) {
    if all.is_empty() {
        return;
    }
    latency.min = Some(least.min(open.youngest));
    if open.youngest < least || open.count == all.len() {
        latency.at_least.push("min".to_owned());
    }
    for percentile in PERCENTILES {
        if all.len() < percentile.needs {
            latency.too_few.push(percentile.name.to_owned());
            continue;
        }
        let value = all.value_at_quantile(percentile.share);
        // The histogram's steps end above the greatest value that fell into them.
        let stated = latency.max.map_or(value, |most| value.min(most));
        *field(latency, percentile.name) = Some(stated);
        if uncertain(all.len(), open, percentile.share, value) {
            latency.at_least.push(percentile.name.to_owned());
        }
    }
    if open.count > 0 || open.beyond_range {
        latency.at_least.extend(["mean".to_owned(), "max".to_owned()]);
    }
}

/// The value of a percentile by name.
#[must_use]
pub fn percentile(latency: &Latency, name: &str) -> Option<u64> {
    match name {
        "p50" => latency.p50,
        "p75" => latency.p75,
        "p90" => latency.p90,
        "p95" => latency.p95,
        "p99" => latency.p99,
        "p999" => latency.p999,
        "p9999" => latency.p9999,
        _ => None,
    }
}

/// The field of a percentile by name.
pub fn field<'a>(latency: &'a mut Latency, name: &str) -> &'a mut Option<u64> {
    match name {
        "p50" => &mut latency.p50,
        "p75" => &mut latency.p75,
        "p90" => &mut latency.p90,
        "p95" => &mut latency.p95,
        "p99" => &mut latency.p99,
        "p999" => &mut latency.p999,
        _ => &mut latency.p9999,
    }
}

fn mean(samples: &Samples) -> f64 {
    let sum = samples.values.sum() + samples.censored.sum() + samples.failed.sum();
    sum as f64 / samples.len() as f64
}

/// Whether an observation without an end could raise this percentile: its rank lies among them, or
/// one stopped being watched before it had reached `value`. A value held at the top of the range is
/// censored there.
fn uncertain(count: u64, open: &Open, share: f64, value: u64) -> bool {
    let beyond_range = open.beyond_range && value >= limits::HISTOGRAM_HIGH_US;
    let open_share = open.count as f64 / count as f64;
    share > 1.0 - open_share || value > open.youngest || beyond_range
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn millis(values: impl IntoIterator<Item = u64>) -> Samples {
        let mut samples = Samples::default();
        values.into_iter().for_each(|ms| samples.record(Duration::from_millis(ms)));
        samples
    }

    #[test]
    fn the_least_counts_follow_from_the_shares() {
        for percentile in PERCENTILES {
            let least = (0.025_f64.ln() / percentile.share.ln()).ceil();
            assert_eq!(percentile.needs, least as u64, "{}", percentile.name);
        }
    }

    #[test]
    fn a_percentile_is_withheld_until_it_can_be_stated() {
        let few = summarise(&millis(1..=367));
        assert_eq!((few.p95, few.p99), (Some(349_183), None));
        assert_eq!(few.too_few, ["p99", "p999", "p9999"]);
        assert!(summarise(&millis(1..=368)).p99.is_some());
    }

    #[test]
    fn no_percentile_is_above_the_greatest() {
        for us in [1_500, 19_999, 3_033_551, 59_999_999_u64] {
            let mut samples = Samples::default();
            (0..400).for_each(|_| samples.record(Duration::from_micros(us)));
            let latency = summarise(&samples);
            let stated = [latency.p50, latency.p90, latency.p99, latency.max];
            assert_eq!(stated, [Some(us); 4]);
            samples.fail(Duration::from_micros(us + 1));
            let latency = summarise(&samples);
            assert!(latency.p99 <= latency.max, "{:?} {:?}", latency.p99, latency.max);
        }
    }

    #[test]
    fn nothing_observed_states_nothing() {
        let none = summarise(&Samples::default());
        assert_eq!((none.count, none.min, none.mean, none.p50), (0, None, None, None));
    }

    #[test]
    fn a_percentile_among_the_censored_is_a_lower_bound() {
        let mut samples = millis((0..980).map(|_| 10));
        (0..20).for_each(|_| samples.censor(Duration::from_secs(30)));
        let latency = summarise(&samples);
        assert_eq!((latency.count, latency.censored), (980, 20));
        assert_eq!(latency.at_least, ["p99", "mean", "max"]);
        assert!(latency.p99.expect("a value") >= 29_900_000);
        assert!(latency.p95.expect("a value") < 11_000);
    }

    #[test]
    fn an_observation_abandoned_early_makes_later_percentiles_uncertain() {
        let mut samples = millis(1..=1000);
        samples.censor(Duration::from_millis(600));
        let latency = summarise(&samples);
        assert_eq!(latency.at_least, ["p75", "p90", "p95", "p99", "mean", "max"]);
    }

    #[test]
    fn what_failed_at_once_makes_no_percentile_smaller() {
        let mut samples = millis((0..950).map(|_| 10).chain((0..30).map(|_| 90)));
        (0..20).for_each(|_| samples.fail(Duration::from_micros(50)));
        let latency = summarise(&samples);
        assert_eq!((latency.count, latency.censored, latency.failed), (980, 20, 20));
        assert_eq!(latency.at_least, ["p99", "mean", "max"]);
        assert!(latency.p50.expect("a value") >= 10_000, "half were answered no faster");
        assert!(latency.p99.expect("a value") >= 90_000, "a hundredth was never answered");
        assert_eq!(latency.min, Some(10_000), "what failed is no least");
    }

    #[test]
    fn a_least_among_the_censored_is_a_bound() {
        let mut samples = millis([20, 30]);
        samples.censor(Duration::from_millis(5));
        assert_eq!(summarise(&samples).at_least, ["min", "mean", "max"]);
        assert_eq!(summarise(&samples).min, Some(5_000));
        let mut none = Samples::default();
        none.censor(Duration::from_millis(5));
        assert_eq!(summarise(&none).at_least, ["min", "mean", "max"]);
        none.censored = DurationReservoir::default();
        none.fail(Duration::from_millis(7));
        assert_eq!(
            (summarise(&none).at_least[0].as_str(), summarise(&none).min),
            ("min", Some(7_000))
        );
    }

    #[test]
    fn merged_is_not_averaged() {
        let both = millis((0..990).map(|_| 1).chain((0..10).map(|_| 500)));
        assert!(summarise(&both).p99.expect("a value") < 2_000);
    }
}
