//! What was asked, which bounds held, what became of the mail.

use super::page::{INDENT, Page};
use crate::escape::plain;
use crate::measure::results::{Findings, LedgerVerdict, Results, ThresholdStatus};
use crate::report::human;
use crate::report::sizing;
use crate::report::story::{self, Part};
use crate::report::table::{Table, cell, left, right};
use crate::report::view::{Tone, View};

/// Who ran what against what, and the question.
pub(super) fn header(page: &mut Page, results: &Results) {
    let (run, target) = (&results.run, &results.target);
    let version = plain(&target.version);
    let at = if target.address.is_empty() { "" } else { " at " };
    let pieces = [
        plain(&format!("{} {}", results.tool.name, results.tool.version)),
        plain(&run.name),
        format!("seed {}", run.seed),
        format!("target {} {version}{at}{}", plain(&target.kind), plain(&target.address)),
    ];
    page.flow("", &pieces);
    if run.simulated {
        page.prose(2, (Tone::Doubt, ""), sizing::SIMULATED);
    }
    if target.died.is_some()
        && let Some(headline) = results.verdict.reasons.first()
    {
        page.prose(2, (Tone::Bad, ""), &plain(&headline.message));
    }
    page.prose(2, (Tone::Plain, ""), &plain(&run.question));
    page.prose(2, (Tone::Plain, ""), &load(results));
}

/// The load in a sentence.
fn load(results: &Results) -> String {
    let load = &results.load;
    let measured = human::moment(results.run.measured_to_s - results.run.measured_from_s);
    let sessions = human::counted(u64::from(load.sessions), "session", "sessions");
    match load.planned_per_s {
        Some(planned) => format!(
            "Load: {} arrivals, {} planned{} and {} offered over {measured}, at most {sessions}.",
            plain(&load.arrival),
            human::rate(planned),
            story::peak(load),
            human::rate(load.offered_per_s),
        ),
        None => format!(
            "Load: {sessions} in a closed loop, {} offered over {measured}.",
            human::rate(load.offered_per_s),
        ),
    }
}

/// A mark and tone for a threshold.
pub(super) fn mark(status: ThresholdStatus, view: &View) -> (Tone, &'static str) {
    match status {
        ThresholdStatus::Met => (Tone::Good, view.pick("✓", "[ok]")),
        ThresholdStatus::Missed => (Tone::Bad, view.pick("✗", "[FAIL]")),
        ThresholdStatus::NoData | ThresholdStatus::Inconclusive => {
            (Tone::Doubt, view.pick("?", "[????]"))
        }
    }
}

/// Ticked or crossed, with what was measured.
pub(super) fn thresholds(page: &mut Page, results: &Results) {
    if results.thresholds.is_empty() {
        return;
    }
    let mut table = Table::new(vec![left(""), left(""), left("actual")]);
    for threshold in &results.thresholds {
        let (tone, mark) = mark(threshold.status, page.view);
        let actual = threshold.actual.as_deref().unwrap_or("too little data");
        let said = if threshold.ok { Tone::Plain } else { tone };
        table.row(vec![
            cell(tone, format!("    {mark}")),
            plain(&threshold.expr).into(),
            cell(said, plain(actual)),
        ]);
    }
    page.heading("THRESHOLDS");
    page.table(&table);
    for threshold in &results.thresholds {
        if let Some(reason) = &threshold.reason {
            let said = format!("{}: {}", plain(&threshold.expr), plain(reason));
            page.prose(INDENT + 2, (Tone::Doubt, ""), &said);
        }
    }
}

/// What became of every probe.
pub(super) fn mail(page: &mut Page, findings: &Findings) {
    let columns =
        vec![left(""), right("probes"), right("share"), right("in period"), left("").optional(1)];
    let mut table = Table::new(columns);
    let mut part = Part::Offered;
    for line in story::lines(&findings.results) {
        if let (true, Some(heading)) = (line.part != part, line.part.heading()) {
            table.row(vec![cell(Tone::Dim, format!("    {heading}"))]);
            part = line.part;
        }
        let name = format!("{}{}", " ".repeat(INDENT + 2 * line.part.depth()), line.name);
        table.row(vec![
            cell(line.tone, name),
            cell(line.tone, human::count(line.count)),
            line.share.into(),
            line.rate.into(),
            cell(Tone::Dim, line.note),
        ]);
    }
    page.headed_table("MAIL", &table);
    throughput(page, findings);
    page.facts("ledger", &ledger(&findings.results));
}

/// The ledger's verdict in words.
fn ledger(results: &Results) -> Vec<String> {
    let violations = results.correctness.violations.len() as u64;
    match results.correctness.verdict {
        LedgerVerdict::Valid => vec!["clean".to_owned(), "every probe accounted for".to_owned()],
        LedgerVerdict::Unknown => vec!["open".to_owned(), "not every probe decided".to_owned()],
        LedgerVerdict::Invalid => vec![
            "violated".to_owned(),
            human::counted(violations, "violation listed below", "violations, see below"),
        ],
    }
}

/// Mean, goodput and peak stand apart: they are often taken for one another.
fn throughput(page: &mut Page, findings: &Findings) {
    let results = &findings.results;
    let peak = findings.series.iter().map(|row| row.delivered).max().unwrap_or(0);
    let Some(mean) = results.rates.get("delivered").filter(|_| peak > 0) else { return };
    let measured = human::moment(results.run.measured_to_s - results.run.measured_from_s);
    let mean = format!("{} delivered over the {measured} measured", human::rate(*mean));
    let goodput = results.rates.get("goodput");
    let goodput = goodput.map(|rate| format!("goodput {} with the drain", human::rate(*rate)));
    let peak = format!("{} in the best second", human::count(peak));
    let pieces: Vec<String> = [Some(mean), goodput, Some(peak)].into_iter().flatten().collect();
    page.facts("throughput", &pieces);
}
