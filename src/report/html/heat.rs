//! The heat map: every delivered message by when it arrived and how long it took. Shows what
//! percentiles hide: two humps, waves of retries, a few that waited.

use std::collections::BTreeMap;

use super::chart::{Axis, HeatCell, HeatMap};
use super::latency::duration;
use super::timeline::{Timeline, clock};
use crate::measure::results::{Ending, Findings, Interval};

/// Columns at most.
const COLUMNS: usize = 100;

/// Rows at most.
const ROWS: u32 = 26;

/// The section.
pub(super) fn heat(findings: &Findings) -> String {
    let of_interest = |interval: &&Interval| {
        interval.metric == "e2e_response" && interval.ending == Ending::Whole
    };
    let intervals: Vec<&Interval> = findings.intervals.iter().filter(of_interest).collect();
    let Some(timeline) = Timeline::of(findings) else { return String::new() };
    let values = || intervals.iter().flat_map(|one| one.values.counted()).map(|(us, _)| us as f64);
    let (Some(least), Some(most)) = (values().reduce(f64::min), values().reduce(f64::max)) else {
        return String::new();
    };
    let row_s = intervals.first().map_or(1.0, |interval| interval.length_s);
    let stretch = findings.series.len().div_ceil(COLUMNS).max(1) as f64 * row_s;
    let y = Axis::log(least.max(1.0), most.max(2.0));
    let mut counts: BTreeMap<(u64, u32), u64> = BTreeMap::new();
    for interval in intervals {
        let column = (interval.start_s / stretch).floor() as u64;
        for (us, count) in interval.values.counted() {
            *counts.entry((column, row(&y, us as f64))).or_default() += count;
        }
    }
    let share = |row: u32| f64::from(row) / f64::from(ROWS);
    let cells = counts.into_iter().map(|((column, row), count)| {
        let from = timeline.place(column as f64 * stretch);
        let (low, high) = (y.value(share(row)), y.value(share(row + 1)));
        HeatCell { x: (from, from + stretch), y: (low, high), count }
    });
    HeatMap {
        title: "Time from due to the sink's 250, by when it ended".to_owned(),
        note: "darker: more messages; logarithmic".to_owned(),
        cells: cells.collect(),
        spans: timeline.spans().to_vec(),
        x: timeline.axis(),
        ticks: timeline.ticks(),
        y,
        place: clock,
        label: duration,
    }
    .figure()
}

/// The row of a value, from below.
fn row(y: &Axis, us: f64) -> u32 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to ROWS")]
    let row = (y.share(us) * f64::from(ROWS)) as u32;
    row.min(ROWS - 1)
}
