//! Draws lines as SVG: scales, grid, labels, shaded spans. What they mean is the caller's.

use std::fmt::Write as _;

use crate::report::escape::xml;

const WIDTH: f64 = 900.0;
const HEIGHT: f64 = 220.0;
/// Room for labels: left, top, right, bottom.
const MARGIN: (f64, f64, f64, f64) = (62.0, 18.0, 12.0, 22.0);

/// One line; a gap where there is no value.
pub(super) struct Line {
    /// In the key.
    pub name: String,
    /// Number of its colour in the style sheet.
    pub colour: u8,
    /// `x` and `y`, `x` rising.
    pub points: Vec<(f64, Option<f64>)>,
}

/// A labelled tick of an axis.
pub(super) struct Tick {
    /// Where.
    pub at: f64,
    /// What it says.
    pub label: String,
}

/// A span of `x` to be shaded, with what it stands for.
pub(super) struct Span {
    /// From.
    pub from: f64,
    /// To.
    pub to: f64,
    /// Shown when pointed at.
    pub name: String,
}

/// A figure.
pub(super) struct Plot<'a> {
    /// Below it.
    pub caption: &'a str,
    /// Lines.
    pub lines: Vec<Line>,
    /// Shaded below the lines.
    pub spans: Vec<Span>,
    /// Ticks along `x`; the first and last are the ends of the axis.
    pub x: Vec<Tick>,
    /// Text of a value of `y`.
    pub label: fn(f64) -> String,
    /// Whether `y` is logarithmic.
    pub log: bool,
}

impl Plot<'_> {
    /// The figure; empty without a single value.
    pub(super) fn svg(&self) -> String {
        let values = || self.lines.iter().flat_map(|line| &line.points).filter_map(|(_, y)| *y);
        let top = values().fold(f64::NEG_INFINITY, f64::max);
        let Some((left, right)) = self.x.first().zip(self.x.last()) else { return String::new() };
        if !top.is_finite() {
            return String::new();
        }
        let low = values().fold(f64::INFINITY, f64::min);
        let scale = Scale { x: (left.at, right.at), y: Y::of(self.log, low, top) };
        let mut svg = format!("<figure>\n<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\">\n");
        self.grid(&scale, &mut svg);
        self.lines.iter().for_each(|line| draw(line, &scale, &mut svg));
        let _infallible = writeln!(
            svg,
            "</svg>\n<figcaption>{}{}</figcaption>\n</figure>",
            self.caption,
            self.key()
        );
        svg
    }

    fn key(&self) -> String {
        let entry = |line: &Line| {
            format!("<span class=\"key c{}\"></span>{}", line.colour, xml(&line.name))
        };
        self.lines.iter().map(entry).collect()
    }

    fn grid(&self, scale: &Scale, svg: &mut String) {
        let (left, right) = (MARGIN.0, WIDTH - MARGIN.2);
        let (top, bottom) = (MARGIN.1, HEIGHT - MARGIN.3);
        for span in &self.spans {
            let (from, to) = (scale.x(span.from), scale.x(span.to));
            let _infallible = writeln!(
                svg,
                "<rect class=\"fault\" x=\"{from:.1}\" y=\"{top}\" width=\"{:.1}\" height=\"{}\">\
                 <title>{name}</title></rect>\n\
                 <text x=\"{from:.1}\" y=\"12\">{name}</text>",
                (to - from).max(1.0),
                bottom - top,
                name = xml(&span.name),
            );
        }
        for tick in scale.y.ticks() {
            let y = scale.y(tick);
            let _infallible = writeln!(
                svg,
                "<line class=\"grid\" x1=\"{left}\" x2=\"{right}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>\n\
                 <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
                left - 6.0,
                y + 4.0,
                (self.label)(tick),
            );
        }
        for tick in &self.x {
            let x = scale.x(tick.at);
            let _infallible = writeln!(
                svg,
                "<line class=\"edge\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{top}\" y2=\"{bottom}\"/>\n\
                 <text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"{}\">{}</text>",
                HEIGHT - 6.0,
                if x > right - 40.0 { "end" } else { "start" },
                xml(&tick.label),
            );
        }
    }
}

