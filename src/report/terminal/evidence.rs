//! Whether to believe it, what went wrong with evidence, and the result.

use super::page::{INDENT, Page};
use crate::measure::results::{HealthCheck, HealthStatus, Results, Violation};
use crate::report::escape::plain;
use crate::report::human;
use crate::report::view::{Tone, View};

/// Violations listed with their evidence; the rest is in `report.json`.
const LISTED: usize = 5;

/// The instrument's own health: in short when all is well, with advice where it is not.
pub(super) fn health(page: &mut Page, results: &Results) {
    page.heading("HEALTH OF THE INSTRUMENT");
    let (well, unwell): (Vec<_>, Vec<_>) =
        results.health.checks.iter().partition(|check| check.status == HealthStatus::Valid);
    for check in unwell {
        let (mark, tone) = match check.status {
            HealthStatus::Invalid => (page.view.pick("✗", "[FAIL]"), Tone::Bad),
            _ => (page.view.pick("!", "[warn]"), Tone::Doubt),
        };
        let said = format!("{} {}: {}", plain(&check.id), against(check), plain(&check.advice));
        page.prose(INDENT, (tone, mark), &said);
    }
    let pieces: Vec<String> = well
        .iter()
        .map(|check| format!("{} {}", plain(&check.id), human::quantity(check.value, &check.unit)))
        .collect();
    let mark = page.view.pick("✓", "[ok]");
    if !pieces.is_empty() {
        page.flow(&format!("{}{mark} ", " ".repeat(INDENT)), &pieces);
    }
}

/// What was seen and the bound it broke.
fn against(check: &HealthCheck) -> String {
    let bound = if check.status == HealthStatus::Invalid { check.invalid } else { check.warn };
    let quantity = |value| human::quantity(value, &check.unit);
    format!("{} (limit {})", quantity(check.value), quantity(bound))
}

/// What a reader should know before believing a number.
pub(super) fn warnings(page: &mut Page, results: &Results) {
    if results.warnings.is_empty() {
        return;
    }
    page.heading("WARNINGS");
    let mark = page.view.pick("!", "[warn]");
    for warning in &results.warnings {
        page.prose(INDENT, (Tone::Doubt, mark), &plain(&warning.message));
    }
}

/// What the ledger holds against the target, with what was seen.
pub(super) fn violations(page: &mut Page, results: &Results) {
    let violations = &results.correctness.violations;
    if violations.is_empty() {
        return;
    }
    page.heading("VIOLATIONS");
    violations.iter().take(LISTED).for_each(|violation| one_violation(page, violation));
    let rest = violations.len().saturating_sub(LISTED);
    if rest > 0 {
        page.line(&format!("    and {rest} more in report.json"));
    }
}

fn one_violation(page: &mut Page, violation: &Violation) {
    let mut said = plain(&violation.class);
    if let Some(probe) = violation.probe {
        said.push_str(&format!("  probe {probe}"));
    }
    if let Some(recipient) = &violation.recipient {
        said.push_str(&format!("  {}", plain(recipient)));
    }
    let mark = page.view.pick("✗", "[FAIL]");
    page.prose(INDENT, (Tone::Bad, mark), &said);
    for seen in &violation.evidence {
        page.prose(INDENT + 4, (Tone::Dim, "-"), &plain(seen));
    }
}

/// How it ended, why, how to repeat it, where the files are.
pub(super) fn result(page: &mut Page, results: &Results) {
    page.line("");
    let line = result_line(results, page.view);
    page.line(&line);
    let reasons = &results.verdict.reasons;
    if reasons.len() > 1 {
        let tone = status_tone(results);
        reasons.iter().for_each(|reason| page.prose(2, (tone, "-"), &plain(&reason.to_string())));
    }
    // The command stays on one line, however long, so that it can be copied.
    page.line(&format!("  repeat: {}", plain(&results.run.command)));
    if let Some(folder) = &page.view.folder {
        let folder = plain(&folder.display().to_string());
        page.line(&format!("  files:  {folder}"));
    }
}

/// One line: status, exit code, and the weightiest reason.
pub(super) fn result_line(results: &Results, view: &View) -> String {
    let verdict = &results.verdict;
    let status = view.paint(status_tone(results), &verdict.status.to_uppercase());
    let why = match verdict.reasons.as_slice() {
        [] => String::new(),
        [only] => format!("  {}", plain(&only.to_string())),
        [first, rest @ ..] => format!("  {} (and {} more)", plain(&first.to_string()), rest.len()),
    };
    format!("RESULT: {status}  exit {}{why}", verdict.exit_code)
}

fn status_tone(results: &Results) -> Tone {
    match results.verdict.status.as_str() {
        "pass" => Tone::Good,
        "fail" => Tone::Bad,
        _ => Tone::Doubt,
    }
}
