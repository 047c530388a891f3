//! `junit.xml` of a run: a case for each threshold, each sworn invariant, each health check, and
//! the run as a whole.

use super::suite::{Case, Outcome, Suite};
use super::view::View;
use super::{story, terminal};
use crate::escape::plain;
use crate::measure::results::{Findings, HealthStatus, Results, ThresholdStatus, Violation};

/// Violations whose evidence goes into one case.
const EVIDENCE: usize = 10;

/// The document.
pub(super) fn render(findings: &Findings) -> String {
    let results = &findings.results;
    let target = format!("{} {}", results.target.kind, results.target.version);
    Suite {
        name: results.run.name.clone(),
        started: results.run.started_at.clone(),
        duration_s: results.run.duration_s,
        properties: vec![
            ("seed", results.run.seed.to_string()),
            ("target", target),
            ("version", results.tool.version.clone()),
            ("command", results.run.command.clone()),
        ],
        cases: cases(results),
        summary: terminal::render(findings, &View::plain(100)),
    }
    .render()
}

fn cases(results: &Results) -> Vec<Case> {
    let mut cases = thresholds(results);
    cases.extend(story::sworn().map(|class| invariant(results, class)));
    cases.extend(results.health.checks.iter().map(|check| Case {
        group: "health".to_owned(),
        name: check.id.clone(),
        outcome: match check.status {
            HealthStatus::Invalid => Outcome::Error(check.advice.clone()),
            HealthStatus::Valid | HealthStatus::Warn => Outcome::Passed,
        },
    }));
    cases.push(Case {
        group: "run".to_owned(),
        name: "verdict".to_owned(),
        outcome: verdict(results),
    });
    cases
}

fn thresholds(results: &Results) -> Vec<Case> {
    let case = |threshold: &crate::measure::results::ThresholdResult| Case {
        group: "thresholds".to_owned(),
        name: threshold.expr.clone(),
        outcome: match (threshold.status, threshold.actual.as_deref()) {
            (ThresholdStatus::Met, _) => Outcome::Passed,
            (ThresholdStatus::Missed, actual) => {
                let said = format!("{}, wanted {}", actual.unwrap_or("missed"), threshold.expr);
                Outcome::Failed(said, String::new())
            }
            (ThresholdStatus::NoData, actual) => {
                Outcome::Error(actual.unwrap_or("too little data").to_owned())
            }
            (ThresholdStatus::Inconclusive, actual) => {
                let why = threshold.reason.as_deref().unwrap_or("");
                Outcome::Error(format!("inconclusive: {} ({why})", actual.unwrap_or("unknown")))
            }
        },
    };
    results.thresholds.iter().map(case).collect()
}

fn invariant(results: &Results, class: &'static str) -> Case {
    let count = results.count_anywhere(class);
    let outcome = if count == 0 {
        Outcome::Passed
    } else {
        let seen = results.correctness.violations.iter().filter(|found| found.class == class);
        Outcome::Failed(format!("{count} {class}"), seen.take(EVIDENCE).map(evidence).collect())
    };
    Case { group: "correctness".to_owned(), name: class.to_owned(), outcome }
}

fn evidence(violation: &Violation) -> String {
    let probe = violation.probe.map_or_else(String::new, |probe| format!("probe {probe} "));
    let recipient = plain(violation.recipient.as_deref().unwrap_or(""));
    let seen: String =
        violation.evidence.iter().map(|seen| format!("  {}\n", plain(seen))).collect();
    format!("{probe}{recipient}\n{seen}")
}

fn verdict(results: &Results) -> Outcome {
    let reasons: Vec<String> =
        results.verdict.reasons.iter().map(|reason| reason.message.clone()).collect();
    match results.verdict.status.as_str() {
        "pass" => Outcome::Passed,
        "fail" => Outcome::Failed(
            format!("exit {}", results.verdict.exit_code),
            reasons.join("\n") + "\n",
        ),
        status => Outcome::Error(format!("{status}: {}", reasons.join("; "))),
    }
}
