//! What was asked for, and what of it was offered.

use super::periods::Periods;
use super::results::LoadFacts;
use crate::ledger::history::MessageView;
use crate::plan::Plan;
use crate::scenario::model::{Arrival, LoadModel, Scenario};

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
            model: model.to_owned(),
            arrival: arrival.to_owned(),
            planned_per_s: planned.map(rate),
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
pub fn names(model: &LoadModel) -> (&'static str, &'static str) {
    match model {
        LoadModel::Closed { .. } => ("closed", "closed"),
        LoadModel::Open { arrival, .. } => match arrival {
            Arrival::Constant => ("open", "constant"),
            Arrival::Poisson => ("open", "poisson"),
            Arrival::Trace(_) => ("open", "trace"),
            Arrival::OnOff { .. } => ("open", "on-off"),
        },
    }
}

/// Messages that the plan has for the measured period as long as it lasted; none in the closed
/// model, where completions decide.
fn planned(scenario: &Scenario, plan: &Plan, periods: &Periods) -> Option<u64> {
    let from = scenario.load.warm_up;
    plan.due_within(from..from + periods.load_stop().since(periods.measured_from()))
}
