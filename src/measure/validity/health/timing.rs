//! The checks about time: lag, hiccups, waits for a processor, the sink's own work.
//!
//! Their bounds are absolute, never a part of a figure that the same fault makes larger. Beyond a
//! bound they warn. They void a run only where its answers hang on them: no threshold on a latency
//! was decided in spite of them, and they may have made the larger part of a headline figure.

use super::{Evidence, advised, check};
use crate::ledger::event::Pulse;
use crate::measure::latency::{PERCENTILES, percentile};
use crate::measure::results::{HealthCheck, HealthStatus, Latency};
use crate::scenario::model::ModelKind;

/// The bound of a check that voids no run by its value alone: an hour in milliseconds.
const NONE: f64 = 3_600_000.0;

/// What may be the instrument's of a headline figure before it means nothing: this part, and this
/// much, milliseconds.
const DECISIVE: (f64, f64) = (0.5, 10.0);

/// Metrics that a reader looks at first.
const HEADLINES: [&str; 2] = ["submit_response", "e2e_response"];

/// The checks of the machine and the sink, in the order of a report.
pub(crate) fn checks(evidence: &Evidence<'_>) -> Vec<HealthCheck> {
    let waits = evidence.instrument.validity.contention();
    let millis = |us: u64| us as f64 / 1e3;
    let own = waits.map(|waits| millis(waits.wait_per_message_us));
    let target = waits.map(|waits| millis(waits.target_wait_per_message_us));
    let found = [
        hiccup_max(evidence),
        stalled(evidence),
        own.map(|each| {
            let advice = "mailbench's threads waited this long for a processor: other load on \
                          this machine; free it, or give mailbench cores of its own";
            advised(waited(evidence, "cpu_wait", each), advice)
        }),
        target.map(|each| {
            let advice = "the target's threads waited this long for processors that others than it \
                          and mailbench held: free the machine";
            advised(waited(evidence, "target_cpu_wait", each), advice)
        }),
        cpu_taken(evidence),
        sink_processing(evidence),
    ];
    found.into_iter().flatten().collect()
}

/// A lag is part of every time that counts from due, so it can only make it look worse.
pub(crate) fn schedule_lag(evidence: &Evidence<'_>) -> Option<HealthCheck> {
    if evidence.load.model == ModelKind::Closed {
        return None;
    }
    let lag = highest(evidence.instrument.lag).map(|(_, us)| us as f64 / 1e3)?;
    Some(advised(
        voids_if(evidence, check("schedule_lag_p99", lag, (1.0, NONE), "ms"), is_decisive),
        "how late messages were handed to a session: the generator could not keep up; \
         raise load.sessions, offer less, or free the machine",
    ))
}

/// The longest time that the instrument stood still; the worst of a look in an older journal.
fn hiccup_max(evidence: &Evidence<'_>) -> Option<HealthCheck> {
    let looked = evidence.instrument.pulses.iter().map(|pulse| pulse.hiccup_us).max()?;
    let seen = evidence.instrument.validity.hiccups().first().map_or(0, |worst| worst.length_us);
    let worst = looked.max(seen) as f64 / 1e3;
    Some(advised(
        voids_if(evidence, check("hiccup_max", worst, (10.0, NONE), "ms"), is_decisive),
        "everything on this machine had to wait this long for a core: a stall of the host, not of \
         the target",
    ))
}

/// With a quarter of the time missing, it is not the load that was asked for.
fn stalled(evidence: &Evidence<'_>) -> Option<HealthCheck> {
    evidence.instrument.pulses.first()?;
    let percent = evidence.instrument.validity.stalled() * 100.0;
    Some(advised(
        check("stalled", percent, (1.0, 25.0), "% of time"),
        "mailbench was paused: the host stalled, or the process was stopped",
    ))
}

/// A wait in every message moves the median, too.
fn waited(evidence: &Evidence<'_>, id: &str, each: f64) -> HealthCheck {
    let of_the_median = |evidence: &Evidence<'_>| {
        let median = HEADLINES.iter().filter_map(|name| evidence.latency.get(*name)?.p50).max();
        let median = median.map_or(0.0, |us| us as f64 / 1e3);
        each > DECISIVE.1 && each > DECISIVE.0 * median
    };
    voids_if(evidence, check(id, each, (1.0, NONE), "ms a message"), of_the_median)
}

/// Time that the machine had less processors than it seems to have.
fn cpu_taken(evidence: &Evidence<'_>) -> Option<HealthCheck> {
    let waits = evidence.instrument.validity.contention()?;
    let cores = f64::from(evidence.instrument.cores.filter(|cores| *cores > 0)?);
    let (first, last) = (evidence.instrument.pulses.first()?, evidence.instrument.pulses.last()?);
    let seconds = last.at.since(first.at).as_secs_f64();
    let stolen = waits.steal_s.unwrap_or(0.0) / cores;
    let taken = stolen + waits.throttled_s.unwrap_or(0.0);
    let percent = if seconds > 0.0 { taken / seconds * 100.0 } else { 0.0 };
    Some(advised(
        check("cpu_taken", percent, (5.0, 50.0), "% of time"),
        "the hypervisor or the control group kept processors from this machine",
    ))
}

/// The pulses hold the worst of each second; the median of them stands for a second.
fn sink_processing(evidence: &Evidence<'_>) -> Option<HealthCheck> {
    let mut worst: Vec<u64> =
        evidence.instrument.pulses.iter().map(|pulse: &Pulse| pulse.sink_us).collect();
    worst.sort_unstable();
    let typical = *worst.get(worst.len() / 2)? as f64 / 1e3;
    Some(advised(
        check("sink_processing", typical, (1.0, 50.0), "ms"),
        "the sink's own time from final dot to reply: it slows the target down",
    ))
}

/// Voids the run by a check that is beyond its warning where its answers hang on it.
fn voids_if(
    evidence: &Evidence<'_>,
    check: HealthCheck,
    decides: impl Fn(&Evidence<'_>) -> bool,
) -> HealthCheck {
    let voids = check.status == HealthStatus::Warn && evidence.undecided && decides(evidence);
    let invalid = if voids { DECISIVE.1.min(check.value) } else { check.invalid };
    let status = if voids { HealthStatus::Invalid } else { check.status };
    HealthCheck { status, invalid, ..check }
}

/// Whether the instrument may have made the larger part of a headline figure.
fn is_decisive(evidence: &Evidence<'_>) -> bool {
    HEADLINES.iter().filter_map(|name| evidence.latency.get(*name)).any(|latency| {
        let Some((stat, value)) = highest(latency) else { return false };
        let least = latency.range.get(stat).map_or(value, |(least, _)| *least);
        let own = value.saturating_sub(least) as f64 / 1e3;
        own > DECISIVE.1 && own > DECISIVE.0 * value as f64 / 1e3
    })
}

/// The 99th percentile, or the highest below it that the samples can state.
fn highest(latency: &Latency) -> Option<(&'static str, u64)> {
    let upto = PERCENTILES.iter().filter(|one| one.share <= 0.99).rev();
    let mut stated = upto.filter_map(|one| Some((one.name, percentile(latency, one.name)?)));
    stated.next().or(latency.max.map(|max| ("max", max)))
}
