//! The report in its formats: terminal, Markdown, JSON, JUnit, SARIF. Observations quote what a peer
//! sent, so everything is escaped.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::finding::{ConformanceReport, Direction, Row, Verdict};
use super::terminal;
use crate::escape::{self, markdown_cell, plain, xml};
use crate::report::view::View;

/// The formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// For a terminal.
    Table,
    /// For a web page or a pull request.
    Markdown,
    /// Everything, as the JSON Schema describes it.
    Json,
    /// For CI servers.
    Junit,
    /// For code scanning.
    Sarif,
}

/// How a report is shown.
#[derive(Clone, Copy, Debug)]
pub struct Presentation<'a> {
    /// The scenario file, which SARIF names as the location of its results.
    pub scenario: &'a str,
    /// Width and colours of [`Format::Table`].
    pub view: &'a View,
    /// Whether [`Format::Table`] shows every case by itself.
    pub verbose: bool,
}

/// The report in a format.
#[must_use]
pub fn render(report: &ConformanceReport, format: Format, how: &Presentation<'_>) -> String {
    match format {
        Format::Table => escape::styled(&terminal::render(report, how.view, how.verbose)),
        Format::Markdown => markdown(report),
        Format::Json => pretty(&serde_json::to_value(report).unwrap_or_default()),
        Format::Junit => junit(report),
        Format::Sarif => pretty(&sarif(report, how.scenario)),
    }
}

fn pretty(value: &Value) -> String {
    escape::json(&serde_json::to_string_pretty(value).unwrap_or_default()) + "\n"
}

/// Pass or fail, with the number of cases that failed.
pub(super) fn result(report: &ConformanceReport) -> String {
    match (report.failures(), report.rows.len()) {
        (0, _) => "PASS: no case failed".to_owned(),
        (1, all) => format!("FAIL: 1 of {all} cases failed"),
        (many, all) => format!("FAIL: {many} of {all} cases failed"),
    }
}

/// The number of cases and of each verdict.
pub(super) fn counts(report: &ConformanceReport) -> String {
    let some = Verdict::ALL.into_iter().filter(|one| report.count(*one) > 0);
    let counts = some.map(|one| format!("{} {}", report.count(one), one.name()));
    let all = report.rows.len();
    let cases = if all == 1 { "case" } else { "cases" };
    format!("{all} {cases}: {}", counts.collect::<Vec<_>>().join(", "))
}

fn markdown(report: &ConformanceReport) -> String {
    let mut text = format!(
        "# {} {}\n\n{}; {}\n\n| case | verdict | action | expected | observed | source |\n\
         |---|---|---|---|---|---|\n",
        markdown_cell(&report.target_kind),
        markdown_cell(&report.target_version),
        result(report),
        counts(report)
    );
    for row in &report.rows {
        let verdict = match row.gates {
            true => format!("**{}**", row.verdict.name()),
            false => row.verdict.name().to_owned(),
        };
        let cells =
            [&row.title, &row.expected, &row.observed, &row.source].map(|c| markdown_cell(c));
        let _infallible =
            writeln!(text, "| {} | {verdict} | {} |", escape::markdown(&row.id), cells.join(" | "));
    }
    text
}

fn junit(report: &ConformanceReport) -> String {
    let rows = &report.rows;
    let failures = report.failures();
    let skipped = rows.iter().filter(|row| row.verdict.is_undecided()).count();
    let totals = format!(
        "tests=\"{}\" failures=\"{failures}\" errors=\"0\" skipped=\"{skipped}\"",
        rows.len()
    );
    let name = format!("mailbench.conformance.{}", xml(&report.target_kind));
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"mailbench\" {totals}>\n\
         <testsuite name=\"{name}\" timestamp=\"{}\" {totals}>\n",
        xml(&report.started_at)
    );
    for row in rows {
        let _infallible = writeln!(
            text,
            "<testcase classname=\"{name}.{}\" name=\"{}\">{}</testcase>",
            direction(row),
            xml(&format!("{}: {}", row.id, row.title)),
            outcome(row)
        );
    }
    text.push_str("</testsuite>\n</testsuites>\n");
    text
}

fn direction(row: &Row) -> &'static str {
    match row.direction {
        Direction::Inbound => "inbound",
        Direction::Outbound => "outbound",
    }
}

fn outcome(row: &Row) -> String {
    let (observed, verdict) = (xml(&row.observed), row.verdict.name());
    match (row.gates, row.verdict) {
        (true, _) => format!(
            "<failure message=\"{verdict}: {observed}\">expected: {}\nsource: {}</failure>",
            xml(&row.expected),
            xml(&row.source)
        ),
        (false, Verdict::Skipped | Verdict::Inconclusive) => {
            format!("<skipped message=\"{verdict}: {observed}\"/>")
        }
        (false, _) => format!("<system-out>{verdict}: {observed}</system-out>"),
    }
}

