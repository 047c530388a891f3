//! Rates over time as mailgraph draws them, what went through above and what came back below;
//! then each fault and each strike at the target in full.

use super::chart::Form;
use super::table::{code, table};
use super::timeline::{Column, Fold, Timeline};
use crate::escape::xml;
use crate::measure::results::{AbuseFacts, ChaosFacts, FaultFacts, Findings, Results, SeriesRow};
use crate::report::terminal::abuse::impact;
use crate::report::{disk, human};

/// The section.
pub(super) fn rates(findings: &Findings) -> String {
    let charts = Timeline::of(findings).map_or_else(String::new, |timeline| {
        [through(findings, &timeline), back(findings, &timeline)].concat()
    });
    let results = &findings.results;
    [charts, faults(results), chaos(results), disk(results), abuse(results)].concat()
}

type Value = fn(&SeriesRow) -> Option<f64>;

fn through(findings: &Findings, timeline: &Timeline<'_>) -> String {
    let column = |name, colour, form, value: Value| Column {
        said: said(findings, name, value),
        name: label(name),
        colour,
        form,
        value,
        fold: Fold::Mean,
    };
    let columns = vec![
        column("accepted", "received", Form::Area, |row| Some(row.accepted as f64)),
        column("delivered", "sent", Form::Line, |row| Some(row.delivered as f64)),
        column("offered", "offered", Form::Dashed, |row| Some(row.offered as f64)),
    ];
    timeline.chart("Received and sent, probes a second", columns).figure()
}

fn back(findings: &Findings, timeline: &Timeline<'_>) -> String {
    let column = |name, colour, value: Value| Column {
        said: said(findings, name, value),
        name: label(name),
        colour,
        form: Form::Line,
        value,
        fold: Fold::Mean,
    };
    let columns = vec![
        column("deferred", "deferred", |row| Some(row.deferred as f64)),
        column("rejected", "rejected", |row| Some(row.rejected as f64)),
        column("bounced", "bounced", |row| Some(row.bounced as f64)),
    ];
    timeline.chart("Deferred, rejected and bounced, a second", columns).figure()
}

fn label(name: &str) -> &'static str {
    match name {
        "accepted" => "received (accepted by the target)",
        "delivered" => "sent (delivered to the sink)",
        "offered" => "offered",
        "deferred" => "deferred (4yz, attempts)",
        "rejected" => "rejected (5yz, attempts)",
        _ => "bounced (DSNs)",
    }
}

/// Mean and peak stand apart: they are often taken for one another.
fn said(findings: &Findings, name: &str, value: Value) -> String {
    let peak = findings.series.iter().filter_map(value).fold(0.0, f64::max);
    let peak = format!("peak {}/s", human::number(peak));
    match findings.results.rates.get(name) {
        Some(mean) => format!("mean {} in the measured period, {peak}", human::rate(*mean)),
        None => peak,
    }
}

fn faults(results: &Results) -> String {
    let row = |rule: &FaultFacts| {
        let when = rule.during_s.map_or("always".to_owned(), |(from, to)| {
            format!("{} to {}", human::moment(from), human::moment(to))
        });
        vec![
            xml(&rule.name),
            xml(rule.destination.as_deref().unwrap_or("everywhere")),
            xml(&rule.stage),
            when,
            human::count(rule.struck),
            code(&rule.action),
        ]
    };
    let titles = ["fault", "=where", "=stage", "=when", "#triggered", "~what"];
    table(&titles, results.faults.iter().map(row).collect())
}

/// Bad clients, and what legitimate clients saw meanwhile.
fn abuse(results: &Results) -> String {
    let Some(report) = &results.abuse else { return String::new() };
    let row = |it: &AbuseFacts| {
        let counts = [it.sessions, it.refused, it.cut_off + it.unconnected, it.tolerated];
        let mut cells = vec![xml(&it.name), human::count(u64::from(it.at_once))];
        cells.extend(counts.map(human::count));
        cells.push(human::duration_us(it.held_max_us));
        cells
    };
    let titles =
        ["abuse", "#at once", "#came", "#refused", "#cut off", "#tolerated", "#held (max)"];
    let table = table(&titles, report.profiles.iter().map(row).collect());
    let honest = report.honest.as_ref().map(|honest| impact(honest).join(", "));
    let honest = honest.map(|impact| format!("<p>Legitimate clients: {}</p>", xml(&impact)));
    table + &honest.unwrap_or_default()
}

/// The disk under the target's queue, and each power cut.
fn disk(results: &Results) -> String {
    let Some(facts) = &results.disk else { return String::new() };
    let titles = disk::TITLES.map(|title| match title {
        "accepted" | "open" | "lost" => format!("#{title}"),
        _ => title.to_owned(),
    });
    let titles: Vec<&str> = titles.iter().map(String::as_str).collect();
    let rows = disk::rows(facts);
    let rows = rows.iter().map(|row| row.iter().map(|text| xml(text)).collect());
    let lines = [disk::words(facts)].into_iter().chain(disk::flaws(facts));
    let lines: String = lines.map(|line| format!("<p>Disk: {}</p>", xml(&line))).collect();
    lines + &table(&titles, rows.collect())
}

fn chaos(results: &Results) -> String {
    let row = |strike: &ChaosFacts| {
        let after = |seconds: Option<f64>| match seconds {
            Some(seconds) => format!("+{}", human::duration_s(seconds)),
            // Nothing comes back from a command of the user's.
            None if strike.what == "run" => "-".to_owned(),
            None => "never".to_owned(),
        };
        vec![
            xml(&strike.what),
            human::moment(strike.at_s),
            after(strike.down_s),
            after(strike.first_accept_s),
            after(strike.first_delivery_s),
            xml(&strike.detail),
        ]
    };
    let titles = ["chaos", "#at", "#back", "#first accept", "#first delivery", "~what"];
    table(&titles, results.chaos.iter().map(row).collect())
}
