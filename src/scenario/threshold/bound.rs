//! The value of a threshold: `OP VALUE`, with the value in the unit of its metric.

use std::str::FromStr;

use crate::grammar::units::{ByteRate, NotAUnit, Rate, Share, Size, Timespan, Unit as _};
use crate::metric::catalogue::Unit;

/// A bound in the base unit of what it bounds: seconds, a number, events a second, a share.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bound {
    /// How the figure must stand to the value.
    pub op: Op,
    /// The value.
    pub value: f64,
}

/// How a figure must stand to a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// `<`
    Less,
    /// `<=`
    AtMost,
    /// `>`
    Greater,
    /// `>=`
    AtLeast,
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
}

/// Longer ones first, so that `<=` is not read as `<`.
const OPS: [(&str, Op); 6] = [
    ("<=", Op::AtMost),
    (">=", Op::AtLeast),
    ("==", Op::Equal),
    ("!=", Op::NotEqual),
    ("<", Op::Less),
    (">", Op::Greater),
];

/// Why a text is not a bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotABound {
    /// It does not begin with a comparison.
    #[error("a bound begins with one of < <= > >= == !=")]
    Comparison,
    /// What follows is not in this unit.
    #[error("{}", want(*.0))]
    Value(Unit),
}

fn want(unit: Unit) -> &'static str {
    match unit {
        Unit::Duration => "this bound is a duration, such as `< 250ms` or `< 5s`",
        Unit::Number => "this bound is a plain number, such as `== 0` or `< 1000`",
        Unit::Rate => "this bound is a rate, such as `>= 200/s` or `>= 12000/min`",
        Unit::Bytes => "this bound is a size, such as `< 200MiB` or `< 1GB`",
        Unit::ByteRate => "this bound is bytes a second, such as `< 5MiB/s`",
        Unit::Share => "this bound is a share, such as `>= 0.95` or `>= 95%`",
    }
}

impl Bound {
    /// Reads `OP VALUE`.
    ///
    /// # Errors
    /// When it is not a comparison with a value in `unit`.
    pub fn read(text: &str, unit: Unit) -> Result<Bound, NotABound> {
        let text = text.trim();
        let (sign, op) = OPS
            .into_iter()
            .find(|(sign, _)| text.starts_with(sign))
            .ok_or(NotABound::Comparison)?;
        let value = text[sign.len()..].trim();
        let value = match unit {
            Unit::Duration => in_unit(value, |span: Timespan| span.base()),
            Unit::Rate => in_unit(value, |rate: Rate| rate.0),
            Unit::Bytes => in_unit(value, |size: Size| size.0 as f64),
            Unit::ByteRate => in_unit(value, |rate: ByteRate| rate.0),
            Unit::Share => number(value).or_else(|| in_unit(value, |share: Share| share.0)),
            Unit::Number => number(value),
        };
        Ok(Bound { op, value: value.ok_or(NotABound::Value(unit))? })
    }

    /// Whether `actual` meets the bound.
    #[must_use]
    pub fn holds(self, actual: f64) -> bool {
        match self.op {
            Op::Less => actual < self.value,
            Op::AtMost => actual <= self.value,
            Op::Greater => actual > self.value,
            Op::AtLeast => actual >= self.value,
            Op::Equal => equal(actual, self.value),
            Op::NotEqual => !equal(actual, self.value),
        }
    }

    /// Whether the bound is met by every figure from `least` to `most`, or by none; `None`: by
    /// some of them.
    #[must_use]
    pub fn holds_within(self, least: f64, most: f64) -> Option<bool> {
        let inside = self.value >= least && self.value <= most;
        let (low, high) = (self.holds(least), self.holds(most));
        match self.op {
            Op::Equal | Op::NotEqual if inside && !equal(least, most) => None,
            _ if low == high => Some(low),
            _ => None,
        }
    }

    /// Whether the bound is met whatever the figure is, as long as it is at least `least`.
    #[must_use]
    pub fn holds_from(self, least: f64) -> bool {
        match self.op {
            Op::Less | Op::AtMost | Op::Equal => false,
            Op::Greater | Op::NotEqual => least > self.value,
            Op::AtLeast => least >= self.value,
        }
    }
}

/// Figures are counts or decimal fractions of them: equal up to the last bits.
fn equal(a: f64, b: f64) -> bool {
    (a - b).abs() <= f64::EPSILON * a.abs().max(b.abs())
}

