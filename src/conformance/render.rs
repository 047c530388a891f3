//! An examination as a table, Markdown, JSON, JUnit or SARIF. What a peer said stands in the
//! observations, so all of it is escaped.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::finding::{Direction, Examination, Row, Verdict};
use crate::escape::{self, markdown_cell, plain, xml};

/// The formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// For a terminal.
    Table,
    /// For a page.
    Markdown,
    /// Everything.
    Json,
    /// For CI servers.
    Junit,
    /// For code scanning.
    Sarif,
}

/// The examination in a format. `scenario` is the file that asked for it.
#[must_use]
pub fn render(examination: &Examination, format: Format, scenario: &str) -> String {
    match format {
        Format::Table => table(examination),
        Format::Markdown => markdown(examination),
        Format::Json => pretty(&serde_json::to_value(examination).unwrap_or_default()),
        Format::Junit => junit(examination),
        Format::Sarif => pretty(&sarif(examination, scenario)),
    }
}

fn pretty(value: &Value) -> String {
    escape::json(&serde_json::to_string_pretty(value).unwrap_or_default()) + "\n"
}

/// The examination in one line.
#[must_use]
pub fn summary(examination: &Examination) -> String {
    let some = Verdict::ALL.into_iter().filter(|one| examination.count(*one) > 0);
    let counts: Vec<String> =
        some.map(|one| format!("{} {}", examination.count(one), one.name())).collect();
    let gates = examination.rows.iter().filter(|row| row.gates).count();
    let result = if gates == 0 { "PASS".to_owned() } else { format!("FAIL ({gates} gate)") };
    format!("{result}: {} cases, {}", examination.rows.len(), counts.join(", "))
}

fn table(examination: &Examination) -> String {
    let kind = &examination.target_kind;
    let mut text =
        format!("conformance of {} {}\n\n", plain(kind), plain(&examination.target_version));
    let widest = examination.rows.iter().map(|row| row.id.len()).max().unwrap_or(0);
    for row in &examination.rows {
        let gate = if row.gates { "!" } else { " " };
        let verdict = row.verdict.name();
        let _infallible =
            writeln!(text, "{gate} {verdict:10} {:widest$}  {}", plain(&row.id), plain(&row.title));
        if row.verdict != Verdict::Conforms {
            let _infallible = writeln!(text, "{:14}expected: {}", "", plain(&row.expected));
            let _infallible = writeln!(text, "{:14}observed: {}", "", plain(&row.observed));
            let _infallible = writeln!(text, "{:14}source:   {}", "", plain(&row.source));
        }
    }
    let _infallible = writeln!(text, "\n{}", summary(examination));
    text
}

fn markdown(examination: &Examination) -> String {
    let mut text = format!(
        "# {} {}\n\n{}\n\n| case | verdict | done | expected | observed | source |\n|---|---|---|---|---|---|\n",
        markdown_cell(&examination.target_kind),
        markdown_cell(&examination.target_version),
        summary(examination)
    );
    for row in &examination.rows {
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

fn junit(examination: &Examination) -> String {
    let rows = &examination.rows;
    let failures = rows.iter().filter(|row| row.gates).count();
    let skipped = examination.count(Verdict::Untold);
    let totals = format!(
        "tests=\"{}\" failures=\"{failures}\" errors=\"0\" skipped=\"{skipped}\"",
        rows.len()
    );
    let name = format!("mailbench.conformance.{}", xml(&examination.target_kind));
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"mailbench\" {totals}>\n\
         <testsuite name=\"{name}\" timestamp=\"{}\" {totals}>\n",
        xml(&examination.started_at)
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
        (false, Verdict::Untold) => format!("<skipped message=\"{observed}\"/>"),
        (false, _) => format!("<system-out>{verdict}: {observed}</system-out>"),
    }
}

fn sarif(examination: &Examination, scenario: &str) -> Value {
    let rule = |row: &Row| {
        json!({
            "id": row.id,
            "shortDescription": { "text": row.title },
            "fullDescription": { "text": row.expected },
            "help": { "text": row.source },
        })
    };
    let told = examination.rows.iter().filter(|row| row.verdict != Verdict::Untold);
    let result = |row: &Row| {
        let (kind, level) = match (row.verdict.is_bad(), row.gates) {
            (true, true) => ("fail", "error"),
            (true, false) => ("fail", "warning"),
            (false, _) => ("pass", "none"),
        };
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
                "rules": examination.rows.iter().map(rule).collect::<Vec<_>>(),
            } },
            "properties": {
                "target": format!("{} {}", examination.target_kind, examination.target_version),
            },
            "results": told.map(result).collect::<Vec<_>>(),
        }],
    })
}
