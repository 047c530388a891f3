//! Fault rules as facts of a report: where, when, what in words, and how often each struck.

use super::recovery::{Disturbance, Kind};
use crate::clock::Time;
use crate::fault::rule::Rule;
use crate::ledger::event::{Event, Period};
use crate::measure::results::FaultFacts;
use crate::scenario::model::Scenario;

/// Counts how often each rule took effect from the measured period on.
#[derive(Debug)]
pub struct Strikes {
    counts: Vec<u64>,
    /// When the measured period begins; set before anything happens in it.
    measured: Option<Time>,
}

impl Strikes {
    /// None yet.
    #[must_use]
    pub fn new(scenario: &Scenario) -> Strikes {
        Strikes { counts: vec![0; scenario.faults.len()], measured: None }
    }

    /// Takes note of an event.
    pub fn observe(&mut self, event: &Event) {
        match event {
            Event::Period { at, period: Period::Measured } => self.measured = Some(*at),
            Event::Struck { at, fault } if self.measured.is_some_and(|from| *at >= from) => {
                if let Some(count) = self.counts.get_mut(usize::from(*fault)) {
                    *count += 1;
                }
            }
            _ => {}
        }
    }

    /// The rules with their counts, in scenario order.
    #[must_use]
    pub fn facts(&self, scenario: &Scenario) -> Vec<FaultFacts> {
        counted(scenario, &self.counts)
    }
}

/// The facts of rules that struck so often each.
#[must_use]
pub fn counted(scenario: &Scenario, strikes: &[u64]) -> Vec<FaultFacts> {
    let rules = scenario.faults.iter().zip(strikes);
    rules.map(|(rule, struck)| facts(rule, *struck, scenario)).collect()
}

/// Whether a destination can be struck by a rule.
#[must_use]
pub fn is_faulty(scenario: &Scenario, destination: usize) -> bool {
    scenario
        .faults
        .iter()
        .any(|rule| rule.scope.destination.is_none_or(|named| usize::from(named.0) == destination))
}

/// When the last window that ends by the close does so; `measured`: the beginning of the measured
/// period. One that the run does not see the end of never heals.
#[must_use]
pub fn healed(scenario: &Scenario, measured: Time, close: Time) -> Option<Time> {
    let windows = scenario.faults.iter().filter_map(|rule| rule.scope.during);
    windows.map(|window| measured.plus(window.end)).filter(|end| *end <= close).max()
}

/// Every window as a disturbance of the queue. A rule without a window has no end.
pub fn disturbances(scenario: &Scenario, measured: Time) -> impl Iterator<Item = Disturbance> + '_ {
    let windows = scenario.faults.iter().filter_map(|rule| Some((rule, rule.scope.during?)));
    windows.map(move |(rule, window)| Disturbance {
        kind: Kind::Fault,
        name: rule.name.clone(),
        from: measured.plus(window.start),
        to: Some(measured.plus(window.end)),
    })
}

fn facts(rule: &Rule, struck: u64, scenario: &Scenario) -> FaultFacts {
    let domain = |id: crate::probe::DestinationId| {
        scenario.destinations.get(usize::from(id.0)).map(|it| it.domain.clone())
    };
    FaultFacts {
        name: rule.name.clone(),
        stage: rule.scope.stage.name().to_owned(),
        destination: rule.scope.destination.and_then(domain),
        action: rule.action.words(),
        during_s: rule
            .scope
            .during
            .map(|window| (window.start.as_secs_f64(), window.end.as_secs_f64())),
        struck,
    }
}
