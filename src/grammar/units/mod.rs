//! Units of a scenario file: text such as `"250ms"`, `"200/s"`, `"4KiB"`, `"25%"` and back.
//!
//! Each unit is a newtype over the base unit that the rest of mailbench uses. What it prints
//! reads back to the same value.

mod address;
mod rate;
mod share;
mod size;
mod timespan;

pub use address::address;
pub use rate::{ByteRate, Rate};
pub use share::Share;
pub use size::{ByteCount, Size};
pub use timespan::Timespan;

/// Why a text is not of its unit: what is wrong, then, on a second line, what would be right.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}\n{right}")]
pub struct NotAUnit {
    /// What is wrong.
    pub what: String,
    /// What would be right.
    pub right: &'static str,
}

/// A value in a base unit that quantities are drawn in.
pub trait Unit: Copy + std::fmt::Display {
    /// The value in the base unit (seconds, bytes, a count).
    fn base(self) -> f64;
    /// The nearest value that can be written.
    fn of_base(base: f64) -> Self;
}

/// A bare number: the unit of quantities that have none.
#[derive(Clone, Copy, Debug, PartialEq, serde::Deserialize, schemars::JsonSchema)]
#[serde(transparent)]
pub struct Count(pub f64);

impl serde::Serialize for Count {
    /// Whole numbers without a point, as people write them.
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let whole = self.0 as i64;
        if whole as f64 == self.0 {
            serializer.serialize_i64(whole)
        } else {
            serializer.serialize_f64(self.0)
        }
    }
}

impl std::fmt::Display for Count {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl Unit for Count {
    fn base(self) -> f64 {
        self.0
    }

    fn of_base(base: f64) -> Count {
        Count(base)
    }
}

/// Splits leading decimal digits with at most one point from what follows.
fn split_number(text: &str) -> (&str, &str) {
    let end = text
        .find(|character: char| !character.is_ascii_digit() && character != '.')
        .unwrap_or(text.len());
    text.split_at(end)
}

/// Reads digits with at most one decimal point; nothing else that `f64` would take.
fn decimal(digits: &str) -> Option<f64> {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|it| it.is_ascii_digit());
    let plain = digits.split('.').all(is_number) && digits.split('.').count() <= 2;
    if plain { digits.parse().ok().filter(|value: &f64| value.is_finite()) } else { None }
}

/// serde and JSON Schema for a unit that is written as text.
macro_rules! written_as_text {
    ($unit:ty, $expecting:literal, $pattern:literal) => {
        impl serde::Serialize for $unit {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $unit {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Text;
                impl serde::de::Visitor<'_> for Text {
                    type Value = $unit;
                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str($expecting)
                    }
                    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<$unit, E> {
                        text.parse().map_err(E::custom)
                    }
                }
                deserializer.deserialize_any(Text)
            }
        }

        impl schemars::JsonSchema for $unit {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($unit).into()
            }
            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({
                    "type": "string", "description": $expecting, "pattern": $pattern,
                })
            }
        }
    };
}
use written_as_text;
