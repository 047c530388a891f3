//! What was asked, the answer, the figures most readers want, and the bounds.

use super::table::{Tile, code, table, tiles, toned};
use crate::escape::xml;
use crate::measure::results::{Findings, Results, ThresholdResult, ThresholdStatus};
use crate::report::figures;
use crate::report::human;
use crate::report::sizing;
use crate::report::story::{self, value};

/// What was asked, and the answer.
pub(super) fn head(findings: &Findings) -> String {
    let results = &findings.results;
    let (run, target, verdict) = (&results.run, &results.target, &results.verdict);
    let reasons: String =
        verdict.reasons.iter().map(|one| format!("<li>{}</li>\n", xml(&one.message))).collect();
    let reasons = if reasons.is_empty() { reasons } else { format!("<ul>\n{reasons}</ul>\n") };
    let banner = match run.simulated {
        true => format!("<p class=\"doubt\"><b>{}</b></p>\n", sizing::SIMULATED),
        false => String::new(),
    };
    format!(
        "<header>\n<h1>{}</h1>\n{banner}<p>{}</p>\n\
         <p class=\"faint\">{} {} · {} · seed {} · target {} {}<br>\n{}</p>\n\
         <div class=\"verdict {}\"><b>{}</b> exit {}\n{reasons}</div>\n{}</header>\n",
        xml(&run.name),
        xml(&run.question),
        xml(&results.tool.name),
        xml(&results.tool.version),
        xml(&run.started_at),
        run.seed,
        xml(&target.kind),
        xml(&target.version),
        xml(&load(results)),
        tone(&verdict.status),
        xml(&verdict.status.to_uppercase()),
        verdict.exit_code,
        tiles(&glance(findings)),
    )
}

/// The class of a verdict's colour.
fn tone(status: &str) -> &'static str {
    match status {
        "pass" => "good",
        "fail" => "bad",
        _ => "doubt",
    }
}

/// The load in a line.
fn load(results: &Results) -> String {
    let (load, run) = (&results.load, &results.run);
    let measured = human::moment(run.measured_to_s - run.measured_from_s);
    let sessions = human::counted(u64::from(load.sessions), "session", "sessions");
    let offered = human::rate(load.offered_per_s);
    let whole = human::moment(run.duration_s);
    match load.planned_per_s {
        Some(planned) => format!(
            "{} arrivals, {} planned{} and {offered} offered over {measured} of {whole}, at most \
             {sessions}",
            load.arrival,
            human::rate(planned),
            story::peak(load),
        ),
        None => {
            format!("{sessions} in a closed loop, {offered} offered over {measured} of {whole}")
        }
    }
}

/// The figures most readers want.
fn glance(findings: &Findings) -> Vec<Tile> {
    let results = &findings.results;
    let count = |name: &str| value(&results.counts, name);
    let of = |part: u64, whole: &str, named: &str| match human::share(part, count(whole)) {
        share if share.is_empty() => String::new(),
        share => format!("{share} of {named}"),
    };
    let peak = findings.series.iter().map(|row| row.delivered).max();
    let peak =
        peak.map_or_else(String::new, |peak| format!("{} in the best second", human::count(peak)));
    let rate =
        |name| results.rates.get(name).map_or_else(String::new, |rate: &f64| human::rate(*rate));
    let goodput = match rate("goodput") {
        rate if rate.is_empty() => peak,
        rate => format!("goodput {rate} with the drain; {peak}"),
    };
    let queue = &results.queue;
    let drained = match queue.drain_time_s {
        _ if queue.backlog_max == 0 => String::new(),
        Some(seconds) if seconds < 1e-3 => "drained at once".to_owned(),
        Some(seconds) => format!("drained in {}", human::duration_s(seconds)),
        None => "did not drain".to_owned(),
    };
    let e2e = |stat| {
        results.latency.get("e2e_response").map_or_else(String::new, |it| figures::text(it, stat))
    };
    let lost = count("lost") + count("unaccounted");
    vec![
        Tile(
            "accepted",
            human::count(count("accepted")),
            of(count("accepted"), "offered", "offered"),
        ),
        Tile(
            "delivered",
            human::count(count("delivered")),
            of(count("delivered"), "accepted", "accepted"),
        ),
        Tile("lost or unaccounted", human::count(lost), String::new()),
        Tile("delivered in the measured period", rate("delivered"), goodput),
        Tile("end to end, p99", e2e("p99"), format!("p50 {}", e2e("p50"))),
        Tile("backlog, peak", human::count(queue.backlog_max), drained),
    ]
}

/// Bound by bound.
pub(super) fn thresholds(results: &Results) -> String {
    let row = |bound: &ThresholdResult| {
        let (class, sign) = match bound.status {
            ThresholdStatus::Met => ("good", "✓ met"),
            ThresholdStatus::Missed => ("bad", "✗ missed"),
            ThresholdStatus::NoData => ("doubt", "? not judged"),
            ThresholdStatus::Inconclusive => ("doubt", "? inconclusive"),
        };
        let mut actual = xml(bound.actual.as_deref().unwrap_or("too little data"));
        if let Some(reason) = &bound.reason {
            actual += &format!("<br><span class=\"faint\">{}</span>", xml(reason));
        }
        vec![toned(class, sign), code(&bound.expr), actual]
    };
    table(&["", "threshold", "measured"], results.thresholds.iter().map(row).collect())
}
