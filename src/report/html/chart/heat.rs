//! Heat maps: how many fell into each cell, as depth of colour.

use std::fmt::Write as _;

use super::spans::{self, Span};
use super::{Axis, HEIGHT, Mark, WIDTH, heights, note, places};
use crate::escape::xml;
use crate::report::human;

/// Depth of colour of the least; a single one must still be seen.
const FAINTEST: f64 = 0.13;

/// A cell with something in it.
#[derive(Clone, Debug)]
pub(in crate::report) struct HeatCell {
    /// From and to, across.
    pub x: (f64, f64),
    /// From and to, upwards.
    pub y: (f64, f64),
    /// How many.
    pub count: u64,
}

/// A figure.
pub(in crate::report) struct HeatMap {
    /// Above it.
    pub title: String,
    /// Beside the title.
    pub note: String,
    /// What there is.
    pub cells: Vec<HeatCell>,
    /// Shaded below.
    pub spans: Vec<Span>,
    /// The horizontal axis.
    pub x: Axis,
    /// Where it is labelled.
    pub ticks: Vec<Mark>,
    /// The vertical axis.
    pub y: Axis,
    /// Text of a value of `x`.
    pub place: fn(f64) -> String,
    /// Text of a value of `y`.
    pub label: fn(f64) -> String,
}

impl HeatMap {
    /// The figure; empty without a cell.
    pub(in crate::report) fn figure(&self) -> String {
        let Some(most) = self.cells.iter().map(|cell| cell.count).max() else {
            return String::new();
        };
        let mut shapes = spans::shades(&self.spans, &self.x);
        self.cells.iter().for_each(|cell| self.cell(cell, most, &mut shapes));
        format!(
            "<figure class=\"chart heat\">\n<figcaption><b>{title}</b>{}</figcaption>\n{}\
             <div class=\"plot\"><div class=\"ys\">{}</div>\n\
             <svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" preserveAspectRatio=\"none\" role=\"img\" \
             aria-label=\"{title}\">\n{shapes}</svg></div>\n<div class=\"xs\">{}</div>\n</figure>\n",
            note(&self.note),
            spans::names(&self.spans, &self.x),
            heights(&self.y, self.label),
            places(&self.ticks, &self.x),
            title = xml(&self.title),
        )
    }

    fn cell(&self, cell: &HeatCell, most: u64, svg: &mut String) {
        let across = |x: f64| self.x.share(x) * WIDTH;
        let down = |y: f64| (1.0 - self.y.share(y)) * HEIGHT;
        let (left, right) = (across(cell.x.0), across(cell.x.1));
        let (top, bottom) = (down(cell.y.1), down(cell.y.0));
        // Counts span decades; their root tells few from many without drowning the few.
        let depth = FAINTEST + (1.0 - FAINTEST) * (cell.count as f64 / most as f64).sqrt();
        let _infallible = writeln!(
            svg,
            "<rect class=\"hit\" x=\"{left:.1}\" y=\"{top:.1}\" width=\"{:.1}\" height=\"{:.1}\" \
             fill-opacity=\"{depth:.2}\"><title>{} to {}\n{} to {}  {}</title></rect>",
            right - left,
            bottom - top,
            xml(&(self.place)(cell.x.0)),
            xml(&(self.place)(cell.x.1)),
            xml(&(self.label)(cell.y.0)),
            xml(&(self.label)(cell.y.1)),
            human::count(cell.count),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_lies_where_its_values_do_and_says_how_many() {
        let map = HeatMap {
            title: "Times".to_owned(),
            note: String::new(),
            cells: vec![
                HeatCell { x: (0.0, 1.0), y: (0.0, 5.0), count: 100 },
                HeatCell { x: (1.0, 2.0), y: (5.0, 10.0), count: 1 },
            ],
            spans: vec![],
            x: Axis::Linear { low: 0.0, high: 2.0 },
            ticks: vec![],
            y: Axis::Linear { low: 0.0, high: 10.0 },
            place: |x| format!("{x} s"),
            label: |y| format!("{y} us"),
        };
        let html = map.figure();
        let full = "x=\"0.0\" y=\"100.0\" width=\"500.0\" height=\"100.0\" fill-opacity=\"1.00\">\
                    <title>0 s to 1 s\n0 us to 5 us  100</title>";
        assert!(html.contains(full), "{html}");
        assert!(html.contains("fill-opacity=\"0.22\""), "one of a hundred is seen: {html}");
        assert_eq!(HeatMap { cells: vec![], ..map }.figure(), "");
    }
}
