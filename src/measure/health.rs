//! Whether the instrument is to be believed: it grades itself, and a run that
//! it spoiled is invalid, not slow.
//!
//! Bounds in milliseconds would condemn every run on a busy two-core machine, so where a check is
//! about time the bound is also relative to the latency it could distort: what is a small part of
//! the figure judged cannot change the answer.

use super::results::{Health, HealthCheck, HealthStatus, Latency, LoadFacts};
use super::series::cpu_share;
use crate::clock::Time;
use crate::ledger::event::Pulse;

/// What the checks look at.
pub struct Evidence<'a> {
    /// What was asked for, and what was offered.
    pub load: &'a LoadFacts,
    /// Share of the planned messages that did not reach a session in time; `None`: no plan.
    pub shortfall: Option<f64>,
    /// `schedule_lag`.
    pub lag: &'a Latency,
    /// Distance of the gaps between messages from the planned ones; `None`: not known.
    pub arrivals: Option<f64>,
    /// `submit_service`.
    pub service: &'a Latency,
    /// `relay_latency`.
    pub relayed: &'a Latency,
    /// Looks at the instrument over the measured period.
    pub pulses: &'a [Pulse],
    /// Whether an outage of the target, which we brought about, explains that mail waits at a
    /// moment.
    pub excused: &'a dyn Fn(Time) -> bool,
    /// Messages a second that the instrument itself can do, where that was measured.
    pub ceiling: Option<f64>,
    /// Cores the instrument may use, where they are known.
    pub cores: Option<u32>,
    /// Samples beyond a histogram's range, and all samples.
    pub overflow: (u64, u64),
    /// What is wrong with the journal.
    pub damage: Option<&'a str>,
}

/// Grades the run's instrument.
#[must_use]
pub fn grade(evidence: &Evidence<'_>) -> Health {
    let checks: Vec<HealthCheck> = [
        shortfall(evidence),
        schedule_lag(evidence),
        arrival_law(evidence),
        saturation(evidence),
        headroom(evidence),
        own_cpu(evidence),
        sink_processing(evidence),
        hiccups(evidence),
        Some(overflow(evidence)),
        Some(journal(evidence)),
    ]
    .into_iter()
    .flatten()
    .collect();
    let status = checks.iter().map(|check| check.status).max().unwrap_or(HealthStatus::Valid);
    Health { status, checks }
}

/// A value with its bounds, graded.
fn check(id: &str, value: f64, (warn, invalid): (f64, f64), unit: &str) -> HealthCheck {
    let status = match value {
        _ if value > invalid => HealthStatus::Invalid,
        _ if value > warn => HealthStatus::Warn,
        _ => HealthStatus::Valid,
    };
    let unit = unit.to_owned();
    HealthCheck { id: id.to_owned(), status, value, warn, invalid, unit, advice: String::new() }
}

fn advised(mut check: HealthCheck, advice: &str) -> HealthCheck {
    advice.clone_into(&mut check.advice);
    check
}

fn shortfall(evidence: &Evidence<'_>) -> Option<HealthCheck> {
    let percent = evidence.shortfall? * 100.0;
    Some(advised(
        check("offered_shortfall", percent, (1.0, 5.0), "%"),
        "share of the plan that reached no session in time: raise load.sessions, or offer less",
    ))
}

/// A lag is part of `submit_response`. Beyond a tenth of the median service time, or half its
/// 99th percentile, it rather than the target decides the figure.
fn schedule_lag(evidence: &Evidence<'_>) -> Option<HealthCheck> {
    if evidence.load.model == "closed" {
        return None;
    }
    let lag = highest(evidence.lag)?;
    let bound =
        5.0_f64.max(0.1 * millis(evidence.service.p50)).max(0.5 * millis(evidence.service.p99));
    Some(advised(
        check("schedule_lag_p99", lag, (1.0, bound), "ms"),
        "how late messages were handed to a session: the generator could not keep up; \
         raise load.sessions, offer less, or free the machine",
    ))
}

/// Kolmogorov's distance: the greatest share of gaps that a look at one length finds too many or
/// too few. Half of them amiss is another load.
fn arrival_law(evidence: &Evidence<'_>) -> Option<HealthCheck> {
    if evidence.load.model == "closed" {
        return None;
    }
    Some(advised(
        check("arrival_law", evidence.arrivals?, (0.1, 0.5), "of the gaps"),
        "messages were not handed out at the planned gaps but in bunches: raise load.sessions, \
         offer less, or free the machine",
    ))
}

