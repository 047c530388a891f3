//! `report.html`: one self-contained page, readable without network and without JavaScript, in
//! the order in which a postmaster reads.

mod curves;
mod plot;
mod tables;

use super::escape::{json_in_html, xml};
use super::{human, sizing};
use crate::measure::results::{Findings, Results};

const STYLE: &str = include_str!("style.css");

/// The page.
pub(super) fn render(findings: &Findings) -> std::io::Result<String> {
    let results = &findings.results;
    let name = xml(&results.run.name);
    let status = xml(&results.verdict.status);
    let data = json_in_html(&serde_json::to_string(results)?);
    Ok(format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{name}: {status} (mailbench)</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n\
         {}{}{}{}</body>\n\
         <script type=\"application/json\" id=\"report\">{data}</script>\n</html>\n",
        head(results),
        tables::judgement(results),
        curves::all(findings),
        tables::details(results),
    ))
}

/// What was asked, and the answer.
fn head(results: &Results) -> String {
    let (run, target, verdict) = (&results.run, &results.target, &results.verdict);
    let reasons: String =
        verdict.reasons.iter().map(|one| format!("<li>{}</li>\n", xml(&one.message))).collect();
    let reasons = if reasons.is_empty() { reasons } else { format!("<ul>\n{reasons}</ul>\n") };
    let banner = match run.simulated {
        true => format!("<p class=\"doubt\"><strong>{}</strong></p>\n", sizing::SIMULATED),
        false => String::new(),
    };
    format!(
        "<h1>{}</h1>\n{banner}<p>{}</p>\n\
         <p class=\"faint\">{} {} · {} · seed {} · target {} {} · {} measured of {}</p>\n\
         <div class=\"verdict {}\">{} <span class=\"faint\">exit {}</span>\n{reasons}</div>\n",
        xml(&run.name),
        xml(&run.question),
        xml(&results.tool.name),
        xml(&results.tool.version),
        xml(&run.started_at),
        run.seed,
        xml(&target.kind),
        xml(&target.version),
        human::moment(run.measured_to_s - run.measured_from_s),
        human::moment(run.duration_s),
        tone(&verdict.status),
        xml(&verdict.status.to_uppercase()),
        verdict.exit_code,
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
