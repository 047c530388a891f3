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

use crate::scenario::model::Compare;

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

impl From<&Compare> for Terms {
    fn from(compare: &Compare) -> Terms {
        let default = Terms::default();
        Terms {
            latency_margin: compare.margin,
            throughput_margin: compare.rate_margin,
            gate: compare.gate.clone().unwrap_or(default.gate),
        }
    }
}

/// Odds of a false alarm, two-sided, over all looks at the data together.
pub const ALPHA: f64 = 0.05;
