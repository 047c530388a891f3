//! The forms in which more than a run can be had: a comparison, a capacity search. Which there are,
//! what they are called, and the writing of them all; what stands in them is with each.

use std::io;
use std::path::Path;

use super::view::View;

/// A form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// The summary for people.
    Terminal,
    /// All of it.
    Json,
    /// One row a run, trial or point.
    Csv,
    /// `summary.md`.
    Markdown,
    /// A page.
    Html,
    /// `junit.xml`.
    Junit,
}

impl Format {
    /// Every format there is.
    pub const ALL: [Format; 6] = [
        Format::Terminal,
        Format::Json,
        Format::Csv,
        Format::Markdown,
        Format::Html,
        Format::Junit,
    ];

    /// As `--format` names it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Format::Terminal => "terminal",
            Format::Json => "json",
            Format::Csv => "csv",
            Format::Markdown => "markdown",
            Format::Html => "html",
            Format::Junit => "junit",
        }
    }

    /// Its file in the folder of a `subject`, such as `comparison`, if it has one.
    #[must_use]
    pub fn file(self, subject: &str) -> Option<String> {
        match self {
            Format::Json | Format::Csv | Format::Html => Some(format!("{subject}.{}", self.name())),
            Format::Markdown => Some("summary.md".to_owned()),
            Format::Junit => Some("junit.xml".to_owned()),
            Format::Terminal => None,
        }
    }
}

/// Writes every file of a `subject`. A reader sees each whole or not at all.
pub(super) fn write_all(
    folder: &Path,
    subject: &str,
    render: impl Fn(Format, &View) -> io::Result<String>,
) -> io::Result<()> {
    let view = View::plain(80);
    for format in Format::ALL {
        if let Some(name) = format.file(subject) {
            super::write_whole(&folder.join(name), &render(format, &view)?)?;
        }
    }
    Ok(())
}
