//! Rates: of messages (`"200/s"`, `"12000/min"`, `"4M/h"`) and of bytes (`"2KiB/s"`).

use std::fmt;
use std::str::FromStr;

use super::{NotAUnit, Size, decimal, split_number, written_as_text};

/// So many a second.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Rate(pub f64);

/// Bytes a second.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct ByteRate(pub f64);

written_as_text!(
    Rate,
    "a rate such as \"200/s\", \"12000/min\" or \"4M/h\"",
    r"^[0-9]+(\.[0-9]+)?[kM]?/(s|min|h)$"
);

written_as_text!(
    ByteRate,
    "a rate of bytes such as \"2KiB/s\"",
    r"^[0-9]+(\.[0-9]+)?(B|kB|KB|KiB|MB|MiB|GB|GiB)/(s|min|h)$"
);

/// Seconds in what stands after the slash.
fn seconds(unit: &str) -> Option<f64> {
    match unit {
        "s" => Some(1.0),
        "min" => Some(60.0),
        "h" => Some(3600.0),
        _ => None,
    }
}

impl FromStr for Rate {
    type Err = NotAUnit;

    fn from_str(text: &str) -> Result<Rate, NotAUnit> {
        let (number, unit) = text.split_once('/').unwrap_or((text, ""));
        let (digits, suffix) = split_number(number);
        let scale = match suffix {
            "" => Some(1.0),
            "k" => Some(1e3),
            "M" => Some(1e6),
            _ => None,
        };
        match (decimal(digits), scale, seconds(unit)) {
            (Some(number), Some(scale), Some(seconds)) => Ok(Rate(number * scale / seconds)),
            _ => Err(NotAUnit {
                what: format!("`{text}` is not a rate"),
                right: "write a number and what it is per (/s, /min, /h), such as \"200/s\", \
                        \"12000/min\" or \"4M/h\"",
            }),
        }
    }
}

impl FromStr for ByteRate {
    type Err = NotAUnit;

    fn from_str(text: &str) -> Result<ByteRate, NotAUnit> {
        let (size, unit) = text.split_once('/').unwrap_or((text, ""));
        match (Size::exact(size), seconds(unit)) {
            (Some(bytes), Some(seconds)) => Ok(ByteRate(bytes / seconds)),
            _ => Err(NotAUnit {
                what: format!("`{text}` is not a rate of bytes"),
                right: "write a size and what it is per, such as \"2KiB/s\"",
            }),
        }
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/s", self.0)
    }
}

impl fmt::Display for ByteRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}B/s", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_rates() {
        assert_eq!("200/s".parse(), Ok(Rate(200.0)));
        assert_eq!("12000/min".parse(), Ok(Rate(200.0)));
        assert_eq!("3.6M/h".parse(), Ok(Rate(1000.0)));
        assert_eq!("2KiB/s".parse(), Ok(ByteRate(2048.0)));
    }

    #[test]
    fn refuses_what_is_not_a_rate() {
        for text in ["", "200", "200/", "/s", "200 /s", "-1/s", "1e3/s", "inf/s", "200/m", "1..2/s"]
        {
            assert!(text.parse::<Rate>().is_err(), "{text}");
            assert!(text.parse::<ByteRate>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_it_prints_it_reads(rate in 0.0_f64..1e9) {
            prop_assert_eq!(Rate(rate).to_string().parse(), Ok(Rate(rate)));
            prop_assert_eq!(ByteRate(rate).to_string().parse(), Ok(ByteRate(rate)));
        }
    }
}
