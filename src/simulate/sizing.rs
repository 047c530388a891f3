//! What the simulated load used up of the model.

use std::collections::BTreeMap;

use super::world::World;
use crate::ledger::event::Period;
use crate::measure::load::rates::Flow;
use crate::measure::results::{ResourceUse, SizingFacts};

/// The span over which a backlog is held against a disk, seconds.
const HOUR: u64 = 3600;

impl World<'_> {
    /// The sizing facts of a run that is over.
    pub(super) fn sizing(&self, rates: &BTreeMap<String, f64>) -> Option<SizingFacts> {
        let per_s = |flow: Flow| rates.get(flow.name()).copied().unwrap_or(0.0);
        let sustained = self.tally.flows.sustained(self.course.last_quarters());
        let span = self.course.span(Period::Measured);
        let delivery = self.scenario.target.delivery;
        let share = |area: f64, of: f64| if of > 0.0 { span.mean(area) / of } else { 0.0 };
        let length = span.to.saturating_sub(span.from) as f64 * f64::from(delivery.per_destination);
        let busiest = self.busy.iter().enumerate().max_by_key(|(_, busy)| **busy);
        let place = busiest.map(|(place, busy)| (place, *busy as f64 / length.max(1.0)));
        let name = |place: usize| {
            self.scenario.destinations.get(place).map_or("", |place| place.domain.as_str())
        };
        let mut resources = vec![
            (
                "delivery slots (target.delivery.concurrency)".to_owned(),
                share(span.running, f64::from(delivery.concurrency)),
            ),
            ("disk (commits)".to_owned(), share(span.committing, 1.0)),
            (
                "submission sessions (load.sessions)".to_owned(),
                share(span.in_flight, f64::from(self.scenario.load.sessions)),
            ),
        ];
        resources.extend(place.map(|(place, used)| {
            let name = name(place);
            (format!("slots for {name} (target.delivery.per_destination)"), used.min(1.0))
        }));
        resources.sort_by(|a, b| b.1.total_cmp(&a.1));
        let (limited_by, used) = resources.first().cloned().filter(|(_, used)| *used > 0.0)?;
        let (backlog_bytes, row) = self.worst_hour();
        let named = resources.into_iter().map(|(name, used)| ResourceUse { name, used });
        Some(SizingFacts {
            delivered_per_s: per_s(Flow::Delivered),
            offered_per_s: per_s(Flow::Offered),
            sustained,
            limited_by,
            headroom: if sustained { 1.0 / used } else { 1.0 },
            resources: named.collect(),
            per_core_per_s: None,
            backlog_bytes,
            backlog_from_s: (row as u64 * self.course.row_s()) as f64,
        })
    }

    /// The highest mean of an hour's rows, and the first of them.
    fn worst_hour(&self) -> (f64, usize) {
        let rows = &self.course.row_bytes;
        let wide =
            usize::try_from(HOUR / self.course.row_s()).unwrap_or(1).clamp(1, rows.len().max(1));
        let mut sum: f64 = rows.iter().take(wide).sum();
        let mut worst = (sum, 0);
        for first in 1..=rows.len().saturating_sub(wide) {
            sum += rows[first + wide - 1] - rows[first - 1];
            worst = if sum > worst.0 { (sum, first) } else { worst };
        }
        (worst.0 / wide as f64, worst.1)
    }
}
