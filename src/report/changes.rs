//! How content differed from what was sent, in words that every format uses.

use crate::measure::results::{ContentChange, Results};
use crate::report::human;
use crate::report::view::Tone;

/// One kind of change.
pub(super) struct Line<'a> {
    pub(super) kind: &'a str,
    /// What it amounts to.
    pub(super) level: &'a str,
    pub(super) receptions: u64,
    pub(super) tone: Tone,
    /// One place where it was seen, and what would declare it.
    pub(super) note: String,
}

/// What was seen, the worst first.
pub(super) fn lines(results: &Results) -> impl Iterator<Item = Line<'_>> {
    results.correctness.changes.iter().map(line)
}

fn line(change: &ContentChange) -> Line<'_> {
    let permitted = change.level == "permitted";
    let mut notes = Vec::new();
    if let Some(seen) = &change.example {
        notes.push(format!("{}: sent \"{}\", arrived \"{}\"", seen.field, seen.sent, seen.arrived));
    }
    if let Some(line) = change.declaration.as_ref().filter(|_| !permitted) {
        notes.push(format!("if intended, declare it: [target.changes] {line}"));
    }
    Line {
        kind: &change.kind,
        level: &change.level,
        receptions: change.receptions,
        tone: if permitted { Tone::Plain } else { Tone::Bad },
        note: notes.join("; "),
    }
}

impl Line<'_> {
    /// How often it was seen.
    pub(super) fn count(&self) -> String {
        human::counted(self.receptions, "reception", "receptions")
    }
}
