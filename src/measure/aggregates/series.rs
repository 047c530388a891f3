//! The run second by second: rows of `timeseries.csv`, intervals of `latency.hlog`.
//!
//! Here a latency stands in the second in which it ended or was no longer watched, and percentiles
//! are nearest ranks of whatever that second holds, however little: a picture, not a claim. A row of
//! the warm-up is about mail due in it, every later row about mail of the measured period.

use super::periods::Periods;
use crate::clock::{self, Time};
use crate::fault::rule::Rule;
use crate::ledger::event::{AttemptOutcome, Event, Period, Pulse, Usage};
use crate::ledger::history::ProbeView;
use crate::limits;
use crate::measure::disturbances::outages::Outages;
use crate::measure::latency::observation::Seen;
use crate::measure::latency::per_second::{Latencies, Settled};
use crate::measure::queue::backlog::Curve;
use crate::measure::results::{Interval, SeriesRow};
use crate::metric::latency::LatencyMetric;
use crate::probe::PREFLIGHT;

const NANOS: u64 = 1_000_000_000;

/// What the rows are made of.
#[derive(Debug, Default)]
pub struct Series {
    seconds: Vec<Second>,
    /// Events so far: a run has one a second at the least, so that one journal record with a time
    /// far away does not make rows for a week.
    events: usize,
    last_pulse: Option<Pulse>,
    last_usage: Option<Usage>,
}

#[derive(Debug, Default)]
struct Second {
    row: SeriesRow,
    latencies: Latencies,
}

/// Curves and windows that every row is read from.
pub struct Frame<'a> {
    /// The run's periods.
    pub periods: &'a Periods,
    /// Accepted, not yet delivered or bounced.
    pub backlog: &'a Curve,
    /// Messages offered, without a reply.
    pub in_flight: &'a Curve,
    /// The scenario's faults.
    pub faults: &'a [Rule],
    /// What was done to the target itself.
    pub outages: &'a Outages,
}

impl Series {
    /// Takes note of an event.
    pub fn observe(&mut self, event: &Event) {
        self.events += 1;
        match event {
            Event::Attempt(attempt) if attempt.probe.0 < PREFLIGHT.0 => {
                let Some(second) = self.at(attempt.ended) else { return };
                match attempt.outcome {
                    AttemptOutcome::Deferred => second.row.deferred += 1,
                    AttemptOutcome::Rejected => second.row.rejected += 1,
                    _ => {}
                }
            }
            Event::Queue { at, total, .. } => {
                if let Some(second) = self.at(*at) {
                    second.row.queue_length = Some(*total);
                }
            }
            Event::QueueStates { at, active, deferred, frozen } => {
                if let Some(Second { row, .. }) = self.at(*at) {
                    row.queue_active = Some(*active);
                    row.queue_deferred = Some(*deferred);
                    row.queue_frozen = Some(*frozen);
                }
            }
            Event::Pulse(pulse) => self.pulse(pulse),
            Event::Usage(usage) => self.usage(usage),
            Event::Hiccup { from, to } => {
                if let Some(Second { row, .. }) = self.at(*to) {
                    row.hiccup_us = row.hiccup_us.max(clock::micros(to.since(*from)));
                }
            }
            _ => {}
        }
    }

    /// Enters the events in the life of one probe.
    pub fn probe(&mut self, probe: &ProbeView) {
        self.count(Some(probe.due), |row| row.offered += 1);
        self.count(probe.accepted, |row| row.accepted += 1);
        self.count(probe.taken, |row| row.delivered += 1);
        self.count(probe.bounced, |row| row.bounced += 1);
    }

    /// Enters a latency of mail due in `period` that ended, or was no longer watched, at `until`.
    pub fn latency(&mut self, metric: LatencyMetric, period: Period, until: Time, seen: Seen) {
        // A run is closed at the end of its last second.
        let last = if matches!(seen, Seen::Cut(_)) { until.0.saturating_sub(1) } else { until.0 };
        if let Some(second) = self.at(Time(last)) {
            second.latencies.enter(metric, period, seen);
        }
    }

    /// The rows and the intervals, up to the close of the run.
    #[must_use]
    pub fn finish(mut self, frame: &Frame<'_>) -> (Vec<SeriesRow>, Vec<Interval>) {
        self.at(Time(frame.periods.close().0.saturating_sub(1)));
        let mut rows = Vec::with_capacity(self.seconds.len());
        let mut intervals = Vec::new();
        for (t_s, second) in (0_u64..).zip(self.seconds) {
            let Second { mut row, latencies } = second;
            row.t_s = t_s;
            frame.describe(&mut row);
            let latencies = latencies.settled();
            summarise(&mut row, &latencies);
            rows.push(row);
            intervals.extend(latencies.into_intervals(t_s as f64, 1.0));
        }
        (rows, intervals)
    }

