//! The `refuse` fault: when a port of the sink is closed.
//!
//! A port is open or closed for everyone, so only destination and window of a rule count here: the
//! scenario reader refuses attempts and odds beside `refuse`.

use std::time::Duration;

use serde_json::json;

use super::action::Action;
use super::page::{Case, Effect, Keys, Page, Problems, Refinement, Stage, some};
use super::rule::Rule;
use crate::probe::DestinationId;

/// The port is closed while the rule holds, and the sessions on it are cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refuse;

impl Page for Refuse {
    type Written = bool;

    const DOES: &'static str = "Stage connect: the port is closed while the rule holds, and the \
        sessions on it are cut; with\n`destination` the port of that one.";

    fn refinements() -> Vec<Refinement> {
        vec![("Fault.refuse", json!({ "const": true }))]
    }

    fn stage_meant(_: &Keys, written: Option<Stage>) -> Option<Stage> {
        written.or(Some(Stage::Connect))
    }

    fn can_happen(stage: Stage) -> Result<(), &'static str> {
        let help = "a port is closed or open: use stage connect";
        if stage == Stage::Connect { Ok(()) } else { Err(help) }
    }

    fn read(keys: &Keys, problems: &mut Problems) -> Option<Refuse> {
        let refuse = keys.refuse.as_ref()?;
        if let Some(odds) = keys.odds.as_ref().filter(|odds| odds.value.0 < 1.0) {
            problems.refuse(
                &odds.span,
                "a port is closed or open, without odds",
                "use `disconnect` at stage connect",
            );
        }
        if !refuse.value {
            problems.refuse(&refuse.span, "`refuse = false` does nothing", "leave the fault out");
        }
        Some(Refuse)
    }

    fn write(&self, keys: &mut Keys) {
        keys.refuse = some(true);
    }

    /// How many connections it refused is in `connection_attempts`, where that can be known.
    fn words(&self) -> String {
        "close the port".to_owned()
    }

    fn effect(&self, _: &mut Case<'_>) -> Option<Effect> {
        Some(Effect::Refuse)
    }

    fn keeps_away(&self, _: bool) -> bool {
        true
    }
}

/// Whether the port is closed, and when to ask again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Port {
    /// Number of the rule that keeps it closed; `None`: it is open.
    pub closed_by: Option<u16>,
    /// The next offset into the measured period at which this may change; `None`: never.
    pub asked_again_at: Option<Duration>,
}

/// The state of the port of `destination` (`None`: the one for all mail) at offset `at` of the
/// measured period (`None`: before it).
#[must_use]
pub fn port(rules: &[Rule], destination: Option<DestinationId>, at: Option<Duration>) -> Port {
    let mut port = Port { closed_by: None, asked_again_at: None };
    let concerned = |rule: &Rule| {
        let named = rule.scope.destination;
        rule.action == Action::Refuse(Refuse) && (named.is_none() || named == destination)
    };
    for (number, rule) in (0_u16..).zip(rules).filter(|(_, rule)| concerned(rule)) {
        let window = rule.scope.during;
        if window.is_none_or(|window| at.is_some_and(|at| window.contains(at))) {
            port.closed_by.get_or_insert(number);
        }
        let edges = window.into_iter().flat_map(|window| [window.start, window.end]);
        let next = edges.filter(|edge| at.is_none_or(|at| *edge > at)).min();
        port.asked_again_at = [port.asked_again_at, next].into_iter().flatten().min();
    }
    port
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::scope::{Odds, Scope, Window};

    fn refuse(during: Option<(u64, u64)>) -> Rule {
        let during = during.map(|(start, end)| Window {
            start: Duration::from_secs(start),
            end: Duration::from_secs(end),
        });
        Rule {
            name: "outage".to_owned(),
            scope: Scope {
                destination: None,
                stage: Stage::Connect,
                during,
                attempts: None,
                odds: Odds::ALWAYS,
            },
            action: Action::Refuse(Refuse),
        }
    }

    #[test]
    fn the_port_closes_and_opens_with_the_windows() {
        let rules = [refuse(Some((10, 20))), refuse(Some((15, 30)))];
        let seen: Vec<_> = [None, Some(0), Some(10), Some(15), Some(20), Some(30)]
            .map(|at| port(&rules, None, at.map(Duration::from_secs)))
            .map(|port| (port.closed_by, port.asked_again_at.map(|at| at.as_secs())))
            .to_vec();
        assert_eq!(
            seen,
            [
                (None, Some(10)),
                (None, Some(10)),
                (Some(0), Some(15)),
                (Some(0), Some(20)),
                (Some(1), Some(30)),
                (None, None),
            ]
        );
    }

    #[test]
    fn without_a_window_it_is_closed_for_good_and_without_a_rule_never() {
        let closed = port(&[refuse(None)], None, None);
        assert_eq!(closed, Port { closed_by: Some(0), asked_again_at: None });
        assert_eq!(port(&[], None, None), Port { closed_by: None, asked_again_at: None });
    }

    #[test]
    fn a_rule_of_one_destination_closes_only_its_port() {
        let mut rules = [refuse(None), refuse(None)];
        rules[0].scope.destination = Some(DestinationId(1));
        let closed_by = |rules: &[Rule]| {
            [None, Some(0), Some(1)].map(|n| port(rules, n.map(DestinationId), None).closed_by)
        };
        assert_eq!(closed_by(&rules[..1]), [None, None, Some(0)]);
        assert_eq!(closed_by(&rules), [Some(1), Some(1), Some(0)]);
    }
}