fn sarif(report: &ConformanceReport, scenario: &str) -> Value {
    let rule = |row: &Row| {
        json!({
            "id": row.id,
            "shortDescription": { "text": row.title },
            "fullDescription": { "text": row.expected },
            "help": { "text": row.source },
        })
    };
    let result = |row: &Row| {
        let (kind, level) = kind_and_level(row);
        let place = json!({ "physicalLocation": {
            "artifactLocation": { "uri": scenario }, "region": { "startLine": 1 } } });
        json!({
            "ruleId": row.id,
            "kind": kind,
            "level": level,
            "message": { "text": format!("{}: {}", row.verdict.name(), plain(&row.observed)) },
            "locations": [place],
        })
    };
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "mailbench conformance",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": report.rows.iter().map(rule).collect::<Vec<_>>(),
            } },
            "properties": {
                "target": format!("{} {}", report.target_kind, report.target_version),
            },
            "results": report.rows.iter().map(result).collect::<Vec<_>>(),
        }],
    })
}

/// SARIF 2.1.0 §3.27.9 and §3.27.10: `open` is a rule whose evaluation lacked the information to
/// decide; only `fail` has a level.
fn kind_and_level(row: &Row) -> (&'static str, &'static str) {
    match (row.verdict, row.gates) {
        (Verdict::Violates | Verdict::Vulnerable, true) => ("fail", "error"),
        (Verdict::Violates | Verdict::Vulnerable, false) => ("fail", "warning"),
        (Verdict::Skipped, _) => ("notApplicable", "none"),
        (Verdict::Inconclusive, _) => ("open", "none"),
        (Verdict::Conforms | Verdict::Tolerates | Verdict::Hardened, _) => ("pass", "none"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::finding::SCHEMA_VERSION;

    fn report() -> ConformanceReport {
        let row = |verdict: &Verdict| Row {
            id: format!("o1-{}", verdict.name()),
            direction: Direction::Outbound,
            title: "a reply".to_owned(),
            expected: "no bounce".to_owned(),
            source: "RFC 5321 §4.2".to_owned(),
            mandated: true,
            observed: "a <b> & \u{1b}[31m|\u{202e}##[error]".to_owned(),
            verdict: *verdict,
            gates: verdict.is_bad(),
        };
        ConformanceReport {
            schema_version: SCHEMA_VERSION,
            tool: "mailbench 0".to_owned(),
            target_kind: "relay".to_owned(),
            target_version: "0.1".to_owned(),
            started_at: "2026-12-01T00:00:00Z".to_owned(),
            rows: Verdict::ALL.iter().map(row).collect(),
        }
    }

    fn rendered(format: Format) -> String {
        let view = View::plain(80);
        let how = Presentation { scenario: "s.toml", view: &view, verbose: false };
        render(&report(), format, &how)
    }

    #[test]
    fn every_format_has_every_verdict() {
        for format in [Format::Markdown, Format::Json, Format::Junit, Format::Sarif] {
            let text = rendered(format);
            for verdict in Verdict::ALL {
                assert!(text.contains(verdict.name()), "{format:?}: {}", verdict.name());
            }
            let is_inert = !text.contains(['\u{1b}', '\u{202e}']) && !text.contains("##[");
            assert!(is_inert, "{format:?}: {text}");
        }
    }

    #[test]
    fn junit_skips_what_is_undecided() {
        let text = rendered(Format::Junit);
        assert!(text.contains("tests=\"7\" failures=\"2\" errors=\"0\" skipped=\"2\""), "{text}");
        for word in ["skipped", "inconclusive"] {
            let element = format!("<skipped message=\"{word}: a &lt;b&gt; &amp; ");
            assert_eq!(text.matches(&element).count(), 1, "{text}");
        }
    }

    #[test]
    fn sarif_has_a_kind_for_each_verdict() {
        let sarif: Value = serde_json::from_str(&rendered(Format::Sarif)).expect("JSON");
        let results = sarif["runs"][0]["results"].as_array().expect("results");
        let kinds: Vec<(&str, &str)> = results
            .iter()
            .map(|one| (one["kind"].as_str().expect("text"), one["level"].as_str().expect("text")))
            .collect();
        let (pass, fail) = (("pass", "none"), ("fail", "error"));
        let undecided = [("notApplicable", "none"), ("open", "none")];
        assert_eq!(kinds, [&[pass, pass, pass, fail, fail][..], &undecided].concat());
    }
}