    fn pulse(&mut self, pulse: &Pulse) {
        let cpu_pct = self.last_pulse.map_or(0.0, |last| cpu_share(&last, pulse) * 100.0);
        self.last_pulse = Some(*pulse);
        if let Some(second) = self.at(pulse.at) {
            second.row.conns = u64::from(pulse.traffic_sessions);
            second.row.sink_conns = u64::from(pulse.sink_sessions);
            second.row.rss_bytes = pulse.rss_bytes;
            second.row.cpu_pct = cpu_pct;
        }
    }

    fn usage(&mut self, usage: &Usage) {
        let last = self.last_usage.replace(*usage);
        let Some(second) = self.at(usage.at) else { return };
        second.row.target_rss_bytes = Some(usage.rss_bytes);
        second.row.target_files = usage.open_files;
        second.row.target_processes = Some(usage.processes);
        let Some(last) = last else { return };
        let seconds = usage.at.since(last.at).as_secs_f64().max(f64::MIN_POSITIVE);
        let cpu_us = usage.cpu_us.saturating_sub(last.cpu_us) as f64;
        second.row.target_cpu_pct = Some(cpu_us / 1e4 / seconds);
        let io = usage.io_bytes.zip(last.io_bytes).map(|(now, then)| now.saturating_sub(then));
        second.row.target_io_bytes = io.map(|bytes| (bytes as f64 / seconds).round() as u64);
    }

    fn count(&mut self, at: Option<Time>, by: impl FnOnce(&mut SeriesRow)) {
        if let Some(second) = at.and_then(|at| self.at(at)) {
            by(&mut second.row);
        }
    }

    /// The second of a moment; none beyond what a series holds.
    fn at(&mut self, time: Time) -> Option<&mut Second> {
        let index = usize::try_from(time.0 / NANOS).ok()?;
        let most = self.events.saturating_add(limits::SERIES_QUIET);
        if index >= most.min(limits::SERIES_SECONDS) {
            return None;
        }
        if self.seconds.len() <= index {
            self.seconds.resize_with(index + 1, Second::default);
        }
        self.seconds.get_mut(index)
    }
}

impl Frame<'_> {
    /// Fills in what a second is, and the levels at its end.
    fn describe(&self, row: &mut SeriesRow) {
        let start = Time(row.t_s * NANOS);
        let end = Time((row.t_s + 1) * NANOS);
        row.period = self.periods.at(start);
        // What happens at its end is the next one's.
        let last = Time(end.0 - 1);
        row.backlog = self.backlog.at(last);
        row.inflight = self.in_flight.at(last);
        let open = self.faults.iter().filter(|rule| self.is_open(rule, start, end));
        let open = open.map(|rule| rule.name.as_str());
        let struck = self.outages.between(start, end).map(|name| -> &str { name });
        let mut names: Vec<&str> = open.chain(struck).collect();
        names.dedup();
        row.faults = names.join(";");
    }

    fn is_open(&self, rule: &Rule, start: Time, end: Time) -> bool {
        let from = self.periods.measured_from();
        rule.scope
            .during
            .is_some_and(|window| from.plus(window.start) < end && from.plus(window.end) > start)
    }
}

/// CPU time between two looks, as a share of one core.
#[must_use]
pub fn cpu_share(from: &Pulse, to: &Pulse) -> f64 {
    let wall = to.at.since(from.at).as_secs_f64();
    if wall <= 0.0 {
        return 0.0;
    }
    to.cpu_us.saturating_sub(from.cpu_us) as f64 / 1e6 / wall
}

/// Fills in what a row says of latencies.
pub fn summarise(row: &mut SeriesRow, latencies: &Settled) {
    let warm_up = row.period == Period::WarmUp;
    let of = |metric: LatencyMetric, share| latencies.ranked(metric, warm_up, share);
    row.submit_p50_us = of(LatencyMetric::SubmitResponse, 0.5);
    row.submit_p99_us = of(LatencyMetric::SubmitResponse, 0.99);
    row.submit_censored = latencies.without_end(LatencyMetric::SubmitResponse, warm_up);
    row.e2e_p50_us = of(LatencyMetric::E2eResponse, 0.5);
    row.e2e_p99_us = of(LatencyMetric::E2eResponse, 0.99);
    row.e2e_censored = latencies.without_end(LatencyMetric::E2eResponse, warm_up);
    row.lag_p99_us = of(LatencyMetric::ScheduleLag, 0.99);
}

