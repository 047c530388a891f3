//! `summary.md`: for a pull request or a job summary. The first line is a hidden marker by which
//! a bot finds its own comment again.

mod queue;

use std::fmt::Write as _;

use super::changes::lines;
use super::disk;
use super::doubt;
use super::figures::{self, Row, STATS};
use super::sizing;
use super::story::{self, value};
use super::terminal::abuse::impact;
use super::{human, timeline, view::Tone};
use crate::escape::{markdown as prose, markdown_cell as cell, markdown_code as code};
use crate::measure::results::{Findings, HealthStatus, Results, ThresholdStatus};

/// Reasons and warnings listed: a comment should stay short.
const LISTED: usize = 10;

/// Violations of one class listed.
const EACH: usize = 2;

/// Events of the timeline and strikes of chaos listed.
const EVENTS: usize = 20;

/// Statistics of the latency table.
const SHOWN: [&str; 5] = ["p50", "p90", "p99", "p999", "max"];

/// The summary.
pub(super) fn render(findings: &Findings) -> String {
    let results = &findings.results;
    let mut text = format!("<!-- mailbench:{} -->\n", marker(&results.run.name));
    text.push_str(&verdict(results));
    text.push_str(&thresholds(results));
    text.push_str(&violations(results));
    text.push_str(&counts(results));
    text.push_str(&changes(results));
    text.push_str(&latency(results));
    text.push_str(&details(results));
    text
}

/// A name that cannot end the comment it stands in.
pub(super) fn marker(name: &str) -> String {
    name.replace(|c: char| !(c.is_alphanumeric() || matches!(c, '-' | '_' | '.')), "_")
        .replace("--", "-")
}

fn sign(status: &str) -> &'static str {
    match status {
        "pass" => "✅",
        "fail" => "❌",
        _ => "⚠️",
    }
}

fn verdict(results: &Results) -> String {
    let (verdict, run, target) = (&results.verdict, &results.run, &results.target);
    let mut text = format!(
        "### {} mailbench: {} {}\n\n{}\n\n",
        sign(&verdict.status),
        prose(&run.name),
        prose(&verdict.status),
        prose(&run.question)
    );
    if run.simulated {
        text.push_str(&format!("**{}**\n\n", sizing::SIMULATED));
    }
    text.push_str(
        "| result | exit | target | seed | delivered in the period | goodput with the drain \
         | measurement |\n",
    );
    text.push_str("|:---|---:|:---|---:|---:|---:|:---|\n");
    let rate =
        |name| results.rates.get(name).map_or("-".to_owned(), |rate: &f64| human::rate(*rate));
    let health = match results.health.status {
        HealthStatus::Valid => "valid",
        HealthStatus::Warn => "valid with warnings",
        HealthStatus::Invalid => "invalid",
    };
    let _infallible = writeln!(
        text,
        "| **{}** | {} | {} {} | {} | {} | {} | {health} |\n",
        prose(&verdict.status),
        verdict.exit_code,
        prose(&target.kind),
        prose(&target.version),
        run.seed,
        rate("delivered"),
        rate("goodput"),
    );
    for reason in verdict.reasons.iter().take(LISTED) {
        let _infallible = writeln!(text, "- {}", prose(&reason.to_string()));
    }
    if verdict.reasons.is_empty() { text } else { text + "\n" }
}

fn thresholds(results: &Results) -> String {
    if results.thresholds.is_empty() {
        return String::new();
    }
    let mut text = String::from("| | threshold | actual |\n|:---:|:---|---:|\n");
    for threshold in &results.thresholds {
        let sign = match threshold.status {
            ThresholdStatus::Met => "✅",
            ThresholdStatus::Missed => "❌",
            ThresholdStatus::NoData | ThresholdStatus::Inconclusive => "⚠️",
        };
        let mut actual = prose(threshold.actual.as_deref().unwrap_or("too little data"));
        if let Some(reason) = &threshold.reason {
            actual += &format!(" ({})", prose(reason));
        }
        let _infallible = writeln!(text, "| {sign} | {} | {actual} |", cell(&threshold.expr));
    }
    text + "\n"
}

fn violations(results: &Results) -> String {
    let listed = story::few_of_each(&results.correctness.violations, EACH);
    let mut text = String::new();
    for violation in &listed {
        let recipient = violation.recipient.as_deref().map(code).unwrap_or_default();
        let probe = violation.probe.map_or_else(String::new, |probe| format!(" probe {probe}"));
        let _infallible = writeln!(text, "- **{}**{probe} {recipient}", prose(&violation.class));
        for seen in &violation.evidence {
            let _infallible = writeln!(text, "  - {}", code(seen));
        }
    }
    match results.correctness.violations.len() - listed.len() {
        0 if listed.is_empty() => text,
        0 => text + "\n",
        rest => text + &format!("- and {rest} more in `report.json`\n\n"),
    }
}

