//! What the tree of a scenario is before it is read into types: serde would take a list for a table
//! and refuse a whole number that is written as `5.0`.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::grammar::diagnosis::{Problem, Problems};

/// Keys whose values are tables.
const TABLES: [&str; 16] = [
    "changes", "target", "retry", "delivery", "load", "smtp", "auth", "dsn", "timeout", "sink",
    "message", "dkim", "simulate", "kill", "restart", "compare",
];

/// Keys whose values are arrays of tables.
const ARRAYS: [&str; 6] = ["destination", "fault", "chaos", "abuse", "segment", "variant"];

/// Keys whose values are the user's own, in whatever form.
const FREE: [&str; 3] = ["settings", "set", "thresholds"];

/// Greatest whole number that a float can say exactly.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// The whole numbers that are written as floats, in the order in which [`check`] wants them.
pub(super) fn whole_numbers(table: &DeTable<'_>) -> Vec<String> {
    let mut found = Vec::new();
    in_table(table, &mut found);
    found
}

fn in_table(table: &DeTable<'_>, found: &mut Vec<String>) {
    let bound = table.iter().filter(|(key, _)| !FREE.contains(&key.get_ref().as_ref()));
    bound.for_each(|(_, value)| in_value(value.get_ref(), found));
}

fn in_value(value: &DeValue<'_>, found: &mut Vec<String>) {
    match value {
        DeValue::Table(table) => in_table(table, found),
        DeValue::Array(array) => array.iter().for_each(|it| in_value(it.get_ref(), found)),
        DeValue::Float(number) => found.extend(whole(number.as_str())),
        _ => {}
    }
}

/// A float without a fraction, as a whole number is written.
fn whole(text: &str) -> Option<String> {
    let number: f64 = text.replace('_', "").parse().ok()?;
    (number.fract() == 0.0 && number.abs() <= EXACT).then(|| format!("{number:.0}"))
}

/// Notes lists that stand for tables, and puts `whole` numbers where floats say the same.
pub(super) fn check<'i>(
    table: &mut DeTable<'i>,
    wholes: &mut std::slice::Iter<'i, String>,
    problems: &mut Problems,
) {
    for (key, value) in table.iter_mut() {
        let key = key.get_ref().as_ref();
        if FREE.contains(&key) {
            continue;
        }
        if let DeValue::Array(array) = value.get_ref() {
            let lists = array.iter().filter(|it| it.get_ref().is_array());
            match key {
                key if TABLES.contains(&key) => problems.push(not_a_table(value.span())),
                key if ARRAYS.contains(&key) => {
                    lists.for_each(|list| problems.push(not_a_table(list.span())));
                }
                _ => {}
            }
        }
        walk(value, wholes, problems);
    }
}

fn walk<'i>(
    value: &mut Spanned<DeValue<'i>>,
    wholes: &mut std::slice::Iter<'i, String>,
    problems: &mut Problems,
) {
    match value.get_mut() {
        DeValue::Table(table) => check(table, wholes, problems),
        DeValue::Array(array) => array.iter_mut().for_each(|it| walk(it, wholes, problems)),
        DeValue::Float(number) if whole(number.as_str()).is_some() => {
            let parsed = wholes.next().and_then(|text| DeValue::parse(text).ok());
            if let Some(parsed) = parsed {
                *value.get_mut() = parsed.into_inner();
            }
        }
        _ => {}
    }
}

fn not_a_table(span: Range<usize>) -> Problem {
    Problem::new(&span, "expected a table, found a list")
}
