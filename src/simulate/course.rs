//! The levels of a simulated run as time goes by: backlog, bytes, slots in use; and its rows.

use super::digest::Digest;
use crate::clock::Time;
use crate::ledger::event::Period;
use crate::measure::aggregates::series::summarise;
use crate::measure::disturbances::recovery::Recovery;
use crate::measure::latency::per_second::{Kind, Settled};
use crate::measure::load::rates::last_quarters;
use crate::measure::results::{Ending, Interval, SeriesRow};
use crate::metric::latency::LatencyMetric as Metric;

const SECOND: u64 = 1_000_000_000;

/// What is held at a moment.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Levels {
    /// Accepted, not yet delivered or bounced.
    pub(super) backlog: u64,
    /// Bytes of that mail, once for each delivery.
    pub(super) bytes: u64,
    /// Messages in a session.
    pub(super) in_flight: u64,
    /// Delivery slots in use.
    pub(super) running: u64,
    /// How full the commit under way is, 0 to 1: a disk that writes half-empty batches has room.
    pub(super) committing: f64,
}

/// A level over one period.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Span {
    pub(super) from: u64,
    pub(super) to: u64,
    pub(super) most: u64,
    pub(super) area: f64,
    pub(super) at_end: u64,
    /// Slot, commit and session seconds.
    pub(super) running: f64,
    pub(super) committing: f64,
    pub(super) in_flight: f64,
}

impl Span {
    pub(super) fn mean(&self, area: f64) -> f64 {
        let length = self.to.saturating_sub(self.from);
        if length == 0 { 0.0 } else { area / length as f64 }
    }
}

/// Levels, rows and periods.
pub(super) struct Course {
    pub(super) levels: Levels,
    now: u64,
    period: Period,
    pub(super) spans: [Span; 3],
    /// How long after each fault window the backlog was as before.
    pub(super) recovery: Recovery,
    /// Highest backlog since the measured period began, and when.
    pub(super) peak: (u64, u64),
    /// Nanoseconds a row.
    row: u64,
    current: SeriesRow,
    /// The period in which it began.
    row_period: Period,
    /// When the measured period begins: mail due before it is of the warm-up.
    measured_from: u64,
    /// Latencies of the row of now.
    latencies: Vec<(Kind, Digest)>,
    bytes: f64,
    pub(super) rows: Vec<SeriesRow>,
    /// What the rows' percentiles are of.
    pub(super) intervals: Vec<Interval>,
    /// Mean backlog bytes of each row.
    pub(super) row_bytes: Vec<f64>,
    /// Area of the backlog in the row of now, and the mean backlog of each row before.
    area: f64,
    row_backlog: Vec<f64>,
}

fn index(period: Period) -> usize {
    match period {
        Period::WarmUp => 0,
        Period::Measured => 1,
        Period::Drain | Period::Closed => 2,
    }
}

impl Course {
    /// A course with rows of so many seconds; `measured_from`: when the measured period begins.
    pub(super) fn new(row_s: u64, measured_from: u64, recovery: Recovery) -> Course {
        Course {
            levels: Levels::default(),
            now: 0,
            period: Period::WarmUp,
            spans: [Span::default(); 3],
            recovery,
            peak: (0, 0),
            row: row_s.max(1) * SECOND,
            current: SeriesRow::default(),
            row_period: Period::WarmUp,
            measured_from,
            latencies: Vec::new(),
            bytes: 0.0,
            rows: Vec::new(),
            intervals: Vec::new(),
            row_bytes: Vec::new(),
            area: 0.0,
            row_backlog: Vec::new(),
        }
    }

    pub(super) fn row_s(&self) -> u64 {
        self.row / SECOND
    }

    pub(super) fn span(&self, period: Period) -> &Span {
        &self.spans[index(period)]
    }

    /// The row of now, to count in.
    pub(super) fn counts(&mut self) -> &mut SeriesRow {
        &mut self.current
    }

    /// A latency ends now.
    pub(super) fn ended(&mut self, metric: Metric, due: u64, nanos: u64) {
        self.digest(metric, due, Ending::Whole).record(nanos);
    }

    /// A latency is no longer watched from now on.
    pub(super) fn cut(&mut self, metric: Metric, due: u64, nanos: u64) {
        // Its age stands among the ages, which none of them has outlived.
        self.digest(metric, due, Ending::Censored).record(nanos);
    }

    fn digest(&mut self, metric: Metric, due: u64, ending: Ending) -> &mut Digest {
        let kind = Kind { metric, warm_up: due < self.measured_from, ending };
        let found = self.latencies.iter().position(|(known, _)| *known == kind);
        let index = found.unwrap_or_else(|| {
            self.latencies.push((kind, Digest::default()));
            self.latencies.len() - 1
        });
        &mut self.latencies[index].1
    }

