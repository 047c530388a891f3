//! A capacity search as people and programs want it: one file a format. Renders, computes nothing.

mod html;
mod junit;
mod markdown;
mod terminal;
mod words;

use std::io;
use std::path::Path;

use super::forms::Format;
use super::view::View;
use crate::escape;
use crate::measure::capacity::results::Capacity;

/// The text of `capacity` in `format`. Only the terminal summary looks at `view`.
///
/// # Errors
/// When a serialiser fails, which text in memory gives no cause for.
pub fn render(format: Format, capacity: &Capacity, view: &View) -> io::Result<String> {
    Ok(match format {
        Format::Terminal => escape::styled(&terminal::render(capacity, view)),
        Format::Json => escape::json(&serde_json::to_string_pretty(capacity)?) + "\n",
        Format::Csv => words::csv(capacity),
        Format::Markdown => markdown::render(capacity),
        Format::Html => html::render(capacity)?,
        Format::Junit => junit::render(capacity),
    })
}

/// JSON Schema of `capacity.json`, as text.
///
/// # Errors
/// When it cannot be written as JSON, which none of our schemas gives cause for.
pub fn schema() -> io::Result<String> {
    let schema = schemars::schema_for!(Capacity);
    Ok(serde_json::to_string_pretty(&schema)? + "\n")
}

/// Writes every file of a search. A reader sees each whole or not at all.
///
/// # Errors
/// When one cannot be written.
pub fn write_all(capacity: &Capacity, folder: &Path) -> io::Result<()> {
    super::forms::write_all(folder, "capacity", |format, view| render(format, capacity, view))
}
