//! Thresholds: bounds a run must meet (contract §4).
//!
//! Three steps, one file each: what can be bounded (`catalogue`), what a scenario's lines mean
//! (`grammar`, with the values in `bound`), and whether a run met them (`grade`). A line that
//! means nothing is a [`Problem`], found before anything is sent.

pub mod bound;
pub mod catalogue;
pub mod grade;
pub mod grammar;

use std::ops::Range;

use crate::ledger::event::Period;
use crate::probe::DestinationId;
use crate::scenario::model::Scenario;

use bound::Bound;
use catalogue::{Stat, Subject};

/// One bound, understood.
#[derive(Clone, Debug, PartialEq)]
pub struct Threshold {
    /// What is bounded.
    pub subject: Subject,
    /// Only mail to this destination.
    pub destination: Option<DestinationId>,
    /// The period whose mail counts.
    pub period: Period,
    /// Which of its figures.
    pub stat: Stat,
    /// The bound.
    pub bound: Bound,
    /// `METRIC OP VALUE`, as written.
    pub expr: String,
    /// Line in the scenario file, from 1; 0 when it has none.
    pub line: u32,
}

/// Why a line of `[thresholds]` means nothing, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Problem {
    /// Byte range in the scenario text.
    pub span: Range<usize>,
    /// What is wrong.
    pub message: String,
    /// What would be right.
    pub help: Option<String>,
}

/// Understands every line of `[thresholds]`. `text` is the scenario text the spans point into;
/// it gives each threshold its line.
///
/// # Errors
/// Every line that means nothing.
pub fn compile(scenario: &Scenario, text: &str) -> Result<Vec<Threshold>, Vec<Problem>> {
    let mut thresholds = Vec::new();
    let mut problems = Vec::new();
    for line in &scenario.thresholds {
        match grammar::read(line, &scenario.destinations) {
            Ok(threshold) => {
                let line = line_of(text, &line.metric_span);
                thresholds.push(Threshold { line, ..threshold });
            }
            Err(problem) => problems.push(problem),
        }
    }
    if problems.is_empty() { Ok(thresholds) } else { Err(problems) }
}

fn line_of(text: &str, span: &Range<usize>) -> u32 {
    if span.is_empty() {
        return 0;
    }
    let before = text.as_bytes().get(..span.start).unwrap_or_default();
    let breaks = before.iter().filter(|byte| **byte == b'\n').count();
    u32::try_from(breaks + 1).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_threshold_knows_its_line() {
        let text = "a = 1\n\n[thresholds]\nlost = \"== 0\"\n";
        let start = text.find("lost").expect("a key");
        assert_eq!(line_of(text, &(start..start + 4)), 4);
        assert_eq!(line_of(text, &(0..1)), 1);
        assert_eq!(line_of(text, &(0..0)), 0, "set on the command line");
    }
}
