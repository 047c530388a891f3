//! What was asked for, and what of it was offered.

pub mod abuse;
pub mod arrivals;
pub mod rates;
pub mod sizing;
pub mod usage;

use std::collections::BTreeMap;
use std::time::Duration;

use super::results::LoadFacts;
use crate::ledger::history::MessageView;
use crate::measure::aggregates::periods::Periods;
use crate::plan::Plan;
use crate::scenario::model::{Arrival, LoadModel, ModelKind, Scenario, Segment};

/// How late a message may be handed to a session and still count as offered in time: this share
/// of the measured period. The last messages of a period are always a little late.
pub const GRACE: f64 = 0.01;

/// Counts messages due in the measured period.
#[derive(Clone, Copy, Debug, Default)]
pub struct Offering {
    handed: u64,
    in_time: u64,
}

impl Offering {
    /// Takes a message that was handed to a session.
    pub fn message(&mut self, message: &MessageView, periods: &Periods) {
        if message.due < periods.measured_from() {
            return;
        }
        let latest = periods.load_stop().0 as f64 + periods.measured_s() * 1e9 * GRACE;
        self.handed += 1;
        self.in_time += u64::from(message.offered.0 as f64 <= latest);
    }

    /// The facts, and the share of the plan that reached no session in time.
    #[must_use]
    pub fn facts(
        self,
        scenario: &Scenario,
        plan: &Plan,
        periods: &Periods,
    ) -> (LoadFacts, Option<f64>) {
        let planned = planned(scenario, plan, periods);
        let seconds = periods.measured_s();
        let rate = |count: u64| if seconds > 0.0 { count as f64 / seconds } else { 0.0 };
        let (model, arrival) = names(&scenario.load.model);
        let facts = LoadFacts {
            model,
            arrival: arrival.to_owned(),
            planned_per_s: planned.map(rate),
            peak_planned_per_s: peak(scenario, periods.measured_s()),
            offered_per_s: rate(self.handed),
            planned_messages: planned,
            offered_messages: self.handed,
            sessions: scenario.load.sessions,
        };
        let shortfall = planned
            .filter(|planned| *planned > 0)
            .map(|planned| planned.saturating_sub(self.in_time) as f64 / planned as f64);
        (facts, shortfall)
    }
}

/// Model and law of arrivals, as reports name them.
#[must_use]
pub fn names(model: &LoadModel) -> (ModelKind, &'static str) {
    match model {
        LoadModel::Closed { .. } => (ModelKind::Closed, "closed"),
        LoadModel::Open { arrival, .. } => (
            ModelKind::Open,
            match arrival {
                Arrival::Constant => "constant",
                Arrival::Poisson => "poisson",
                Arrival::Trace(_) => "trace",
                Arrival::OnOff { .. } => "on-off",
            },
        ),
    }
}

/// The highest rate that the plan has within the measured period of so many seconds, messages a
/// second; none in the closed model.
#[must_use]
pub fn peak(scenario: &Scenario, measured_s: f64) -> Option<f64> {
    let LoadModel::Open { arrival, segments, .. } = &scenario.load.model else { return None };
    let from_s = scenario.load.warm_up.as_secs_f64();
    let span = (from_s, from_s + measured_s);
    Some(match arrival {
        Arrival::Constant | Arrival::Poisson => top(segments, span),
        Arrival::OnOff { on, off } => {
            // The mean is the one asked for, so that the rate is higher while on.
            let (on, off) = (on.as_secs_f64(), off.as_secs_f64());
            top(segments, span) * if on > 0.0 { (on + off) / on } else { 0.0 }
        }
        Arrival::Trace(trace) => busiest_second(&trace.0.dues, span),
    })
}

/// The highest value within a span of a rate that goes evenly from one value to the next and, after
/// the last segment, stays.
fn top(segments: &[Segment], (from_s, to_s): (f64, f64)) -> f64 {
    let (mut start_s, mut top, mut last) = (0.0, 0.0_f64, 0.0);
    for segment in segments {
        let length = segment.duration.as_secs_f64();
        let at = |time: f64| {
            let share =
                if length > 0.0 { ((time - start_s) / length).clamp(0.0, 1.0) } else { 1.0 };
            segment.from_per_second + share * (segment.to_per_second - segment.from_per_second)
        };
        if start_s < to_s && start_s + length > from_s {
            top = top.max(at(from_s)).max(at(to_s));
        }
        (start_s, last) = (start_s + length, segment.to_per_second);
    }
    if to_s > start_s { top.max(last) } else { top }
}

/// Most of what is due within one second of a span.
fn busiest_second(dues: &[Duration], (from_s, to_s): (f64, f64)) -> f64 {
    let mut counts: BTreeMap<u64, u64> = BTreeMap::new();
    let within = dues.iter().map(Duration::as_secs_f64).filter(|due| *due >= from_s && *due < to_s);
    within.for_each(|due| *counts.entry((due - from_s) as u64).or_default() += 1);
    counts.into_values().max().unwrap_or(0) as f64
}

/// Messages that the plan has for the measured period as long as it lasted; none in the closed
/// model, where completions decide.
fn planned(scenario: &Scenario, plan: &Plan, periods: &Periods) -> Option<u64> {
    let from = scenario.load.warm_up;
    plan.due_within(from..from + periods.load_stop().since(periods.measured_from()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::parse;

    /// The peak over a measured period of ten seconds.
    fn peak_of(load: &str) -> Option<f64> {
        let text = format!("[load]\n{load}\n[[destination]]\ndomain = \"a.test\"\n");
        let loaded = parse("a.toml", &text, &[]).unwrap_or_else(|problems| panic!("{problems}"));
        peak(&loaded.scenario, 10.0)
    }

    #[test]
    fn the_peak_of_a_load_is_its_highest_rate_in_the_measured_period() {
        let even = "rate = \"80/s\"\nwarm_up = \"2s\"\nduration = \"10s\"\n";
        assert_eq!(peak_of(even), Some(80.0));
        let bursts = "arrival = \"on-off\"\non = \"2s\"\noff = \"8s\"\n";
        assert_eq!(peak_of(&[even, bursts].concat()), Some(400.0));
        let ramp = "warm_up = \"5s\"\n[[load.segment]]\nrate = \"100/s\"\nto = \"500/s\"\n\
                    duration = \"20s\"\n";
        assert_eq!(peak_of(ramp), Some(300.0), "half of the ramp");
        assert_eq!(peak_of("model = \"closed\"\nduration = \"10s\"\n"), None);
    }

    #[test]
    fn a_rate_counts_within_the_span_and_stays_after_its_last_segment() {
        let segment = |from_per_second, to_per_second, seconds| Segment {
            from_per_second,
            to_per_second,
            duration: Duration::from_secs(seconds),
        };
        let rate = [segment(900.0, 900.0, 5), segment(100.0, 200.0, 10)];
        let tops = [(0.0, 4.0), (5.0, 10.0), (5.0, 15.0), (20.0, 30.0)];
        assert_eq!(tops.map(|span| top(&rate, span)), [900.0, 150.0, 200.0, 200.0]);
    }

    #[test]
    fn the_peak_of_a_trace_is_its_busiest_second() {
        let dues = [0.1, 0.2, 5.0, 5.1, 5.9, 6.1, 30.0].map(Duration::from_secs_f64);
        assert_eq!(busiest_second(&dues, (1.0, 11.0)), 3.0);
    }
}
