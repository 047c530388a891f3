//! The summary of a comparison for people: worst first, one table a verdict.

use super::words;
use crate::escape::plain;
use crate::measure::comparison::results::{Comparison, Contrast, Design, Outcome, Row, Side};
use crate::report::table::{Cell, Table, cell, elided, left, right};
use crate::report::terminal::page::{INDENT, Page};
use crate::report::view::{Tone, View};

/// Room that a name leaves for what stands beside it.
const NAME_BESIDE: usize = 24;

/// The summary; of a quiet view only its last line.
pub(super) fn render(comparison: &Comparison, view: &View) -> String {
    let mut page = Page::new(view);
    if !view.quiet {
        header(&mut page, comparison);
        for contrast in &comparison.contrasts {
            table(&mut page, comparison, contrast);
        }
        warnings(&mut page, comparison);
        reasons(&mut page, comparison);
    }
    result(&mut page, comparison);
    page.finish()
}

fn header(page: &mut Page, comparison: &Comparison) {
    let tool = &comparison.tool;
    let name = plain(&comparison.name);
    page.flow("", &[plain(&format!("{} {}", tool.name, tool.version)), "compare".to_owned(), name]);
    page.prose(2, (Tone::Plain, ""), &plain(&comparison.question));
    page.prose(2, (Tone::Plain, ""), &words::method(comparison));
    page.facts("base", &side(&comparison.base, page.view));
    for contrast in &comparison.contrasts {
        page.facts("new", &side(&contrast.new, page.view));
    }
}

fn side(side: &Side, view: &View) -> Vec<String> {
    let target = format!("{} {}", plain(&side.target_kind), plain(&side.target_version));
    vec![name(side, view), target]
}

/// A side's name, no longer than a line bears.
fn name(side: &Side, view: &View) -> String {
    elided(&plain(&side.name), view.width.saturating_sub(NAME_BESIDE), view)
}

fn table(page: &mut Page, comparison: &Comparison, contrast: &Contrast) {
    if comparison.contrasts.len() > 1 {
        page.heading(&name(&contrast.new, page.view));
    }
    for outcome in words::OUTCOMES {
        let rows = words::with(contrast, outcome);
        if rows.is_empty() {
            continue;
        }
        let title = outcome.words().to_uppercase();
        let mut table = Table::new(vec![
            left(""),
            right("base"),
            right("new"),
            right("ratio"),
            right("interval"),
            right("could show"),
        ]);
        rows.iter().for_each(|row| table.row(cells(row, outcome)));
        page.headed_table(&title, &table);
        for note in words::notes(&rows) {
            page.prose(INDENT, (Tone::Dim, "-"), &plain(&note));
        }
    }
}

fn cells(row: &Row, outcome: Outcome) -> Vec<Cell> {
    let mark = if row.gated { "*" } else { " " };
    let tone = words::tone(outcome);
    vec![
        format!("  {mark} {}", plain(&words::label(&row.metric))).into(),
        words::base(row).into(),
        words::new(row).into(),
        cell(tone, words::ratio_of(row)),
        words::interval(row).into(),
        words::detectable(row).into(),
    ]
}

fn warnings(page: &mut Page, comparison: &Comparison) {
    page.line("");
    let key = format!("* decides; the others inform. \"could show\": {}.", words::COULD_SHOW);
    page.prose(2, (Tone::Plain, ""), &key);
    if comparison.warnings.is_empty() && comparison.differences.is_empty() {
        return;
    }
    page.heading("WARNINGS");
    for difference in &comparison.differences {
        page.prose(
            INDENT,
            (Tone::Doubt, "!"),
            &format!("compared by force; {}", plain(difference)),
        );
    }
    for warning in &comparison.warnings {
        page.prose(INDENT, (Tone::Doubt, "!"), &plain(&warning.message));
    }
}

fn reasons(page: &mut Page, comparison: &Comparison) {
    page.line("");
    for reason in &comparison.verdict.reasons {
        page.prose(2, (Tone::Plain, "-"), &plain(&reason.message));
    }
}

fn result(page: &mut Page, comparison: &Comparison) {
    let verdict = &comparison.verdict;
    let worst = comparison.contrasts.iter().map(|contrast| contrast.verdict).max();
    let text = format!("RESULT: {}", plain(&verdict.status).to_uppercase());
    let tone = worst.map_or(Tone::Doubt, words::tone);
    let line = format!("{}  exit {}", page.view.paint(tone, &text), verdict.exit_code);
    page.line(&line);
    if let (Some(folder), Design::Paired) = (&page.view.folder, comparison.method.design)
        && !page.view.quiet
    {
        page.line(&format!("  files:  {}", plain(folder)));
    }
}
