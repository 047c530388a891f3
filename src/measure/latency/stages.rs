//! How long the stages of accepted messages took, entered as they are read, for there are many.
//!
//! A hiccup may be recorded a moment after a message that it held up; those that could still be
//! touched by one wait for the next look at the instrument, by which all earlier ones are known.

use std::collections::VecDeque;

use super::observation::Seen;
use super::table::LatencyTable;
use crate::clock::Time;
use crate::limits;
use crate::measure::aggregates::periods::Periods;
use crate::measure::aggregates::series::Series;
use crate::measure::validity::hiccups::Hiccups;
use crate::measure::validity::interference::{Handing, within};
use crate::metric::latency::LatencyMetric;

/// How long one stage of one message took, or had lasted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StageTime {
    pub(crate) metric: LatencyMetric,
    /// When the message was due.
    pub(crate) due: Time,
    pub(crate) handing: Handing,
    /// When the transaction began and ended, or was no longer watched; where in it the stage lay is
    /// not known.
    pub(crate) transaction: (Time, Time),
    pub(crate) seen: Seen,
}

/// Stages of messages. Those that come before it is known when the measured period began,
/// which no run of mailbench writes, wait until it is.
#[derive(Debug, Default)]
pub(crate) struct Stages {
    latencies: LatencyTable,
    waiting: VecDeque<StageTime>,
}

impl Stages {
    /// Takes the next.
    pub(crate) fn add(
        &mut self,
        stage: StageTime,
        hiccups: &Hiccups,
        periods: &Periods,
        series: &mut Series,
    ) {
        self.waiting.push_back(stage);
        if self.waiting.len() >= limits::STAGES_WAITING && periods.has_measured() {
            self.known(hiccups, periods, series);
        }
    }

    /// All hiccups up to now are known.
    pub(crate) fn known(&mut self, hiccups: &Hiccups, periods: &Periods, series: &mut Series) {
        if !periods.has_measured() || self.waiting.is_empty() {
            return;
        }
        self.enter_all(hiccups, periods, series);
    }

    fn enter_all(&mut self, hiccups: &Hiccups, periods: &Periods, series: &mut Series) {
        for stage in self.waiting.drain(..) {
            let seen = stage.seen;
            let mut within = within(hiccups, stage.metric, (stage.due, seen), stage.handing);
            // Not more than the transaction has, wherever in it the stage lay.
            let (from, to) = stage.transaction;
            within.least = seen.length().saturating_sub(hiccups.share_of(from, to));
            let period = periods.of_due(stage.due);
            self.latencies.enter(stage.metric, period, &[], (seen, within));
            series.latency(stage.metric, period, to, seen);
        }
    }

    /// The book with all of them.
    pub(crate) fn settled(
        mut self,
        hiccups: &Hiccups,
        periods: &Periods,
        series: &mut Series,
    ) -> LatencyTable {
        self.enter_all(hiccups, periods, series);
        self.latencies
    }
}
