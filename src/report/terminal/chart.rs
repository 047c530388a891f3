//! A series drawn as one line of characters, and spans drawn below it.

use crate::measure::results::SeriesRow;
use crate::report::view::View;

const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
const ASCII_BARS: [char; 8] = ['.', ':', '-', '=', '+', '*', '#', '@'];

/// At most this many columns, so that charts do not become wallpaper.
const WIDEST: usize = 72;

/// Rows of the series behind each column of the chart: several share one where there is little
/// room, and one takes several where there is much.
pub(super) fn columns(series: &[SeriesRow], room: usize) -> Vec<&[SeriesRow]> {
    let room = room.clamp(1, WIDEST);
    let shared = series.len().div_ceil(room).max(1);
    let chunks = series.chunks(shared);
    let wide = (room / chunks.len().max(1)).max(1);
    chunks.flat_map(|rows| std::iter::repeat_n(rows, wide)).collect()
}

/// The greatest value of each column, scaled to the greatest of all. Zero is drawn as a space.
pub(super) fn bars(
    columns: &[&[SeriesRow]],
    value: impl Fn(&SeriesRow) -> u64,
    view: &View,
) -> String {
    let peaks: Vec<u64> =
        columns.iter().map(|rows| rows.iter().map(&value).max().unwrap_or(0)).collect();
    let top = peaks.iter().copied().max().unwrap_or(0).max(1);
    let glyphs = if view.unicode { BARS } else { ASCII_BARS };
    let height = |peak: u64| usize::try_from((peak * 8).div_ceil(top)).unwrap_or(8).min(8);
    peaks.iter().map(|peak| if *peak == 0 { ' ' } else { glyphs[height(*peak) - 1] }).collect()
}

/// A line where `active` holds in a column, dots elsewhere.
pub(super) fn span(
    columns: &[&[SeriesRow]],
    active: impl Fn(&SeriesRow) -> bool,
    view: &View,
) -> String {
    let (on, off) = if view.unicode { ('━', '·') } else { ('=', '.') };
    columns.iter().map(|rows| if rows.iter().any(&active) { on } else { off }).collect()
}

/// The periods of the run, each named where it begins.
pub(super) fn periods(columns: &[&[SeriesRow]], view: &View) -> String {
    let edge = view.pick("│", "|");
    let name = |rows: &[SeriesRow]| rows.first().map_or("", |row| row.period.name());
    let mut axis = String::new();
    for chunk in columns.chunk_by(|a, b| name(a) == name(b)) {
        let label: String = name(chunk[0]).chars().take(chunk.len() - 1).collect();
        axis.push_str(edge);
        axis.push_str(&format!("{label:<width$}", width = chunk.len() - 1));
    }
    axis
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::event::Period;

    fn series() -> Vec<SeriesRow> {
        let period = |t| if t < 10 { Period::Measured } else { Period::Drain };
        let row = |t| SeriesRow { t_s: t, period: period(t), backlog: t, ..Default::default() };
        (0..16).map(row).collect()
    }

    #[test]
    fn peaks_survive_the_scaling() {
        let (series, view) = (series(), View::plain(80));
        let drawn = bars(&columns(&series, 8), |row| row.backlog, &view);
        assert_eq!(drawn, "▁▂▃▄▅▆▇█");
        let ascii = View { unicode: false, ..view };
        assert_eq!(bars(&columns(&series, 4), |row| row.backlog, &ascii), ":=*@");
        assert_eq!(bars(&columns(&series, 4), |_| 0, &ascii), "    ");
        assert_eq!(bars(&columns(&series[..3], 8), |row| row.t_s, &ascii), "  ==@@");
    }

    #[test]
    fn spans_and_periods_stand_below_their_seconds() {
        let (series, view) = (series(), View::plain(80));
        let columns = columns(&series, 16);
        assert_eq!(span(&columns, |row| row.t_s < 2, &view), "━━··············");
        assert_eq!(periods(&columns, &view), "│measured │drain");
        assert_eq!(bars(&super::columns(&[], 16), |_| 1, &view), "");
    }
}
