//! A comparison as people and programs want it: one file a format. Renders, computes nothing.

mod csv;
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
use crate::measure::comparison::results::Comparison;

/// The text of `comparison` in `format`. Only the terminal summary looks at `view`.
///
/// # Errors
/// When a serialiser fails, which text in memory gives no cause for.
pub fn render(format: Format, comparison: &Comparison, view: &View) -> io::Result<String> {
    Ok(match format {
        Format::Terminal => escape::styled(&terminal::render(comparison, view)),
        Format::Json => escape::json(&serde_json::to_string_pretty(comparison)?) + "\n",
        Format::Csv => csv::render(comparison)?,
        Format::Markdown => markdown::render(comparison),
        Format::Html => html::render(comparison)?,
        Format::Junit => junit::render(comparison),
    })
}

/// Writes every file of a comparison. A reader sees each whole or not at all.
///
/// # Errors
/// When one cannot be written.
pub fn write_all(comparison: &Comparison, folder: &Path) -> io::Result<()> {
    super::forms::write_all(folder, "comparison", |format, view| render(format, comparison, view))
}