/// The 99th percentile, or the highest that the samples can state.
fn highest(latency: &Latency) -> Option<f64> {
    let stated = latency.p99.or(latency.p95).or(latency.p90).or(latency.p50).or(latency.max)?;
    Some(millis(Some(stated)))
}

fn millis(us: Option<u64>) -> f64 {
    us.unwrap_or(0) as f64 / 1e3
}

/// A look that finds ten milliseconds' worth of mail waiting saw no free session; fewer may have
/// been on their way to one. A look is one sample a second, so a single one is only a warning.
fn saturation(evidence: &Evidence<'_>) -> Option<HealthCheck> {
    let looks = evidence.pulses.iter().filter(|pulse| !(evidence.excused)(pulse.at));
    let looks: Vec<&Pulse> = looks.collect();
    if evidence.load.model == "closed" || looks.is_empty() {
        return None;
    }
    let usual = (evidence.load.busiest_per_s() * 0.01).max(1.0);
    let waiting = looks.iter().filter(|pulse| f64::from(pulse.waiting) > usual);
    let percent = waiting.count() as f64 / looks.len() as f64 * 100.0;
    Some(advised(
        check("sessions_saturated", percent, (0.0, 10.0), "% of time"),
        "mail was due and every session busy: raise load.sessions",
    ))
}

/// Below these the instrument rather than the target may decide a rate: twice and 1.2 times the
/// highest rate of the load.
const HEADROOM: (f64, f64) = (2.0, 1.2);

/// How many times the load at its peak the instrument itself can do on this machine.
fn headroom(evidence: &Evidence<'_>) -> Option<HealthCheck> {
    let offered = evidence.load.busiest_per_s();
    let value = evidence.ceiling.filter(|_| offered > 0.0)? / offered;
    let (warn, invalid) = HEADROOM;
    let status = match value {
        _ if value < invalid => HealthStatus::Invalid,
        _ if value < warn => HealthStatus::Warn,
        _ => HealthStatus::Valid,
    };
    let advice = "the instrument's calibrated ceiling over the load's highest rate: offer less, or use a \
                  larger machine and calibrate it";
    let (id, unit, advice) = ("headroom".to_owned(), "x".to_owned(), advice.to_owned());
    Some(HealthCheck { id, status, value, warn, invalid, unit, advice })
}

fn own_cpu(evidence: &Evidence<'_>) -> Option<HealthCheck> {
    let (first, last) = (evidence.pulses.first()?, evidence.pulses.last()?);
    let cores = f64::from(evidence.cores.filter(|cores| *cores > 0)?);
    let percent = cpu_share(first, last) / cores * 100.0;
    Some(advised(
        check("own_cpu", percent, (70.0, 90.0), "% of all cores"),
        "mailbench itself used the machine up: offer less, or use a larger machine",
    ))
}

/// The pulses hold the worst of each second, which is about the 99th percentile at 100 messages
/// a second; the median of them stands for it.
fn sink_processing(evidence: &Evidence<'_>) -> Option<HealthCheck> {
    let mut worst: Vec<u64> = evidence.pulses.iter().map(|pulse| pulse.sink_us).collect();
    worst.sort_unstable();
    let typical = millis(Some(*worst.get(worst.len() / 2)?));
    let bound = 5.0_f64.max(0.1 * millis(evidence.relayed.p50));
    Some(advised(
        check("sink_processing", typical, (1.0, bound), "ms"),
        "the sink's own time from final dot to reply: it slows the target down",
    ))
}

/// One hundredth of a second, the share that a 99th percentile leaves out.
const STALL_BUDGET_MS: f64 = 10.0;

