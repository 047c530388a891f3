//! The page a summary is written on: headings, labelled lines, wrapping. No content.

use crate::report::table::{Table, chars, wrapped};
use crate::report::view::{Tone, View};

/// Where text below a heading begins.
pub(crate) const INDENT: usize = 4;

/// Width of the labels in front of facts.
const LABEL: usize = 16;

/// Text being laid out for a view.
pub(crate) struct Page<'v> {
    /// How it will be looked at.
    pub(crate) view: &'v View,
    text: String,
}

impl<'v> Page<'v> {
    /// An empty page.
    pub(crate) fn new(view: &'v View) -> Page<'v> {
        Page { view, text: String::new() }
    }

    /// One line as it is.
    pub(crate) fn line(&mut self, line: &str) {
        self.text.push_str(line.trim_end());
        self.text.push('\n');
    }

    /// A heading with a line of space above it.
    pub(crate) fn heading(&mut self, title: &str) {
        let heading = self.heading_text(title);
        let heading = self.view.paint(Tone::Strong, &heading);
        self.line("");
        self.line(&heading);
    }

    /// A table whose titles stand in the line of the heading.
    pub(in crate::report) fn headed_table(&mut self, title: &str, table: &Table) {
        let heading = self.heading_text(title);
        self.line("");
        table.under(&heading, self.view).iter().for_each(|line| self.line(line));
    }

    /// A table with titles, and prose below each of its rows.
    pub(in crate::report) fn annotated_table(
        &mut self,
        title: &str,
        table: &Table,
        notes: &[String],
    ) {
        let heading = self.heading_text(title);
        let lines = table.under(&heading, self.view);
        self.line("");
        for (n, line) in lines.iter().enumerate() {
            self.line(line);
            if let Some(note) = n.checked_sub(1).and_then(|row| notes.get(row)) {
                self.prose(INDENT + 2, (Tone::Plain, ""), note);
            }
        }
    }

    /// A table without titles.
    pub(in crate::report) fn table(&mut self, table: &Table) {
        table.lines(self.view).iter().for_each(|line| self.line(line));
    }

    fn heading_text(&self, title: &str) -> String {
        format!("  {} {title}", self.view.pick("█", "=="))
    }

    /// A labelled line of facts; facts that do not fit go to the next line, below the first.
    pub(crate) fn facts(&mut self, label: &str, facts: &[String]) {
        let label = format!("{}{label:<LABEL$}", " ".repeat(INDENT));
        self.flow(&label, facts);
    }

    /// Pieces after `lead`, three spaces apart, broken between pieces, continued below the first.
    pub(crate) fn flow(&mut self, lead: &str, pieces: &[String]) {
        let hang = chars(lead);
        let mut line = lead.to_owned();
        for piece in pieces {
            let gap = if chars(&line) == hang { "" } else { "   " };
            if !gap.is_empty() && chars(&line) + gap.len() + chars(piece) > self.view.width {
                self.line(&line);
                line = " ".repeat(hang) + piece;
            } else {
                line = line + gap + piece;
            }
        }
        self.line(&line);
    }

    /// Prose after `mark`, wrapped, continued below its first word.
    pub(crate) fn prose(&mut self, indent: usize, (tone, mark): (Tone, &str), text: &str) {
        let lead = if mark.is_empty() { 0 } else { chars(mark) + 1 };
        let room = self.view.width.saturating_sub(indent + lead);
        for (n, part) in wrapped(text, room).iter().enumerate() {
            let mark = if n == 0 { self.view.paint(tone, mark) } else { " ".repeat(chars(mark)) };
            let space = if lead == 0 { "" } else { " " };
            self.line(&format!("{}{mark}{space}{part}", " ".repeat(indent)));
        }
    }

    /// The text; in ASCII where nothing else can be shown.
    pub(crate) fn finish(self) -> String {
        if self.view.unicode {
            return self.text;
        }
        self.text.chars().map(|c| if c.is_ascii() { c } else { '?' }).collect()
    }
}