/// How content differed from what was sent.
fn changes(results: &Results) -> String {
    if results.correctness.changes.is_empty() {
        return String::new();
    }
    let mut text =
        String::from("| content changed in transit | | receptions | |\n|:---|:---|---:|:---|\n");
    for line in lines(results) {
        let count = human::count(line.receptions);
        let cells = [cell(line.kind), cell(line.level), count, prose(&line.note)];
        let _infallible = writeln!(text, "| {} |", cells.join(" | "));
    }
    text + "\n"
}

fn counts(results: &Results) -> String {
    let mut text = String::from("| probes | | share | |\n|:---|---:|---:|:---|\n");
    for line in story::lines(results) {
        let strong = if line.tone == Tone::Bad { "**" } else { "" };
        let _infallible = writeln!(
            text,
            "| {strong}{}{strong} | {} | {} | {} |",
            prose(&line.name),
            human::count(line.count),
            prose(&line.share),
            line.note
        );
    }
    text + "\n"
}

fn latency(results: &Results) -> String {
    let stats = || STATS.iter().filter(|stat| SHOWN.contains(&stat.name));
    let titles: Vec<&str> = stats().map(|stat| stat.title).collect();
    let mut text = format!("| latency | {} | n |\n", titles.join(" | "));
    let _infallible = writeln!(text, "|:---|{}---:|", "---:|".repeat(titles.len()));
    for Row { name, latency, .. } in figures::rows(results) {
        let figures: Vec<String> = stats().map(|stat| prose(&stat.text(latency))).collect();
        let mut n = human::count(latency.count);
        if latency.censored > 0 {
            n = format!("{n} + {} censored", human::count(latency.censored));
        }
        let _infallible = writeln!(text, "| {} | {} | {n} |", cell(name), figures.join(" | "));
    }
    text.push('\n');
    for (name, said) in doubt::lines(results) {
        let _infallible = writeln!(text, "- {}: {}", prose(&name), prose(&said));
    }
    text.trim_end().to_owned() + "\n\n"
}

fn details(results: &Results) -> String {
    let mut text = String::from(
        "<details><summary>Queue, destinations, faults, how to repeat it</summary>\n\n",
    );
    text.push_str(&queue::queue(results));
    text.push_str(&sizing(results));
    text.push_str(&destinations(results));
    text.push_str(&faults(results));
    text.push_str(&timeline(results));
    text.push_str(&chaos(results));
    text.push_str(&disk(results));
    text.push_str(&abuse(results));
    text.push_str(&resources(results));
    for warning in results.warnings.iter().take(LISTED) {
        let _infallible = writeln!(text, "> ⚠️ {}\n", prose(&warning.message));
    }
    text + &format!("Repeat: {}\n\n</details>\n", code(&results.run.command))
}

fn sizing(results: &Results) -> String {
    let lines = sizing::lines(results);
    let listed: String =
        lines.iter().map(|(name, value)| format!("- {name}: {}\n", prose(value))).collect();
    if listed.is_empty() { listed } else { format!("Sizing:\n\n{listed}\n") }
}

fn destinations(results: &Results) -> String {
    let mut text =
        String::from("| destination | delivered | deferred | lost | e2e p50 | e2e p99 |\n");
    text.push_str("|:---|---:|---:|---:|---:|---:|\n");
    for place in &results.destinations {
        let count = |name| human::count(value(&place.counts, name));
        let e2e = |stat| {
            let e2e = place.latency.get("e2e_response");
            prose(&e2e.map_or_else(String::new, |latency| figures::text(latency, stat)))
        };
        let _infallible = writeln!(
            text,
            "| {} | {} | {} | {} | {} | {} |",
            cell(&place.domain),
            count("delivered"),
            count("deferred"),
            count("lost"),
            e2e("p50"),
            e2e("p99")
        );
    }
    text + "\n"
}

fn faults(results: &Results) -> String {
    if results.faults.is_empty() {
        return String::new();
    }
    let mut text =
        String::from("| fault | where | stage | what | triggered |\n|:---|:---|:---|:---|---:|\n");
    for fault in &results.faults {
        let _infallible = writeln!(
            text,
            "| {} | {} | {} | {} | {} |",
            prose(&fault.name),
            prose(fault.destination.as_deref().unwrap_or("everywhere")),
            prose(&fault.stage),
            cell(&fault.action),
            human::count(fault.struck)
        );
    }
    text + "\n"
}