/// 99th percentile of the lateness of a sleeper. One stall is one late wake-up, yet it would have
/// delayed every wake-up it covers; so wake-ups later than `x` are counted by the stall time beyond
/// `x`, and one in a hundred of all wake-ups is 10 ms of such time a second. Rarer stalls touch
/// fewer messages than a 99th percentile shows; a higher percentile needs a longer run anyway.
fn hiccups(evidence: &Evidence<'_>) -> Option<HealthCheck> {
    let mut worst: Vec<f64> =
        evidence.pulses.iter().map(|pulse| pulse.hiccup_us as f64 / 1e3).collect();
    worst.sort_by(|a, b| b.total_cmp(a));
    let budget = STALL_BUDGET_MS * worst.len() as f64;
    let first = *worst.first()?;
    let mut above = 0.0;
    let mut level = (first - budget).max(0.0);
    for (count, value) in (1_u32..).zip(&worst) {
        above += value;
        let solved = (above - budget) / f64::from(count);
        if worst.get(count as usize).is_none_or(|next| *next <= solved) {
            level = solved.max(0.0);
            break;
        }
    }
    Some(advised(
        check("hiccup_p99", level, (5.0, 50.0), "ms"),
        "everything on this machine had to wait this long for a core: stalls of the host, not of \
         the target",
    ))
}

fn overflow(evidence: &Evidence<'_>) -> HealthCheck {
    let (beyond, all) = evidence.overflow;
    let percent = beyond as f64 / all.max(1) as f64 * 100.0;
    advised(
        check("histogram_overflow", percent, (0.0, 0.01), "% of samples"),
        "latencies beyond an hour are counted, not measured",
    )
}

