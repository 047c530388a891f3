//! `report.json`: the results, whole.

use std::io;

use super::escape;
use crate::measure::results::Results;

/// Pretty JSON with a final line end.
pub(super) fn render(results: &Results) -> io::Result<String> {
    Ok(escape::json(&serde_json::to_string_pretty(results)?) + "\n")
}
