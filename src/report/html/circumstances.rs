//! Where it ran, what was asked in full, and the command to repeat it.

use super::table::{code, table};
use crate::escape::{xml, xml_lines};
use crate::measure::results::Results;

/// The section.
pub(super) fn section(results: &Results) -> String {
    let run = &results.run;
    let mut rows: Vec<Vec<String>> =
        results.environment.iter().map(|(name, value)| vec![xml(name), xml(value)]).collect();
    rows.extend(run.labels.iter().map(|(name, value)| vec![xml(name), xml(value)]));
    let target = &results.target;
    rows.push(vec![
        "target".to_owned(),
        xml(format!("{} {} {}", target.kind, target.version, target.address).trim()),
    ]);
    rows.push(vec!["run".to_owned(), code(&run.id)]);
    rows.push(vec!["scenario digest".to_owned(), code(&run.scenario_sha256)]);
    format!(
        "<h3>To repeat it</h3>\n<pre>{}</pre>\n{}{}",
        xml(&run.command),
        table(&["", "~"], rows),
        scenario(results),
    )
}

fn scenario(results: &Results) -> String {
    if results.scenario.is_empty() {
        return String::new();
    }
    format!("<h3>The scenario, as resolved</h3>\n<pre>{}</pre>\n", xml_lines(&results.scenario))
}
