//! Between what each figure of a latency lies, once all is taken out that the instrument may have
//! added: by lag and hiccups, which are known message by message, and by waits that are known as
//! sums.
//!
//! A sum is given to whichever observations can lower the figure most with it, so that the bound
//! holds however the waits were spread: to bring the value of rank r down to x, every observation
//! of a rank up to r that is above x must come down to x, and no cheaper way exists.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;

use crate::measure::latency::samples::Samples;
use crate::measure::latency::{PERCENTILES, percentile};
use crate::measure::results::{DoubtfulFigure, Latency};

/// A figure is in doubt from this part of it on, and this much.
const DOUBTFUL: (f64, f64) = (0.1, 1_000.0);

/// The ranges of all stated figures that are not exact, microseconds. `added_us`: the sum of what
/// the observations may hold besides.
#[must_use]
pub fn ranges(
    (samples, all): (&Samples, &Histogram<u64>),
    latency: &Latency,
    added_us: f64,
) -> BTreeMap<String, (u64, u64)> {
    if (samples.doubted.is_none() && added_us <= 0.0) || samples.is_empty() {
        return BTreeMap::new();
    }
    let bounds = samples.doubted.as_ref().map(|doubted| doubted.bounds(all));
    let (least, most) = bounds.as_ref().map_or((all, all), |(least, most)| (least, most));
    let stated = PERCENTILES.iter().filter_map(|one| {
        let value = percentile(latency, one.name)?;
        let low = lowered(least, one.share, added_us);
        Some((one.name, value, low, most.value_at_quantile(one.share)))
    });
    let max = latency.max.map(|value| ("max", value, lowered(least, 1.0, added_us), most.max()));
    // One that nothing touched is as short as it was seen.
    let touched = samples.doubted.as_ref().is_some_and(|it| it.count() == samples.len());
    let min = latency.min.filter(|_| touched).map(|value| ("min", value, least.min(), most.min()));
    // A bound that the histogram does not tell apart from the figure is the figure.
    let exact = |value, bound| if all.equivalent(value, bound) { value } else { bound };
    let ranged = stated.chain(max).chain(min);
    let ranged = ranged.map(|(name, value, low, high)| {
        (name, value, exact(value, low).min(value), exact(value, high).max(value))
    });
    ranged
        .chain(mean(samples, latency, added_us))
        .filter(|(_, value, low, high)| low < value || value < high)
        .map(|(name, _, low, high)| (name.to_owned(), (low, high)))
        .collect()
}

/// The value of a share of the observations, had up to `added_us` of their sum not been there.
fn lowered(all: &Histogram<u64>, share: f64, added_us: f64) -> u64 {
    let rank = ((share * all.len() as f64).ceil() as u64).clamp(1, all.len().max(1));
    let mut passed = 0;
    let steps = all
        .iter_recorded()
        .map(|it| (it.value_iterated_to() as f64, it.count_since_last_iteration()));
    // The values up to the rank, in ascending order.
    let upto: Vec<(f64, f64)> = steps
        .map_while(|(value, count)| {
            let counted = count.min(rank - passed);
            passed += counted;
            (counted > 0).then_some((value, counted as f64))
        })
        .collect();
    let (mut left, mut above) = (added_us, 0.0);
    for (index, (value, count)) in upto.iter().enumerate().rev() {
        above += count;
        let next = index.checked_sub(1).map_or(0.0, |below| upto[below].0);
        let cost = above * (value - next);
        if cost > left {
            return (value - left / above) as u64;
        }
        left -= cost;
    }
    0
}

fn mean(
    samples: &Samples,
    latency: &Latency,
    added_us: f64,
) -> Option<(&'static str, u64, u64, u64)> {
    let value = latency.mean?;
    let count = samples.len() as f64;
    let (less, more) = samples.doubted.as_ref().map_or((0, 0), |doubted| doubted.by());
    let low = (value - (less as f64 + added_us) / count).max(0.0);
    let whole = value.round() as u64;
    let high = (value + more as f64 / count).round() as u64;
    Some(("mean", whole, (low as u64).min(whole), high.max(whole)))
}

