//! What a comparison found: every kind of change once, and a few of each shown.

use serde::{Deserialize, Serialize};

use crate::limits;
use crate::probe::change::Change;

/// What differs in one place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// The kind.
    pub change: Change,
    /// The header field or part.
    pub field: String,
    /// What was sent there: shortened, control characters escaped.
    pub sent: String,
    /// What arrived there, likewise.
    pub arrived: String,
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Kinds, in order, each once.
    pub changes: Vec<Change>,
    /// The first of each kind.
    pub differences: Vec<Difference>,
    /// How many messages the one that is compared is inside of.
    pub(super) depth: usize,
}

impl Found {
    /// Takes note of a change at a place.
    pub(super) fn note(&mut self, change: Change, field: &str, sent: &[u8], arrived: &[u8]) {
        match self.changes.binary_search(&change) {
            Ok(_) => {
                let of_kind = |it: &&Difference| it.change == change;
                if self.differences.iter().filter(of_kind).count() >= limits::DIFFERENCES_OF_KIND {
                    return;
                }
            }
            Err(place) => self.changes.insert(place, change),
        }
        let (sent, arrived) = shown(sent, arrived);
        self.differences.push(Difference { change, field: short(field), sent, arrived });
    }

    /// Takes note of what was found in a message inside this one.
    pub(super) fn nest(&mut self, inner: &Found) {
        for it in &inner.differences {
            let field = ["message: ", &it.field].concat();
            self.note(it.change, &field, it.sent.as_bytes(), it.arrived.as_bytes());
        }
    }
}

fn short(text: &str) -> String {
    text.chars().take(limits::DIFFERENCE_TEXT).collect()
}

/// Both from a little before where they part.
fn shown(sent: &[u8], arrived: &[u8]) -> (String, String) {
    const BEFORE: usize = 20;
    let alike = sent.iter().zip(arrived).take_while(|(one, other)| one == other).count();
    let whole = sent.len().max(arrived.len()) <= limits::DIFFERENCE_TEXT;
    let from = if whole { 0 } else { alike.saturating_sub(BEFORE) };
    (excerpt(sent, from), excerpt(arrived, from))
}

fn excerpt(text: &[u8], from: usize) -> String {
    let rest = &text[from.min(text.len())..];
    let rest = &rest[..rest.len().min(4 * limits::DIFFERENCE_TEXT)];
    let lossy = String::from_utf8_lossy(rest);
    let mut out = String::from(if from > 0 { "…" } else { "" });
    for letter in lossy.chars().take(limits::DIFFERENCE_TEXT) {
        match letter.is_control() {
            true => out.extend(letter.escape_default()),
            false => out.push(letter),
        }
    }
    if lossy.chars().count() > limits::DIFFERENCE_TEXT {
        out.push('…');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_listed_once_and_texts_are_short_and_printable() {
        let mut found = Found::default();
        let long = vec![b'x'; 10_000];
        for _ in 0..100 {
            found.note(Change::Folding, "Subject", b"a\r\n\tb\x1b[2J", &long);
        }
        found.note(Change::Truncated, "body", &long, &long[..5000]);
        assert_eq!(found.changes, [Change::Truncated, Change::Folding]);
        assert_eq!(found.differences.len(), limits::DIFFERENCES_OF_KIND + 1);
        let shown = &found.differences[0];
        assert_eq!(shown.sent, "a\\r\\n\\tb\\u{1b}[2J");
        assert!(shown.arrived.chars().count() <= limits::DIFFERENCE_TEXT + 2);
        let last = found.differences.last().expect("one");
        assert!(last.sent.starts_with('…') && last.arrived.chars().count() == 21);
    }
}
