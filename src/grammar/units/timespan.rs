//! A length of time: `"250ms"`, `"30s"`, `"1m30s"`, `"2h"`. Exact to the nanosecond.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::{NotAUnit, Unit, split_number, written_as_text};
use crate::limits;

/// A length of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timespan(pub Duration);

written_as_text!(
    Timespan,
    "a duration such as \"250ms\", \"30s\", \"5m\" or \"2h\"",
    r"^([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h|d))+$"
);

/// Largest first, as they are printed; synonyms that are only read follow.
const UNITS: [(&str, u128); 8] = [
    ("d", 86_400_000_000_000),
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("ns", 1),
    ("µs", 1_000),
];

impl FromStr for Timespan {
    type Err = NotAUnit;

    fn from_str(text: &str) -> Result<Timespan, NotAUnit> {
        let refuse = |what: String| NotAUnit {
            what,
            right: "write a number and a unit (ms, s, m, h), such as \"250ms\", \"30s\" or \"2h\"",
        };
        let mut rest = text;
        let mut nanoseconds: u128 = 0;
        while !rest.is_empty() || text.is_empty() {
            let (number, tail) = split_number(rest);
            let end = tail.find(|c: char| c.is_ascii_digit()).unwrap_or(tail.len());
            let (unit, next) = tail.split_at(end);
            let unit = UNITS.iter().find(|(name, _)| *name == unit);
            let piece = unit.and_then(|(_, length)| scaled(number, *length));
            let Some(piece) = piece else {
                return Err(refuse(format!("`{text}` is not a duration")));
            };
            nanoseconds = nanoseconds.saturating_add(piece);
            rest = next;
        }
        let longest = limits::TIMESPAN.as_nanos();
        match u64::try_from(nanoseconds) {
            Ok(nanoseconds) if u128::from(nanoseconds) <= longest => {
                Ok(Timespan(Duration::from_nanos(nanoseconds)))
            }
            _ => Err(refuse(format!("`{text}` is longer than {}", Timespan(limits::TIMESPAN)))),
        }
    }
}

/// `number * unit` in exact decimal arithmetic; digits beyond the nanosecond are dropped.
fn scaled(number: &str, unit: u128) -> Option<u128> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|it| it.is_ascii_digit());
    if !is_number(fraction) || !is_number(whole) {
        return None;
    }
    // No unit has more than 14 digits of nanoseconds; what lies below one is nothing.
    let fraction = &fraction[..fraction.len().min(18)];
    let whole = whole.trim_start_matches('0');
    if whole.len() > 18 {
        return Some(u128::MAX);
    }
    let whole = if whole.is_empty() { "0" } else { whole };
    let ten_to = 10_u128.pow(u32::try_from(fraction.len()).ok()?);
    let fraction = fraction.parse::<u64>().ok()?;
    let whole = whole.parse::<u64>().ok()?;
    Some(u128::from(whole) * unit + u128::from(fraction) * unit / ten_to)
}

impl fmt::Display for Timespan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanoseconds = self.0.as_nanos();
        if nanoseconds == 0 {
            return f.write_str("0s");
        }
        let exact = UNITS.iter().skip(1).find(|(_, unit)| nanoseconds.is_multiple_of(*unit));
        let (name, unit) = exact.unwrap_or(&("ns", 1));
        write!(f, "{}{name}", nanoseconds / unit)
    }
}

impl Unit for Timespan {
    fn base(self) -> f64 {
        self.0.as_secs_f64()
    }

    fn of_base(base: f64) -> Timespan {
        Timespan(Duration::try_from_secs_f64(base).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_durations() {
        let cases = [
            ("250ms", 250_000_000),
            ("1.5s", 1_500_000_000),
            ("1m30s", 90_000_000_000),
            ("1.0000000000000000000s", 1_000_000_000),
            ("00000000000000000000001s", 1_000_000_000),
        ];
        for (text, nanoseconds) in cases {
            let expected = Timespan(Duration::from_nanos(nanoseconds));
            assert_eq!(text.parse(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn refuses_what_is_not_a_duration() {
        for text in ["", "5", "s", "5 s", "-5s", "5q", "1e9s", "1.s", ".5s", "5s3", "99999999d"] {
            assert!(text.parse::<Timespan>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_it_prints_it_reads(nanoseconds in 0_u64..10_000_000_000_000_000) {
            let span = Timespan(Duration::from_nanos(nanoseconds));
            prop_assert_eq!(span.to_string().parse(), Ok(span));
        }
    }
}
