//! A quantity of a scenario: a constant or a distribution, sampled with a given generator.
//!
//! Values are plain `f64` in the base unit (seconds, bytes, a count); the owner of the scenario
//! key knows which. No clock, no generator of its own.

use rand::Rng;
use rand_distr::{Distribution, Exp, LogNormal, Normal, Pareto, Uniform, weighted::WeightedIndex};
use serde::{Deserialize, Serialize};

/// A constant or a distribution, in the base unit of its key (seconds, bytes, a count).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Quantity {
    /// Always this value.
    Constant(f64),
    /// Drawn from a distribution, then held between the bounds.
    Drawn {
        /// The distribution.
        law: Law,
        /// Least value, applied after drawing.
        min: Option<f64>,
        /// Greatest value, applied after drawing.
        max: Option<f64>,
    },
}

/// A distribution a quantity is drawn from. Parameters are checked where they are read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Law {
    /// Log-normal by its median and the standard deviation of its logarithm.
    LogNormal { median: f64, sigma: f64 },
    /// Uniform over `[min, max]`.
    Uniform { min: f64, max: f64 },
    /// Exponential by its mean.
    Exponential { mean: f64 },
    /// Normal by mean and standard deviation; negative draws count as zero.
    Normal { mean: f64, sd: f64 },
    /// Pareto by its least value and shape.
    Pareto { min: f64, shape: f64 },
    /// One of several values, by weight.
    Choice { values: Vec<f64>, weights: Vec<f64> },
}

impl Quantity {
    /// Draws one value; never negative, never NaN.
    pub fn sample<R: Rng>(&self, rng: &mut R) -> f64 {
        match self {
            Quantity::Constant(value) => *value,
            Quantity::Drawn { law, min, max } => {
                let drawn = law.draw(rng).max(min.unwrap_or(0.0)).max(0.0);
                max.map_or(drawn, |max| drawn.min(max))
            }
        }
    }
}

impl Law {
    /// Draws one value. A law whose parameters do not form a distribution yields zero; the
    /// scenario reader refuses such parameters before anything is drawn.
    fn draw<R: Rng>(&self, rng: &mut R) -> f64 {
        match self {
            Law::LogNormal { median, sigma } => {
                LogNormal::new(median.ln(), *sigma).map_or(0.0, |law| law.sample(rng))
            }
            Law::Uniform { min, max } => {
                Uniform::new_inclusive(*min, *max).map_or(0.0, |law| law.sample(rng))
            }
            Law::Exponential { mean } => Exp::new(1.0 / mean).map_or(0.0, |law| law.sample(rng)),
            Law::Normal { mean, sd } => Normal::new(*mean, *sd).map_or(0.0, |law| law.sample(rng)),
            Law::Pareto { min, shape } => {
                Pareto::new(*min, *shape).map_or(0.0, |law| law.sample(rng))
            }
            Law::Choice { values, weights } => WeightedIndex::new(weights)
                .ok()
                .and_then(|law| values.get(law.sample(rng)).copied())
                .unwrap_or(0.0),
        }
    }
}
