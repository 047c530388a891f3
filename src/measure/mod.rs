//! From ledger and plan to results: pure, so that a stored run can be judged again.

pub mod aggregates;
pub mod capacity;
pub mod checkup;
pub mod circumstances;
pub mod comparison;
pub mod correctness;
pub mod destinations;
pub mod disturbances;
pub mod durability;
pub mod history;
pub mod latency;
pub mod load;
pub mod queue;
pub mod results;
pub mod validity;
pub mod verdict;

#[cfg(test)]
pub(crate) mod synthetic;

use std::io::{Read, Seek};

use crate::ledger::journal::Reader;
use crate::plan::Plan;
use crate::scenario::Loaded;
use results::Findings;
use verdict::from_journal::{self, Case};

/// Judges a journal: a function of scenario and journal alone.
pub fn judge<R: Read + Seek>(loaded: &Loaded, journal: &mut Reader<R>) -> Findings {
    let scenario = &loaded.scenario;
    let plan = Plan::new(scenario, None);
    let case = Case { scenario, plan: &plan, thresholds: &scenario.thresholds };
    let (mut collected, bindings) = aggregates::collect(scenario, &plan, journal.by_ref());
    // What came for recipients that name no probe is placed when everything else is known.
    let bindings = bindings.filter(|_| journal.rewind().is_ok());
    if let Some(bindings) = &bindings {
        collected = aggregates::collect_bound(scenario, &plan, journal.by_ref(), bindings);
    }
    let mut findings = from_journal::conclude(&case, collected, journal.damage());
    findings.results.scenario.clone_from(&loaded.source.text);
    let violations = &mut findings.results.correctness.violations;
    if !violations.is_empty() && journal.rewind().is_ok() {
        let domains: Vec<String> =
            scenario.destinations.iter().map(|it| it.domain.clone()).collect();
        match &bindings {
            Some(it) => {
                correctness::evidence::attach(violations, it.apply(journal.by_ref()), &domains)
            }
            None => correctness::evidence::attach(violations, journal.by_ref(), &domains),
        }
    }
    findings
}
