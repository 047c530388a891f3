//! A share of a whole: `0.25` or `"25%"`. Whether it must lie in 0 to 1 is its key's business.

use std::fmt;

use super::{NotAUnit, decimal};

/// A share; 1 is the whole.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, serde::Serialize)]
#[serde(transparent)]
pub struct Share(pub f64);

const RIGHT: &str = "write a number from 0 to 1, or a percentage such as \"25%\"";

impl std::str::FromStr for Share {
    type Err = NotAUnit;

    fn from_str(text: &str) -> Result<Share, NotAUnit> {
        let number = text.strip_suffix('%').and_then(decimal);
        let refuse = || NotAUnit { what: format!("`{text}` is not a share"), right: RIGHT };
        number.map(|percent| Share(percent / 100.0)).ok_or_else(refuse)
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<'de> serde::Deserialize<'de> for Share {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NumberOrPercentage;
        impl serde::de::Visitor<'_> for NumberOrPercentage {
            type Value = Share;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a share such as 0.25 or \"25%\"")
            }
            fn visit_f64<E: serde::de::Error>(self, share: f64) -> Result<Share, E> {
                Ok(Share(share))
            }
            fn visit_i64<E: serde::de::Error>(self, share: i64) -> Result<Share, E> {
                Ok(Share(share as f64))
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Share, E> {
                text.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_any(NumberOrPercentage)
    }
}

impl schemars::JsonSchema for Share {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Share".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "a share such as 0.25 or \"25%\"",
            "oneOf": [
                { "type": "number", "minimum": 0, "maximum": 1 },
                { "type": "string", "pattern": r"^[0-9]+(\.[0-9]+)?%$" },
            ],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_percentages_only_with_their_sign() {
        assert_eq!("25%".parse(), Ok(Share(0.25)));
        for text in ["25", "%", "-5%", "1e1%", "x%"] {
            assert!(text.parse::<Share>().is_err(), "{text}");
        }
    }
}