#[cfg(test)]
mod tests {
    use super::super::periods::time_of;
    use super::*;
    use crate::measure::synthetic::{self, attempt, ms};
    use std::time::Duration;

    const E2E: LatencyMetric = LatencyMetric::E2eResponse;

    fn rows(series: Series, close_ms: u64) -> Vec<SeriesRow> {
        let mut told = Periods::default();
        let events = synthetic::periods(2000, close_ms);
        events.iter().for_each(|event| told.observe(event, time_of(event)));
        let backlog = Curve::of([(ms(500), Some(ms(1500)))].into_iter());
        let frame = Frame {
            periods: &told,
            backlog: &backlog,
            in_flight: &Curve::default(),
            faults: &[],
            outages: &Outages::default(),
        };
        series.finish(&frame).0
    }

    #[test]
    fn a_row_a_second_to_the_close_with_levels_at_its_end() {
        let rows = rows(Series::default(), 4000);
        assert_eq!(rows.iter().map(|row| row.t_s).collect::<Vec<_>>(), [0, 1, 2, 3]);
        assert_eq!(rows.iter().map(|row| row.backlog).collect::<Vec<_>>(), [1, 0, 0, 0]);
        assert_eq!((rows[1].period, rows[2].period), (Period::Measured, Period::Drain));
    }

    #[test]
    fn what_ended_in_a_second_is_in_its_row() {
        let mut series = Series::default();
        for millis in 1..=100 {
            let value = Seen::Whole(Duration::from_millis(millis));
            series.latency(E2E, Period::Measured, ms(1200), value);
        }
        series.latency(E2E, Period::WarmUp, ms(1200), Seen::Whole(Duration::MAX));
        let deferred = attempt(1, 1, (900, 1100), AttemptOutcome::Deferred);
        series.observe(&Event::Attempt(deferred));
        let rows = rows(series, 2000);
        assert_eq!((rows[0].e2e_p50_us, rows[1].e2e_p50_us), (None, Some(50_000)));
        assert_eq!((rows[1].e2e_p99_us, rows[1].deferred), (Some(99_000), 1));
    }

    /// Of a hundred, forty are cut off after 7 s and ten failed at once.
    #[test]
    fn what_has_no_end_is_in_the_second_in_which_it_was_no_longer_watched() {
        let mut series = Series::default();
        let mut enter = |count: u32, seen| {
            (0..count).for_each(|_| series.latency(E2E, Period::Measured, ms(2500), seen));
        };
        enter(50, Seen::Whole(Duration::from_millis(2)));
        enter(40, Seen::Cut(Duration::from_secs(7)));
        enter(10, Seen::Failed(Duration::from_micros(90)));
        let rows = rows(series, 3000);
        assert_eq!((rows[2].e2e_p50_us, rows[2].e2e_p99_us), (Some(2000), Some(7_000_000)));
        assert_eq!((rows[2].e2e_censored, rows[2].submit_censored), (50, 0));
    }

    #[test]
    fn many_that_ended_in_one_second_are_counted_there() {
        let mut series = Series::default();
        for us in 1..=200_000 {
            let value = Seen::Whole(Duration::from_micros(us));
            series.latency(E2E, Period::Measured, ms(1200), value);
        }
        let median = rows(series, 2000)[1].e2e_p50_us.expect("a median");
        assert!(median.abs_diff(100_000) <= 100, "{median}: three digits");
    }

    #[test]
    fn a_time_out_of_all_proportion_takes_no_memory() {
        let mut series = Series::default();
        let late = Event::Queue { at: Time(u64::MAX), total: 1, active: 0, deferred: 0 };
        series.observe(&late);
        assert!(rows(series, 1000).len() < 3);
    }

    #[test]
    fn cpu_is_a_share_of_one_core_between_two_looks() {
        let look = |millis, cpu_us| Pulse { at: ms(millis), cpu_us, ..Pulse::default() };
        assert!((cpu_share(&look(0, 100), &look(2000, 1_000_100)) - 0.5).abs() < 1e-9);
        assert!(cpu_share(&look(5, 0), &look(5, 9)).abs() < 1e-9);
    }
}
