//! From ledger and plan to results: pure, so that a stored run can be judged again.

pub mod abuse;
pub mod arrivals;
pub mod attempts;
pub mod backlog;
pub mod book;
pub mod capacity;
pub mod changes;
pub mod checkup;
pub mod circumstances;
pub mod closed;
pub mod collect;
pub mod comparison;
pub mod connections;
pub mod conservation;
pub mod contention;
pub mod declare;
pub mod doubt;
pub mod evidence;
pub mod fairness;
pub mod faults;
pub mod figures;
pub mod flow;
pub mod grade;
pub mod health;
pub mod herd;
pub mod hiccups;
pub mod history;
pub mod interference;
pub mod isolation;
pub mod judge;
pub mod latency;
pub mod load;
pub mod observation;
pub mod ordering;
pub mod outages;
pub mod periods;
pub mod pile;
pub mod queue;
pub mod recovery;
pub mod replies;
pub mod results;
pub mod retry;
pub mod samples;
pub mod second;
pub mod series;
pub mod settling;
pub mod shortages;
pub mod sizing;
mod stages;
pub mod sums;
pub mod tables;
pub mod terms;
pub mod timeline;
pub mod usage;
pub mod validity;
pub mod verdict;
mod violation;
pub mod warning;

#[cfg(test)]
pub(crate) mod synthetic;

use std::io::{Read, Seek};

use crate::ledger::journal::Reader;
use crate::plan::Plan;
use crate::scenario::Loaded;
use judge::Case;
use results::Findings;

/// Judges a journal: a function of scenario and journal alone.
pub fn judge<R: Read + Seek>(loaded: &Loaded, journal: &mut Reader<R>) -> Findings {
    let scenario = &loaded.scenario;
    let plan = Plan::new(scenario, None);
    let case = Case { scenario, plan: &plan, thresholds: &scenario.thresholds };
    let (mut collected, bindings) = collect::collect(scenario, &plan, journal.by_ref());
    // What came for recipients that name no probe is placed when everything else is known.
    let bindings = bindings.filter(|_| journal.rewind().is_ok());
    if let Some(bindings) = &bindings {
        collected = collect::collect_bound(scenario, &plan, journal.by_ref(), bindings);
    }
    let mut findings = judge::conclude(&case, collected, journal.damage());
    findings.results.scenario.clone_from(&loaded.source.text);
    let violations = &mut findings.results.correctness.violations;
    if !violations.is_empty() && journal.rewind().is_ok() {
        let domains: Vec<String> =
            scenario.destinations.iter().map(|it| it.domain.clone()).collect();
        match &bindings {
            Some(it) => evidence::attach(violations, it.apply(journal.by_ref()), &domains),
            None => evidence::attach(violations, journal.by_ref(), &domains),
        }
    }
    findings
}
