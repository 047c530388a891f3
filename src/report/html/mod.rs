//! `report.html`: one self-contained page, readable without network and without JavaScript, in
//! the order in which a postmaster reads. One file a section; [`chart`] and [`mod@page`] serve other
//! pages too.

pub(in crate::report) mod chart;
pub(in crate::report) mod page;

mod accounts;
mod backlog;
mod circumstances;
mod heat;
mod latency;
mod places;
mod rates;
mod replies;
mod resources;
mod retries;
mod sizing;
pub(in crate::report) mod spectrum;
pub(in crate::report) mod table;
mod timeline;
mod top;
mod trust;

use super::escape::json_in_html;
use crate::measure::results::Findings;
use page::{Section, page};

/// The page.
pub(super) fn render(findings: &Findings) -> std::io::Result<String> {
    let results = &findings.results;
    let data = json_in_html(&serde_json::to_string(results)?);
    let title = format!("{}: {} (mailbench)", results.run.name, results.verdict.status);
    Ok(page(&title, &top::head(findings), &sections(findings), &data))
}

/// In reading order; a section with nothing to say is left out.
fn sections(findings: &Findings) -> Vec<Section> {
    let results = &findings.results;
    let section = |id, title, body| Section { id, title, body };
    vec![
        section("thresholds", "Thresholds", top::thresholds(results)),
        section("health", "Is the measurement valid?", trust::health(results)),
        section("accounts", "What happened to the mail", accounts::accounts(results)),
        section("rates", "Rates, faults and chaos", rates::rates(findings)),
        section("backlog", "Backlog and drain", backlog::backlog(findings)),
        section("latency", "Latency", latency::latency(findings)),
        section("percentiles", "Percentiles", spectrum::spectrum(results)),
        section("heat-map", "End-to-end time, every message", heat::heat(findings)),
        section("sizing", "Sizing", sizing::sizing(results)),
        section("destinations", "Destinations", places::destinations(results)),
        section("retries", "Retries", retries::retries(results)),
        section("replies", "Replies", replies::replies(results)),
        section("resources", "Resources", resources::resources(findings)),
        section("environment", "Environment, scenario, repeat", circumstances::section(results)),
    ]
}
