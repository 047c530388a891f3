//! `--set key=value`: overrides of a scenario by the paths of its own file.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

use crate::grammar::diagnosis::{Problem, Problems, Source, suggest};
use crate::limits;

/// One override.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Override {
    /// Path as in the file, such as `load.rate`; an element of a list by index or name, such as
    /// `destination.0.weight` or `fault.greylist.odds`.
    pub key: String,
    /// The value; text needs no quotes.
    pub value: String,
}

impl fmt::Display for Override {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.key, self.value)
    }
}

impl Override {
    /// An override from its parts.
    #[must_use]
    pub fn new(key: impl Into<String>, value: impl Into<String>) -> Override {
        Override { key: key.into(), value: value.into() }
    }
}

/// Why a text is not an override.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("write key=value, such as load.rate=50/s")]
pub struct NotAnOverride;

impl FromStr for Override {
    type Err = NotAnOverride;

    /// Splits at the first `=` that is not inside the selector of a metric.
    fn from_str(text: &str) -> Result<Override, NotAnOverride> {
        let after_selector = match (text.find('{'), text.find('}')) {
            (Some(open), Some(close)) if text.find('=').is_some_and(|at| at > open) => close,
            _ => 0,
        };
        let at = text[after_selector..].find('=').ok_or(NotAnOverride)? + after_selector;
        let key = text[..at].trim();
        if key.is_empty() {
            return Err(NotAnOverride);
        }
        Ok(Override::new(key, text[at + 1..].trim()))
    }
}

/// Keys of which an override displaces the others: a scenario that says `duration` is run with
/// `--set load.messages=1000` without a contradiction.
const RIVALS: [(&str, &[&str]); 4] = [
    ("load.rate", &["load.segment"]),
    ("load.duration", &["load.messages", "load.segment"]),
    ("load.messages", &["load.duration", "load.segment"]),
    ("load.segment", &["load.rate", "load.duration", "load.messages"]),
];

/// Where the parts of one override stand in the source.
struct Place {
    key: std::ops::Range<usize>,
    value: std::ops::Range<usize>,
}

/// Adds the overrides to the source, as text that problems can point at; `from` says where they
/// come from.
pub(super) fn append(source: &mut Source, from: &str, overrides: &[Override]) {
    let piece = |one: &Override| (from.to_owned(), one.to_string());
    source.overrides.extend(overrides.iter().map(piece));
}

/// Applies overrides to the tree of the file. `start` is where the text of the first begins.
pub(super) fn apply<'i>(
    root: &mut DeTable<'i>,
    overrides: &'i [Override],
    start: usize,
    problems: &mut Problems,
) {
    let mut at = start;
    for one in overrides {
        let equals = at + one.key.len();
        let end = equals + 1 + one.value.len();
        let place = Place { key: at..equals, value: equals + 1..end };
        at = end + 1;
        if one.key.split('.').count() > limits::OVERRIDE_DEPTH {
            problems.push(Problem::new(&place.key, "no key lies as deep as this"));
            continue;
        }
        displace_rivals(root, &one.key);
        let value = Spanned::new(place.value.clone(), read_value(&one.value, place.value.start));
        if let Err(problem) = set(root, &one.key, value, &place) {
            problems.push(problem);
        }
    }
}

fn displace_rivals(root: &mut DeTable<'_>, key: &str) {
    let rivals = RIVALS.iter().find(|(name, _)| key == *name).map_or(&[][..], |(_, rivals)| rivals);
    for rival in rivals {
        if let Some((section, name)) = rival.split_once('.')
            && let Some(DeValue::Table(table)) = root.get_mut(section).map(Spanned::get_mut)
        {
            table.remove(name);
        }
    }
}

/// The value as TOML, or, where it is none, as text.
fn read_value(text: &str, start: usize) -> DeValue<'_> {
    match DeValue::parse(text) {
        Ok(value) if !value.get_ref().is_datetime() => shifted(value.into_inner(), start),
        _ => DeValue::String(Cow::Borrowed(text)),
    }
}