fn journal(evidence: &Evidence<'_>) -> HealthCheck {
    let damaged =
        check("journal", f64::from(u8::from(evidence.damage.is_some())), (0.0, 0.0), "failures");
    match evidence.damage {
        Some(damage) => advised(damaged, &format!("the record of the run is not whole: {damage}")),
        None => advised(damaged, "the record of the run is whole"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::synthetic::ms;

    fn load() -> LoadFacts {
        LoadFacts {
            model: "open".to_owned(),
            arrival: "poisson".to_owned(),
            planned_per_s: Some(100.0),
            peak_planned_per_s: Some(100.0),
            offered_per_s: 100.0,
            planned_messages: Some(1000),
            offered_messages: 1000,
            sessions: 10,
        }
    }

    fn kept<T>(value: T) -> &'static T {
        Box::leak(Box::new(value))
    }

    fn latency(p50_ms: u64, p99_ms: u64) -> &'static Latency {
        kept(Latency { p50: Some(p50_ms * 1000), p99: Some(p99_ms * 1000), ..Latency::default() })
    }

    fn graded(change: impl FnOnce(&mut Evidence<'static>)) -> Health {
        let mut evidence = Evidence {
            load: kept(load()),
            shortfall: Some(0.0),
            lag: latency(0, 0),
            arrivals: Some(0.02),
            service: latency(4, 8),
            relayed: latency(10, 90),
            pulses: &[],
            excused: &|_| false,
            ceiling: None,
            cores: Some(2),
            overflow: (0, 1000),
            damage: None,
        };
        change(&mut evidence);
        grade(&evidence)
    }

    fn status(health: &Health, id: &str) -> HealthStatus {
        health.checks.iter().find(|check| check.id == id).expect(id).status
    }

    fn pulses(count: u64, make: impl Fn(u64) -> Pulse) -> &'static [Pulse] {
        kept((0..count).map(|n| Pulse { at: ms(n * 1000), ..make(n) }).collect::<Vec<_>>())
    }

    #[test]
    fn a_quiet_instrument_is_valid() {
        let health = graded(|_| {});
        assert_eq!(health.status, HealthStatus::Valid, "{:?}", health.checks);
    }

    #[test]
    fn a_generator_that_cannot_keep_up_is_invalid() {
        let late = latency(900, 4000);
        let health = graded(|evidence| evidence.lag = late);
        assert_eq!(status(&health, "schedule_lag_p99"), HealthStatus::Invalid);
        let health = graded(|evidence| evidence.shortfall = Some(0.4));
        assert_eq!(health.status, HealthStatus::Invalid);
    }

    #[test]
    fn arrivals_by_another_law_are_a_warning_and_then_invalid() {
        let with = |distance| graded(|evidence| evidence.arrivals = Some(distance));
        for (distance, grade) in
            [(0.05, HealthStatus::Valid), (0.2, HealthStatus::Warn), (0.6, HealthStatus::Invalid)]
        {
            assert_eq!(status(&with(distance), "arrival_law"), grade, "{distance}");
        }
        let closed = kept(LoadFacts { model: "closed".to_owned(), ..load() });
        let health = graded(|evidence| (evidence.load, evidence.arrivals) = (closed, Some(0.9)));
        assert!(health.checks.iter().all(|check| check.id != "arrival_law"));
    }

    #[test]
    fn a_lag_is_judged_by_the_latency_it_distorts() {
        let (lag, slow) = (latency(1, 7), latency(5, 40));
        let health = graded(|evidence| evidence.lag = lag);
        assert_eq!(status(&health, "schedule_lag_p99"), HealthStatus::Invalid);
        let health = graded(|evidence| (evidence.lag, evidence.service) = (lag, slow));
        assert_eq!(status(&health, "schedule_lag_p99"), HealthStatus::Warn);
    }

    #[test]
    fn saturation_counts_only_more_than_is_on_its_way() {
        let waiting = |n: u32| pulses(20, move |_| Pulse { waiting: n, ..Pulse::default() });
        let (few, many) = (waiting(1), waiting(50));
        let health = graded(|evidence| evidence.pulses = few);
        assert_eq!(status(&health, "sessions_saturated"), HealthStatus::Valid);
        let health = graded(|evidence| evidence.pulses = many);
        assert_eq!(status(&health, "sessions_saturated"), HealthStatus::Invalid);
    }

    #[test]
    fn what_waits_for_a_target_that_we_took_down_is_no_saturation() {
        let many =
            pulses(20, |n| Pulse { waiting: if n < 8 { 50 } else { 0 }, ..Pulse::default() });
        let health = graded(|evidence| {
            (evidence.pulses, evidence.excused) = (many, &|at| at < ms(8000));
        });
        assert_eq!(status(&health, "sessions_saturated"), HealthStatus::Valid);
    }

    #[test]
    fn one_long_stall_of_the_host_is_seen() {
        let stall = pulses(60, |n| Pulse {
            hiccup_us: if n == 30 { 2_000_000 } else { 200 },
            ..Pulse::default()
        });
        let health = graded(|evidence| evidence.pulses = stall);
        let check = health.checks.iter().find(|check| check.id == "hiccup_p99").expect("a check");
        assert_eq!(check.status, HealthStatus::Invalid);
        assert!((check.value - 1400.0).abs() < 1.0, "{}", check.value);
        let steady = pulses(60, |_| Pulse { hiccup_us: 19_000, ..Pulse::default() });
        let health = graded(|evidence| evidence.pulses = steady);
        let check = health.checks.iter().find(|check| check.id == "hiccup_p99").expect("a check");
        assert!((check.value - 9.0).abs() < 0.01, "{}", check.value);
    }

    #[test]
    fn too_little_headroom_voids_the_run_and_none_known_says_nothing() {
        let with = |ceiling| graded(|evidence| evidence.ceiling = Some(ceiling));
        assert_eq!(status(&with(1000.0), "headroom"), HealthStatus::Valid);
        assert_eq!(status(&with(150.0), "headroom"), HealthStatus::Warn);
        assert_eq!(status(&with(110.0), "headroom"), HealthStatus::Invalid);
        assert!(graded(|_| {}).checks.iter().all(|check| check.id != "headroom"));
    }

    #[test]
    fn cpu_is_judged_by_all_cores() {
        let busy = pulses(11, |n| Pulse { cpu_us: n * 1_900_000, ..Pulse::default() });
        let health = graded(|evidence| evidence.pulses = busy);
        assert_eq!(status(&health, "own_cpu"), HealthStatus::Invalid);
        let health = graded(|evidence| (evidence.pulses, evidence.cores) = (busy, Some(8)));
        assert_eq!(status(&health, "own_cpu"), HealthStatus::Valid);
    }

    #[test]
    fn a_damaged_journal_and_an_overflow_void_the_run() {
        let health = graded(|evidence| evidence.damage = Some("cut short"));
        assert_eq!(status(&health, "journal"), HealthStatus::Invalid);
        let health = graded(|evidence| evidence.overflow = (1, 1000));
        assert_eq!(status(&health, "histogram_overflow"), HealthStatus::Invalid);
    }

    #[test]
    fn a_sink_that_holds_the_target_up_is_invalid() {
        let slow = pulses(20, |_| Pulse { sink_us: 12_000, ..Pulse::default() });
        let health = graded(|evidence| evidence.pulses = slow);
        assert_eq!(status(&health, "sink_processing"), HealthStatus::Invalid);
    }
}
