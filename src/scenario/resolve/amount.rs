//! Quantities: parameters must form a distribution whose values lie within a bound.

use std::ops::Range;

use crate::quantity::{Law, Quantity};
use crate::scenario::diagnosis::{Problem, Problems};
use crate::scenario::file::{Amount, At, Drawn};
use crate::scenario::units::Unit;

/// What values a quantity may take, in its unit.
pub(super) struct Bounds<U> {
    pub(super) least: U,
    pub(super) greatest: U,
}

/// A quantity within bounds. A distribution that has no greatest value gets that of the bounds.
pub(super) fn quantity<U: Unit>(
    written: &At<Amount<U>>,
    bounds: &Bounds<U>,
    problems: &mut Problems,
) -> Quantity {
    let mut checker = Checker { span: &written.span, bounds, problems };
    match &written.value {
        Amount::Constant(value) => Quantity::Constant(checker.value(*value)),
        Amount::Drawn(drawn) => checker.drawn(drawn),
    }
}

struct Checker<'a, U> {
    span: &'a Range<usize>,
    bounds: &'a Bounds<U>,
    problems: &'a mut Problems,
}

impl<U: Unit> Checker<'_, U> {
    fn refuse(&mut self, message: impl Into<String>) {
        self.problems.push(Problem::new(self.span, message));
    }

    /// A value within the bounds.
    fn value(&mut self, value: U) -> f64 {
        let (least, greatest) = (self.bounds.least.base(), self.bounds.greatest.base());
        if !(least..=greatest).contains(&value.base()) {
            let problem = Problem::new(self.span, format!("{value} is out of range"));
            let range = format!("from {} to {}", self.bounds.least, self.bounds.greatest);
            self.problems.push(problem.help(range));
        }
        value.base()
    }

    fn above_zero(&mut self, name: &str, value: f64) -> f64 {
        if !(value > 0.0 && value.is_finite()) {
            self.refuse(format!("`{name}` must be above 0"));
        }
        value
    }

    fn drawn(&mut self, drawn: &Drawn<U>) -> Quantity {
        let (law, min, max) = match drawn {
            Drawn::Uniform { min, max } => return self.uniform(*min, *max),
            Drawn::Choice { values, weights } => return self.choice(values, weights.as_deref()),
            Drawn::Lognormal { median, sigma, min, max } => {
                let median = self.above_zero("median", median.base());
                let sigma = self.above_zero("sigma", *sigma);
                (Law::LogNormal { median, sigma }, *min, *max)
            }
            Drawn::Exponential { mean, min, max } => {
                let mean = self.above_zero("mean", mean.base());
                (Law::Exponential { mean }, *min, *max)
            }
            Drawn::Normal { mean, sd, min, max } => {
                let sd = self.above_zero("sd", sd.base());
                (Law::Normal { mean: self.value(*mean), sd }, *min, *max)
            }
            Drawn::Pareto { min, shape, max } => {
                let shape = self.above_zero("shape", *shape);
                let least = self.above_zero("min", self.bounds.least.base().max(min.base()));
                (Law::Pareto { min: least, shape }, None, *max)
            }
        };
        self.held(law, min, max)
    }

    /// A law held between `min` and `max`, or the bounds.
    fn held(&mut self, law: Law, min: Option<U>, max: Option<U>) -> Quantity {
        let min = min.map(|min| self.value(min));
        let max = self.value(max.unwrap_or(self.bounds.greatest));
        if min.is_some_and(|min| min > max) {
            self.refuse("`min` is greater than `max`");
        }
        Quantity::Drawn { law, min, max: Some(max) }
    }

    fn uniform(&mut self, min: U, max: U) -> Quantity {
        let (min, max) = (self.value(min), self.value(max));
        if min > max {
            self.refuse("`min` is greater than `max`");
        }
        Quantity::Drawn { law: Law::Uniform { min, max }, min: None, max: None }
    }

    fn choice(&mut self, values: &[U], weights: Option<&[f64]>) -> Quantity {
        let values: Vec<f64> = values.iter().map(|value| self.value(*value)).collect();
        let weights = weights.map_or_else(|| vec![1.0; values.len()], <[f64]>::to_vec);
        if values.is_empty() {
            self.refuse("`values` is empty");
        }
        if values.len() != weights.len() {
            let (values, weights) = (values.len(), weights.len());
            self.refuse(format!("{values} values, but {weights} weights"));
        }
        if !weights.iter().all(|weight| *weight > 0.0 && weight.is_finite()) {
            self.refuse("every weight must be above 0");
        }
        Quantity::Drawn { law: Law::Choice { values, weights }, min: None, max: None }
    }
}
