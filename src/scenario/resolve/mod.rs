//! From as written to as meant, section by section: fills in defaults, converts units, resolves
//! names, and notes every contradiction.
//!
//! A section function always returns something, so that the others are looked at too; what it
//! returns is thrown away when anything was noted.

mod abuse;
mod amount;
mod changes;
mod chaos;
mod compare;
mod corpus;
mod destination;
mod dkim;
mod external;
mod fault;
mod fault_action;
mod load;
mod managed;
mod message;
mod simulate;
mod sink;
mod spreadsheet;
mod submission;
mod target;
mod thresholds;
mod trace;

use std::ops::Range;
use std::path::Path;

use super::Purpose;
use super::diagnosis::{Problem, Problems};
use super::file::{At, File};
use super::model::Scenario;
use crate::limits;
use crate::seed::Seed;

pub(super) use destination::{is_reserved, reserved_domains};
pub(super) use target::{delivery, retry};

/// The seed of a scenario that names none.
const SEED: u64 = 1;

/// What a file says nothing of.
pub(super) struct Place<'a> {
    /// The name of a scenario that has none of its own.
    pub(super) fallback: &'a str,
    /// Where files that it names are looked for.
    pub(super) folder: &'a Path,
    /// What it is read for.
    pub(super) purpose: Purpose,
}

impl Place<'_> {
    /// Whether it belongs to a run that is over, whose message texts are not needed.
    fn is_stored(&self) -> bool {
        self.purpose == Purpose::Judge
    }
}

/// Resolves a whole file.
pub(super) fn resolve(file: &File, place: &Place<'_>, problems: &mut Problems) -> Scenario {
    let mut sink = sink::sink(file.sink.as_ref(), problems);
    let mut destinations = destination::destinations(&file.destination, &sink, problems);
    let load =
        file.load.as_ref().filter(|load| load::law(&load.value) == super::file::Arrival::Trace);
    let named = load.and_then(|load| load.value.trace.as_ref());
    let trace = named.map(|named| trace::trace(named, place.folder, &mut destinations, problems));
    let examined = place.purpose == Purpose::Examine;
    if !examined {
        destination::check_any(&destinations, problems);
    }
    let target = target::target(file.target.as_ref(), problems);
    let smtp = submission::submission(file.smtp.as_ref(), &target.kind, problems);
    // The model of a simulation tells any number of destinations apart.
    let modelled = file.simulate.is_some() && destinations.len() > limits::ROUTES;
    let count = destinations.len();
    sink::check_addresses(file.sink.as_ref(), &sink, &target.kind, count, problems);
    let is_routed = modelled || sink.is_routed(&target.kind, count);
    if !is_routed {
        destination::check_one_offer(&file.destination, problems);
    }
    let faults = fault::faults(&file.fault, &destinations, is_routed, problems);
    sink::check_implicit(&file.fault, &sink, problems);
    sink::offer_what_breaks(&faults, &mut sink, &mut destinations);
    Scenario {
        name: name(file.name.as_ref(), place.fallback, problems),
        question: file.question.as_ref().map(|text| text.value.clone()).unwrap_or_default(),
        seed: seed(file.seed.as_ref(), problems),
        chaos: chaos::chaos(&file.chaos, &target.kind, problems),
        abuse: abuse::abuse(&file.abuse, &smtp, problems),
        smtp,
        target,
        load: match &file.load {
            // No load is offered: that it is missing is no problem.
            None if examined => load::load(None, None, &mut Problems::default()),
            written => load::load(written.as_ref(), trace.as_ref(), problems),
        },
        message: message::message(file.message.as_ref(), trace.as_ref(), &sink, place, problems),
        sink,
        destinations,
        faults,
        simulate: simulate::simulate(file.simulate.as_ref(), problems),
        thresholds: thresholds::thresholds(file.thresholds.as_ref()),
        compare: compare::compare(file.compare.as_ref(), problems),
    }
}

fn name(written: Option<&At<String>>, fallback: &str, problems: &mut Problems) -> String {
    let Some(written) = written else {
        if !is_name(fallback) {
            let problem = Problem::new(&(0..0), "the scenario has no name");
            problems.push(problem.help("begin with `name = \"…\"`"));
        }
        return fallback.to_owned();
    };
    check_name(written, problems);
    written.value.clone()
}

/// Notes a name that could not be part of a path or a column.
fn check_name(name: &At<String>, problems: &mut Problems) {
    if !is_name(&name.value) {
        let problem = Problem::new(&name.span, format!("`{}` cannot be a name", name.value));
        problems.push(problem.help(format!(
            "use up to {} letters, digits, spaces, `-`, `_` and `.`, beginning with a letter or digit",
            limits::NAME
        )));
    }
}

fn is_name(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_. ".contains(&byte);
    (1..=limits::NAME).contains(&text.len())
        && text.bytes().all(plain)
        && text.starts_with(|first: char| first.is_ascii_alphanumeric())
        && !text.ends_with(' ')
}

fn seed(written: Option<&At<u64>>, problems: &mut Problems) -> Seed {
    let Some(seed) = written else { return Seed(SEED) };
    if i64::try_from(seed.value).is_err() {
        let problem = Problem::new(&seed.span, "the seed is too large");
        problems.push(problem.help(format!("at most {}", i64::MAX)));
    }
    Seed(seed.value)
}

/// Where a key stands, if it is there.
fn place<T>(key: &Option<At<T>>) -> Option<&Range<usize>> {
    key.as_ref().map(|key| &key.span)
}

/// Notes those of `keys` that are there: they say nothing unless something else holds.
fn misplaced<const N: usize>(
    keys: [(&str, Option<&Range<usize>>); N],
    belong_to: &str,
    help: &str,
    problems: &mut Problems,
) {
    for (key, span) in keys {
        if let Some(span) = span {
            let problem = Problem::new(span, format!("`{key}` belongs to {belong_to}"));
            problems.push(problem.help(help));
        }
    }
}

/// The value, or its default, if it lies in the range; noted otherwise.
fn bounded<T: PartialOrd + Copy + std::fmt::Display>(
    written: Option<&At<T>>,
    default: T,
    range: std::ops::RangeInclusive<T>,
    problems: &mut Problems,
) -> T {
    let Some(written) = written else { return default };
    if !range.contains(&written.value) {
        let problem = Problem::new(&written.span, format!("{} is out of range", written.value));
        problems.push(problem.help(format!("from {} to {}", range.start(), range.end())));
    }
    written.value
}
