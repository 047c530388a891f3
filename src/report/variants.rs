//! Simulated variants of one scenario, side by side. They share the seed, so that what differs is
//! the variant's doing; there is nothing to repeat.

use std::fmt::Write as _;

use super::table::{Table, left, right};
use super::terminal::page::Page;
use super::view::{Tone, View};
use super::{figures, human, sizing, story};
use crate::escape::{markdown as prose, plain};
use crate::measure::results::Results;

/// A figure of a run: its title, and how it reads.
type Figure = (&'static str, fn(&Results) -> String);

const FIGURES: [Figure; 13] = [
    ("delivered", |it| human::count(story::value(&it.counts, "delivered"))),
    ("bounced", |it| human::count(story::value(&it.counts, "bounced"))),
    ("pending", |it| human::count(story::value(&it.counts, "pending"))),
    ("e2e p50", |it| latency(it, "p50")),
    ("e2e p99", |it| latency(it, "p99")),
    ("backlog", |it| human::count(it.queue.backlog_max)),
    ("bytes/hour", |it| {
        let bytes = it.sizing.as_ref().map(|sizing| sizing.backlog_bytes.round() as u64);
        bytes.map_or_else(|| "-".to_owned(), human::bytes)
    }),
    ("drained in", |it| {
        it.queue.drain_time_s.map_or_else(|| "never".to_owned(), human::duration_s)
    }),
    ("recovered in", |it| {
        let bound = if it.queue.recovery_time_max_at_least { ">=" } else { "" };
        let time = it.queue.recovery_time_max_s;
        time.map_or_else(|| "-".to_owned(), |s| format!("{bound}{}", human::duration_s(s)))
    }),
    ("attempts", |it| {
        let mean = it.queue.attempts_per_delivery_mean;
        mean.map_or_else(|| "-".to_owned(), |mean| format!("{mean:.2}"))
    }),
    ("connections", |it| {
        let facts = it.queue.connection_attempts.as_ref();
        let each = facts.and_then(|facts| facts.per_delivery);
        each.map_or_else(|| "-".to_owned(), human::number)
    }),
    ("herd", |it| {
        let herd = it.queue.herd.as_ref();
        herd.map_or_else(|| "-".to_owned(), |herd| format!("{:.1}", herd.index))
    }),
    ("tightest", |it| {
        let sizing = it.sizing.as_ref().and_then(|it| it.resources.first());
        sizing.map_or_else(
            || "-".to_owned(),
            |it| format!("{} {:.0}%", short(&it.name), it.used * 100.0),
        )
    }),
];

fn latency(results: &Results, name: &str) -> String {
    figures::duration(results.latency.get("e2e_response").and_then(|it| it.stat(name)))
}

/// Without the key in brackets.
fn short(name: &str) -> &str {
    name.split(" (").next().unwrap_or(name)
}

/// For a terminal: one row a variant.
#[must_use]
pub fn terminal(variants: &[(String, Results)], view: &View) -> String {
    let mut page = Page::new(view);
    let Some((_, first)) = variants.first() else { return page.finish() };
    let tool = plain(&format!("{} {}", first.tool.name, first.tool.version));
    page.flow("", &[tool, "variants".to_owned(), plain(&first.run.name)]);
    page.prose(2, (Tone::Doubt, ""), sizing::SIMULATED);
    page.prose(2, (Tone::Plain, ""), &plain(&first.run.question));
    // Several tables, so that a narrow terminal shows each whole.
    let tables = [("MAIL", &FIGURES[..5]), ("QUEUE", &FIGURES[5..9]), ("RETRIES", &FIGURES[9..])];
    for (heading, figures) in tables {
        let titles = figures.iter().map(|(title, _)| right(title));
        let mut table = Table::new(std::iter::once(left("")).chain(titles).collect());
        for (name, results) in variants {
            let cells = figures.iter().map(|(_, figure)| plain(&figure(results)).into());
            table
                .row(std::iter::once(format!("    {}", plain(name)).into()).chain(cells).collect());
        }
        page.headed_table(heading, &table);
    }
    let verdicts = variants
        .iter()
        .map(|(name, it)| format!("{} {}", plain(name), plain(&it.verdict.status).to_uppercase()));
    page.facts("result", &verdicts.collect::<Vec<_>>());
    page.line("");
    page.line(&format!("  repeat: {}", plain(&first.run.command)));
    if let Some(folder) = &view.folder {
        page.line(&format!("  files:  {}", plain(folder)));
    }
    page.finish()
}

/// As Markdown: one row a variant.
#[must_use]
pub fn markdown(variants: &[(String, Results)]) -> String {
    let Some((_, first)) = variants.first() else { return String::new() };
    let mut text = format!(
        "### {}: variants\n\n{}\n\n**{}**\n\n",
        prose(&first.run.name),
        prose(&first.run.question),
        sizing::SIMULATED
    );
    let titles = FIGURES.map(|(title, _)| title).join(" | ");
    let _infallible = writeln!(text, "| variant | {titles} | result |");
    let _infallible = writeln!(text, "|:---|{}:---|", "---:|".repeat(FIGURES.len()));
    for (name, results) in variants {
        let cells = FIGURES.map(|(_, figure)| prose(&figure(results))).join(" | ");
        let status = prose(&results.verdict.status);
        let _infallible = writeln!(text, "| {} | {cells} | {status} |", prose(name));
    }
    text
}
