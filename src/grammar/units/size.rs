//! Sizes: `"4KiB"`, `"1MB"`; and a count of bytes, which may be a bare number.

use std::fmt;
use std::str::FromStr;

use super::{NotAUnit, Unit, decimal, split_number, written_as_text};

/// A size in whole bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size(pub u64);

/// A count of bytes for a key whose name says so: a bare number, or a size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
#[serde(transparent)]
pub struct ByteCount(#[schemars(with = "NumberOrSize")] pub u64);

/// The schema of [`ByteCount`].
#[derive(schemars::JsonSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "only its schema is used")]
enum NumberOrSize {
    Number(u64),
    Size(Size),
}

written_as_text!(
    Size,
    "a size such as \"4KiB\" or \"1MB\"",
    r"^[0-9]+(\.[0-9]+)?(B|kB|KB|KiB|MB|MiB|GB|GiB)$"
);

/// Largest first, as they are printed; synonyms that are only read follow.
const UNITS: [(&str, u64); 8] = [
    ("GiB", 1 << 30),
    ("GB", 1_000_000_000),
    ("MiB", 1 << 20),
    ("MB", 1_000_000),
    ("KiB", 1 << 10),
    ("kB", 1_000),
    ("B", 1),
    ("KB", 1_000),
];

impl Size {
    /// The bytes that `text` says, fractions included.
    pub(super) fn exact(text: &str) -> Option<f64> {
        let (digits, unit) = split_number(text);
        let (_, unit) = UNITS.iter().find(|(name, _)| *name == unit)?;
        Some(decimal(digits)? * *unit as f64)
    }
}

impl FromStr for Size {
    type Err = NotAUnit;

    fn from_str(text: &str) -> Result<Size, NotAUnit> {
        // Above 2^53 a float no longer counts single bytes; no size here comes near.
        match Size::exact(text).filter(|bytes| *bytes < 9e15) {
            Some(bytes) => Ok(Size(bytes.round() as u64)),
            None => Err(NotAUnit {
                what: format!("`{text}` is not a size"),
                right: "write a number and a unit (B, kB, KiB, MB, MiB), such as \"4KiB\" or \"1MB\"",
            }),
        }
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let exact = UNITS.iter().find(|(_, unit)| self.0 != 0 && self.0.is_multiple_of(*unit));
        let (name, unit) = exact.unwrap_or(&("B", 1));
        write!(f, "{}{name}", self.0 / unit)
    }
}

impl Unit for Size {
    fn base(self) -> f64 {
        self.0 as f64
    }

    fn of_base(base: f64) -> Size {
        Size(base.round() as u64)
    }
}

impl<'de> serde::Deserialize<'de> for ByteCount {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Bytes;
        impl serde::de::Visitor<'_> for Bytes {
            type Value = ByteCount;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number of bytes or a size such as \"4KiB\"")
            }
            fn visit_i64<E: serde::de::Error>(self, bytes: i64) -> Result<ByteCount, E> {
                let refuse = || E::custom("a number of bytes cannot be negative");
                u64::try_from(bytes).map(ByteCount).map_err(|_| refuse())
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<ByteCount, E> {
                text.parse::<Size>().map(|size| ByteCount(size.0)).map_err(E::custom)
            }
        }
        deserializer.deserialize_any(Bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_sizes() {
        assert_eq!("4KiB".parse(), Ok(Size(4096)));
        assert_eq!("1MB".parse(), Ok(Size(1_000_000)));
        assert_eq!("1.5KB".parse(), Ok(Size(1500)));
        assert_eq!(Size(4096).to_string(), "4KiB");
    }

    #[test]
    fn refuses_what_is_not_a_size() {
        for text in ["", "4096", "KiB", "4 KiB", "-1B", "4K", "4kib", "1e3B", "NaNB"] {
            assert!(text.parse::<Size>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_it_prints_it_reads(bytes in 0_u64..1_000_000_000_000) {
            prop_assert_eq!(Size(bytes).to_string().parse(), Ok(Size(bytes)));
        }
    }
}
