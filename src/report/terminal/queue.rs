//! What the queue did: backlog, drain, attempts, and the retry curve against the configured one.

use super::chart;
use super::page::{INDENT, Page};
use crate::escape::plain;
use crate::measure::results::{Findings, QueueFacts, RecoveryFacts, Results, SeriesRow};
use crate::report::recovery;
use crate::report::table::{Table, cell, left, right};
use crate::report::view::Tone;
use crate::report::{figures, human};

/// The queue over the run.
pub(super) fn queue(page: &mut Page, findings: &Findings) {
    let facts = &findings.results.queue;
    page.heading("QUEUE");
    page.facts("backlog", &backlog(facts));
    chart_of_backlog(page, findings);
    length(page, facts);
    if let Some(mean) = facts.attempts_per_delivery_mean {
        let most = human::count(facts.attempts_per_delivery_max.unwrap_or(0));
        let mut pieces = vec![format!("{mean:.2} per delivery"), format!("at most {most}")];
        pieces.extend(wasted(mean, facts));
        page.facts("attempts", &pieces);
    }
    if let Some(connections) = &facts.connection_attempts {
        page.facts("connections", &recovery::connections(connections));
        if let Some(why) = &connections.not_known {
            page.prose(INDENT, (Tone::Dim, ""), &plain(why));
        }
    }
    recovered(page, facts);
    patterns(page, facts);
    retries(page, &findings.results);
}

/// Recovery times listed; the rest is in `report.json`.
const RECOVERIES: usize = 10;

/// How long after each fault and act of chaos the queue was as before.
fn recovered(page: &mut Page, facts: &QueueFacts) {
    let listed = facts.recovery.iter().take(RECOVERIES);
    let one = |it: &RecoveryFacts| format!("{} {}", plain(&recovery::name(it)), recovery::time(it));
    let mut pieces: Vec<String> = listed.map(one).collect();
    let rest = facts.recovery.len().saturating_sub(RECOVERIES);
    if rest > 0 {
        pieces.push(format!("and {rest} more in report.json"));
    }
    if !pieces.is_empty() {
        page.facts("recovered in", &pieces);
    }
}

/// What an outage does to the rest, and what comes after it.
fn patterns(page: &mut Page, facts: &QueueFacts) {
    if let Some(herd) = &facts.herd {
        page.facts("thundering herd", &recovery::herd(herd));
    }
    if let Some(isolation) = &facts.isolation {
        let during = format!("healthy p99 {}", figures::duration(Some(isolation.during())));
        let before = format!("before {}", figures::duration(Some(isolation.before())));
        page.facts("isolation", &[during, before, figures::times(isolation.inflation())]);
    }
}

/// Attempts spent on mail that was never delivered, where they make a difference.
fn wasted(mean: f64, facts: &QueueFacts) -> Option<String> {
    let all = facts.retry_amplification.filter(|all| all - mean >= 0.005)?;
    Some(format!("{all:.2} with undelivered mail"))
}

fn backlog(facts: &QueueFacts) -> Vec<String> {
    let peak = match facts.backlog_max {
        0 => "never any".to_owned(),
        max => format!("peak {} at {}", human::count(max), human::moment(facts.backlog_max_at_s)),
    };
    let drained = match facts.drain_time_s {
        _ if facts.backlog_max == 0 => "nothing to drain".to_owned(),
        Some(seconds) => format!("drained in {}", human::duration_s(seconds)),
        None => "did not drain".to_owned(),
    };
    vec![
        peak,
        format!("mean {}", human::number(facts.backlog_mean)),
        format!("{} at the close", human::count(facts.backlog_end)),
        drained,
    ]
}

/// The curve, the periods below it, and the windows of faults that have one.
fn chart_of_backlog(page: &mut Page, findings: &Findings) {
    /// Label before, length of the run behind.
    const BESIDE: usize = INDENT + 16 + 8;
    let columns = chart::columns(&findings.series, page.view.width.saturating_sub(BESIDE));
    if findings.results.queue.backlog_max == 0 || columns.len() < 2 {
        return;
    }
    page.facts("", &[chart::bars(&columns, |row| row.backlog, page.view)]);
    let end = human::moment(findings.series.len() as f64);
    page.facts("", &[format!("{} {end}", chart::periods(&columns, page.view))]);
    for fault in findings.results.faults.iter().filter(|fault| fault.during_s.is_some()) {
        let open = |row: &SeriesRow| row.faults.split(';').any(|name| name == fault.name);
        let label: String = plain(&fault.name).chars().take(15).collect();
        page.facts(&label, &[chart::span(&columns, open, page.view)]);
    }
    chaos_below(page, &findings.results, &columns);
}

/// Below the curve, when each kind of chaos lasted.
fn chaos_below(page: &mut Page, results: &Results, columns: &[&[SeriesRow]]) {
    let mut names: Vec<&str> = results.chaos.iter().map(|strike| strike.what.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    for name in names {
        let lasts = |row: &SeriesRow| row.faults.split(';').any(|one| one == name);
        page.facts(&plain(name), &[chart::span(columns, lasts, page.view)]);
    }
}

/// The length the target itself reports, where it can be asked.
fn length(page: &mut Page, facts: &QueueFacts) {
    let proof = if facts.proved_empty { "proved empty" } else { "not proved empty" };
    let Some(max) = facts.length_max else {
        return page.facts("target's queue", &["cannot be asked".to_owned(), proof.to_owned()]);
    };
    let mut pieces = vec![format!("peak {}", human::count(max))];
    let states = [("deferred", facts.deferred_max), ("frozen", facts.frozen_max)];
    for (state, most) in states {
        let some = most.filter(|most| *most > 0);
        pieces.extend(some.map(|most| format!("{} {state} at most", human::count(most))));
    }
    pieces.extend(facts.length_mean.map(|mean| format!("mean {}", human::number(mean))));
    pieces.extend(facts.length_end.map(|end| format!("{} at the close", human::count(end))));
    pieces.push(proof.to_owned());
    page.facts("target's queue", &pieces);
}

fn retries(page: &mut Page, results: &Results) {
    if results.retry_curve.is_empty() {
        return;
    }
    let mut table = Table::new(vec![
        left(""),
        right("configured"),
        right("p5").optional(1),
        right("p50"),
        right("p95").optional(1),
        right("gaps"),
        right("early"),
        right("missed"),
    ]);
    for point in &results.retry_curve {
        let some = |n: u64| cell(Tone::Doubt, if n == 0 { String::new() } else { human::count(n) });
        let seen =
            |seconds| if point.count == 0 { "-".to_owned() } else { human::duration_s(seconds) };
        table.row(vec![
            format!("      after attempt {}", point.attempt).into(),
            point.configured_s.map_or("-".to_owned(), human::duration_s).into(),
            seen(point.p5_s).into(),
            seen(point.p50_s).into(),
            seen(point.p95_s).into(),
            human::count(point.count).into(),
            some(point.early),
            some(point.missed),
        ]);
    }
    let label = format!("{}retry delays", " ".repeat(INDENT));
    table.under(&label, page.view).iter().for_each(|line| page.line(line));
}
