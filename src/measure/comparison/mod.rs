//! Whether one run differs from another, and whether that can be known.
//!
//! Layers, each with one idea: `figure` reduces a run to numbers, `signed_rank` and `shift` say
//! how far two sides are apart and how well that is known, `question` is what is asked of a figure, `holm` makes several questions one,
//! `judge` gives the verdict, `single` and `paired` bring the two designs to it; `power` says how
//! large a difference the decision finds, `planned` the same before any run. `comparable` says
//! what should not be compared at all. The statistical unit is the run, never the message.

pub mod comparable;
pub mod figure;
pub mod holm;
pub mod judge;
pub mod paired;
pub mod planned;
pub mod power;
pub mod question;
pub mod results;
pub mod shift;
pub mod signed_rank;
pub mod single;

use crate::scenario::diagnosis::{Problem, suggest};
use crate::scenario::model::Compare;
use crate::scenario::{Loaded, ScenarioError};

/// What a comparison is judged by.
#[derive(Clone, Debug, PartialEq)]
pub struct Terms {
    /// A latency or size may be worse by this share.
    pub latency_margin: f64,
    /// A rate may be worse by this share.
    pub throughput_margin: f64,
    /// Figures that decide.
    pub gate: Vec<String>,
}

impl Default for Terms {
    fn default() -> Terms {
        Terms {
            latency_margin: 0.05,
            throughput_margin: 0.03,
            gate: figure::GATED.map(str::to_owned).to_vec(),
        }
    }
}

/// The terms of a scenario's `[compare]`.
///
/// # Errors
/// When a figure that is to decide is none, or is named twice, or there are too many or too few.
pub fn terms(loaded: &Loaded, compare: &Compare) -> Result<Terms, ScenarioError> {
    let terms = Terms {
        latency_margin: compare.margin,
        throughput_margin: compare.rate_margin,
        ..Terms::default()
    };
    let Some(gate) = &compare.gate else { return Ok(terms) };
    let mut known = figure::names();
    known.extend(figure::names_by_destination(&loaded.scenario.destinations));
    let place = |at: usize| compare.gate_spans.get(at).unwrap_or(&compare.gate_span);
    let mut problems: Vec<Problem> = mistakes(gate, &known)
        .map(|(at, mistake)| Problem::new(place(at), mistake.message).help(mistake.help))
        .collect();
    if !(1..=figure::GATED_MOST).contains(&gate.len()) {
        let problem = Problem::new(&compare.gate_span, "one to four figures can decide");
        problems.push(problem.help("each further figure weakens every answer"));
    }
    if !problems.is_empty() {
        return Err(ScenarioError::new(&loaded.source, problems));
    }
    Ok(Terms { gate: gate.clone(), ..terms })
}

/// Why a name cannot be among the figures that decide.
pub struct Mistake {
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub help: String,
}

/// The names of `gate` that are no figures, or were named before, with their places.
pub fn mistakes(gate: &[String], known: &[String]) -> impl Iterator<Item = (usize, Mistake)> {
    gate.iter().enumerate().filter_map(|(at, name)| {
        if !known.contains(name) {
            let help = suggest(name, known.iter().map(String::as_str));
            return Some((at, Mistake { message: format!("`{name}` is not a figure"), help }));
        }
        // Asked twice, a question would be held to a stricter level for nothing.
        gate[..at].contains(name).then(|| {
            let message = format!("`{name}` is named twice");
            (at, Mistake { message, help: "name each figure once".to_owned() })
        })
    })
}

/// Odds of a false alarm, two-sided, over all looks at the data together.
pub const ALPHA: f64 = 0.05;
