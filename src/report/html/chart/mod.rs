//! Charts: series in, a figure with inline SVG out. What the numbers mean is the caller's.
//!
//! The SVG holds shapes only and stretches to the width there is; all words stand around it as
//! HTML, so that a phone shows the same chart with letters of the same size. What is pointed at
//! is named by `<title>`, and by the page's script at once.

mod axis;
mod heat;
mod hits;
mod places;
mod spans;

use std::fmt::Write as _;

use crate::escape::xml;
use places::places;

pub(in crate::report) use axis::Axis;
pub(in crate::report) use heat::{HeatCell, HeatMap};
pub(in crate::report) use spans::Span;

/// The plot's own units; the page stretches them.
pub(super) const WIDTH: f64 = 1000.0;
/// See [`WIDTH`].
pub(super) const HEIGHT: f64 = 200.0;

/// A period shorter than this share of the width is not named.
const NAMED: f64 = 0.05;

/// How a series is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::report) enum Form {
    /// A line.
    Line,
    /// A line of dashes.
    Dashed,
    /// A line, and the area below it in its colour.
    Area,
}

/// One line; a gap where there is no value.
#[derive(Clone, Debug)]
pub(in crate::report) struct Series {
    /// In the key; may have come from anywhere.
    pub name: String,
    /// Class of its colour in the style sheet, such as `sent`.
    pub colour: &'static str,
    /// How it is drawn.
    pub form: Form,
    /// `x` rising, and `y`.
    pub points: Vec<(f64, Option<f64>)>,
    /// What the key says of it beside its name; may be empty.
    pub said: String,
}

/// A filled stretch between two values at each `x`.
#[derive(Clone, Debug)]
pub(in crate::report) struct Band {
    /// In the key.
    pub name: String,
    /// Class of its colour.
    pub colour: &'static str,
    /// `x`, the lower and the upper value.
    pub points: Vec<(f64, f64, f64)>,
}

/// A mark along `x`, with what it says.
#[derive(Clone, Debug)]
pub(in crate::report) struct Mark {
    /// Where.
    pub at: f64,
    /// What.
    pub label: String,
}

/// A figure.
pub(in crate::report) struct Chart {
    /// Above it.
    pub title: String,
    /// Beside the title, smaller; may be empty.
    pub note: String,
    /// Filled first.
    pub bands: Vec<Band>,
    /// Drawn over them, in this order.
    pub series: Vec<Series>,
    /// Shaded below all.
    pub spans: Vec<Span>,
    /// Edges of the run's periods.
    pub edges: Vec<Mark>,
    /// The horizontal axis.
    pub x: Axis,
    /// Where it is labelled.
    pub ticks: Vec<Mark>,
    /// The vertical axis.
    pub y: Axis,
    /// Text of a value of `x`, for what is pointed at.
    pub place: fn(f64) -> String,
    /// Text of a value of `y`.
    pub label: fn(f64) -> String,
}

impl Chart {
    /// The figure; empty when there is not a single value to show.
    pub(in crate::report) fn figure(&self) -> String {
        let drawn = self.series.iter().flat_map(|series| &series.points);
        if !drawn.into_iter().any(|(_, y)| y.is_some()) {
            return String::new();
        }
        format!(
            "<figure class=\"chart\">\n<figcaption><b>{title}</b>{}</figcaption>\n{}{}\
             <div class=\"plot\"><div class=\"ys\">{}</div>\n\
             <svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" preserveAspectRatio=\"none\" role=\"img\" \
             aria-label=\"{title}\">\n{}</svg></div>\n<div class=\"xs\">{}</div>\n{}</figure>\n",
            note(&self.note),
            self.key(),
            spans::names(&self.spans, &self.x),
            heights(&self.y, self.label),
            self.shapes(),
            places(&self.ticks, &self.x),
            self.periods(),
            title = xml(&self.title),
        )
    }

    fn key(&self) -> String {
        let dash = |form: Form| if form == Form::Dashed { " dash" } else { "" };
        let band = |band: &Band| {
            format!(
                "<span class=\"c-{}\"><i class=\"box\"></i>{}</span>",
                band.colour,
                xml(&band.name)
            )
        };
        let line = |series: &Series| {
            let said = note(&series.said);
            format!(
                "<span class=\"c-{}{}\"><i></i>{}{said}</span>",
                series.colour,
                dash(series.form),
                xml(&series.name)
            )
        };
        let entries: String =
            self.series.iter().map(line).chain(self.bands.iter().map(band)).collect();
        format!("<div class=\"key\">{entries}</div>\n")
    }

    fn periods(&self) -> String {
        let mut html = String::new();
        for (n, edge) in self.edges.iter().enumerate() {
            let from = self.x.share(edge.at);
            let to = self.edges.get(n + 1).map_or(1.0, |next| self.x.share(next.at));
            let _infallible = write!(
                html,
                "<span style=\"left:{:.2}%;width:{:.2}%\">{}</span>",
                from * 100.0,
                (to - from) * 100.0,
                if to - from < NAMED { String::new() } else { xml(&edge.label) }
            );
        }
        if html.is_empty() { html } else { format!("<div class=\"periods\">{html}</div>\n") }
    }

