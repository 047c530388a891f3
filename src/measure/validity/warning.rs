//! What a reader should know before believing a number, with what to do about it.

use super::settling;
use crate::ledger::event::{Event, NetworkSeen, Period};
use crate::ledger::history::History;
use crate::measure::aggregates::periods::Periods;
use crate::measure::disturbances::outages::Outages;
use crate::measure::latency::samples::Samples;
use crate::measure::results::{FaultFacts, Latency, LoadFacts, RetryPoint, SeriesRow, Warning};
use crate::scenario::model::{Arrival, LoadModel, Scenario};

/// Percentiles whose absence is worth a word. The rarer ones are withheld on most runs.
const EXPECTED: [&str; 5] = ["p50", "p75", "p90", "p95", "p99"];

/// What to do about observations that the end of the run cut off.
const LONGER_DRAIN: &str = "; a longer load.drain shows more of what was cut off";

/// A measured period shorter than this cannot show that the system had settled: twelve batches
/// of five seconds.
const STEADY_S: f64 = 60.0;

/// Medians of the two halves of a period may differ by this share, and by this much.
const HALVES_APART: f64 = 0.10;
const HALVES_APART_US: f64 = 1_000.0;

/// Bounds that were reached: how often, by name.
#[derive(Debug, Default)]
pub struct Bounds {
    reached: std::collections::BTreeMap<String, (u64, u64)>,
}

impl Bounds {
    /// Takes note of an event.
    pub fn observe(&mut self, event: &Event) {
        if let Event::Limit { name, value, .. } = event {
            let entry = self.reached.entry(name.clone()).or_default();
            *entry = (entry.0 + 1, entry.1.max(*value));
        }
    }

    /// One warning a bound.
    pub fn warnings(&self) -> impl Iterator<Item = Warning> + '_ {
        self.reached.iter().map(|(name, (count, value))| {
            let text = format!(
                "the bound `{name}` ({value}) was reached {count} times: mailbench \
                 itself, not the target, refused or delayed what exceeded it"
            );
            warn("limit-reached", text)
        })
    }
}

/// A warning.
#[must_use]
pub fn warn(id: &str, message: String) -> Warning {
    Warning { id: id.to_owned(), message }
}

/// Percentiles that one of the headline metrics could not state, or only as a bound.
pub fn of_latency<'a>(
    metrics: impl Iterator<Item = (&'a str, &'a Latency)>,
) -> impl Iterator<Item = Warning> {
    metrics.flat_map(|(name, latency)| [too_few(name, latency), censored(name, latency)]).flatten()
}

fn too_few(name: &str, latency: &Latency) -> Option<Warning> {
    let missing: Vec<&str> =
        EXPECTED.into_iter().filter(|it| latency.too_few.iter().any(|few| few == it)).collect();
    let have = latency.count + latency.censored;
    if missing.is_empty() || have == 0 {
        return None;
    }
    let text = format!(
        "{name} has {have} samples, too few to state {}: run longer or offer more (p99 needs 368)",
        missing.join(", ")
    );
    Some(warn("too-few-samples", text))
}

fn censored(name: &str, latency: &Latency) -> Option<Warning> {
    if latency.censored == 0 {
        return None;
    }
    let all = latency.count + latency.censored;
    let (why, advice) = match (latency.failed, latency.censored - latency.failed) {
        (_, 0) => ("they failed".to_owned(), ""),
        (0, _) => ("the end of the run cut them off".to_owned(), LONGER_DRAIN),
        (failed, cut) => {
            (format!("{failed} failed, the end of the run cut off {cut}"), LONGER_DRAIN)
        }
    };
    let text = format!(
        "{} of {all} observations of {name} have no end ({why}); lower bounds: {}{advice}",
        latency.censored,
        latency.at_least.join(", ")
    );
    Some(warn("censored", text))
}

/// Figures of which the instrument may have made a good part, or hidden one.
pub fn doubtful<'a>(
    metrics: impl Iterator<Item = (&'a str, &'a Latency)>,
    causes: &str,
) -> Option<Warning> {
    let named = metrics.filter(|(_, latency)| !latency.doubtful.is_empty());
    let named = named.map(|(name, latency)| {
        let stats: Vec<&str> = latency.doubtful.iter().map(|one| one.stat.as_str()).collect();
        format!("{} of {name}", stats.join(", "))
    });
    let named: Vec<String> = named.collect();
    let text = format!(
        "mailbench itself may have made a good part of {}: {causes}; the report has what they are \
         without it",
        named.join("; ")
    );
    (!named.is_empty()).then(|| warn("doubtful", text))
}

