//! A comparison for a pull request or a job summary.

use std::fmt::Write as _;

use super::words;
use crate::escape::{markdown as prose, markdown_cell as cell};
use crate::measure::comparison::results::{Comparison, Contrast, Outcome, Row};

/// The summary. The first line is a hidden marker by which a bot finds its own comment again.
pub(super) fn render(comparison: &Comparison) -> String {
    let marker = crate::report::markdown::marker(&comparison.name);
    let verdict = &comparison.verdict;
    let mut text = format!("<!-- mailbench-compare:{marker} -->\n");
    let worst = comparison.contrasts.iter().map(|contrast| contrast.verdict).max();
    let _infallible = writeln!(
        text,
        "### {} mailbench compare: {}: {}\n\n{}\n\n{}\n",
        worst.map_or("⚠️", sign),
        prose(&comparison.name),
        prose(&verdict.status),
        prose(&comparison.question),
        prose(&words::method(comparison)),
    );
    for reason in &verdict.reasons {
        let _infallible = writeln!(text, "- {}", prose(&reason.message));
    }
    if !verdict.reasons.is_empty() {
        text.push('\n');
    }
    comparison.contrasts.iter().for_each(|contrast| table(&mut text, comparison, contrast));
    let differences = comparison.differences.iter().map(|one| format!("compared by force; {one}"));
    let warnings = comparison.warnings.iter().map(|warning| warning.message.clone());
    for warning in differences.chain(warnings) {
        let _infallible = writeln!(text, "- ⚠️ {}", prose(&warning));
    }
    text
}

fn sign(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Regression => "❌",
        Outcome::Inconclusive => "⚠️",
        Outcome::Improved | Outcome::NoDifferenceShown => "✅",
    }
}

fn table(text: &mut String, comparison: &Comparison, contrast: &Contrast) {
    let (base, new) = (prose(&comparison.base.name), prose(&contrast.new.name));
    let _infallible = writeln!(
        text,
        "| {new} against {base} | base | new | ratio | interval | could show | |\n\
         |:---|---:|---:|---:|---:|---:|:---|"
    );
    for outcome in words::OUTCOMES {
        for row in words::with(contrast, outcome) {
            line(text, row);
        }
    }
    text.push_str("\n**Bold** decides; the others inform.\n\n");
}

fn line(text: &mut String, row: &Row) {
    let name = cell(&row.metric);
    let name = if row.gated { format!("**{name}**") } else { name };
    let sign = if row.gated || row.verdict == Outcome::Regression { sign(row.verdict) } else { "" };
    let _infallible = writeln!(
        text,
        "| {name} | {} | {} | {} | {} | {} | {sign} {} |",
        words::base(row),
        words::new(row),
        words::ratio_of(row),
        words::interval(row),
        words::detectable(row),
        row.verdict.words(),
    );
}
