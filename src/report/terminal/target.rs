//! The target itself: what was done to it and how it came back, and what it used.

use super::page::Page;
use crate::escape::plain;
use crate::measure::results::{ChaosFacts, Results};
use crate::report::table::{Cell, Table, cell, left, right};
use crate::report::view::Tone;
use crate::report::{disk, human};

/// Strikes listed; the rest is in `report.json`.
const LISTED: usize = 20;

/// Each strike: when, how long the target was away, when mail flowed again.
pub(super) fn chaos(page: &mut Page, results: &Results) {
    if results.chaos.is_empty() {
        return;
    }
    let mut table = Table::new(vec![
        left(""),
        right("at"),
        right("down"),
        right("first accept"),
        right("first delivery"),
        left("what"),
    ]);
    results.chaos.iter().take(LISTED).for_each(|strike| table.row(row(strike)));
    page.headed_table("CHAOS", &table);
    let rest = results.chaos.len().saturating_sub(LISTED);
    if rest > 0 {
        page.facts("", &[format!("and {rest} more in report.json")]);
    }
}

fn row(strike: &ChaosFacts) -> Vec<Cell> {
    let after = |seconds: Option<f64>| match seconds {
        Some(seconds) => format!("+{}", human::duration_s(seconds)).into(),
        // Nothing comes back from a command of the user's.
        None if strike.what == "run" => Cell::default(),
        None => cell(Tone::Doubt, "never"),
    };
    vec![
        format!("    {}", plain(&strike.what)).into(),
        human::moment(strike.at_s).into(),
        after(strike.down_s),
        after(strike.first_accept_s),
        after(strike.first_delivery_s),
        cell(Tone::Dim, plain(&strike.detail)),
    ]
}

/// The disk under its queue, and each power cut.
pub(super) fn disk(page: &mut Page, results: &Results) {
    let Some(facts) = &results.disk else { return };
    let mut titles = disk::TITLES.into_iter();
    let first = titles.next().map(left);
    let mut table = Table::new(first.into_iter().chain(titles.map(right)).collect());
    for row in disk::rows(facts).into_iter().take(LISTED) {
        let cells = row.iter().enumerate().map(|(at, text)| match at {
            0 => format!("    {text}").into(),
            _ => Cell::from(plain(text)),
        });
        table.row(cells.collect());
    }
    page.headed_table("DISK", &table);
    page.prose(4, (Tone::Plain, ""), &disk::words(facts));
    for flaw in disk::flaws(facts).iter().take(LISTED) {
        page.prose(4, (Tone::Bad, "!"), &plain(flaw));
    }
    let rest = facts.cuts.len().saturating_sub(LISTED);
    if rest > 0 {
        page.facts("", &[format!("and {rest} more in report.json")]);
    }
}

/// What the target's processes used.
pub(super) fn resources(page: &mut Page, results: &Results) {
    let Some(used) = &results.resources.target else { return };
    page.heading("TARGET'S PROCESSES");
    let cores = |cores: f64| format!("{cores:.2}");
    let cpu = format!("mean {} cores", cores(used.cpu_mean_cores));
    page.facts("CPU", &[cpu, format!("peak {}", cores(used.cpu_max_cores))]);
    let size = |bytes: f64| human::bytes(bytes.max(0.0).round() as u64);
    let memory = format!("mean {}", size(used.rss_mean_bytes));
    page.facts("memory", &[memory, format!("peak {}", human::bytes(used.rss_max_bytes))]);
    if let Some((mean, max)) = used.io_mean_bytes_per_s.zip(used.io_max_bytes_per_s) {
        page.facts("disk", &[format!("mean {}/s", size(mean)), format!("peak {}/s", size(max))]);
    }
    let mut most = vec![human::counted(used.processes_max.into(), "process", "processes")];
    most.extend(used.open_files_max.map(|n| human::counted(n.into(), "open file", "open files")));
    page.facts("at most", &most);
    // What was read is shown; the reasons are in report.json.
    let unread = used.not_readable.iter().map(|line| line.split(':').next().unwrap_or(line));
    let unread: Vec<String> = unread.map(plain).collect();
    if !unread.is_empty() {
        page.facts("not readable", &[unread.join(", ")]);
    }
}