/// The value with every span inside it moved by `by`.
fn shifted(value: DeValue<'_>, by: usize) -> DeValue<'_> {
    let moved = |span: std::ops::Range<usize>| span.start + by..span.end + by;
    match value {
        DeValue::Array(elements) => {
            let mut array = DeArray::new();
            for element in elements {
                let span = moved(element.span());
                array.push(Spanned::new(span, shifted(element.into_inner(), by)));
            }
            DeValue::Array(array)
        }
        DeValue::Table(entries) => {
            let mut table = DeTable::new();
            for (key, value) in entries {
                let (key_span, span) = (moved(key.span()), moved(value.span()));
                let key = Spanned::new(key_span, key.into_inner());
                table.insert(key, Spanned::new(span, shifted(value.into_inner(), by)));
            }
            DeValue::Table(table)
        }
        plain => plain,
    }
}

/// Sets the value at `path` below `table`, making tables on the way as needed.
fn set<'i>(
    table: &mut DeTable<'i>,
    path: &'i str,
    value: Spanned<DeValue<'i>>,
    place: &Place,
) -> Result<(), Problem> {
    // A metric contains dots of its own.
    let (name, rest) = match path.strip_prefix("thresholds.") {
        Some(metric) => ("thresholds", Some(metric)),
        None => path.split_once('.').map_or((path, None), |(name, rest)| (name, Some(rest))),
    };
    let Some(rest) = rest else {
        table.insert(Spanned::new(place.key.clone(), Cow::Borrowed(unquoted(name))), value);
        return Ok(());
    };
    let entry = table
        .entry(Spanned::new(place.key.clone(), Cow::Borrowed(name)))
        .or_insert_with(|| Spanned::new(place.key.clone(), DeValue::Table(DeTable::new())));
    match entry.get_mut() {
        DeValue::Table(inner) if name == "thresholds" => {
            inner.insert(Spanned::new(place.key.clone(), Cow::Borrowed(unquoted(rest))), value);
            Ok(())
        }
        DeValue::Table(inner) => set(inner, rest, value, place),
        DeValue::Array(elements) => set_element(elements, rest, value, place),
        _ => Err(Problem::new(&place.key, format!("`{name}` has nothing below it"))),
    }
}

fn unquoted(name: &str) -> &str {
    name.strip_prefix('"').and_then(|name| name.strip_suffix('"')).unwrap_or(name)
}

/// Sets the value in the element of a list that `path` begins with, by index or by name.
fn set_element<'i>(
    elements: &mut DeArray<'i>,
    path: &'i str,
    value: Spanned<DeValue<'i>>,
    place: &Place,
) -> Result<(), Problem> {
    let names: Vec<String> = elements.iter().enumerate().map(|(i, e)| name_of(i, e)).collect();
    let by_name = names.iter().position(|name| below(path, name).is_some());
    let by_index = || {
        let (index, _) = path.split_once('.')?;
        index.parse::<usize>().ok().filter(|index| *index < names.len())
    };
    let index = by_name.or_else(by_index);
    let rest =
        index.and_then(|at| below(path, &names[at]).or_else(|| path.split_once('.').map(|p| p.1)));
    match (index.and_then(|at| elements.get_mut(at)).map(Spanned::get_mut), rest) {
        (Some(DeValue::Table(table)), Some(rest)) => set(table, rest, value, place),
        _ => {
            let problem = Problem::new(&place.key, format!("nothing is called `{path}` here"));
            let known = names.iter().map(String::as_str);
            Err(problem.help(suggest(path.split('.').next().unwrap_or(path), known)))
        }
    }
}

/// What follows `name` and a dot.
fn below<'p>(path: &'p str, name: &str) -> Option<&'p str> {
    path.strip_prefix(name)?.strip_prefix('.')
}

/// The name of a list's element, or its index.
fn name_of(index: usize, element: &Spanned<DeValue<'_>>) -> String {
    let element = element.get_ref();
    let name = element.get("name").or_else(|| element.get("domain"));
    let name = name.and_then(|name| name.get_ref().as_str());
    name.map_or_else(|| index.to_string(), str::to_owned)
}
