//! Reads the tree of a TOML file into the types of the sections, one by one, so that one bad
//! section does not hide the problems of the next.

use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeTable, DeValue, ValueDeserializer};

use super::file::File;
use super::targets::RelaySettings;
use super::{shape, threshold};
use crate::grammar::at::At;
use crate::grammar::diagnosis::{Problem, Problems, suggest};

/// The keys of the top level, in the order of the documentation.
const KEYS: [&str; 15] = [
    "name",
    "question",
    "seed",
    "target",
    "load",
    "smtp",
    "sink",
    "message",
    "destination",
    "fault",
    "chaos",
    "abuse",
    "simulate",
    "thresholds",
    "compare",
];

/// Reads a scenario file; what could not be read is missing from the result and noted.
pub(crate) fn read(root: DeTable<'_>, problems: &mut Problems) -> File {
    let wholes = shape::whole_numbers(&root);
    let mut root = root;
    shape::check(&mut root, &mut wholes.iter(), problems);
    let mut file = File::default();
    for (key, value) in root {
        match key.get_ref().as_ref() {
            "name" => file.name = one(value, problems),
            "question" => file.question = one(value, problems),
            "seed" => file.seed = one(value, problems),
            "target" => file.target = one(value, problems),
            "load" => file.load = one(value, problems),
            "smtp" => file.smtp = one(value, problems),
            "sink" => file.sink = one(value, problems),
            "message" => file.message = one(value, problems),
            "destination" => file.destination = many("destination", value, problems),
            "fault" => file.fault = many("fault", value, problems),
            "chaos" => file.chaos = many("chaos", value, problems),
            "abuse" => file.abuse = many("abuse", value, problems),
            "simulate" => file.simulate = one(value, problems),
            "thresholds" => file.thresholds = Some(threshold::read(value, problems)),
            "compare" => file.compare = one(value, problems),
            _ => unknown(&key, &KEYS, problems),
        }
    }
    file
}

/// Reads a settings file of the embedded relay.
pub(crate) fn read_relay_settings(root: DeTable<'_>, problems: &mut Problems) -> RelaySettings {
    let wholes = shape::whole_numbers(&root);
    let mut root = root;
    shape::check(&mut root, &mut wholes.iter(), problems);
    let mut settings = RelaySettings::default();
    for (key, value) in root {
        match key.get_ref().as_ref() {
            "retry" => settings.retry = one(value, problems),
            "delivery" => settings.delivery = one(value, problems),
            _ => unknown(&key, &["retry", "delivery"], problems),
        }
    }
    settings
}

fn unknown(key: &Spanned<toml::de::DeString<'_>>, known: &[&str], problems: &mut Problems) {
    let name = key.get_ref();
    problems.refuse(
        &key.span(),
        format!("unknown key `{name}`"),
        suggest(name, known.iter().copied()),
    );
}

/// One value or table.
fn one<T: DeserializeOwned>(value: Spanned<DeValue<'_>>, problems: &mut Problems) -> Option<At<T>> {
    let span = value.span();
    match T::deserialize(ValueDeserializer::from(value)) {
        Ok(value) => Some(At { value, span }),
        Err(error) => {
            let place = error.span().unwrap_or(span);
            problems.push(in_our_words(&place, error.message()));
            None
        }
    }
}

/// An array of tables, element by element.
fn many<T: DeserializeOwned>(
    key: &str,
    value: Spanned<DeValue<'_>>,
    problems: &mut Problems,
) -> Vec<At<T>> {
    let span = value.span();
    match value.into_inner() {
        DeValue::Array(elements) => {
            elements.into_iter().filter_map(|element| one(element, problems)).collect()
        }
        _ => {
            problems.refuse(
                &span,
                format!("`{key}` can stand several times"),
                format!("write `[[{key}]]`"),
            );
            Vec::new()
        }
    }
}

/// serde's complaint in our words: what is wrong, and a way out.
fn in_our_words(span: &std::ops::Range<usize>, complaint: &str) -> Problem {
    let quoted: Vec<&str> = complaint.split('`').skip(1).step_by(2).collect();
    let (word, known) = quoted.split_first().unwrap_or((&"", &[]));
    if complaint.starts_with("unknown field") {
        let known = known.iter().copied();
        Problem::new(span, format!("unknown key `{word}`")).help(suggest(word, known))
    } else if complaint.starts_with("unknown variant") {
        let known = known.iter().copied();
        Problem::new(span, format!("`{word}` is not known here")).help(suggest(word, known))
    } else if complaint.starts_with("missing field") {
        Problem::new(span, format!("`{word}` is missing"))
    } else if let Some((found, expected)) = wrong_type(complaint) {
        Problem::new(span, format!("expected {expected}, found {found}"))
    } else if let Some((what, right)) = complaint.split_once('\n') {
        Problem::new(span, what).help(right)
    } else {
        Problem::new(span, complaint)
    }
}

/// What was found and what was expected, in the words of a user of the file.
fn wrong_type(complaint: &str) -> Option<(&str, &str)> {
    let said = complaint.strip_prefix("invalid type: ");
    let said = said.or_else(|| complaint.strip_prefix("invalid value: "))?;
    let (found, expected) = said.split_once(", expected ")?;
    let expected = match expected {
        "u32" | "u64" => "a whole number",
        "f64" => "a number",
        "a string" => "text in quotes",
        "a boolean" => "true or false",
        expected if expected.starts_with("struct ") => "a table",
        expected => expected,
    };
    Some((found, expected))
}