/// Medians that differ between the first and the second half of the measured period, where the
/// load is meant to be even.
#[must_use]
pub fn drift(name: &str, samples: &Samples, scenario: &Scenario) -> Option<Warning> {
    let values = samples.values.in_order();
    if !is_even(scenario)
        || values.len() < 2 * crate::measure::latency::PERCENTILES[0].needs as usize
    {
        return None;
    }
    let (first, second) = values.split_at(values.len() / 2);
    let (before, after) = (median(first), median(second));
    let moved = (after - before).abs();
    if moved <= HALVES_APART * before || moved <= HALVES_APART_US {
        return None;
    }
    let text = format!(
        "the median of {name} went from {:.1} ms in the first half to {:.1} ms in the second: \
         the run was not in a steady state; warm up longer, or offer less",
        before / 1e3,
        after / 1e3
    );
    Some(warn("non-stationary", text))
}

fn median(values: &[u32]) -> f64 {
    let mut sorted = values.to_vec();
    let middle = sorted.len() / 2;
    f64::from(*sorted.select_nth_unstable(middle).1)
}

/// Whether the scenario means every measured second to be like the next: one even rate and no
/// fault that comes and goes.
fn is_even(scenario: &Scenario) -> bool {
    let even_load = match &scenario.load.model {
        LoadModel::Closed { .. } => true,
        LoadModel::Open { arrival: Arrival::Trace(_), .. } => false,
        LoadModel::Open { segments, .. } => {
            let rates = segments.iter().flat_map(|it| [it.from_per_second, it.to_per_second]);
            let (least, most) = rates
                .fold((f64::MAX, 0.0_f64), |(least, most), rate| (least.min(rate), most.max(rate)));
            most <= least
        }
    };
    even_load
        && scenario.chaos.is_empty()
        && scenario.faults.iter().all(|rule| rule.scope.during.is_none())
}

/// A backlog that grows over the measured period: the target accepts faster than it delivers.
#[must_use]
pub fn growth(series: &[SeriesRow], load: &LoadFacts, scenario: &Scenario) -> Option<Warning> {
    let levels: Vec<f64> = series
        .iter()
        .filter(|row| row.period == Period::Measured)
        .map(|row| row.backlog as f64)
        .collect();
    let (first, last) = (*levels.first()?, *levels.last()?);
    let slope = slope(&levels)?;
    let unstable = slope > 0.01 * load.offered_per_s && last > 2.0 * first + 100.0;
    if !is_even(scenario) || !unstable {
        return None;
    }
    let text = format!(
        "the backlog grew by {slope:.1} a second and stood at {last} when the load stopped: the \
         rate is beyond what the target delivers, and every time depends on how long the run was"
    );
    Some(warn("backlog-grows", text))
}

/// Medians of the end-to-end time, or a backlog, that would better be without half of the measured
/// period (MSER-5), where the load is meant to be even.
#[must_use]
pub fn unsettled(series: &[SeriesRow], scenario: &Scenario) -> Option<Warning> {
    let rows: Vec<&SeriesRow> =
        series.iter().filter(|row| row.period == Period::Measured).collect();
    let medians = rows.iter().filter_map(|row| row.e2e_p50_us.map(|us| us as f64));
    let backlogs = rows.iter().map(|row| row.backlog as f64);
    let looked =
        [("e2e_response", medians.collect::<Vec<_>>()), ("the backlog", backlogs.collect())];
    let mut found = looked.iter().filter_map(|(name, of)| Some((name, settling::unsettled(of)?)));
    let (name, seconds) = found.next().filter(|_| is_even(scenario))?;
    let text = format!(
        "{name} had not settled: it is steadier without its first {seconds} s of {} (MSER-5); warm \
         up longer, or run longer",
        rows.len()
    );
    Some(warn("not-settled", text))
}

/// Least-squares slope of evenly spaced values, per step.
fn slope(values: &[f64]) -> Option<f64> {
    if values.len() < 3 {
        return None;
    }
    let n = values.len() as f64;
    let mean_x = (n - 1.0) / 2.0;
    let mean_y = values.iter().sum::<f64>() / n;
    let mut covariance = 0.0;
    let mut variance = 0.0;
    for (index, value) in (0_u32..).zip(values) {
        let x = f64::from(index) - mean_x;
        covariance += x * (value - mean_y);
        variance += x * x;
    }
    Some(covariance / variance)
}

/// A measured period too short to tell whether the system had settled.
#[must_use]
pub fn brevity(periods: &Periods) -> Option<Warning> {
    let seconds = periods.measured_s();
    if seconds >= STEADY_S {
        return None;
    }
    let text = format!(
        "{seconds:.0} s of measuring are too short to tell whether the system had settled: \
         the figures are those of this run; 60 s or more would show it"
    );
    Some(warn("short-run", text))
}

