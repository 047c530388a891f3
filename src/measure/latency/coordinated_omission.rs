//! What a closed load hides (coordinated omission), and the figure corrected for it.
//!
//! In the closed model a session sends its next message when it has the reply to the last. A stall
//! of the target stops the load with it, and shows as one late reply a session where a steady load
//! would have met it with many. The correction is HdrHistogram's (`recordValueWithExpectedInterval`,
//! Gil Tene): for each response that took longer than a session needs from one message to the next,
//! the messages that it kept from being sent are added, each later and so shorter by one interval.

use std::time::Duration;

use hdrhistogram::Histogram;

use super::reservoir;
use super::samples::{decode, encode, read};
use super::{Open, state};
use crate::measure::results::{ClosedFacts, Latency, Warning};
use crate::measure::validity::warning::warn;
use crate::scenario::model::{LoadModel, Scenario};
use crate::seed::{Key, Purpose};

/// Think times that are drawn to know their mean.
const DRAWS: u64 = 1000;

/// The facts of a run whose `submit_response` is this; none in the open model, or without a median.
#[must_use]
pub fn facts(scenario: &Scenario, response: &Latency) -> Option<ClosedFacts> {
    let LoadModel::Closed { think_time } = &scenario.load.model else { return None };
    let draws = (0..DRAWS).map(|subject| {
        let key = Key { subject, ..Key::default() };
        think_time.sample(&mut scenario.seed.stream(Purpose::ThinkTime, key))
    });
    let think_s = draws.sum::<f64>() / DRAWS as f64;
    let think_us = Duration::try_from_secs_f64(think_s).unwrap_or_default().as_micros() as u64;
    let interval = (response.p50?.saturating_add(think_us)).max(1);
    let corrected = corrected(response, interval)?;
    let all = |latency: &Latency| latency.count + latency.censored;
    Some(ClosedFacts {
        expected_interval_us: interval,
        omitted: all(&corrected).saturating_sub(all(response)),
        corrected_submit_response: corrected,
    })
}

/// What a reader of a closed run must know.
#[must_use]
pub fn warning(facts: &ClosedFacts) -> Warning {
    let text = format!(
        "closed model: sessions wait for replies, so a stall of the target also stops the load and \
         hides in the percentiles. At the observed pace (a message each {:.1} ms a session) {} more \
         messages would have met late replies: see submit_response (corrected); compare runs and \
         set thresholds under model = \"open\"",
        facts.expected_interval_us as f64 / 1e3,
        facts.omitted
    );
    warn("closed-model", text)
}

fn corrected(response: &Latency, interval: u64) -> Option<Latency> {
    let (all, open) = (decode(response)?, read(&response.hdr_censored));
    let mut whole = all.clone();
    if let Some(open) = &open {
        whole.subtract(open).ok()?;
    }
    let mut ended = reservoir::growing();
    add_corrected(&whole, 0, interval, &mut ended);
    // What failed stands at the top, and says nothing of how long it took.
    let mut cut = reservoir::growing();
    if let Some(open) = &open {
        add_corrected(open, response.failed, interval, &mut cut);
        cut.record_n(all.max(), response.failed).ok()?;
    }
    let mut both = ended.clone();
    both.add(&cut).ok()?;
    let mut latency = Latency {
        unit: "us".to_owned(),
        count: ended.len(),
        censored: cut.len(),
        failed: response.failed,
        overflow: response.overflow,
        max: response.max,
        mean: Some(both.mean()),
        hdr: encode(&both),
        hdr_censored: if cut.is_empty() { String::new() } else { encode(&cut) },
        ..Latency::default()
    };
    let youngest = if cut.is_empty() { u64::MAX } else { cut.min() };
    let open = Open { count: cut.len(), youngest, beyond_range: response.overflow > 0 };
    let least = response.min.filter(|_| whole.is_empty() || !response.is_bound("min"));
    state(&mut latency, &both, least.unwrap_or(ended.min()).min(ended.min()), &open);
    Some(latency)
}

