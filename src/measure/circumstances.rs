//! What a report says about the run's circumstances: tool, run, machine, target, resources.

use std::collections::BTreeMap;

use super::results::{Resources, Run, TargetFacts, Tool};
use crate::ledger::event::{Period, Pulse, RunFacts};
use crate::ledger::history::History;
use crate::measure::aggregates::RunAggregates;
use crate::measure::aggregates::periods::Periods;
use crate::measure::aggregates::series::cpu_share;
use crate::scenario::Scenario;

/// The tool that made the run, which need not be the one that judges it.
#[must_use]
pub fn tool(history: &History) -> Tool {
    Tool { name: "mailbench".to_owned(), version: text(history, |facts| &facts.version) }
}

/// The run.
#[must_use]
pub fn run(scenario: &Scenario, history: &History, periods: &Periods) -> Run {
    Run {
        id: text(history, |facts| &facts.id),
        name: scenario.name.clone(),
        question: scenario.question.clone(),
        started_at: text(history, |facts| &facts.started_at),
        duration_s: periods.close().seconds(),
        measured_from_s: periods.measured_from().seconds(),
        measured_to_s: periods.load_stop().seconds(),
        seed: scenario.seed.0,
        scenario_sha256: text(history, |facts| &facts.scenario_sha256),
        command: text(history, |facts| &facts.command),
        interrupted: periods.interrupted,
        complete: periods.complete(),
        simulated: false,
        labels: BTreeMap::new(),
    }
}

/// Facts about the machine.
#[must_use]
pub fn environment(history: &History) -> BTreeMap<String, String> {
    let facts = history.course().facts.as_ref();
    facts.map(|facts| facts.environment.iter().cloned().collect()).unwrap_or_default()
}

/// One fact about the machine.
#[must_use]
pub fn fact<'a>(history: &'a History, name: &str) -> Option<&'a str> {
    let facts = history.course().facts.as_ref()?;
    let found = facts.environment.iter().find(|(known, _)| known == name);
    found.map(|(_, value)| value.as_str())
}

/// Cores the instrument may use.
#[must_use]
pub fn cores(history: &History) -> Option<u32> {
    fact(history, "cores")?.parse().ok()
}

/// The system under test.
#[must_use]
pub fn target(history: &History, run: &RunAggregates) -> TargetFacts {
    TargetFacts {
        kind: text(history, |facts| &facts.target_kind),
        version: text(history, |facts| &facts.target_version),
        address: text(history, |facts| &facts.target_address),
        died: run.outages.died(&run.periods),
    }
}

/// The looks at the instrument that fall into the measured period.
#[must_use]
pub fn measured(pulses: &[Pulse], periods: &Periods) -> Vec<Pulse> {
    let inside = pulses.iter().filter(|pulse| periods.at(pulse.at) == Period::Measured);
    inside.copied().collect()
}

/// What the instrument and the target used.
#[must_use]
pub fn resources(history: &History, run: &RunAggregates) -> Resources {
    let (pulses, periods) = (&run.pulses, &run.periods);
    let cores = cores(history).unwrap_or(0);
    let inside = measured(pulses, periods);
    let share = inside.first().zip(inside.last()).map(|(first, last)| cpu_share(first, last));
    Resources {
        cpu_s: pulses.last().map_or(0.0, |last| last.cpu_us as f64 / 1e6),
        cpu_share: share.unwrap_or(0.0) / f64::from(cores.max(1)),
        rss_max_bytes: pulses.iter().map(|pulse| pulse.rss_bytes).max().unwrap_or(0),
        cores,
        target: run.uses.facts(periods.measured_from(), periods.load_stop()),
    }
}

fn text(history: &History, of: impl Fn(&RunFacts) -> &String) -> String {
    history.course().facts.as_ref().map(|facts| of(facts).clone()).unwrap_or_default()
}
