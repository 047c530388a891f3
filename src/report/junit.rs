//! `junit.xml`, as GitLab and Jenkins read it: a case for each threshold, each sworn invariant,
//! each health check, and the run as a whole.
//!
//! GitLab shows the class name as the suite and drops second cases of one name.

use std::fmt::Write as _;

use super::escape::{plain, xml, xml_lines};
use super::view::View;
use super::{story, terminal};
use crate::measure::results::{Findings, HealthStatus, Results, ThresholdStatus, Violation};

/// Violations whose evidence goes into one case.
const EVIDENCE: usize = 10;

struct Case {
    group: &'static str,
    name: String,
    outcome: Outcome,
}

enum Outcome {
    Passed,
    /// The target's fault. The first is one line, the second all there is to say.
    Failed(String, String),
    /// It could not be judged.
    Error(String),
}

/// The document.
pub(super) fn render(findings: &Findings) -> String {
    let results = &findings.results;
    let suite = format!("mailbench.{}", xml(&results.run.name));
    let cases = cases(results);
    let totals = totals(&cases, results.run.duration_s);
    let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let _infallible = writeln!(text, "<testsuites name=\"mailbench\" {totals}>");
    let started = xml(&results.run.started_at);
    let _infallible = writeln!(
        text,
        "  <testsuite name=\"{suite}\" timestamp=\"{started}\" skipped=\"0\" {totals}>"
    );
    text.push_str(&properties(results));
    cases.iter().for_each(|case| text.push_str(&element(case, &suite)));
    let summary = xml_lines(&terminal::render(findings, &View::plain(100)));
    let _infallible = writeln!(text, "    <system-out>{summary}</system-out>");
    text + "  </testsuite>\n</testsuites>\n"
}

fn totals(cases: &[Case], duration_s: f64) -> String {
    let failures = cases.iter().filter(|case| matches!(case.outcome, Outcome::Failed(..))).count();
    let errors = cases.iter().filter(|case| matches!(case.outcome, Outcome::Error(_))).count();
    let tests = cases.len();
    format!(
        "tests=\"{tests}\" failures=\"{failures}\" errors=\"{errors}\" time=\"{duration_s:.3}\""
    )
}

fn properties(results: &Results) -> String {
    let facts = [
        ("seed", results.run.seed.to_string()),
        ("target", format!("{} {}", results.target.kind, results.target.version)),
        ("version", results.tool.version.clone()),
        ("command", results.run.command.clone()),
    ];
    let lines = facts.iter().map(|(name, value)| {
        format!("      <property name=\"{name}\" value=\"{}\"/>\n", xml(value))
    });
    format!("    <properties>\n{}    </properties>\n", lines.collect::<String>())
}

fn cases(results: &Results) -> Vec<Case> {
    let mut cases = thresholds(results);
    cases.extend(story::sworn().map(|class| invariant(results, class)));
    cases.extend(results.health.checks.iter().map(|check| Case {
        group: "health",
        name: check.id.clone(),
        outcome: match check.status {
            HealthStatus::Invalid => Outcome::Error(check.advice.clone()),
            HealthStatus::Valid | HealthStatus::Warn => Outcome::Passed,
        },
    }));
    cases.push(Case { group: "run", name: "verdict".to_owned(), outcome: verdict(results) });
    cases
}

fn thresholds(results: &Results) -> Vec<Case> {
    let case = |threshold: &crate::measure::results::ThresholdResult| Case {
        group: "thresholds",
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
        },
    };
    results.thresholds.iter().map(case).collect()
}

fn invariant(results: &Results, class: &'static str) -> Case {
    let count = story::value(&results.counts, class);
    let outcome = if count == 0 {
        Outcome::Passed
    } else {
        let seen = results.correctness.violations.iter().filter(|found| found.class == class);
        Outcome::Failed(format!("{count} {class}"), seen.take(EVIDENCE).map(evidence).collect())
    };
    Case { group: "correctness", name: class.to_owned(), outcome }
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

fn element(case: &Case, suite: &str) -> String {
    let open = format!(
        "    <testcase classname=\"{suite}.{}\" name=\"{}\" time=\"0\"",
        case.group,
        xml(&case.name)
    );
    match &case.outcome {
        Outcome::Passed => format!("{open}/>\n"),
        Outcome::Failed(message, text) => format!(
            "{open}>\n      <failure type=\"{}\" message=\"{}\">{}</failure>\n    </testcase>\n",
            case.group,
            xml(message),
            xml_lines(text)
        ),
        Outcome::Error(message) => format!(
            "{open}>\n      <error type=\"{}\" message=\"{}\"/>\n    </testcase>\n",
            case.group,
            xml(message)
        ),
    }
}
