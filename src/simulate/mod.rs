//! The same scenario in virtual time: the target is a model, everything that decides is the same
//! code as in a real run (`plan`, `fault`, `queue`, the ledger's rules, thresholds, reports).
//!
//! Pure: scenario and model in, findings out; the same seed gives the same bytes. `model` holds
//! the times, `world` moves on from event to event, `intake`, `deliver`, `sink` and `visit` are what
//! happens on the way of a message, `tally` and `course` add up, `findings` makes the report of it.
//! `observer` shows the same as the events of a real run's journal.

mod bounded;
mod course;
mod deliver;
mod digest;
mod events;
mod figures;
mod findings;
mod identity;
mod intake;
mod job;
pub mod model;
pub mod observer;
mod shown;
mod sink;
mod sizing;
mod tally;
mod visit;
mod world;

#[cfg(test)]
mod agreement;
#[cfg(test)]
mod tests;

use std::time::Duration;

use crate::clock::Time;
use crate::ledger::class::Judgement;
use crate::ledger::event::{Event, Period};
use crate::measure::aggregates::timeline::Timeline;
use crate::measure::correctness::criteria;
use crate::measure::destinations::thundering_herd::Buckets;
use crate::measure::disturbances::faults;
use crate::measure::disturbances::recovery::Recovery;
use crate::measure::results::Findings;
use crate::plan::Plan;
use crate::scenario::Loaded;
use crate::scenario::model::{Extent, LoadModel, Scenario, Threshold};
use course::Course;
use digest::Digest;
use model::Model;
use observer::Observer;
use tally::{Isolation, Place, Tally};
use world::World;

use crate::limits;

/// A simulation as it stands.
#[derive(Clone, Copy, Debug)]
pub struct Glimpse {
    /// Period it stands in.
    pub period: Period,
    /// Virtual time since the start.
    pub elapsed: Duration,
    /// Its expected end.
    pub total: Duration,
    /// Probes accepted and not delivered or bounced.
    pub backlog: u64,
    /// Messages handed to the target in the measured period.
    pub offered: u64,
    /// Probes delivered.
    pub delivered: u64,
}

impl Default for Glimpse {
    fn default() -> Glimpse {
        let (elapsed, total) = (Duration::ZERO, Duration::ZERO);
        Glimpse { period: Period::WarmUp, elapsed, total, backlog: 0, offered: 0, delivered: 0 }
    }
}

/// Simulates a scenario; `look` is shown how it stands now and then.
pub fn simulate(
    loaded: &Loaded,
    model: &Model,
    command: &str,
    look: &mut dyn FnMut(Glimpse),
) -> Findings {
    simulate_observed(loaded, model, command, look, None)
}

/// As [`simulate`], and shows an observer what the actors of a real run would have recorded.
pub fn simulate_observed(
    loaded: &Loaded,
    model: &Model,
    command: &str,
    look: &mut dyn FnMut(Glimpse),
    observer: Option<&mut dyn Observer>,
) -> Findings {
    let scenario = &loaded.scenario;
    let thresholds = &scenario.thresholds;
    let plan = Plan::new(scenario, None);
    let total = expected(scenario);
    let measured = time(scenario.load.warm_up);
    let healed = faults::healed(scenario, Time(measured), Time(u64::MAX));
    let herd = healed.map(|at| Buckets::new(at, criteria::longest_wait(&scenario.target.retry)));
    let rows = row_seconds(scenario, total);
    let windows = faults::disturbances(scenario, Time(measured)).collect();
    let course = Course::new(rows, measured, Recovery::new(windows, Time::ZERO));
    let parts = (tally(scenario, thresholds, measured), course, herd);
    let mut world = World::new(scenario, &plan, model, parts);
    if let Some(observer) = observer {
        world.observer = Some(observer);
    }
    world.show(|| Event::Run(shown::facts(loaded, &model.source, command)));
    world.run(&mut |world| {
        look(Glimpse {
            period: world.period(),
            elapsed: Duration::from_nanos(world.now),
            total: world.deadline().map_or(total, Duration::from_nanos),
            backlog: world.course.levels.backlog,
            offered: world.tally.offered_measured,
            delivered: world.tally.delivered_all,
        });
    });
    let healed = faults::healed(scenario, Time(measured), Time(world.now));
    findings::Ended { loaded, thresholds, command, healed }.judge(world)
}

