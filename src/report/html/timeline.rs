//! What every chart over time has in common: its axis, the periods of the run, and the faults and
//! chaos shaded. Zero is the start of the measured period, as in the scenario and in the tables.

use super::chart::{Axis, Chart, Form, Mark, Series, Span};
use crate::measure::results::{ChaosFacts, Findings, Results, SeriesRow};
use crate::report::human;

/// At most this many points a line.
const POINTS: usize = 240;

/// How several seconds become one point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fold {
    /// Their mean, in the middle: rates.
    Mean,
    /// The greatest of them, in the middle: latencies, of which no peak may be lost.
    Most,
    /// The greatest of them, at the end: levels such as the backlog.
    Level,
}

/// A column of the series, and how it looks.
pub(super) struct Column {
    /// In the key.
    pub name: &'static str,
    /// Class of its colour.
    pub colour: &'static str,
    /// How it is drawn.
    pub form: Form,
    /// Its value in a second.
    pub value: fn(&SeriesRow) -> Option<f64>,
    /// How several seconds become one point.
    pub fold: Fold,
    /// What the key says beside the name.
    pub said: String,
}

/// The axis and what stands on it.
pub(super) struct Timeline<'f> {
    rows: &'f [SeriesRow],
    zero: f64,
    measured: f64,
    stretch: usize,
    spans: Vec<Span>,
}

