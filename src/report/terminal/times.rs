//! How long it took.

use super::page::Page;
use crate::measure::results::{Latency, Results};
use crate::report::figures::{self, STATS, Stat};
use crate::report::human;
use crate::report::table::{Cell, Column, Table, cell, left, right};
use crate::report::view::Tone;

/// From this width on, the stages of the dialogue are listed too.
const ROOM_FOR_STAGES: usize = 100;

/// The latency table. `-`: too few samples; `>=`: observations without an end could raise it.
pub(super) fn latency(page: &mut Page, results: &Results) {
    let mut columns = vec![left("")];
    columns.extend(STATS.iter().map(column));
    columns.push(right("n"));
    columns.push(right("censored").optional(1));
    let mut table = Table::new(columns);
    for one in figures::rows(results) {
        table.row(row(one.label, one.latency));
    }
    if page.view.width >= ROOM_FOR_STAGES {
        for (metric, latency) in results.latency.iter().filter(|(name, _)| is_stage(name)) {
            table.row(row(metric, latency));
        }
    }
    if !table.is_empty() {
        page.headed_table("LATENCY", &table);
        key(page, results);
    }
}

/// What the two signs mean, where they occur.
fn key(page: &mut Page, results: &Results) {
    let shown = || figures::rows(results).into_iter().map(|row| row.latency);
    let mut signs = Vec::new();
    if shown().any(|latency| !latency.too_few.is_empty()) {
        signs.push("-  too few samples".to_owned());
    }
    if shown().any(|latency| !latency.at_least.is_empty()) {
        signs.push(">=  at least: some were censored (cut off or failed)".to_owned());
    }
    if shown().any(|latency| !latency.doubtful.is_empty()) {
        signs.push("<= ~  mailbench itself may have made a part: see MEASUREMENT".to_owned());
    }
    if !signs.is_empty() {
        page.flow("    ", &signs);
    }
}

fn is_stage(metric: &str) -> bool {
    metric.starts_with("stage_")
}

fn column(stat: &Stat) -> Column {
    let column = right(stat.title);
    match stat.name {
        "p50" | "p90" | "p99" | "p999" | "max" => column,
        "p95" => column.optional(2),
        "mean" => column.optional(3),
        "p75" => column.optional(4),
        "min" => column.optional(5),
        _ => column.optional(6),
    }
}

fn row(label: &str, latency: &Latency) -> Vec<Cell> {
    let mut cells = vec![Cell::from(format!("    {label}"))];
    cells.extend(STATS.iter().map(|stat| {
        let doubt = stat.is_bound(latency) || stat.is_doubtful(latency);
        let tone = if doubt { Tone::Doubt } else { Tone::Plain };
        cell(tone, stat.text(latency))
    }));
    cells.push(human::count(latency.count).into());
    let censored = latency.censored;
    cells.push(cell(
        Tone::Doubt,
        if censored == 0 { String::new() } else { human::count(censored) },
    ));
    cells
}