fn time(length: Duration) -> u64 {
    Time::from_offset(length).0
}

/// How long a run should take, drain included; a load of messages at its rate.
fn expected(scenario: &Scenario) -> Duration {
    let load = &scenario.load;
    let offering = match (load.extent, &load.model) {
        (Extent::Duration(duration), _) => duration,
        (Extent::Messages(count), LoadModel::Open { segments, .. }) => {
            let rate = segments.last().map_or(1.0, |last| last.to_per_second);
            Duration::try_from_secs_f64(count as f64 / rate).unwrap_or_default()
        }
        (Extent::Messages(_), LoadModel::Closed { .. }) => Duration::ZERO,
    };
    load.warm_up.saturating_add(offering).saturating_add(load.drain)
}

/// Seconds a row of the series stands for, so that there are not too many.
fn row_seconds(scenario: &Scenario, total: Duration) -> u64 {
    let seconds = total.as_secs().max(scenario.load.warm_up.as_secs());
    let wanted = seconds.div_ceil(limits::SIMULATED_ROWS).max(1);
    let round = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600];
    round.into_iter().find(|row| *row >= wanted).unwrap_or(wanted)
}

/// Steps of a load whose length is known.
fn timeline(scenario: &Scenario, measured_from: u64) -> Timeline {
    let measured = Time(measured_from);
    match scenario.load.extent {
        Extent::Duration(duration) => Timeline::new(Time::ZERO, measured, measured.plus(duration)),
        Extent::Messages(_) => Timeline::default(),
    }
}

fn tally(scenario: &Scenario, thresholds: &[Threshold], measured_from: u64) -> Tally {
    let count = scenario.destinations.len();
    let shown = shown(scenario, thresholds);
    let places = shown.len() + usize::from(shown.len() < count);
    let mut place_of = vec![u16::try_from(shown.len()).unwrap_or(u16::MAX); count];
    for (place, index) in (0_u16..).zip(&shown) {
        place_of[*index] = place;
    }
    let windows = scenario.faults.iter().filter_map(|rule| rule.scope.during);
    let window = |window: crate::fault::rule::Window| {
        (measured_from + time(window.start), measured_from + time(window.end))
    };
    Tally {
        measured_from,
        sums: Default::default(),
        flows: Default::default(),
        attempts: Default::default(),
        latency: Default::default(),
        places: (0..places).map(|_| Place::default()).collect(),
        place_of,
        faulty: (0..count).map(|index| faults::is_faulty(scenario, index)).collect(),
        gaps: Default::default(),
        isolation: Isolation { windows: windows.map(window).collect(), ..Isolation::default() },
        judgement: Judgement::Valid,
        offered_measured: 0,
        in_time: 0,
        probes_offered: 0,
        probes_classed: 0,
        refused: [Digest::default(), Digest::default()],
        delivered_all: 0,
        timeline: timeline(scenario, measured_from),
        deliveries: 0,
    }
}

/// Destinations reported one by one, in scenario order: all, or those with a fault or a
/// threshold of their own and then the largest.
fn shown(scenario: &Scenario, thresholds: &[Threshold]) -> Vec<usize> {
    let count = scenario.destinations.len();
    if count <= limits::SIMULATED_DESTINATIONS {
        return (0..count).collect();
    }
    let bounded = thresholds.iter().filter_map(|threshold| threshold.destination);
    let sick = scenario.faults.iter().filter_map(|rule| rule.scope.destination);
    let mut shown: Vec<usize> = bounded.chain(sick).map(|id| usize::from(id.0)).collect();
    let mut by_weight: Vec<usize> = (0..count).collect();
    by_weight.sort_by(|a, b| {
        scenario.destinations[*b].weight.total_cmp(&scenario.destinations[*a].weight)
    });
    shown.sort_unstable();
    shown.dedup();
    let room = limits::SIMULATED_DESTINATIONS.saturating_sub(shown.len());
    let named = shown.clone();
    shown.extend(by_weight.into_iter().filter(|index| !named.contains(index)).take(room));
    shown.sort_unstable();
    shown
}