    /// Moves on to `now`, with the levels as they are.
    pub(super) fn advance(&mut self, now: u64) {
        while now >= self.row_end() {
            self.hold(self.row_end());
            self.close_row();
        }
        self.hold(now);
    }

    /// The same to the close of the run, which is the end of its last row: what is cut off then
    /// was watched during that row.
    pub(super) fn advance_to_close(&mut self, now: u64) {
        while now > self.row_end() {
            self.hold(self.row_end());
            self.close_row();
        }
        self.hold(now);
    }

    /// So many deliveries joined the backlog: it may be the highest so far.
    pub(super) fn rise(&mut self, by: u64) {
        self.levels.backlog += by;
        let backlog = self.levels.backlog;
        self.recovery.step(Time(self.now), backlog);
        let span = &mut self.spans[index(self.period)];
        span.most = span.most.max(backlog);
        if self.period != Period::WarmUp && backlog > self.peak.0 {
            self.peak = (backlog, self.now);
        }
    }

    /// So many left it.
    pub(super) fn fall(&mut self, by: u64) {
        self.levels.backlog -= by;
        self.recovery.step(Time(self.now), self.levels.backlog);
    }

    /// Mean backlog over the third and the last quarter of the measured period, from the rows.
    pub(super) fn last_quarters(&self) -> [f64; 2] {
        let span = self.span(Period::Measured);
        last_quarters((Time(span.from), Time(span.to))).map(|(from, to)| {
            let ends = |row: &SeriesRow| (row.t_s + self.row_s()) * SECOND;
            let rows = self.rows.iter().zip(&self.row_backlog);
            let inside = rows.filter(|(row, _)| ends(row) > from.0 && ends(row) <= to.0);
            let (count, sum) = inside.fold((0_u32, 0.0), |(n, sum), (_, mean)| (n + 1, sum + mean));
            sum / f64::from(count.max(1))
        })
    }

    /// A period begins now.
    pub(super) fn begin(&mut self, period: Period) {
        let (now, backlog) = (self.now, self.levels.backlog);
        let ended = &mut self.spans[index(self.period)];
        (ended.to, ended.at_end) = (now, backlog);
        self.period = period;
        let row_start = self.rows.len() as u64 * self.row;
        if period == Period::Closed {
            let row = &self.current;
            let moved = row.offered + row.accepted + row.delivered + row.bounced;
            let counted = moved + row.rejected + row.deferred > 0;
            if now > row_start || counted || !self.latencies.is_empty() {
                self.close_row();
            }
            return;
        }
        if now == row_start {
            self.row_period = period;
        }
        let begun = &mut self.spans[index(period)];
        (begun.from, begun.to, begun.most, begun.at_end) = (now, now, backlog, backlog);
        if period == Period::Measured {
            self.peak = (backlog, now);
        }
    }

    fn row_end(&self) -> u64 {
        (self.rows.len() as u64 + 1) * self.row
    }

    fn hold(&mut self, until: u64) {
        let length = until.saturating_sub(self.now) as f64;
        if length == 0.0 {
            return;
        }
        let levels = self.levels;
        let span = &mut self.spans[index(self.period)];
        span.area += levels.backlog as f64 * length;
        span.running += levels.running as f64 * length;
        span.committing += levels.committing * length;
        span.in_flight += levels.in_flight as f64 * length;
        self.bytes += levels.bytes as f64 * length;
        self.area += levels.backlog as f64 * length;
        self.now = until;
    }

    fn close_row(&mut self) {
        let mut row = std::mem::take(&mut self.current);
        let seconds = self.row_s();
        row.t_s = self.rows.len() as u64 * seconds;
        row.period = self.row_period;
        self.row_period = self.period;
        for count in [
            &mut row.offered,
            &mut row.accepted,
            &mut row.delivered,
            &mut row.bounced,
            &mut row.rejected,
            &mut row.deferred,
        ] {
            *count = (*count + seconds / 2) / seconds;
        }
        row.backlog = self.levels.backlog;
        row.queue_length = Some(self.levels.backlog);
        (row.inflight, row.conns) = (self.levels.in_flight, self.levels.in_flight);
        row.sink_conns = self.levels.running;
        let latencies = std::mem::take(&mut self.latencies).into_iter();
        let kinds = latencies.filter_map(|(kind, digest)| Some((kind, digest.values()?)));
        let settled = Settled::of(kinds.collect());
        summarise(&mut row, &settled);
        self.intervals.extend(settled.into_intervals(row.t_s as f64, seconds as f64));
        self.rows.push(row);
        self.row_bytes.push(self.bytes / self.row as f64);
        self.bytes = 0.0;
        self.row_backlog.push(std::mem::take(&mut self.area) / self.row as f64);
    }
}
