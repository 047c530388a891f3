//! Checks that several sections make: names, ranges, keys that say nothing where they stand.

use std::ops::Range;
use std::time::Duration;

use super::at::At;
use super::diagnosis::Problems;
use super::units::Timespan;
use crate::limits;

/// Notes a name that could not be part of a path or a column.
pub fn check_name(name: &At<String>, problems: &mut Problems) {
    if !is_name(&name.value) {
        problems.refuse(&name.span, format!("`{}` cannot be a name", name.value), format!(
            "use up to {} letters, digits, spaces, `-`, `_` and `.`, beginning with a letter or digit",
            limits::NAME
        ));
    }
}

pub fn is_name(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_. ".contains(&byte);
    (1..=limits::NAME).contains(&text.len())
        && text.bytes().all(plain)
        && text.starts_with(|first: char| first.is_ascii_alphanumeric())
        && !text.ends_with(' ')
}

/// Notes those of `keys` that are there: they say nothing unless something else holds.
pub fn misplaced<const N: usize>(
    keys: [(&str, Option<&Range<usize>>); N],
    belong_to: &str,
    help: &str,
    problems: &mut Problems,
) {
    for (key, span) in keys {
        if let Some(span) = span {
            problems.refuse(span, format!("`{key}` belongs to {belong_to}"), help);
        }
    }
}

/// The value, or its default, if it lies in the range; noted otherwise.
pub fn bounded<T: PartialOrd + Copy + std::fmt::Display>(
    written: Option<&At<T>>,
    default: T,
    range: std::ops::RangeInclusive<T>,
    problems: &mut Problems,
) -> T {
    let Some(written) = written else { return default };
    if !range.contains(&written.value) {
        problems.refuse(
            &written.span,
            format!("{} is out of range", written.value),
            format!("from {} to {}", range.start(), range.end()),
        );
    }
    written.value
}

/// A length of time that is not nothing, or its default.
pub fn length(
    written: Option<&At<Timespan>>,
    default: Duration,
    problems: &mut Problems,
) -> Duration {
    let least = Timespan(Duration::from_millis(1));
    bounded(written, Timespan(default), least..=Timespan(limits::TIMESPAN), problems).0
}
