//! Whether the measurement is valid: the instrument grades itself, and a run that it spoiled is
//! invalid, not slow.
//!
//! One question is asked of everything: can the instrument's error change this answer? Figure by
//! figure `validity` answers it. Here is what holds for the run as a whole: that the load was the
//! load asked for, that neither generator nor sink was the bottleneck, that the record is whole;
//! and, in `timing`, how much of its times may be the instrument's.

#[cfg(test)]
mod tests;
mod timing;

use std::collections::BTreeMap;

use super::Validity;
use crate::clock::Time;
use crate::ledger::event::Pulse;
use crate::measure::aggregates::series::cpu_share;
use crate::measure::load::arrivals::Distance;
use crate::measure::results::{Health, HealthCheck, HealthStatus, Latency, LoadFacts};
use crate::scenario::model::ModelKind;

/// What the checks look at.
pub struct Evidence<'a> {
    /// What was asked for, and what was offered.
    pub load: &'a LoadFacts,
    /// Every metric over the measured period.
    pub latency: &'a BTreeMap<String, Latency>,
    /// No threshold on a latency holds or fails in spite of what the instrument may have done:
    /// there is none, or one of them is inconclusive.
    pub undecided: bool,
    /// What is known of the instrument itself.
    pub instrument: Instrument<'a>,
}

/// What is known of generator, sink and record. A simulation has none of them.
pub struct Instrument<'a> {
    /// Share of the planned messages that did not reach a session in time; `None`: no plan.
    pub shortfall: Option<f64>,
    /// `schedule_lag`, without what an outage explains.
    pub lag: &'a Latency,
    /// Distance of the gaps between messages from the planned ones; `None`: not known.
    pub arrivals: Option<Distance>,
    /// What the instrument may have done to the figures.
    pub validity: &'a Validity,
    /// When the measured period began.
    pub from: Time,
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
    /// What the system did not give the instrument.
    pub shortage: Option<HealthCheck>,
    /// Whether the disk under the queue did what it should.
    pub disk: Option<HealthCheck>,
}

/// Grades the run's instrument.
#[must_use]
pub fn grade(evidence: &Evidence<'_>) -> Health {
    let found = [
        evidence.instrument.shortage.clone(),
        evidence.instrument.disk.clone(),
        shortfall(evidence),
        timing::schedule_lag(evidence),
        inter_arrival_distribution(evidence),
        saturation(evidence),
        headroom(evidence),
        own_cpu(evidence),
    ];
    let mut checks: Vec<HealthCheck> = found.into_iter().flatten().collect();
    checks.extend(timing::checks(evidence));
    checks.extend([overflow(evidence), journal(evidence)]);
    let status = checks.iter().map(|check| check.status).max().unwrap_or(HealthStatus::Valid);
    let (hiccups, contention) =
        (evidence.instrument.validity.hiccups(), evidence.instrument.validity.contention());
    Health { status, checks, hiccups, contention }
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
    let percent = evidence.instrument.shortfall? * 100.0;
    Some(advised(
        check("offered_shortfall", percent, (1.0, 5.0), "%"),
        "share of the plan that reached no session in time: raise load.sessions, or offer less",
    ))
}

/// Kolmogorov's distance: the greatest share of gaps that a look at one length finds too many or
/// too few. Half of them amiss is another load; so it is where it is so for a tenth of the mail
/// only, whenever that was. Less than that, it is worth a word.
fn inter_arrival_distribution(evidence: &Evidence<'_>) -> Option<HealthCheck> {
    if evidence.load.model == ModelKind::Closed {
        return None;
    }
    let distance = evidence.instrument.arrivals?;
    let mut found =
        check("inter_arrival_distribution", distance.overall, (0.1, 0.5), "of the gaps");
    let late = match distance.disturbed {
        share if share > 0.1 => HealthStatus::Invalid,
        share if share > 0.0 => HealthStatus::Warn,
        _ => HealthStatus::Valid,
    };
    found.status = found.status.max(late);
    let advice = "messages were not handed out at the planned gaps but in bunches: raise \
                  load.sessions, offer less, or free the machine";
    let Some(worst) = distance.worst_at.filter(|_| distance.disturbed > 0.0) else {
        return Some(advised(found, advice));
    };
    let (share, from) =
        (distance.disturbed * 100.0, worst.seconds() - evidence.instrument.from.seconds());
    Some(advised(found, &format!("{advice} ({share:.1} % of the mail, worst from {from:.1}s on)")))
}

/// A look that finds ten milliseconds' worth of mail waiting saw no free session; fewer may have
/// been on their way to one. A look is one sample a second, so a single one is only a warning.
fn saturation(evidence: &Evidence<'_>) -> Option<HealthCheck> {
    let looks =
        evidence.instrument.pulses.iter().filter(|pulse| !(evidence.instrument.excused)(pulse.at));
    let looks: Vec<&Pulse> = looks.collect();
    if evidence.load.model == ModelKind::Closed || looks.is_empty() {
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
    let value = evidence.instrument.ceiling.filter(|_| offered > 0.0)? / offered;
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

/// What a busy instrument delays shows in its waits. In the closed model it decides the rate as
/// well, and where no threshold holds in spite of it, nothing says that it decided nothing.
fn own_cpu(evidence: &Evidence<'_>) -> Option<HealthCheck> {
    let (first, last) = (evidence.instrument.pulses.first()?, evidence.instrument.pulses.last()?);
    let cores = f64::from(evidence.instrument.cores.filter(|cores| *cores > 0)?);
    let percent = cpu_share(first, last) / cores * 100.0;
    let decides = evidence.undecided || evidence.load.model == ModelKind::Closed;
    let invalid = if decides { 90.0 } else { 100.0 };
    Some(advised(
        check("own_cpu", percent, (70.0, invalid), "% of all cores"),
        "mailbench itself used the machine up: offer less, or use a larger machine",
    ))
}

fn overflow(evidence: &Evidence<'_>) -> HealthCheck {
    let (beyond, all) = evidence.instrument.overflow;
    let percent = beyond as f64 / all.max(1) as f64 * 100.0;
    advised(
        check("histogram_overflow", percent, (0.0, 0.01), "% of samples"),
        "latencies beyond an hour are counted, not measured",
    )
}

fn journal(evidence: &Evidence<'_>) -> HealthCheck {
    let damaged = check(
        "journal",
        f64::from(u8::from(evidence.instrument.damage.is_some())),
        (0.0, 0.0),
        "failures",
    );
    match evidence.instrument.damage {
        Some(damage) => advised(damaged, &format!("the journal is incomplete: {damage}")),
        None => advised(damaged, "the journal is complete"),
    }
}
