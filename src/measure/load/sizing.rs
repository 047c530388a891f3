//! What a measured load used up: processors, and bytes of mail that waited.

use std::time::Duration;

use super::rates;
use super::rates::Flow;
use crate::clock::Time;
use crate::measure::aggregates::periods::Periods;
use crate::measure::aggregates::probes::ProbeAggregates;
use crate::measure::queue::backlog::Curve;
use crate::measure::results::{ResourceUse, Resources, SizingFacts};
use crate::plan::Plan;

/// The span over which a backlog is held against a disk.
const HOUR: Duration = Duration::from_secs(3600);

/// How far one such span lies from the next.
const STEP: Duration = Duration::from_secs(600);

/// Messages whose mean size stands for all.
const SAMPLED: usize = 1000;

/// The facts of a run, in probes delivered inside the measured period; none where the target's processes are not ours to look at.
#[must_use]
pub fn facts(
    resources: &Resources,
    probes: &ProbeAggregates,
    periods: &Periods,
    plan: &Plan,
) -> Option<SizingFacts> {
    let target = resources.target.as_ref().filter(|_| resources.cores > 0)?;
    let by_target = target.cpu_mean_cores / f64::from(resources.cores);
    let both = by_target + resources.cpu_share;
    if both <= 0.0 {
        return None;
    }
    let of = |name: &str, used| ResourceUse { name: name.to_owned(), used };
    let measured = (periods.measured_from(), periods.load_stop());
    let per_s =
        |flow| probes.flows.count(flow) as f64 / periods.measured_s().max(f64::MIN_POSITIVE);
    let delivered_per_s = per_s(Flow::Delivered);
    let quarters = rates::last_quarters(measured).map(|(from, to)| probes.backlog.mean(from, to));
    let sustained = probes.flows.sustained(quarters);
    let per_core = (target.cpu_mean_cores > 0.0).then(|| delivered_per_s / target.cpu_mean_cores);
    let (level, from) = worst_hour(&probes.backlog, periods);
    Some(SizingFacts {
        delivered_per_s,
        offered_per_s: per_s(Flow::Offered),
        sustained,
        limited_by: "processors, as far as is measured; `mailbench capacity` finds the limit"
            .to_owned(),
        headroom: if sustained { 1.0 / both } else { 1.0 },
        resources: vec![
            of("processors", both),
            of("of these the target", by_target),
            of("and mailbench", resources.cpu_share),
        ],
        per_core_per_s: per_core,
        backlog_bytes: level * mean_size(plan),
        backlog_from_s: from.seconds(),
    })
}

/// The highest mean of an hour, and when it began; of the whole run, if that is shorter.
fn worst_hour(backlog: &Curve, periods: &Periods) -> (f64, Time) {
    let (mut from, close) = (periods.measured_from(), periods.close());
    let mut worst = (backlog.mean(from, close.min(from.plus(HOUR))), from);
    while from.plus(STEP).plus(HOUR) <= close {
        from = from.plus(STEP);
        let mean = backlog.mean(from, from.plus(HOUR));
        worst = if mean > worst.0 { (mean, from) } else { worst };
    }
    worst
}

fn mean_size(plan: &Plan) -> f64 {
    let sizes: Vec<u64> = plan.offers().take(SAMPLED).map(|offer| offer.size).collect();
    sizes.iter().sum::<u64>() as f64 / sizes.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::synthetic::{self, ms};

    #[test]
    fn the_worst_hour_is_found_and_a_short_run_is_its_own() {
        let hour = 3_600_000;
        let told = |close_ms: u64| {
            let mut periods = Periods::default();
            let events = synthetic::periods(close_ms / 2, close_ms);
            let time = crate::measure::aggregates::periods::time_of;
            events.iter().for_each(|event| periods.observe(event, time(event)));
            periods
        };
        let curve = Curve::of([(ms(2 * hour), Some(ms(3 * hour)))].into_iter());
        let (level, from) = worst_hour(&curve, &told(5 * hour));
        assert!((level - 1.0).abs() < 0.02, "{level}");
        assert_eq!(from.seconds().round() as u64, 7200);
        let brief = Curve::of([(ms(0), Some(ms(5000)))].into_iter());
        let (level, _) = worst_hour(&brief, &told(10_000));
        assert!((level - 0.5).abs() < 0.1, "{level}");
    }
}