/// Retries that did not keep to the schedule, where the target was given it.
#[must_use]
pub fn retries(curve: &[RetryPoint], scenario: &Scenario) -> Vec<Warning> {
    if !scenario.target.keeps_known_waits() {
        return Vec::new();
    }
    let early: u64 = curve.iter().map(|point| point.early).sum();
    let missed: u64 = curve.iter().map(|point| point.missed).sum();
    let mut warnings = Vec::new();
    if early > 0 {
        let text = format!("{early} retries were earlier than the schedule allows");
        warnings.push(warn("early-retries", text));
    }
    if missed > 0 {
        let text = format!("{missed} probes did not get an attempt that was due");
        warnings.push(warn("missed-retries", text));
    }
    warnings
}

/// Settings of the scenario that the target has no counterpart for.
#[must_use]
pub fn untranslated(history: &History) -> Vec<Warning> {
    let Some(facts) = &history.course().facts else { return Vec::new() };
    let untranslated = |what: &String| {
        let text = format!("a setting could not be applied to {}: {what}", facts.target_kind);
        warn("untranslated", text)
    };
    facts.untranslated.iter().map(untranslated).collect()
}

/// What the target could reach that it should not, or reached.
pub fn network(history: &History) -> impl Iterator<Item = Warning> {
    history.course().network.iter().filter_map(|seen| match seen {
        NetworkSeen::Isolated => None,
        NetworkSeen::NotIsolated { why } => {
            let text = format!(
                "the target was not isolated, as no network namespace could be made ({why}): it \
                 could reach every address that this machine can reach"
            );
            Some(warn("not-isolated", text))
        }
        NetworkSeen::Outside { address } => {
            let text =
                format!("the target was connected to {address}, which is not on this machine");
            Some(warn("outside-connection", text))
        }
    })
}

/// That the headroom is unknown: a note, no failure.
#[must_use]
pub fn uncalibrated(history: &History) -> Option<Warning> {
    let ceiling = history.course().ceiling.as_ref()?;
    let text = "headroom unknown: run `mailbench calibrate` once on this machine";
    ceiling.per_s.is_none().then(|| warn("no-calibration", text.to_owned()))
}

/// Faults that never triggered: the run did not test what its scenario was written for.
pub fn idle_faults(faults: &[FaultFacts]) -> impl Iterator<Item = Warning> {
    faults.iter().filter(|fault| fault.struck == 0).map(|fault| {
        let text = format!(
            "the fault `{}` never triggered: check whether its destination, stage, window and \
             attempts can coincide",
            fault.name
        );
        warn("idle-fault", text)
    })
}

/// Chaos events that never triggered.
pub fn idle_chaos(scenario: &Scenario, outages: &Outages) -> impl Iterator<Item = Warning> {
    let idle = scenario.chaos.iter().filter(|entry| outages.never_struck(entry));
    idle.map(|entry| {
        let what = entry.act.kind().name();
        let text = format!(
            "the chaos `{what}` never triggered: check whether its time lies in the measured period"
        );
        warn("idle-chaos", text)
    })
}

/// What the run itself was like.
#[must_use]
pub fn circumstances(periods: &Periods, build: Option<&str>, pulses: usize) -> Vec<Warning> {
    let mut warnings = Vec::new();
    if periods.interrupted {
        let text = "the user stopped the run: figures cover what was offered until then".to_owned();
        warnings.push(warn("interrupted", text));
    }
    if build == Some("debug") {
        let text = "this is a build without optimisation: its own share of every time is larger \
                    than necessary; use `cargo run --release`";
        warnings.push(warn("debug-build", text.to_owned()));
    }
    if pulses == 0 && periods.measured_s() > 2.0 {
        let text = "the journal has no samples of mailbench itself: the validity of the \
                    measurement is only partly known";
        warnings.push(warn("no-pulse", text.to_owned()));
    }
    warnings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::latency::summarise;
    use std::time::Duration;

    #[test]
    fn a_longer_drain_is_advised_where_the_end_of_the_run_cut_something_off() {
        for (cut, failed, expected) in [
            (0, 0, None),
            (
                3,
                0,
                Some(
                    "3 of 7 observations of m have no end (the end of the run cut them off); lower bounds: mean, max; a longer load.drain shows more of what was cut off",
                ),
            ),
            (
                0,
                2,
                Some("2 of 6 observations of m have no end (they failed); lower bounds: mean, max"),
            ),
            (
                1,
                2,
                Some(
                    "3 of 7 observations of m have no end (2 failed, the end of the run cut off 1); lower bounds: mean, max; a longer load.drain shows more of what was cut off",
                ),
            ),
        ] {
            let mut samples = Samples::default();
            (0..4).for_each(|_| samples.record(Duration::from_millis(1)));
            (0..cut).for_each(|_| samples.censor(Duration::from_millis(2)));
            (0..failed).for_each(|_| samples.fail(Duration::from_millis(2)));
            let latency = Latency { too_few: Vec::new(), ..summarise(&samples) };
            let warning = censored("m", &latency).map(|warning| warning.message);
            assert_eq!(warning.as_deref(), expected);
        }
    }
}
