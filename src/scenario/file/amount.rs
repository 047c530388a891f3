//! A quantity as written: a constant, or a table that names a distribution.

use std::fmt;
use std::marker::PhantomData;

use schemars::JsonSchema;
use serde::Serialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, Deserialize, Deserializer, IntoDeserializer, MapAccess, Visitor};

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
