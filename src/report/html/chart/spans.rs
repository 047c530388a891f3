//! Shaded stretches of a chart with their names: faults, and what was done to the target.
//!
//! Names stand above the plot, in as few rows as they need.

use std::fmt::Write as _;

use super::axis::Axis;
use super::{HEIGHT, WIDTH};
use crate::escape::xml;

/// Rows of names at most; what finds no room there is named when pointed at, and in a table.
const ROWS: usize = 4;

/// Width of a character of a name, as a share of a plot of middling size.
const CHARACTER: f64 = 0.011;

/// A stretch of `x` to be shaded.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::report) struct Span {
    /// Its beginning.
    pub from: f64,
    /// Its end.
    pub to: f64,
    /// What it stands for, as it may have come from anywhere.
    pub name: String,
    /// Class of its colour: `fault` or `chaos`.
    pub class: &'static str,
}

/// A name and where it stands, in shares of the width.
struct Label<'s> {
    span: &'s Span,
    from: f64,
    room: f64,
}

/// The shading, to be drawn below the lines.
pub(super) fn shades(spans: &[Span], x: &Axis) -> String {
    let mut svg = String::new();
    for span in spans {
        let (from, to) = (x.share(span.from) * WIDTH, x.share(span.to) * WIDTH);
        let _infallible = write!(
            svg,
            "<rect class=\"{}\" x=\"{from:.1}\" width=\"{:.1}\" height=\"{HEIGHT}\"/>",
            span.class,
            (to - from).max(2.0),
        );
    }
    svg
}

/// The names above the plot.
pub(super) fn names(spans: &[Span], x: &Axis) -> String {
    let mut html = String::new();
    for row in rows(spans, x) {
        html.push_str("<div class=\"row\">");
        for label in row {
            let Label { span, from, room } = label;
            let name = xml(&span.name);
            let _infallible = write!(
                html,
                "<span class=\"{}\" style=\"left:{:.2}%;max-width:{:.2}%\" title=\"{name}\">\
                 {name}</span>",
                span.class,
                from * 100.0,
                room * 100.0,
            );
        }
        html.push_str("</div>");
    }
    if html.is_empty() { html } else { format!("<div class=\"names\">{html}</div>\n") }
}

/// Each name in the first row in which it has room.
fn rows<'s>(spans: &'s [Span], x: &Axis) -> Vec<Vec<Label<'s>>> {
    let mut rows: Vec<Vec<Label<'s>>> = Vec::new();
    for span in spans {
        let needed = CHARACTER * (span.name.chars().count() as f64 + 1.5);
        let from = x.share(span.from).min(1.0 - needed).max(0.0);
        let free = |row: &Vec<Label<'_>>| {
            row.iter().all(|other| from + needed <= other.from || other.from + other.room <= from)
        };
        let label = Label { span, from, room: needed.min(1.0 - from) };
        match rows.iter().position(free) {
            Some(row) => rows[row].push(label),
            None if rows.len() < ROWS => rows.push(vec![label]),
            None => {}
        }
    }
    rows.iter_mut().for_each(|row| spread(row));
    rows
}

/// Gives each name of a row all the room there is before the next.
fn spread(row: &mut [Label<'_>]) {
    row.sort_by(|a, b| a.from.total_cmp(&b.from));
    for n in 0..row.len() {
        row[n].room = row.get(n + 1).map_or(1.0, |next| next.from) - row[n].from;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(from: f64, to: f64, name: &str) -> Span {
        Span { from, to, name: name.to_owned(), class: "fault" }
    }

    #[test]
    fn names_that_would_meet_stand_in_rows_of_their_own() {
        let x = Axis::Linear { low: 0.0, high: 100.0 };
        let spans = [span(0.0, 50.0, "greylist"), span(5.0, 9.0, "kill"), span(60.0, 70.0, "a")];
        let named: Vec<Vec<&str>> = rows(&spans, &x)
            .iter()
            .map(|row| row.iter().map(|label| label.span.name.as_str()).collect())
            .collect();
        assert_eq!(named, [vec!["greylist", "a"], vec!["kill"]]);
    }

    #[test]
    fn a_name_at_the_end_stays_inside() {
        let x = Axis::Linear { low: 0.0, high: 100.0 };
        let spans = [span(99.0, 100.0, "rejected")];
        let label = &rows(&spans, &x)[0][0];
        assert!(label.from + label.room <= 1.0 + 1e-9 && label.from > 0.8);
    }

    #[test]
    fn a_name_from_anywhere_is_inert() {
        let x = Axis::Linear { low: 0.0, high: 1.0 };
        let html = names(&[span(0.0, 1.0, "</span><script>\"")], &x);
        assert!(!html.contains("<script>") && html.contains("&lt;script&gt;&quot;"), "{html}");
    }
}
