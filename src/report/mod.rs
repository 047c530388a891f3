//! Results as people and programs want them: one file a format. Renders, computes nothing.
//!
//! [`render`] makes the text of one [`Format`]; [`write_all`] writes the files of a run folder.
//! Everything a peer said passes through [`crate::escape`].

pub mod capacity;
pub mod checkup;
pub mod comparison;
pub mod forms;
pub mod github;
pub mod history;
pub mod human;
pub mod openmetrics;
pub mod planned;
pub mod progress;
pub mod routes;
pub mod variants;
pub mod view;

mod changes;
mod csv;
mod disk;
pub mod durability;
mod doubt;
mod figures;
mod hgrm;
mod hlog;
mod html;
mod json;
mod junit;
mod markdown;
mod recovery;
mod sizing;
mod story;
mod suite;
pub(crate) mod table;
pub(crate) mod terminal;
mod timeline;

use std::fs;
use std::io;
use std::path::Path;

use crate::escape;
use crate::measure::results::Findings;
use view::View;

/// A form in which results can be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// The summary for people.
    Terminal,
    /// `report.json`.
    Json,
    /// `timeseries.csv`.
    Csv,
    /// `attempts.csv`.
    Attempts,
    /// `latency.hlog`.
    Hlog,
    /// `summary.md`.
    Markdown,
    /// `report.html`.
    Html,
    /// `junit.xml`.
    Junit,
    /// `metrics.txt`.
    Openmetrics,
    /// HdrHistogram's percentile distribution.
    Hgrm,
}

impl Format {
    /// Every format there is.
    pub const ALL: [Format; 10] = [
        Format::Terminal,
        Format::Json,
        Format::Csv,
        Format::Attempts,
        Format::Hlog,
        Format::Markdown,
        Format::Html,
        Format::Junit,
        Format::Openmetrics,
        Format::Hgrm,
    ];

    /// As `--format` names it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Format::Terminal => "terminal",
            Format::Json => "json",
            Format::Csv => "csv",
            Format::Attempts => "attempts",
            Format::Hlog => "hlog",
            Format::Markdown => "markdown",
            Format::Html => "html",
            Format::Junit => "junit",
            Format::Openmetrics => "openmetrics",
            Format::Hgrm => "hgrm",
        }
    }

    /// Its file in a run folder, if it has one.
    #[must_use]
    pub fn file(self) -> Option<&'static str> {
        match self {
            Format::Json => Some("report.json"),
            Format::Csv => Some("timeseries.csv"),
            Format::Attempts => Some("attempts.csv"),
            Format::Hlog => Some("latency.hlog"),
            Format::Markdown => Some("summary.md"),
            Format::Html => Some("report.html"),
            Format::Junit => Some("junit.xml"),
            Format::Openmetrics => Some("metrics.txt"),
            Format::Terminal | Format::Hgrm => None,
        }
    }
}

/// The text of `findings` in `format`. Only the terminal summary looks at `view`.
///
/// # Errors
/// When a serialiser fails, which text in memory gives no cause for.
pub fn render(format: Format, findings: &Findings, view: &View) -> io::Result<String> {
    Ok(match format {
        Format::Terminal => escape::styled(&terminal::render(findings, view)),
        Format::Json => json::render(&findings.results)?,
        Format::Csv => csv::series(&findings.series)?,
        Format::Attempts => csv::attempts(&findings.attempts)?,
        Format::Hlog => hlog::render(findings)?,
        Format::Markdown => markdown::render(findings),
        Format::Html => html::render(findings)?,
        Format::Junit => junit::render(findings),
        Format::Openmetrics => openmetrics::render(&findings.results),
        Format::Hgrm => hgrm::render(&findings.results),
    })
}

/// JSON Schema of `report.json`, as text.
///
/// # Errors
/// When it cannot be written as JSON, which none of our schemas gives cause for.
pub fn schema() -> io::Result<String> {
    json::schema()
}

/// Writes every file of a run folder. A reader sees each whole or not at all. A simulation
/// remembers no attempt, so it has no file of them.
///
/// # Errors
/// When one cannot be written.
pub fn write_all(findings: &Findings, folder: &Path) -> io::Result<()> {
    let view = View::plain(80);
    let simulated = findings.results.run.simulated;
    let formats = Format::ALL.into_iter();
    for format in formats.filter(|format| !simulated || *format != Format::Attempts) {
        if let Some(name) = format.file() {
            write_by(&folder.join(name), |out| match format {
                Format::Attempts => csv::write_attempts(&findings.attempts, out),
                _ => out.write_all(render(format, findings, &view)?.as_bytes()),
            })?;
        }
    }
    Ok(())
}

/// Writes a file of text. A reader sees it whole or not at all.
///
/// # Errors
/// When it cannot be written.
pub fn write(path: &Path, text: &str) -> io::Result<()> {
    write_whole(path, text)
}

/// Writes beside `path`, then renames.
fn write_whole(path: &Path, text: &str) -> io::Result<()> {
    write_by(path, |out| out.write_all(text.as_bytes()))
}

/// The same with what `write` writes.
fn write_by(
    path: &Path,
    write: impl FnOnce(&mut dyn io::Write) -> io::Result<()>,
) -> io::Result<()> {
    let beside = path.with_added_extension("tmp");
    let mut file = io::BufWriter::new(crate::files::create(&beside)?);
    write(&mut file)?;
    file.into_inner().map_err(io::IntoInnerError::into_error)?;
    fs::rename(&beside, path)
}
