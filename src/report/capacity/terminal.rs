//! The summary of a capacity search for people: the answer, what set it, the curve, the trials.

use super::words::{self, TITLES, answer, facts, figures, method};
use crate::escape::plain;
use crate::measure::capacity::results::{Capacity, Outcome};
use crate::report::human;
use crate::report::sizing;
use crate::report::table::{Table, cell, left, right};
use crate::report::terminal::page::Page;
use crate::report::view::{Tone, View};

/// The summary; of a quiet view only its last line.
pub(super) fn render(capacity: &Capacity, view: &View) -> String {
    let mut page = Page::new(view);
    if !view.quiet {
        header(&mut page, capacity);
        curve(&mut page, capacity);
        trials(&mut page, capacity);
    }
    let tone = if capacity.exit_code == 0 { Tone::Good } else { Tone::Doubt };
    let said = view.paint(tone, &answer(capacity));
    page.line("");
    page.line(&format!("CAPACITY: {said}  exit {}", capacity.exit_code));
    if !view.quiet {
        page.line(&format!("  repeat: {}", plain(&capacity.command)));
        if let Some(folder) = &view.folder {
            page.line(&format!("  files:  {}", plain(folder)));
        }
    }
    page.finish()
}

fn header(page: &mut Page, capacity: &Capacity) {
    let tool = &capacity.tool;
    let target = format!("target {}", plain(&capacity.target));
    let name = plain(&capacity.name);
    page.flow(
        "",
        &[plain(&format!("{} {}", tool.name, tool.version)), "capacity".to_owned(), name, target],
    );
    if capacity.simulated {
        page.prose(2, (Tone::Doubt, ""), sizing::SIMULATED);
    }
    page.prose(2, (Tone::Plain, ""), &plain(&capacity.question));
    page.prose(2, (Tone::Plain, ""), &plain(&method(capacity)));
    page.heading("SIZING");
    for (name, value) in facts(capacity) {
        page.prose(4, (Tone::Plain, ""), &format!("{name}: {}", plain(&value)));
    }
}

fn curve(page: &mut Page, capacity: &Capacity) {
    let mut columns = vec![right("load"), right("rate")];
    columns.extend(TITLES.iter().map(|title| right(title)));
    columns.push(left("held"));
    let mut table = Table::new(columns);
    for point in &capacity.curve {
        let mut cells = vec![
            format!("    {:.0}%", point.share * 100.0).into(),
            human::rate(point.rate_per_s).into(),
        ];
        cells.extend(figures(&point.seen).map(Into::into));
        cells.push(held(point.good));
        table.row(cells);
    }
    page.headed_table("CURVE", &table);
}

fn trials(page: &mut Page, capacity: &Capacity) {
    let columns = vec![
        right("rate"),
        right("length"),
        right("delivered"),
        right("e2e p99"),
        left("held"),
        left("why not"),
    ];
    let mut table = Table::new(columns);
    for trial in &capacity.trials {
        let [_, _, _, p99, ..] = figures(&trial.seen);
        let tone = match trial.outcome() {
            Outcome::Good => Tone::Good,
            Outcome::Bad => Tone::Bad,
            Outcome::Inconclusive => Tone::Doubt,
        };
        table.row(vec![
            format!("    {}", human::rate(trial.rate_per_s)).into(),
            human::duration_s(trial.duration_s).into(),
            words::delivered(&trial.seen).into(),
            p99.into(),
            cell(tone, words::held(trial)),
            cell(Tone::Dim, plain(&words::why(trial))),
        ]);
    }
    page.headed_table("TRIALS", &table);
}

fn held(good: bool) -> crate::report::table::Cell {
    if good { cell(Tone::Good, "yes") } else { cell(Tone::Bad, "no") }
}
