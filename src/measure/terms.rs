//! What the scenario says that bears on the judgement of a probe.

use std::time::Duration;

use super::threshold::Threshold;
use super::threshold::bound::Op;
use super::threshold::catalogue::Subject;
use crate::fault::rule::{Action, Rule};
use crate::ledger::history::Terms;
use crate::queue::schedule::{Growth, RetrySchedule};
use crate::scenario::model::{Scenario, TargetKind};
use crate::smtp::stage::Stage;

/// The terms of a scenario. Only the embedded relay is known to keep the schedule of the
/// scenario; one already running keeps its own.
#[must_use]
pub fn of(scenario: &Scenario) -> Terms {
    let retry = &scenario.target.retry;
    let ours = scenario.target.kind == TargetKind::Relay;
    Terms {
        gives_up_after: ours.then_some(retry.give_up_after),
        longest_wait: ours.then(|| longest_wait(retry)),
        unreachable: scenario.faults.iter().any(keeps_away),
    }
}

/// The longest wait between two attempts, jitter included.
#[must_use]
pub fn longest_wait(retry: &RetrySchedule) -> Duration {
    let longest = match &retry.kind {
        Growth::Fixed { first } => *first,
        Growth::Exponential { cap, .. } => *cap,
        Growth::Steps { delays } => delays.iter().max().copied().unwrap_or_default(),
    };
    longest.mul_f64(1.0 + retry.jitter)
}

/// Whether a rule can end a session before it has named a probe.
fn keeps_away(rule: &Rule) -> bool {
    let early = rule.scope.stage < Stage::MailFrom;
    match &rule.action {
        Action::Refuse | Action::Limit(_) => true,
        Action::Delay(_) | Action::Throttle { .. } => false,
        Action::Defer(_)
        | Action::Reject(_)
        | Action::Disconnect { .. }
        | Action::Stall(_)
        | Action::Script(_)
        | Action::Garble(_)
        | Action::Tls(_) => early,
    }
}

/// Unexcused duplicates that are no violation: what a threshold allows of them, else none.
#[must_use]
pub fn unexcused_bound(thresholds: &[Threshold]) -> u64 {
    let about = thresholds.iter().filter(|threshold| {
        threshold.subject == Subject::Count("duplicates_unexcused")
            && threshold.destination.is_none()
    });
    let bounds = about.filter_map(|threshold| match threshold.bound.op {
        Op::AtMost | Op::Equal => Some(threshold.bound.value.floor() as u64),
        Op::Less => Some((threshold.bound.value.ceil() as u64).saturating_sub(1)),
        Op::Greater | Op::AtLeast | Op::NotEqual => None,
    });
    bounds.min().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::threshold::bound::Bound;
    use crate::measure::threshold::catalogue::{Stat, Unit};

    fn bound(texts: &[&str]) -> u64 {
        let thresholds = texts.iter().map(|text| Threshold {
            subject: Subject::Count("duplicates_unexcused"),
            destination: None,
            period: None,
            stat: Stat::Count,
            bound: Bound::read(text, Unit::Number).expect("a bound"),
            expr: String::new(),
            line: 0,
        });
        unexcused_bound(&thresholds.collect::<Vec<_>>())
    }

    #[test]
    fn a_threshold_may_allow_some_unexcused_duplicates() {
        assert_eq!(bound(&[]), 0);
        assert_eq!(bound(&["<= 5"]), 5);
        assert_eq!(bound(&["< 5"]), 4);
        assert_eq!(bound(&["== 0"]), 0);
        assert_eq!(bound(&["<= 5", "< 3"]), 2);
        assert_eq!(bound(&["> 5"]), 0);
    }
}
