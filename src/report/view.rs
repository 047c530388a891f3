//! How a summary is looked at: width, colour, which characters can be shown. Not what it says.

use std::io::{self, IsTerminal as _};

use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Style};

/// Narrowest and widest line a summary is laid out for.
const WIDTHS: std::ops::RangeInclusive<usize> = 60..=140;

/// Width where none can be asked for.
const WIDTH: usize = 80;

/// How a person looks at a summary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View {
    /// Columns.
    pub width: usize,
    /// Whether ANSI colours may be used.
    pub colour: bool,
    /// Whether more than ASCII can be shown.
    pub unicode: bool,
    /// Only the line that says how it ended.
    pub quiet: bool,
    /// Where the run's files lie, if they do.
    pub folder: Option<String>,
}

impl View {
    /// Without colour or frills, for files.
    #[must_use]
    pub fn plain(width: usize) -> View {
        View { width, colour: false, unicode: true, quiet: false, folder: None }
    }

    /// As stdout and the locale want it. `NO_COLOR` and `CLICOLOR_FORCE` are honoured.
    #[must_use]
    pub fn of_stdout(quiet: bool, folder: Option<String>) -> View {
        let stdout = io::stdout();
        let columns = stdout.is_terminal().then(terminal_size::terminal_size).flatten();
        let columns = columns.map(|(width, _)| usize::from(width.0));
        let stated = || std::env::var("COLUMNS").ok().and_then(|text| text.parse().ok());
        let width = columns.or_else(stated).unwrap_or(WIDTH);
        View {
            width: width.clamp(*WIDTHS.start(), *WIDTHS.end()),
            colour: AutoStream::choice(&stdout) != ColorChoice::Never,
            unicode: is_utf8(|name| std::env::var(name).ok()),
            quiet,
            folder,
        }
    }

    /// `text` in `tone`.
    #[must_use]
    pub(crate) fn paint(&self, tone: Tone, text: &str) -> String {
        if !self.colour || tone == Tone::Plain || text.trim().is_empty() {
            return text.to_owned();
        }
        let style = tone.style();
        format!("{style}{text}{style:#}")
    }

    /// `pretty` where it can be shown, else `ascii`.
    #[must_use]
    pub(super) fn pick<'t>(&self, pretty: &'t str, ascii: &'t str) -> &'t str {
        if self.unicode { pretty } else { ascii }
    }
}

/// POSIX: the first of these that is set and not empty decides.
fn is_utf8(variable: impl Fn(&str) -> Option<String>) -> bool {
    let set = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().filter_map(variable);
    let locale = set.into_iter().find(|value| !value.is_empty()).unwrap_or_default();
    let locale = locale.to_ascii_lowercase();
    locale.contains("utf-8") || locale.contains("utf8")
}

/// What a piece of text means to its reader.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Tone {
    /// Nothing special.
    #[default]
    Plain,
    /// All is well.
    Good,
    /// A reader should look.
    Doubt,
    /// Something is wrong.
    Bad,
    /// Less important than what stands beside it.
    Dim,
    /// More important.
    Strong,
}

impl Tone {
    fn style(self) -> Style {
        match self {
            Tone::Plain => Style::new(),
            Tone::Good => AnsiColor::Green.on_default(),
            Tone::Doubt => AnsiColor::Yellow.on_default(),
            Tone::Bad => AnsiColor::Red.on_default().bold(),
            Tone::Dim => Style::new().dimmed(),
            Tone::Strong => Style::new().bold(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_locale_variable_that_is_set_decides() {
        let only = |set: &'static [(&str, &str)]| {
            move |name: &str| {
                set.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
            }
        };
        assert!(is_utf8(only(&[("LANG", "en_GB.UTF-8")])));
        assert!(is_utf8(only(&[("LC_ALL", ""), ("LANG", "C.utf8")])));
        assert!(!is_utf8(only(&[("LC_ALL", "C"), ("LANG", "en_GB.UTF-8")])));
        assert!(!is_utf8(only(&[])));
    }

    #[test]
    fn colour_is_used_only_where_it_may_be() {
        let plain = View::plain(80);
        assert_eq!(plain.paint(Tone::Bad, "lost"), "lost");
        let colourful = View { colour: true, ..plain };
        assert_eq!(colourful.paint(Tone::Good, "met"), "\x1b[32mmet\x1b[0m");
    }
}
