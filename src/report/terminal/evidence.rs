//! Whether the measurement is valid, what went wrong with evidence, and the result.

use super::page::{INDENT, Page};
use crate::escape::plain;
use crate::measure::results::{HealthCheck, HealthStatus, Results, Violation};
use crate::report::changes;
use crate::report::doubt;
use crate::report::human;
use crate::report::sizing;
use crate::report::story;
use crate::report::view::{Tone, View};

/// Violations of one class listed with their evidence; the rest is in `report.json`.
const LISTED: usize = 2;

/// The instrument's own health: in short when all is well, with advice where it is not.
pub(super) fn health(page: &mut Page, results: &Results) {
    page.heading(match results.health.status {
        HealthStatus::Valid => "MEASUREMENT: valid",
        HealthStatus::Warn => "MEASUREMENT: valid with warnings",
        HealthStatus::Invalid => "MEASUREMENT: invalid",
    });
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
    for (name, said) in doubt::lines(results) {
        page.prose(INDENT + 2, (Tone::Doubt, ""), &format!("{}: {}", plain(&name), plain(&said)));
    }
    if !results.run.simulated {
        resources(page, results);
    }
}

/// How large the target must be.
pub(super) fn sizing(page: &mut Page, results: &Results) {
    let lines = sizing::lines(results);
    if lines.is_empty() {
        return;
    }
    page.heading("SIZING");
    for (name, value) in lines {
        page.prose(INDENT, (Tone::Plain, ""), &format!("{name}: {}", plain(&value)));
    }
}

fn resources(page: &mut Page, results: &Results) {
    let used = &results.resources;
    let share = human::quantity(used.cpu_share, "share");
    let cores = human::counted(u64::from(used.cores), "core", "cores");
    let cpu = format!("CPU {} ({share} of {cores})", human::duration_s(used.cpu_s));
    page.flow("    ", &[cpu, format!("memory {}", human::bytes(used.rss_max_bytes))]);
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

/// How content differed from what was sent.
pub(super) fn changes(page: &mut Page, results: &Results) {
    if results.correctness.changes.is_empty() {
        return;
    }
    page.heading("CONTENT CHANGED IN TRANSIT");
    for line in changes::lines(results) {
        let note = if line.note.is_empty() { String::new() } else { format!("; {}", line.note) };
        let said = format!("{}: {}, {}{note}", line.kind, line.count(), line.level);
        page.prose(INDENT, (line.tone, ""), &plain(&said));
    }
}

/// What the ledger holds against the target, with what was seen.
pub(super) fn violations(page: &mut Page, results: &Results) {
    let violations = &results.correctness.violations;
    if violations.is_empty() {
        return;
    }
    page.heading("VIOLATIONS");
    let listed = story::few_of_each(violations, LISTED);
    listed.iter().for_each(|violation| one_violation(page, violation));
    let rest = violations.len() - listed.len();
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
    let line = outcome(results, page.view);
    page.line(&line);
    let tone = status_tone(results);
    for reason in &results.verdict.reasons {
        page.prose(2, (tone, "-"), &plain(&reason.message));
    }
    // The command stays on one line, however long, so it can be copied.
    page.line(&format!("  repeat: {}", plain(&results.run.command)));
    if let Some(folder) = &page.view.folder {
        page.line(&format!("  files:  {}", plain(folder)));
    }
}

/// One line: status, exit code, and the weightiest reason.
pub(super) fn result_line(results: &Results, view: &View) -> String {
    let why = match results.verdict.reasons.as_slice() {
        [] => String::new(),
        [only] => format!("  {}", plain(&only.message)),
        [first, rest @ ..] => format!("  {} (and {} more)", plain(&first.message), rest.len()),
    };
    outcome(results, view) + &why
}

fn outcome(results: &Results, view: &View) -> String {
    let status = view.paint(status_tone(results), &plain(&results.verdict.status).to_uppercase());
    format!("RESULT: {status}  exit {}", results.verdict.exit_code)
}

fn status_tone(results: &Results) -> Tone {
    match results.verdict.status.as_str() {
        "pass" => Tone::Good,
        "fail" => Tone::Bad,
        _ => Tone::Doubt,
    }
}
