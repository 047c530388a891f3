//! What a chart says where it is pointed at: an unseen column for each `x`, with its values as
//! its title.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::{Chart, HEIGHT, WIDTH};
use crate::escape::xml;

/// The columns, over everything else.
pub(super) fn hits(chart: &Chart, svg: &mut String) {
    let columns = columns(chart);
    for (n, (x, lines)) in columns.iter().enumerate() {
        let middle = |other: f64| f64::midpoint(*x, other);
        let from = n.checked_sub(1).map_or(0.0, |before| middle(columns[before].0));
        let to = columns.get(n + 1).map_or(WIDTH, |after| middle(after.0));
        let _infallible = writeln!(
            svg,
            "<rect class=\"hit\" x=\"{from:.1}\" width=\"{:.1}\" height=\"{HEIGHT}\">\
             <title>{}</title></rect>",
            to - from,
            lines.join("\n"),
        );
    }
}

/// Each `x` that has a value: where it lies, and what there is to say, escaped.
fn columns(chart: &Chart) -> Vec<(f64, Vec<String>)> {
    let mut columns: BTreeMap<u64, (f64, Vec<String>)> = BTreeMap::new();
    let mut say = |x: f64, line: String| {
        // Where two `x` fall on the same tenth of a unit, a pointer cannot tell them apart.
        let place = chart.x.share(x) * WIDTH;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 10000")]
        let (_, lines) = columns
            .entry((place * 10.0).round() as u64)
            .or_insert_with(|| (place, vec![xml(&(chart.place)(x)), faults(chart, x)]));
        lines.push(line);
    };
    for series in &chart.series {
        for (x, y) in series.points.iter().filter_map(|(x, y)| Some((*x, (*y)?))) {
            say(x, format!("{}  {}", xml(&series.name), xml(&(chart.label)(y))));
        }
    }
    for band in &chart.bands {
        for (x, low, high) in &band.points {
            let range = format!("{} to {}", (chart.label)(*low), (chart.label)(*high));
            say(*x, format!("{}  {}", xml(&band.name), xml(&range)));
        }
    }
    let mut columns: Vec<_> = columns.into_values().collect();
    columns.iter_mut().for_each(|(_, lines)| lines.retain(|line| !line.is_empty()));
    columns
}

/// The faults that hold there.
fn faults(chart: &Chart, x: f64) -> String {
    let hold = chart.spans.iter().filter(|span| span.from <= x && x <= span.to);
    let mut names: Vec<&str> = hold.map(|span| span.name.as_str()).collect();
    names.dedup();
    xml(&names.join(", "))
}