    fn shapes(&self) -> String {
        let mut svg = spans::shades(&self.spans, &self.x);
        for value in self.y.ticks() {
            let y = self.height(value);
            let _infallible = write!(svg, "<path class=\"grid\" d=\"M0 {y:.1}H{WIDTH}\"/>");
        }
        for edge in self.edges.iter().filter(|edge| self.x.share(edge.at) > 0.0) {
            let x = self.x.share(edge.at) * WIDTH;
            let _infallible = write!(svg, "<path class=\"edge\" d=\"M{x:.1} 0V{HEIGHT}\"/>");
        }
        svg.push('\n');
        self.bands.iter().for_each(|band| self.band(band, &mut svg));
        self.series.iter().for_each(|series| self.line(series, &mut svg));
        hits::hits(self, &mut svg);
        svg
    }

    fn band(&self, band: &Band, svg: &mut String) {
        if band.points.is_empty() {
            return;
        }
        let mut path = String::new();
        let mut verb = 'M';
        let upper = band.points.iter().map(|(x, _, high)| (x, high));
        let lower = band.points.iter().rev().map(|(x, low, _)| (x, low));
        for (x, y) in upper.chain(lower) {
            let x = self.x.share(*x) * WIDTH;
            let _infallible = write!(path, "{verb}{x:.1} {:.1}", self.height(*y));
            verb = 'L';
        }
        let _infallible = writeln!(svg, "<path class=\"fill c-{}\" d=\"{path}Z\"/>", band.colour);
    }

    fn line(&self, series: &Series, svg: &mut String) {
        let (mut lines, mut areas) = (String::new(), String::new());
        for run in series.points.chunk_by(|a, b| a.1.is_some() && b.1.is_some()) {
            let points: Vec<(f64, f64)> = run
                .iter()
                .filter_map(|(x, y)| Some((self.x.share(*x) * WIDTH, self.height((*y)?))))
                .collect();
            let (Some(first), Some(last)) = (points.first(), points.last()) else { continue };
            let mut path = String::new();
            for (n, (x, y)) in points.iter().enumerate() {
                let verb = if n == 0 { 'M' } else { 'L' };
                let _infallible = write!(path, "{verb}{x:.1} {y:.1}");
            }
            // A value between two gaps is a dot: a line of no length with round ends.
            lines.push_str(&path);
            lines.push_str(if points.len() == 1 { "h0" } else { "" });
            let _infallible =
                write!(areas, "{path}L{:.1} {HEIGHT}L{:.1} {HEIGHT}Z", last.0, first.0);
        }
        let colour = series.colour;
        if series.form == Form::Area {
            let _infallible = writeln!(svg, "<path class=\"fill c-{colour}\" d=\"{areas}\"/>");
        }
        let dash = if series.form == Form::Dashed { " dash" } else { "" };
        let _infallible = writeln!(svg, "<path class=\"line{dash} c-{colour}\" d=\"{lines}\"/>");
    }

    /// How far below the top a value lies.
    fn height(&self, value: f64) -> f64 {
        (1.0 - self.y.share(value)) * HEIGHT
    }
}

/// Labels beside an axis.
pub(super) fn heights(y: &Axis, label: fn(f64) -> String) -> String {
    let text = |value: f64| if value == 0.0 { "0".to_owned() } else { brief(&label(value)) };
    let label = |value: f64| {
        let top = (1.0 - y.share(value)) * 100.0;
        format!("<span style=\"top:{top:.1}%\">{}</span>", xml(&text(value)))
    };
    y.ticks().into_iter().map(label).collect()
}

/// A round value without the zeros behind its point: `1.00s` is `1s`.
fn brief(text: &str) -> String {
    let Some((whole, rest)) = text.split_once('.') else { return text.to_owned() };
    let unit = rest.trim_start_matches('0');
    if unit.starts_with(|c: char| c.is_ascii_digit()) {
        return text.to_owned();
    }
    format!("{whole}{unit}")
}

/// Small words beside others.
pub(super) fn note(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!(" <small>{}</small>", xml(text)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(points: Vec<(f64, Option<f64>)>) -> Chart {
        let series = Series {
            name: "sent <b>".to_owned(),
            colour: "sent",
            form: Form::Area,
            points,
            said: String::new(),
        };
        Chart {
            title: "Rates".to_owned(),
            note: String::new(),
            bands: vec![],
            series: vec![series],
            spans: vec![],
            edges: vec![],
            x: Axis::Linear { low: 0.0, high: 4.0 },
            ticks: vec![],
            y: Axis::from_zero(10.0),
            place: |x| format!("{x} s"),
            label: |y| y.to_string(),
        }
    }

    #[test]
    fn without_a_value_there_is_no_figure() {
        assert_eq!(chart(vec![]).figure(), "");
        assert_eq!(chart(vec![(1.0, None)]).figure(), "");
    }

    #[test]
    fn a_gap_breaks_the_line_and_a_lone_value_is_a_dot() {
        let html = chart(vec![(0.0, Some(5.0)), (1.0, None), (2.0, Some(0.0)), (3.0, Some(10.0))])
            .figure();
        assert!(html.contains("d=\"M0.0 100.0h0M500.0 200.0L750.0 0.0\""), "{html}");
    }

    #[test]
    fn round_values_are_brief() {
        let cases = ["1.00s", "10.0 MiB", "1.50s", "0us", "0.05", "1,000"];
        assert_eq!(cases.map(brief), ["1s", "10 MiB", "1.50s", "0us", "0.05", "1,000"]);
    }

    #[test]
    fn what_is_pointed_at_is_named() {
        let html = chart(vec![(0.0, Some(5.0)), (2.0, Some(7.0))]).figure();
        assert!(html.contains("<title>2 s\nsent &lt;b&gt;  7</title>"), "{html}");
    }
}
