//! A figure together with how well it is known, so it cannot be shown without.

use std::ops::Div;

/// How well a figure is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Certainty {
    /// It is this.
    Exact,
    /// It is this or more: observations without an end could raise it.
    AtLeast,
    /// It is this or less.
    AtMost,
}

impl Certainty {
    /// `>=`, `<=`, or nothing.
    #[must_use]
    pub fn sign(self) -> &'static str {
        match self {
            Certainty::Exact => "",
            Certainty::AtLeast => ">=",
            Certainty::AtMost => "<=",
        }
    }

    /// The mark of a ratio of a figure with this mark to one with another; `None`: nothing is known
    /// of it.
    #[must_use]
    pub fn over(self, below: Certainty) -> Option<Certainty> {
        match (self, below) {
            (mark, Certainty::Exact) => Some(mark),
            (Certainty::Exact | Certainty::AtMost, Certainty::AtLeast) => Some(Certainty::AtMost),
            (Certainty::Exact | Certainty::AtLeast, Certainty::AtMost) => Some(Certainty::AtLeast),
            (Certainty::AtLeast, Certainty::AtLeast) | (Certainty::AtMost, Certainty::AtMost) => {
                None
            }
        }
    }

    /// The mark of a figure that may be a lower bound.
    #[must_use]
    pub fn at_least(is_bound: bool) -> Certainty {
        if is_bound { Certainty::AtLeast } else { Certainty::Exact }
    }
}

/// A figure and its mark.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Marked<T> {
    value: T,
    /// How well it is known.
    pub certainty: Certainty,
}

impl<T: Copy> Marked<T> {
    /// A figure with its mark.
    #[must_use]
    pub fn new(value: T, certainty: Certainty) -> Marked<T> {
        Marked { value, certainty }
    }

    /// As text, its sign before it.
    pub fn text(self, show: impl FnOnce(T) -> String) -> String {
        format!("{}{}", self.certainty.sign(), show(self.value))
    }

    /// The bare number: for places that carry the mark beside it.
    #[must_use]
    pub fn bare(self) -> T {
        self.value
    }
}

/// The ratio of two times; one below a microsecond counts as that. `None`: both are bounds, so that
/// nothing is known of it.
impl Div for Marked<u64> {
    type Output = Option<Marked<f64>>;

    fn div(self, below: Marked<u64>) -> Option<Marked<f64>> {
        let certainty = self.certainty.over(below.certainty)?;
        Some(Marked::new(self.value as f64 / below.value.max(1) as f64, certainty))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_is_known_as_well_as_its_parts() {
        let of = |mark| Marked::new(6, mark);
        let ratio = |above, below| (of(above) / Marked::new(3, below)).map(|it| it.certainty);
        assert_eq!(ratio(Certainty::Exact, Certainty::Exact), Some(Certainty::Exact));
        assert_eq!(ratio(Certainty::AtLeast, Certainty::Exact), Some(Certainty::AtLeast));
        assert_eq!(ratio(Certainty::Exact, Certainty::AtLeast), Some(Certainty::AtMost));
        assert_eq!(ratio(Certainty::AtLeast, Certainty::AtLeast), None);
        let twice = (of(Certainty::AtLeast) / Marked::new(3, Certainty::Exact)).expect("a ratio");
        assert_eq!(twice.text(|times| format!("{times:.1} times")), ">=2.0 times");
    }
}
