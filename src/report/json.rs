//! `report.json`: the results, whole; and the JSON Schema that describes it.

use std::io;

use crate::escape;
use crate::measure::results::Results;

/// Pretty JSON with a final line end.
pub(super) fn render(results: &Results) -> io::Result<String> {
    Ok(escape::json(&serde_json::to_string_pretty(results)?) + "\n")
}

/// JSON Schema of `report.json`, as text.
///
/// # Errors
/// When it cannot be written as JSON, which none of our schemas gives cause for.
pub(super) fn schema() -> io::Result<String> {
    let schema = schemars::schema_for!(Results);
    Ok(serde_json::to_string_pretty(&schema)? + "\n")
}
