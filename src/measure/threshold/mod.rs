//! Thresholds: bounds a run must meet.
//!
//! Three steps, one file each: what can be bounded (`catalogue`), what a scenario's lines mean
//! (`grammar`, with the values in `bound`), and whether a run met them (`grade`). A line that
//! means nothing is an error of the scenario, found before anything is sent.

pub mod bound;
pub mod catalogue;
pub mod grade;
pub mod grammar;

use std::ops::Range;

use crate::ledger::event::Period;
use crate::probe::DestinationId;
use crate::scenario::{Loaded, ScenarioError};

use super::recovery::Kind;
use bound::Bound;
use catalogue::{Stat, Subject};

/// One bound, understood.
#[derive(Clone, Debug, PartialEq)]
pub struct Threshold {
    /// What is bounded.
    pub subject: Subject,
    /// Only mail to this destination.
    pub destination: Option<DestinationId>,
    /// The period it is limited to; without one, the measured period (and, for what goes on after
    /// it, the drain).
    pub period: Option<Period>,
    /// Only this fault window, or this kind of chaos.
    pub disturbance: Option<(Kind, String)>,
    /// Which of its figures.
    pub stat: Stat,
    /// The bound.
    pub bound: Bound,
    /// `METRIC OP VALUE`, as written.
    pub expr: String,
    /// Line in the scenario file, from 1; 0 when it has none.
    pub line: u32,
}

/// Understands every line of `[thresholds]`.
///
/// # Errors
/// Every line that means nothing, where it stands.
pub fn compile(loaded: &Loaded) -> Result<Vec<Threshold>, ScenarioError> {
    let (scenario, source) = (&loaded.scenario, &loaded.source);
    let mut thresholds = Vec::new();
    let mut problems = Vec::new();
    for line in &scenario.thresholds {
        match grammar::read(line, scenario) {
            Ok(threshold) => {
                let line = line_of(&source.text, &line.metric_span);
                thresholds.push(Threshold { line, ..threshold });
            }
            Err(flaw) => problems.push(flaw.into_problem(line)),
        }
    }
    if problems.is_empty() { Ok(thresholds) } else { Err(ScenarioError::new(source, problems)) }
}

/// The line on which a key begins; 0 for one that the command line set.
fn line_of(text: &str, span: &Range<usize>) -> u32 {
    if span.is_empty() || span.end > text.len() {
        return 0;
    }
    let breaks = text.as_bytes()[..span.start].iter().filter(|byte| **byte == b'\n').count();
    u32::try_from(breaks + 1).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loaded(thresholds: &str) -> Loaded {
        let text = format!(
            "name = \"a\"\nquestion = \"What is a threshold?\"\nseed = 7\n\
             [target]\nkind = \"relay\"\n\
             [load]\nmodel = \"open\"\narrival = \"constant\"\nrate = \"1/s\"\n\
             warm_up = \"0s\"\nduration = \"1s\"\ndrain = \"30s\"\n\
             [[destination]]\ndomain = \"a.test\"\nweight = 1\n\
             [thresholds]\n{thresholds}"
        );
        crate::scenario::parse("a.toml", &text, &[]).expect("a scenario")
    }

    #[test]
    fn every_line_is_understood_in_its_place_or_an_error() {
        let lines = "lost = \"== 0\"\n\"e2e_response.p99\" = \"< 1s\"\n";
        let thresholds = compile(&loaded(lines)).expect("thresholds");
        let mut found: Vec<_> = thresholds.iter().map(|it| (it.line, it.expr.as_str())).collect();
        found.sort_unstable();
        assert_eq!(found, [(17, "lost == 0"), (18, "e2e_response.p99 < 1s")]);
        let problems = compile(&loaded("lots = \"== 0\"\nlost = \"= 0\"\n")).expect_err("two");
        let shown = problems.to_string();
        assert!(shown.contains("there is no metric `lots`"), "{shown}");
        assert!(shown.contains("`= 0` is not a bound for `lost`"), "{shown}");
        let shown = compile(&loaded("resurrected = \"== 0\"\n")).expect_err("renamed").to_string();
        assert!(shown.contains("it is called `delivered_after_refusal` now"), "{shown}");
    }

    #[test]
    fn a_threshold_knows_its_line() {
        let text = "a = 1\n\n[thresholds]\nlost = \"== 0\"\n";
        let start = text.find("lost").expect("a key");
        assert_eq!(line_of(text, &(start..start + 4)), 4);
        assert_eq!(line_of(text, &(0..1)), 1);
        assert_eq!(line_of("lost", &(0..4)), 1, "nothing follows it");
        assert_eq!(line_of(text, &(start..start)), 0, "no key");
        let beyond = text.len() + 1..text.len() + 5;
        assert_eq!(line_of(text, &beyond), 0, "set on the command line");
    }
}