/// The figures that a reader should not take as they stand, in the order of `stats`.
#[must_use]
pub fn doubtful(latency: &Latency) -> Vec<DoubtfulFigure> {
    let (part, least) = DOUBTFUL;
    let names = ["min", "mean", "p50", "p75", "p90", "p95", "p99", "p999", "p9999", "max"];
    let in_doubt = names.iter().filter_map(|name| {
        let (low, high) = *latency.range.get(*name)?;
        let apart = (high - low) as f64;
        let is_much = apart > least && apart > part * high as f64;
        is_much.then(|| DoubtfulFigure { stat: (*name).to_owned(), least: low, most: high })
    });
    in_doubt.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::latency::observation::Seen;
    use crate::measure::latency::{summarise, summarise_with};
    use crate::measure::validity::interference::Within;
    use std::time::Duration;

    fn us(us: u64) -> Duration {
        Duration::from_micros(us)
    }

    /// Ten thousand messages of 1 to 10 ms; `pause` of them held by one of so long, as a pause of
    /// the instrument of 300 ms at 100/s holds thirty.
    fn paused(pause: u64) -> Samples {
        let mut samples = Samples::default();
        for number in 0..10_000 - pause {
            let value = us(1_000 + number % 9_000);
            samples.enter_within(Seen::Whole(value), Within { least: value, most: value });
        }
        for number in 0..pause {
            let (least, held) = (us(5_000), us(300_000 / pause.max(1) * number));
            let seen = Seen::Whole(least + held);
            samples.enter_within(seen, Within { least, most: least + held });
        }
        samples
    }

    fn near(value: u64, wanted: u64) -> bool {
        value.abs_diff(wanted) * 100 <= wanted
    }

    #[test]
    fn a_pause_doubts_the_percentiles_it_can_have_made_and_no_other() {
        let latency = summarise(&paused(30));
        let doubtful: Vec<&str> = latency.doubtful.iter().map(|one| one.stat.as_str()).collect();
        assert_eq!(doubtful, ["p999", "max"], "{:?}", latency.range);
        let p999 = &latency.doubtful[0];
        assert!(near(p999.least, 9_990) && near(p999.most, 195_000), "{p999:?}");
        assert_eq!(latency.p999, Some(p999.most));
        assert!(near(latency.doubtful[1].least, 9_999), "{:?}", latency.doubtful);
        assert!(summarise(&paused(0)).range.is_empty());
    }

    /// What only lengthens observations leaves every figure at most what was seen.
    #[test]
    fn what_makes_figures_worse_only_gives_no_range_above_them() {
        for (base, pause) in [(1_777, 298_370), (20_011, 122_001), (3_001_003, 77_777)] {
            let mut samples = Samples::default();
            for number in 0..400_u64 {
                let least = us(base + number);
                let held = if number % 3 == 0 { us(pause + 13 * number) } else { Duration::ZERO };
                let most = least + held;
                samples.enter_within(Seen::Whole(most), Within { least, most });
            }
            let latency = summarise_with(&samples, 400.0 * 1_500.0);
            let above = |name: &str| latency.range.get(name).map(|(_, most)| *most);
            assert_eq!(above("max"), latency.max, "{base} {pause}");
            for name in ["p50", "p75", "p90", "p95", "p99"] {
                assert!(above(name) <= percentile(&latency, name), "{base} {pause} {name}");
            }
        }
    }

    #[test]
    fn a_figure_that_a_lag_makes_look_better_has_a_range_above_it() {
        let mut samples = Samples::default();
        for number in 0..1_000_u64 {
            let value = us(2_000);
            let lag = if number % 50 == 0 { us(400_000) } else { Duration::ZERO };
            samples.enter_within(Seen::Whole(value), Within { least: value, most: value + lag });
        }
        let latency = summarise(&samples);
        let doubtful: Vec<&str> = latency.doubtful.iter().map(|one| one.stat.as_str()).collect();
        assert_eq!(doubtful, ["mean", "p99", "max"]);
        let p99 = &latency.doubtful[1];
        assert!(near(p99.least, 2_000) && near(p99.most, 402_000), "{p99:?}");
        assert!(near(latency.doubtful[0].most, 10_000), "{:?}", latency.doubtful);
    }

    /// A sum of waits can be anywhere: by brute force over all ways to spread it among a few.
    #[test]
    fn no_way_to_spread_a_sum_lowers_a_figure_further() {
        let values = [2_000_u64, 4_000, 5_000, 9_000, 10_000];
        let mut all = crate::measure::latency::reservoir::empty();
        values.iter().for_each(|value| all.saturating_record(*value));
        for (share, added) in [(1.0, 3_000), (0.8, 3_000), (0.6, 3_000), (0.2, 9_000), (1.0, 0)] {
            let rank = (share * 5.0_f64).ceil() as usize;
            let best = spread(&values, added / 500).into_iter().map(|mut left| {
                left.sort_unstable();
                left[rank - 1]
            });
            let best = best.min().expect("a way");
            let low = lowered(&all, share, added as f64);
            assert!(low <= best + 10 && best < low + 510, "{share} {added}: {low} {best}");
        }
    }

    /// All values after steps of 500 were taken off, that many in all.
    fn spread(values: &[u64], steps: u64) -> Vec<Vec<u64>> {
        let Some((first, rest)) = values.split_first() else { return vec![Vec::new()] };
        let own = (0..=steps.min(first / 500)).flat_map(|here| {
            spread(rest, steps - here).into_iter().map(move |mut more| {
                more.push(first - 500 * here);
                more
            })
        });
        own.collect()
    }

    #[test]
    fn starvation_known_as_a_sum_doubts_what_it_can_have_made() {
        let quiet = paused(0);
        let few = summarise_with(&quiet, 1_000.0);
        assert!(few.doubtful.is_empty(), "a millisecond in all: {:?}", few.doubtful);
        let starved = summarise_with(&quiet, 10_000.0 * 3_000.0);
        let p50 = starved.doubtful.iter().find(|one| one.stat == "p50").expect("in doubt");
        assert!(p50.least < 100, "three of five milliseconds of each: {p50:?}");
    }
}
