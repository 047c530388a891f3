//! A comparison as people and programs want it: one file a format. Renders, computes nothing.

mod csv;
mod html;
mod markdown;
mod terminal;
mod words;

use std::io;
use std::path::Path;

use super::escape;
use super::view::View;
use crate::measure::comparison::results::Comparison;

/// A form in which a comparison can be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// The summary for people.
    Terminal,
    /// `comparison.json`.
    Json,
    /// `comparison.csv`: one row a run.
    Csv,
    /// `summary.md`.
    Markdown,
    /// `comparison.html`.
    Html,
}

impl Format {
    /// Every format there is.
    pub const ALL: [Format; 5] =
        [Format::Terminal, Format::Json, Format::Csv, Format::Markdown, Format::Html];

    /// As `--format` names it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Format::Terminal => "terminal",
            Format::Json => "json",
            Format::Csv => "csv",
            Format::Markdown => "markdown",
            Format::Html => "html",
        }
    }

    /// Its file in a comparison's folder, if it has one.
    #[must_use]
    pub fn file(self) -> Option<&'static str> {
        match self {
            Format::Json => Some("comparison.json"),
            Format::Csv => Some("comparison.csv"),
            Format::Markdown => Some("summary.md"),
            Format::Html => Some("comparison.html"),
            Format::Terminal => None,
        }
    }
}

/// The text of `comparison` in `format`. Only the terminal summary looks at `view`.
///
/// # Errors
/// When a serialiser fails, which text in memory gives no cause for.
pub fn render(format: Format, comparison: &Comparison, view: &View) -> io::Result<String> {
    Ok(match format {
        Format::Terminal => terminal::render(comparison, view),
        Format::Json => escape::json(&serde_json::to_string_pretty(comparison)?) + "\n",
        Format::Csv => csv::render(comparison)?,
        Format::Markdown => markdown::render(comparison),
        Format::Html => html::render(comparison)?,
    })
}

/// Writes every file of a comparison. A reader sees each whole or not at all.
///
/// # Errors
/// When one cannot be written.
pub fn write_all(comparison: &Comparison, folder: &Path) -> io::Result<()> {
    let view = View::plain(80);
    for format in Format::ALL {
        if let Some(name) = format.file() {
            super::write_whole(&folder.join(name), &render(format, comparison, &view)?)?;
        }
    }
    Ok(())
}
