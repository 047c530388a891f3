//! Puts moments of a session to the rules and makes one verdict of several.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::fault::judge;
use crate::fault::judge::{Moment, Verdict};
use crate::fault::limit::Limits;
use crate::fault::rule::{Action, Rule};
use crate::seed::Seed;
use crate::smtp::stage::Stage;

/// The rules of a sink and what has been used of their limits.
pub(super) struct Bench {
    rules: Vec<Rule>,
    seed: Seed,
    limits: Mutex<Limits>,
    has_limits: bool,
    watched: [bool; Stage::ALL.len()],
}

impl Bench {
    pub(super) fn new(rules: Vec<Rule>, seed: Seed) -> Bench {
        let watched = Stage::ALL.map(|stage| rules.iter().any(|rule| rule.scope.stage == stage));
        let has_limits = rules.iter().any(|rule| matches!(rule.action, Action::Limit(_)));
        Bench { rules, seed, limits: Mutex::default(), has_limits, watched }
    }

    pub(super) fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// Whether any rule holds at a stage at all.
    pub(super) fn watches(&self, stage: Stage) -> bool {
        self.watched[stage as usize]
    }

    /// Judges moments that come to one: those of a transaction, one for each of its destinations.
    /// The longest wait and the slowest read hold; of what else is decided, the first rule in
    /// file order.
    pub(super) fn judge(&self, moments: impl Iterator<Item = Moment>) -> Verdict {
        let mut merged = Verdict::default();
        for moment in moments {
            let verdict = self.judge_one(&moment);
            let rate = |throttle: Option<(u16, f64)>| throttle.map_or(f64::INFINITY, |(_, r)| r);
            if rate(verdict.throttle) < rate(merged.throttle) {
                merged.throttle = verdict.throttle;
            }
            let rule = |verdict: &Verdict| verdict.decided.as_ref().map_or(u16::MAX, |(n, _)| *n);
            if rule(&verdict) < rule(&merged) {
                merged.decided = verdict.decided;
            }
            if verdict.delay > merged.delay {
                (merged.delay, merged.delayed_by) = (verdict.delay, verdict.delayed_by);
            }
        }
        merged
    }

    /// Gives back the places of a session that ended.
    pub(super) fn session_ended(&self, session: u64) {
        if self.has_limits {
            self.limits().session_ended(session);
        }
    }

    /// Only limits have a state to lock.
    fn judge_one(&self, moment: &Moment) -> Verdict {
        if !self.has_limits {
            return judge(&self.rules, self.seed, moment, &mut Limits::default());
        }
        judge(&self.rules, self.seed, moment, &mut self.limits())
    }

    fn limits(&self) -> MutexGuard<'_, Limits> {
        self.limits.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Time;
    use crate::fault::defer::Defer;
    use crate::fault::delay::Delay;
    use crate::fault::rule::{Odds, Scope};
    use crate::fault::stall::Stall;
    use crate::probe::DestinationId;
    use crate::quantity::Quantity;
    use std::time::Duration;

    fn rule(destination: u16, action: Action) -> Rule {
        let scope = Scope {
            destination: Some(DestinationId(destination)),
            stage: Stage::EndOfData,
            during: None,
            attempts: None,
            odds: Odds::ALWAYS,
        };
        Rule { name: String::new(), scope, action }
    }

    #[test]
    fn a_transaction_gets_the_worst_of_its_destinations() {
        let delay = |seconds| Action::Delay(Delay(Quantity::Constant(seconds)));
        let reply = "451 4.7.1 wait".parse().expect("a reply");
        let stall = Action::Stall(Stall(Duration::from_secs(1)));
        let rules = vec![
            rule(0, delay(1.0)),
            rule(1, delay(2.0)),
            rule(1, stall),
            rule(0, Action::Defer(Defer(reply))),
        ];
        let bench = Bench::new(rules, Seed(1));
        let moment = |destination| Moment {
            stage: Stage::EndOfData,
            destination: Some(DestinationId(destination)),
            at: None,
            subject: 1,
            attempt: 1,
            session: 1,
            now: Time::ZERO,
        };
        let verdict = bench.judge([0, 1, 2].map(moment).into_iter());
        assert_eq!(verdict.delay, Duration::from_secs(2));
        assert_eq!(verdict.rule(), Some(2));
        assert!(bench.watches(Stage::EndOfData) && !bench.watches(Stage::Data));
    }
}