/// Adds every value, but for `without` of the greatest, and what each kept from being sent.
fn add_corrected(from: &Histogram<u64>, without: u64, interval: u64, to: &mut Histogram<u64>) {
    let top = from.highest_equivalent(from.max());
    for step in from.iter_recorded() {
        let (value, times) = (step.value_iterated_to(), step.count_since_last_iteration());
        let times = if value == top { times.saturating_sub(without) } else { times };
        // It grows with its values, so that none is out of range.
        let _fits = to.record_n(value, times);
        omitted(value, times, interval, to);
    }
}

/// `value` less one interval, less two, and so on down to one interval; those that the histogram
/// does not tell apart are counted together, so that there are no more steps than it has.
fn omitted(value: u64, times: u64, interval: u64, to: &mut Histogram<u64>) {
    let mut next = value.saturating_sub(interval);
    while next >= interval && times > 0 {
        let least = to.lowest_equivalent(next).max(interval);
        let alike = (next - least) / interval + 1;
        let _fits = to.record_n(next, alike * times);
        let Some(below) = next.checked_sub(alike * interval) else { return };
        next = below;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::latency::samples::Samples;
    use crate::measure::latency::summarise;

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    /// One session, 10 ms a message, and one stall of 1.4 s in a minute: 5,861 samples.
    fn stalled() -> Samples {
        let mut samples = Samples::default();
        (0..5860).for_each(|_| samples.record(ms(10)));
        samples.record(ms(1400));
        samples
    }

    #[test]
    fn a_stall_shows_as_a_steady_load_would_have_met_it() {
        let response = summarise(&stalled());
        assert!(response.p99.expect("a value") < 11_000, "it is hidden");
        let corrected = corrected(&response, 10_000).expect("figures");
        // 139 more, from 1,390 ms down to 10 ms: of 6,000 the hundredth part waited 800 ms or more.
        assert_eq!(corrected.count, 5861 + 139);
        let p99 = corrected.p99.expect("a value") as f64 / 1e3;
        assert!((p99 / 800.0 - 1.0).abs() < 0.02, "{p99} ms");
        assert!(corrected.at_least.is_empty());
    }

    #[test]
    fn the_correction_is_that_of_the_histograms_own_library() {
        let all = summarise(&stalled());
        let histogram = decode(&all).expect("a histogram");
        let theirs = histogram.clone_correct(10_000);
        let mut ours = reservoir::growing();
        add_corrected(&histogram, 0, 10_000, &mut ours);
        assert_eq!(ours.len(), theirs.len());
        for share in [0.5, 0.9, 0.98, 0.99, 0.999, 1.0] {
            let (ours, theirs) = (ours.value_at_quantile(share), theirs.value_at_quantile(share));
            assert!(ours.abs_diff(theirs) <= theirs / 500, "{share}: {ours} {theirs}");
        }
    }

    #[test]
    fn a_session_stuck_at_the_close_omits_as_much_and_a_failure_nothing() {
        let mut samples = stalled();
        samples.censor(ms(5000));
        let cut = corrected(&summarise(&samples), 10_000).expect("figures");
        assert_eq!((cut.count, cut.censored), (6000, 500));
        assert!(cut.at_least.contains(&"p99".to_owned()), "{:?}", cut.at_least);
        let mut samples = stalled();
        samples.fail(Duration::from_micros(50));
        let failed = corrected(&summarise(&samples), 10_000).expect("figures");
        assert_eq!((failed.count, failed.censored, failed.failed), (6000, 1, 1));
    }

    #[test]
    fn an_hour_at_a_microsecond_takes_no_longer_than_the_histogram_is_wide() {
        let mut to = reservoir::growing();
        omitted(3_600_000_000, 7, 1, &mut to);
        assert_eq!(to.len(), 7 * 3_599_999_999);
    }
}