/// One path; a move after each gap.
fn draw(line: &Line, scale: &Scale, svg: &mut String) {
    let mut path = String::new();
    let mut pen_down = false;
    for (x, y) in &line.points {
        if let Some(y) = y {
            let verb = if pen_down { 'L' } else { 'M' };
            let _infallible = write!(path, "{verb}{:.1} {:.1}", scale.x(*x), scale.y(*y));
        }
        pen_down = y.is_some();
    }
    let _infallible = writeln!(svg, "<path class=\"line c{}\" d=\"{path}\"/>", line.colour);
}

struct Scale {
    x: (f64, f64),
    y: Y,
}

/// The vertical axis.
enum Y {
    /// From zero to this, in steps of that.
    Linear { top: f64, step: f64 },
    /// Between powers of ten.
    Log { low: i32, high: i32 },
}

impl Y {
    fn of(log: bool, low: f64, top: f64) -> Y {
        if log {
            let (low, high) = (low.max(1.0).log10().floor(), top.max(1.0).log10().ceil());
            #[expect(clippy::cast_possible_truncation, reason = "powers of ten")]
            return Y::Log { low: low as i32, high: (high as i32).max(low as i32 + 1) };
        }
        let step = nice_step(top.max(1.0) / 4.0);
        Y::Linear { top: (top.max(1.0) / step).ceil() * step, step }
    }

    /// Share of the height.
    fn share(&self, value: f64) -> f64 {
        match self {
            Y::Linear { top, .. } => value / top,
            Y::Log { low, high } => {
                (value.max(1.0).log10() - f64::from(*low)) / f64::from(high - low)
            }
        }
    }

    fn ticks(&self) -> Vec<f64> {
        match self {
            Y::Linear { top, step } => {
                (0..).map(|n| f64::from(n) * step).take_while(|at| at <= top).collect()
            }
            Y::Log { low, high } => (*low..=*high).map(|power| 10_f64.powi(power)).collect(),
        }
    }
}

impl Scale {
    fn x(&self, value: f64) -> f64 {
        let share = (value - self.x.0) / (self.x.1 - self.x.0).max(f64::MIN_POSITIVE);
        MARGIN.0 + share * (WIDTH - MARGIN.0 - MARGIN.2)
    }

    fn y(&self, value: f64) -> f64 {
        HEIGHT - MARGIN.3 - self.y.share(value) * (HEIGHT - MARGIN.1 - MARGIN.3)
    }
}

/// The least of 1, 2 or 5 times a power of ten that is not less than `rough`.
fn nice_step(rough: f64) -> f64 {
    let power = 10_f64.powf(rough.log10().floor());
    let times = [1.0, 2.0, 5.0, 10.0].into_iter().find(|times| times * power >= rough);
    times.unwrap_or(10.0) * power
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_round() {
        assert_eq!([0.9, 1.0, 1.1, 130.0, 260.0].map(nice_step), [1.0, 1.0, 2.0, 200.0, 500.0]);
    }

    #[test]
    fn a_line_breaks_at_a_gap_and_names_are_inert() {
        let points = vec![(0.0, Some(1.0)), (1.0, None), (2.0, Some(4.0)), (3.0, Some(2.0))];
        let tick = |at: f64| Tick { at, label: human_free(at) };
        let plot = Plot {
            caption: "Things",
            lines: vec![Line { name: "<a>".to_owned(), colour: 1, points }],
            spans: vec![Span { from: 1.0, to: 2.0, name: "</svg>".to_owned() }],
            x: vec![tick(0.0), tick(3.0)],
            label: human_free,
            log: false,
        };
        let svg = plot.svg();
        assert_eq!(svg.matches('M').count(), 2, "{svg}");
        assert!(!svg.contains("<a>") && svg.matches("</svg>").count() == 1, "{svg}");
        assert_eq!(Plot { lines: vec![], ..plot }.svg(), "");
    }

    fn human_free(value: f64) -> String {
        format!("{value}")
    }
}
