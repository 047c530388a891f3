//! A fault rule as a scenario states it, `[[fault]]`: where and when it holds, and what it does.

use std::collections::BTreeSet;

use super::scope;
use crate::grammar::at::{At, some};
use crate::grammar::checks::check_name;
use crate::grammar::diagnosis::{Problem, Problems};
use crate::grammar::schema::{self, Refinement};
use crate::limits;
use crate::smtp::stage::Stage;

pub use super::action::{Action, Keys};
pub use super::disconnect::Hangup;
pub use super::garble::Garble;
pub use super::limit::Limit;
pub use super::scope::{Attempts, Odds, Scope, Window};
pub use super::tls::TlsFault;

/// One `[[fault]]` of a scenario.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// Its name, for reports; given by the reader when the scenario has none.
    pub name: String,
    /// Where and when it holds.
    pub scope: Scope,
    /// What it does where it holds.
    pub action: Action,
}

impl Rule {
    /// Whether it can end a session before it has named a probe.
    #[must_use]
    pub fn keeps_away(&self) -> bool {
        self.action.keeps_away(self.scope.stage < Stage::MailFrom)
    }
}

/// How the schema refines the types.
#[must_use]
pub fn refinements() -> Vec<Refinement> {
    let own = vec![
        ("Fault.name", schema::name()),
        ("Fault.destination", schema::domain()),
        ("Fault.during", schema::during()),
        ("Fault", schema::one_of(Action::KEYS)),
        ("Fault", schema::any_of(&["stage", "refuse", "tls", "limit"])),
    ];
    [own, Action::refinements()].concat()
}

/// The rules that are written for destinations of these domains. `is_routed`: each destination has
/// an address of its own.
pub fn resolve(
    written: &[At<Keys>],
    domains: &[&str],
    is_routed: bool,
    problems: &mut Problems,
) -> Vec<Rule> {
    if written.len() > limits::FAULTS {
        let many = written.len();
        problems.push(Problem::new(&written[0].span, format!("{many} faults are too many")));
    }
    let mut seen = BTreeSet::new();
    let mut rules = Vec::new();
    for (index, fault) in written.iter().enumerate() {
        let name = name(&fault.value, index, problems);
        if !seen.insert(name.clone()) {
            let place = fault.value.name.as_ref().map_or(fault.span.clone(), |n| n.span.clone());
            problems.push(Problem::new(&place, format!("fault `{name}` is defined twice")));
        }
        let scope = scope::resolve(fault, domains, problems);
        let Some(action) = action(fault, &scope, problems) else { continue };
        scope::check_attempts_known(&fault.value, scope.stage, problems);
        if !is_routed {
            scope::check_destination_known(&fault.value, scope.stage, problems);
        }
        rules.push(Rule { name, scope, action });
    }
    rules
}

fn name(fault: &Keys, index: usize, problems: &mut Problems) -> String {
    match &fault.name {
        Some(name) => {
            check_name(name, problems);
            name.value.clone()
        }
        None => format!("fault-{}", index + 1),
    }
}

/// The one action of a fault; `None` when there is none to speak of, which is noted.
fn action(fault: &At<Keys>, scope: &Scope, problems: &mut Problems) -> Option<Action> {
    let At { value: keys, span } = fault;
    Action::check_beside(keys, scope.stage, problems);
    match Action::written(keys).as_slice() {
        [] => {
            problems.refuse(
                span,
                "the fault does nothing",
                "add one action, such as `defer = \"451 4.7.1 Try later\"`",
            );
            None
        }
        [_] => Action::read(keys, scope.stage, problems),
        [(first, _), rest @ ..] => {
            for (name, place) in rest {
                let what = format!("`{name}` and `{first}` in one fault");
                problems.refuse(place, what, "a fault does one thing: write two [[fault]] entries");
            }
            None
        }
    }
}

/// A rule of a scenario with destinations of these domains, as written.
#[must_use]
pub fn write(rule: &Rule, domains: &[&str]) -> Keys {
    let mut keys = Keys { name: some(rule.name.clone()), ..scope::write(&rule.scope, domains) };
    rule.action.write(&mut keys);
    keys
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::fault::defer::Defer;
    use crate::fault::delay::Delay;
    use crate::fault::disconnect::Disconnect;
    use crate::fault::refuse::Refuse;
    use crate::fault::script::Script;
    use crate::fault::stall::Stall;
    use crate::fault::throttle::Throttle;
    use crate::quantity::Quantity;

    /// What pages say of themselves: in words, whether a session is kept from naming a probe by it
    /// at stage ehlo and at stage data, whether it is simulated.
    #[test]
    fn actions_have_words_and_facts() {
        let reply = || "451 4.7.1 wait".parse().expect("a reply");
        let limit = Limit::Rate { per_second: 5.0, per_destination: true };
        let cut = Disconnect { how: Hangup::Rst, after_bytes: Some(9) };
        let delay = Delay(Quantity::Constant(2.0));
        let pages = [
            (Action::Delay(delay), "delay 2 s", [false; 2], true),
            (Action::Defer(Defer(reply())), "defer 451 4.7.1 wait", [true, false], true),
            (Action::Disconnect(cut), "disconnect (RST) after 9 bytes", [true, false], true),
            (Action::Stall(Stall(Duration::from_secs(9))), "stall for 9s", [true, false], true),
            (
                Action::Throttle(Throttle { bytes_per_second: 90.0 }),
                "read 90 bytes/s",
                [false; 2],
                true,
            ),
            (Action::Garble(Garble::Nul), "garble the reply: nul", [true, false], false),
            (Action::Refuse(Refuse), "close the port", [true; 2], true),
            (Action::Limit(limit), "421 beyond 5/s per destination", [true; 2], true),
            (Action::Script(Script(vec![reply()])), "answer by attempt: 451", [true, false], true),
            (Action::Tls(TlsFault::Expired), "break TLS: expired", [true, false], false),
        ];
        for (action, words, keeps_away, is_simulated) in pages {
            assert_eq!((action.words().as_str(), action.is_simulated()), (words, is_simulated));
            for (stage, expected) in [Stage::Ehlo, Stage::Data].into_iter().zip(keeps_away) {
                let scope = Scope {
                    destination: None,
                    stage,
                    during: None,
                    attempts: None,
                    odds: Odds::ALWAYS,
                };
                let rule = Rule { name: String::new(), scope, action: action.clone() };
                assert_eq!(rule.keeps_away(), expected, "{words} at {stage}");
            }
        }
    }
}