fn in_unit<U: FromStr<Err = NotAUnit>>(text: &str, base: impl Fn(U) -> f64) -> Option<f64> {
    text.parse().ok().map(base)
}

/// A decimal number: no sign, no exponent, no `inf`.
fn number(text: &str) -> Option<f64> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    if plain { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str, unit: Unit) -> Option<f64> {
        Bound::read(text, unit).ok().map(|bound| bound.value)
    }

    #[test]
    fn reads_each_unit() {
        assert_eq!(value("< 250ms", Unit::Duration), Some(0.25));
        assert_eq!(value("<=1.5s", Unit::Duration), Some(1.5));
        assert_eq!(value("<2m", Unit::Duration), Some(120.0));
        assert_eq!(value("== 0", Unit::Number), Some(0.0));
        assert_eq!(value(">= 12000/min", Unit::Rate), Some(200.0));
        assert_eq!(value("!= 95%", Unit::Share), Some(0.95));
        assert_eq!(value(">= 0.95", Unit::Share), Some(0.95));
        assert_eq!(value("< 2MiB", Unit::Bytes), Some(2_097_152.0));
        assert_eq!(value("< 2KiB/s", Unit::ByteRate), Some(2048.0));
    }

    #[test]
    fn refuses_another_unit_and_nonsense() {
        for text in ["< 5", "< 5kg", "<", "< -5s", "< 1e3s", "< infs", "< 5 s", "< .s"] {
            assert_eq!(Bound::read(text, Unit::Duration), Err(NotABound::Value(Unit::Duration)));
        }
        assert_eq!(Bound::read("5s", Unit::Duration), Err(NotABound::Comparison));
        assert_eq!(Bound::read("= 5", Unit::Number), Err(NotABound::Comparison));
        assert_eq!(value("< 5s", Unit::Number), None);
        assert_eq!(value("< 5/µ", Unit::Rate), None);
    }

    #[test]
    fn each_comparison_holds_on_its_side_of_the_value() {
        let cases = [
            ("< 5", [true, false, false]),
            ("<= 5", [true, true, false]),
            ("> 5", [false, false, true]),
            (">= 5", [false, true, true]),
            ("== 5", [false, true, false]),
            ("!= 5", [true, false, true]),
        ];
        for (text, expected) in cases {
            let bound = Bound::read(text, Unit::Number).expect(text);
            assert_eq!([4.0, 5.0, 6.0].map(|actual| bound.holds(actual)), expected, "{text}");
        }
        let none = Bound::read("== 0", Unit::Number).expect("a bound");
        assert_eq!([0.0, 1.0, -1.0].map(|actual| none.holds(actual)), [true, false, false]);
    }

    #[test]
    fn decimal_fractions_are_equal_up_to_their_last_bits() {
        let bound = Bound::read("== 0.3", Unit::Number).expect("a bound");
        assert!(bound.holds(0.1 + 0.2));
        assert!(!bound.holds(0.3 + 1e-12) && !bound.holds(-0.3));
        let large = Bound::read("== 3000000000000", Unit::Number).expect("a bound");
        assert!(large.holds(3e12 + 4e-4) && !large.holds(3e12 + 1.0));
    }

    #[test]
    fn each_error_says_how_a_bound_of_its_unit_is_written() {
        let examples = [
            (Unit::Duration, "250ms"),
            (Unit::Number, "== 0"),
            (Unit::Rate, "200/s"),
            (Unit::Bytes, "200MiB"),
            (Unit::ByteRate, "5MiB/s"),
            (Unit::Share, "95%"),
        ];
        for (unit, example) in examples {
            assert!(NotABound::Value(unit).to_string().contains(example), "{unit:?}");
        }
    }

    #[test]
    fn a_lower_bound_proves_only_what_cannot_fall() {
        let bound = |text| Bound::read(text, Unit::Number).expect("a bound");
        assert!(!bound("< 10").holds_from(5.0));
        assert!(!bound("== 5").holds_from(5.0));
        assert!(bound("> 4").holds_from(5.0));
        assert!(!bound("> 5").holds_from(5.0) && !bound("> 6").holds_from(5.0));
        assert!(bound(">= 5").holds_from(5.0) && !bound(">= 6").holds_from(5.0));
        assert!(!bound("!= 7").holds_from(5.0) && !bound("!= 5").holds_from(5.0));
        assert!(bound("!= 4").holds_from(5.0));
    }
}
