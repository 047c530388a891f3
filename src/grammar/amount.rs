//! A quantity: a constant, or a table that names a distribution. Its parameters must form one, whose
//! values lie within the bounds of its key.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Range;

use schemars::JsonSchema;
use serde::Serialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, Deserialize, Deserializer, IntoDeserializer, MapAccess, Visitor};

use super::at::At;
use super::diagnosis::{Problem, Problems};
use super::units::Unit;
use crate::quantity::{Law, Quantity};

/// A constant or a distribution, in the unit `U`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Amount<U> {
    /// Always this value.
    Constant(U),
    /// Drawn anew each time.
    Drawn(Drawn<U>),
}

/// A distribution; `min` and `max` hold what is drawn between bounds.
#[derive(Clone, Debug, Serialize, serde::Deserialize, JsonSchema)]
#[serde(tag = "dist", rename_all = "lowercase", deny_unknown_fields)]
pub enum Drawn<U> {
    /// By its median and the standard deviation of its logarithm.
    Lognormal {
        median: U,
        #[schemars(extend("exclusiveMinimum" = 0))]
        sigma: f64,
        #[serde(skip_serializing_if = "Option::is_none")]
        min: Option<U>,
        #[serde(skip_serializing_if = "Option::is_none")]
        max: Option<U>,
    },
    /// Evenly between `min` and `max`.
    Uniform { min: U, max: U },
    /// By its mean.
    Exponential {
        mean: U,
        #[serde(skip_serializing_if = "Option::is_none")]
        min: Option<U>,
        #[serde(skip_serializing_if = "Option::is_none")]
        max: Option<U>,
    },
    /// By mean and standard deviation.
    Normal {
        mean: U,
        sd: U,
        #[serde(skip_serializing_if = "Option::is_none")]
        min: Option<U>,
        #[serde(skip_serializing_if = "Option::is_none")]
        max: Option<U>,
    },
    /// By its least value and its shape.
    Pareto {
        min: U,
        #[schemars(extend("exclusiveMinimum" = 0))]
        shape: f64,
        #[serde(skip_serializing_if = "Option::is_none")]
        max: Option<U>,
    },
    /// One of several values, by weight.
    Choice {
        values: Vec<U>,
        #[serde(skip_serializing_if = "Option::is_none")]
        weights: Option<Vec<f64>>,
    },
}

impl<'de, U: Deserialize<'de>> Deserialize<'de> for Amount<U> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Amount<U>, D::Error> {
        deserializer.deserialize_any(ConstantOrTable(PhantomData))
    }
}

/// Reads either form. Not serde's own untagged reading, which forgets what was wrong.
struct ConstantOrTable<U>(PhantomData<U>);

impl<'de, U: Deserialize<'de>> Visitor<'de> for ConstantOrTable<U> {
    type Value = Amount<U>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a constant or a table { dist = … }")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Amount<U>, E> {
        U::deserialize(text.into_deserializer()).map(Amount::Constant)
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Amount<U>, E> {
        U::deserialize(number.into_deserializer()).map(Amount::Constant)
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Amount<U>, E> {
        U::deserialize(number.into_deserializer()).map(Amount::Constant)
    }

    fn visit_map<A: MapAccess<'de>>(self, table: A) -> Result<Amount<U>, A::Error> {
        Drawn::deserialize(MapAccessDeserializer::new(table)).map(Amount::Drawn)
    }
}

/// What values a quantity may take, in its unit.
pub struct Bounds<U> {
    pub least: U,
    pub greatest: U,
}

/// A quantity within bounds. A distribution that has no greatest value gets that of the bounds.
pub fn quantity<U: Unit>(
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

/// A quantity in the unit of its key.
pub fn amount<U: Unit>(quantity: &Quantity) -> Amount<U> {
    let unit = U::of_base;
    let (law, least, greatest) = match quantity {
        Quantity::Constant(value) => return Amount::Constant(unit(*value)),
        Quantity::Drawn { law, min, max } => (law, min.map(unit), max.map(unit)),
    };
    Amount::Drawn(match law {
        Law::LogNormal { median, sigma } => {
            Drawn::Lognormal { median: unit(*median), sigma: *sigma, min: least, max: greatest }
        }
        Law::Uniform { min, max } => Drawn::Uniform { min: unit(*min), max: unit(*max) },
        Law::Exponential { mean } => {
            Drawn::Exponential { mean: unit(*mean), min: least, max: greatest }
        }
        Law::Normal { mean, sd } => {
            Drawn::Normal { mean: unit(*mean), sd: unit(*sd), min: least, max: greatest }
        }
        Law::Pareto { min, shape } => {
            Drawn::Pareto { min: unit(*min), shape: *shape, max: greatest }
        }
        Law::Choice { values, weights } => Drawn::Choice {
            values: values.iter().map(|value| unit(*value)).collect(),
            weights: Some(weights.clone()),
        },
    })
}
