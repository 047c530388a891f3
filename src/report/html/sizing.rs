//! How large the target must be.

use super::table::table;
use crate::escape::xml;
use crate::measure::results::Results;
use crate::report::sizing;

/// The section.
pub(super) fn sizing(results: &Results) -> String {
    let rows = sizing::lines(results).into_iter();
    table(&["", ""], rows.map(|(name, value)| vec![name.to_owned(), xml(&value)]).collect())
}
