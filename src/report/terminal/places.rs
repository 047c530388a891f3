//! Where the mail went, and what was done to it there.

use super::page::Page;
use crate::measure::results::{DestinationFacts, FaultFacts, Results};
use crate::report::escape::plain;
use crate::report::figures;
use crate::report::human;
use crate::report::story::value;
use crate::report::table::{Cell, Table, cell, left, right};
use crate::report::view::Tone;

/// Destinations listed; the rest is in `report.json`.
const LISTED: usize = 20;

/// One line a destination.
pub(super) fn destinations(page: &mut Page, results: &Results) {
    if results.destinations.is_empty() {
        return;
    }
    let mut table = Table::new(vec![
        left(""),
        right("accepted").optional(4),
        right("delivered"),
        right("deferred"),
        right("bounced").optional(3),
        right("lost"),
        right("attempts"),
        right("e2e p50"),
        right("p90").optional(2),
        right("p99"),
        left("").optional(1),
    ]);
    results.destinations.iter().take(LISTED).for_each(|place| table.row(destination(place)));
    page.headed_table("DESTINATIONS", &table);
    let rest = results.destinations.len().saturating_sub(LISTED);
    if rest > 0 {
        page.facts("", &[format!("and {rest} more in report.json")]);
    }
    if let Some(fairness) = results.queue.fairness {
        let pieces = ["Jain index of 1 / mean e2e time", "healthy destinations (1: all alike)"];
        let pieces = [&[format!("{fairness:.3}")], &pieces.map(str::to_owned)[..]].concat();
        page.facts("fairness", &pieces);
    }
}

fn destination(place: &DestinationFacts) -> Vec<Cell> {
    let count = |name| value(&place.counts, name);
    let unless_zero =
        |name| if count(name) == 0 { String::new() } else { human::count(count(name)) };
    let e2e = |stat| {
        place.latency.get("e2e_response").map_or_else(String::new, |e2e| figures::text(e2e, stat))
    };
    let attempts = place.attempts_per_delivery_mean.map_or("-".to_owned(), |n| format!("{n:.2}"));
    vec![
        format!("    {}", plain(&place.domain)).into(),
        human::count(count("accepted")).into(),
        human::count(count("delivered")).into(),
        unless_zero("deferred").into(),
        unless_zero("bounced").into(),
        cell(Tone::Bad, unless_zero("lost")),
        attempts.into(),
        e2e("p50").into(),
        e2e("p90").into(),
        e2e("p99").into(),
        cell(Tone::Doubt, if place.faulty { "faulty" } else { "" }),
    ]
}

/// From this width on, what a fault does stands in its line; else below it.
const ROOM_FOR_ACTIONS: usize = 100;

/// Each rule: what it does, when, and how often it triggered.
pub(super) fn faults(page: &mut Page, results: &Results) {
    if results.faults.is_empty() {
        return;
    }
    let in_line = page.view.width >= ROOM_FOR_ACTIONS;
    let titles =
        [left(""), right("triggered"), left("where"), left("stage"), left("when"), left("what")];
    let mut table = Table::new(titles.into_iter().take(if in_line { 6 } else { 5 }).collect());
    for rule in &results.faults {
        let mut cells = fault(rule);
        if in_line {
            cells.push(cell(Tone::Dim, plain(&rule.action)));
        }
        table.row(cells);
    }
    if in_line {
        return page.headed_table("FAULTS", &table);
    }
    let actions: Vec<String> = results.faults.iter().map(|rule| plain(&rule.action)).collect();
    page.annotated_table("FAULTS", &table, &actions);
}

fn fault(rule: &FaultFacts) -> Vec<Cell> {
    let when = rule.during_s.map_or_else(
        || "always".to_owned(),
        |(from, to)| format!("{}..{}", human::moment(from), human::moment(to)),
    );
    let tone = if rule.struck == 0 { Tone::Doubt } else { Tone::Plain };
    vec![
        format!("    {}", plain(&rule.name)).into(),
        cell(tone, human::count(rule.struck)),
        plain(rule.destination.as_deref().unwrap_or("everywhere")).into(),
        plain(&rule.stage).into(),
        when.into(),
    ]
}