/// Bad clients, and what legitimate clients saw meanwhile.
fn abuse(results: &Results) -> String {
    let Some(report) = &results.abuse else { return String::new() };
    let mut text = String::from(
        "| abuse | at once | sessions | refused | cut off | tolerated |\n\
         |:---|---:|---:|---:|---:|---:|\n",
    );
    for profile in &report.profiles {
        let counts = [profile.refused, profile.cut_off + profile.unconnected, profile.tolerated];
        let _infallible = writeln!(
            text,
            "| {} | {} | {} | {} |",
            prose(&profile.name),
            profile.at_once,
            human::count(profile.sessions),
            counts.map(human::count).join(" | ")
        );
    }
    if let Some(honest) = &report.honest {
        let _infallible =
            writeln!(text, "\nLegitimate clients: {}", prose(&impact(honest).join(", ")));
    }
    text + "\n"
}

/// Faults with a window and chaos, in order of time.
fn timeline(results: &Results) -> String {
    let all = timeline::timeline(results);
    if all.is_empty() {
        return String::new();
    }
    let mut text = String::from("| from | to | what happened | where |\n|---:|---:|:---|:---|\n");
    for happening in all.iter().take(EVENTS) {
        let _infallible = writeln!(
            text,
            "| {} | {} | {} | {} |",
            human::moment(happening.from_s),
            happening.to_s.map_or("the end".to_owned(), human::moment),
            prose(happening.name),
            prose(happening.place)
        );
    }
    text + &more(all.len(), EVENTS)
}

/// How many rows of a table were left out.
fn more(all: usize, listed: usize) -> String {
    match all.saturating_sub(listed) {
        0 => "\n".to_owned(),
        rest => format!("\nand {rest} more in `report.json`\n\n"),
    }
}

fn chaos(results: &Results) -> String {
    if results.chaos.is_empty() {
        return String::new();
    }
    let mut text = String::from(
        "| chaos | at | down | first accept | first delivery | what |\n\
         |:---|---:|---:|---:|---:|:---|\n",
    );
    let after = |seconds: Option<f64>| {
        seconds.map_or("-".to_owned(), |seconds| format!("+{}", human::duration_s(seconds)))
    };
    for strike in results.chaos.iter().take(EVENTS) {
        let _infallible = writeln!(
            text,
            "| {} | {} | {} | {} | {} | {} |",
            prose(&strike.what),
            human::moment(strike.at_s),
            after(strike.down_s),
            after(strike.first_accept_s),
            after(strike.first_delivery_s),
            cell(&strike.detail)
        );
    }
    text + &more(results.chaos.len(), EVENTS)
}

/// The disk under the target's queue, and each power cut.
fn disk(results: &Results) -> String {
    let Some(facts) = &results.disk else { return String::new() };
    let mut text =
        format!("| {} |\n|:---|:---|---:|---:|---:|---:|:---|\n", disk::TITLES.join(" | "));
    for row in disk::rows(facts).iter().take(EVENTS) {
        let cells = row.iter().map(|text| prose(text)).collect::<Vec<_>>().join(" | ");
        let _infallible = writeln!(text, "| {cells} |");
    }
    text += &more(facts.cuts.len(), EVENTS);
    for line in [disk::words(facts)].into_iter().chain(disk::flaws(facts).into_iter().take(EVENTS))
    {
        let _infallible = writeln!(text, "Disk: {}\n", prose(&line));
    }
    text
}

/// What the target's processes used.
fn resources(results: &Results) -> String {
    let Some(used) = &results.resources.target else { return String::new() };
    let size = |bytes: f64| human::bytes(bytes.max(0.0).round() as u64);
    let disk = used.io_mean_bytes_per_s.zip(used.io_max_bytes_per_s);
    let disk = disk.map_or_else(String::new, |(mean, max)| {
        format!("; disk {}/s, peak {}/s", size(mean), size(max))
    });
    format!(
        "The target used {:.2} cores, peak {:.2}; memory {}, peak {}{disk}; at most {}.\n\n",
        used.cpu_mean_cores,
        used.cpu_max_cores,
        size(used.rss_mean_bytes),
        human::bytes(used.rss_max_bytes),
        human::counted(used.processes_max.into(), "process", "processes")
    )
}
