//! Whether a message costs more when there are more of them.

use crate::contest::Target;
use crate::contest::{Turn, hold};
use crate::runs::Shape;

/// Messages of the smaller run.
const MESSAGES: u64 = 20_000;

/// The rows that compare ten times as much with as much; CPU of all that `mailbench run` does.
pub(crate) fn all(wanted: &dyn Fn(&str) -> bool, runs: usize) {
    let turn = |shape: &Shape| {
        let ran = shape.run();
        let rate = ran.turn(shape.messages).rate;
        Turn { rate, cpu: ran.cpu / shape.messages as f64 * 1e6 }
    };
    let few = Shape::direct(MESSAGES);
    let larger = [
        ("growth-messages", Shape::direct(10 * MESSAGES)),
        ("growth-destinations", Shape { destinations: 10, ..Shape::direct(MESSAGES) }),
        ("growth-sessions", Shape { sessions: 200, ..Shape::direct(MESSAGES) }),
    ];
    for (name, many) in &larger {
        if wanted(name) {
            hold(name, &[Target::Cpu(1.2)], runs, || turn(many), || turn(&few));
        }
    }
}
