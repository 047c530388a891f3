//! `junit.xml` of a capacity search: one case, whether there is an answer. A trial that did not hold
//! is how a bound is found, and no failure.

use super::terminal;
use super::words::{answer, limit};
use crate::measure::capacity::results::Capacity;
use crate::report::suite::{Case, Outcome, Suite};
use crate::report::view::View;

/// The document.
pub(super) fn render(capacity: &Capacity) -> String {
    let outcome = match capacity.exit_code {
        0 => Outcome::Passed,
        _ => Outcome::Error(format!("{}; {}", answer(capacity), limit(capacity))),
    };
    Suite {
        name: capacity.name.clone(),
        started: String::new(),
        duration_s: capacity.trials.iter().map(|trial| trial.duration_s).sum(),
        properties: vec![
            ("answer", answer(capacity)),
            ("target", capacity.target.clone()),
            ("version", capacity.tool.version.clone()),
            ("command", capacity.command.clone()),
        ],
        cases: vec![Case { group: "capacity".to_owned(), name: "answer".to_owned(), outcome }],
        summary: terminal::render(capacity, &View::plain(100)),
    }
    .render()
}