impl<'f> Timeline<'f> {
    /// The run's; none without a series (of a lone `report.json`).
    pub(super) fn of(findings: &'f Findings) -> Option<Timeline<'f>> {
        let rows = findings.series.as_slice();
        let stretch = rows.len().div_ceil(POINTS).max(1);
        let zero = findings.results.run.measured_from_s;
        let spans = spans(&findings.results);
        let measured = findings.results.run.measured_to_s - zero;
        (!rows.is_empty()).then_some(Timeline { rows, zero, measured, stretch, spans })
    }

    /// Seconds since the measured period began, of a second since the epoch.
    pub(super) fn place(&self, second: f64) -> f64 {
        second - self.zero
    }

    /// From the first second of the run to its last.
    pub(super) fn axis(&self) -> Axis {
        let last = self.rows.last().map_or(1.0, |row| (row.t_s + 1) as f64);
        Axis::Linear { low: self.place(0.0), high: self.place(last) }
    }

    /// The faults and chaos, to be shaded.
    pub(super) fn spans(&self) -> &[Span] {
        &self.spans
    }

    /// Labels along the axis.
    pub(super) fn ticks(&self) -> Vec<Mark> {
        self.axis().seconds().into_iter().map(|at| Mark { at, label: clock(at) }).collect()
    }

    /// Where each period begins.
    pub(super) fn edges(&self) -> Vec<Mark> {
        let mut edges = Vec::new();
        let begin = self.place(0.0);
        if begin < 0.0 {
            edges.push((begin, "warm-up"));
        }
        edges.push((0.0, "measured"));
        if self.axis().share(self.measured) < 1.0 {
            edges.push((self.measured, "drain"));
        }
        edges.into_iter().map(|(at, name)| Mark { at, label: name.to_owned() }).collect()
    }

    /// A chart of these columns; those that are zero throughout are left out.
    pub(super) fn chart(&self, title: &str, columns: Vec<Column>) -> Chart {
        let some =
            |column: &Column| self.rows.iter().filter_map(column.value).any(|value| value > 0.0);
        let fold = columns.first().map_or(Fold::Mean, |column| column.fold);
        let series: Vec<Series> = columns
            .into_iter()
            .filter(some)
            .map(|column| Series {
                points: self.points(column.value, column.fold),
                name: column.name.to_owned(),
                colour: column.colour,
                form: column.form,
                said: column.said,
            })
            .collect();
        let values = series.iter().flat_map(|series| &series.points).filter_map(|(_, y)| *y);
        let top = values.fold(0.0, f64::max);
        let note = match (self.stretch, fold) {
            (1, _) => String::new(),
            (seconds, Fold::Mean) => format!("each point the mean of {seconds} s"),
            (seconds, _) => format!("each point the greatest of {seconds} s"),
        };
        Chart {
            title: title.to_owned(),
            note,
            bands: Vec::new(),
            series,
            spans: self.spans.clone(),
            edges: self.edges(),
            x: self.axis(),
            ticks: self.ticks(),
            y: Axis::from_zero(top),
            place: clock,
            label: human::number,
        }
    }

    /// A column as points.
    pub(super) fn points(
        &self,
        value: fn(&SeriesRow) -> Option<f64>,
        fold: Fold,
    ) -> Vec<(f64, Option<f64>)> {
        let point = |rows: &[SeriesRow]| {
            let values: Vec<f64> = rows.iter().filter_map(value).collect();
            let most = values.iter().copied().reduce(f64::max);
            let y = match fold {
                Fold::Mean => most.map(|_| values.iter().sum::<f64>() / values.len() as f64),
                Fold::Most | Fold::Level => most,
            };
            let from = rows[0].t_s as f64;
            let ahead = if fold == Fold::Level { 1.0 } else { 0.5 };
            (self.place(from + ahead * rows.len() as f64), y)
        };
        self.rows.chunks(self.stretch).map(point).collect()
    }
}

/// Seconds as a place in time; before the measured period they are negative.
pub(super) fn clock(seconds: f64) -> String {
    let text = human::moment(seconds.abs());
    if seconds < 0.0 { format!("-{text}") } else { text }
}

/// Windows of faults, and chaos from its strike until the target was back.
fn spans(results: &Results) -> Vec<Span> {
    let windows = results.faults.iter().filter_map(|rule| {
        let (from, to) = rule.during_s?;
        Some(Span { from, to, name: rule.name.clone(), class: "fault" })
    });
    let end = results.run.duration_s - results.run.measured_from_s;
    let strikes = results.chaos.iter().map(|strike| Span {
        from: strike.at_s,
        to: strike.at_s + away(strike, end),
        name: strike.what.clone(),
        class: "chaos",
    });
    windows.chain(strikes).collect()
}

/// How long a strike lasted; of one that the target never came back from, to the end of the run.
fn away(strike: &ChaosFacts, end: f64) -> f64 {
    match strike.down_s {
        Some(down) => down,
        None if strike.what == "run" => 0.0,
        None => (end - strike.at_s).max(0.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timeline(rows: &[SeriesRow]) -> Timeline<'_> {
        let stretch = rows.len().div_ceil(POINTS).max(1);
        Timeline { rows, zero: 2.0, measured: 1.0, stretch, spans: vec![] }
    }

    fn rows(seconds: u64) -> Vec<SeriesRow> {
        let row = |t_s| SeriesRow { t_s, backlog: t_s, ..SeriesRow::default() };
        (0..seconds).map(row).collect()
    }

    #[test]
    fn zero_is_the_start_of_the_measured_period() {
        let rows = rows(4);
        let timeline = timeline(&rows);
        assert_eq!(timeline.axis(), Axis::Linear { low: -2.0, high: 2.0 });
        let points = timeline.points(|row| Some(row.backlog as f64), Fold::Level);
        assert_eq!(
            points,
            [(-1.0, Some(0.0)), (0.0, Some(1.0)), (1.0, Some(2.0)), (2.0, Some(3.0))]
        );
        let edges: Vec<(f64, String)> =
            timeline.edges().into_iter().map(|edge| (edge.at, edge.label)).collect();
        let wanted = [(-2.0, "warm-up"), (0.0, "measured"), (1.0, "drain")];
        assert_eq!(edges, wanted.map(|(at, label)| (at, label.to_owned())));
        assert_eq!((clock(-2.0), clock(65.0)), ("-2s".to_owned(), "1m05s".to_owned()));
    }

    #[test]
    fn a_long_run_keeps_its_peaks_and_its_means() {
        let rows = rows(480);
        let timeline = timeline(&rows);
        let level = timeline.points(|row| Some(row.backlog as f64), Fold::Level);
        assert_eq!((level.len(), level[0], level[239].1), (240, (0.0, Some(1.0)), Some(479.0)));
        let mean = timeline.points(|row| Some(row.backlog as f64), Fold::Mean);
        assert_eq!(mean[0], (-1.0, Some(0.5)));
    }
}
