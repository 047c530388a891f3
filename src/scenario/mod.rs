//! The scenario: what a run asks. TOML in, [`Scenario`] out, or an error that shows the line.
//!
//! One file, or folder, a section of the file: what can be written there (`Written`), what its schema
//! adds, the defaults, the checks, what it means, and how that is written again. `file` puts the
//! sections together. Everything after this module works with the meant form ([`model`]), in which a
//! contradiction cannot be said.

pub mod difference;
pub mod model;

mod file;
mod overrides;
mod provenance;
mod read;
mod schema;
mod shape;
mod written;

mod abuse;
mod compare;
mod destination;
mod load;
mod message;
mod simulate;
mod sink;
mod smtp;
mod targets;
mod threshold;

use std::ops::Range;
use std::path::Path;

use sha2::{Digest, Sha256};
use toml::de::DeTable;

pub use crate::grammar::diagnosis::{Problem, ScenarioError, Source};
pub use model::Scenario;
pub use overrides::{NotAnOverride, Override};
pub use provenance::Provenance;

use crate::grammar::at;
use crate::grammar::diagnosis::Problems;
use crate::queue::schedule::RetrySchedule;
use crate::seed::Seed;
use crate::{files, limits};
use model::{Delivery, Variant};
use written::toml_of;

/// Name under which a run keeps a copy of the trace it was offered by, beside its scenario.
pub const TRACE: &str = "trace.csv";

/// A scenario that was read, and what it was read from.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// As meant.
    pub scenario: Scenario,
    /// Where it came from, for problems found later.
    pub source: Source,
    /// As TOML in the scenario's own grammar, every default filled in; reads back to the same.
    pub resolved: String,
    /// SHA-256 of `resolved`, in hexadecimal.
    pub sha256: String,
    /// The variants of its `[compare]`, each a scenario of its own, by name.
    pub variants: Vec<(String, Loaded)>,
    /// Where each destination's domain stands in the source.
    domain_spans: Vec<Range<usize>>,
}

/// Reads a scenario file. Files that it names are looked for from the folder it lies in.
///
/// # Errors
/// When it cannot be read, or does not make a scenario.
pub fn load(path: &Path, overrides: &[Override]) -> Result<Loaded, ScenarioError> {
    load_as(path, overrides, Provenance::Own)
}

/// As [`load()`]; what an untrusted scenario would run, read or reveal is refused.
///
/// # Errors
/// As there.
pub fn load_as(
    path: &Path,
    overrides: &[Override],
    provenance: Provenance,
) -> Result<Loaded, ScenarioError> {
    load_file(path, overrides, (Purpose::Run, provenance))
}

/// Reads a scenario of which only target and sink are used: it needs no load and no destination.
///
/// # Errors
/// As [`load()`].
pub fn load_target(
    path: &Path,
    overrides: &[Override],
    provenance: Provenance,
) -> Result<Loaded, ScenarioError> {
    load_file(path, overrides, (Purpose::Examine, provenance))
}

/// Reads the scenario of a stored run, which is to be judged, not run again: message texts are
/// not needed.
///
/// # Errors
/// As [`load()`].
pub fn load_stored(path: &Path) -> Result<Loaded, ScenarioError> {
    load_file(path, &[], (Purpose::Judge, Provenance::Own))
}

fn load_file(
    path: &Path,
    overrides: &[Override],
    terms: (Purpose, Provenance),
) -> Result<Loaded, ScenarioError> {
    let name = path.display().to_string();
    match files::read_text(path, limits::SCENARIO_BYTES) {
        Ok(text) => parse_text(&name, &text, overrides, terms),
        Err(error) => {
            let problem = Problem::unusable(&format!("cannot read {name}: "), &error.into());
            Err(ScenarioError::new(&Source::new(name, ""), vec![problem]))
        }
    }
}

/// Reads a scenario from text; `name` is what problems call it, and names the scenario when it
/// has no name of its own.
///
/// # Errors
/// When it does not make a scenario; every problem found is in the error.
pub fn parse(name: &str, text: &str, overrides: &[Override]) -> Result<Loaded, ScenarioError> {
    parse_text(name, text, overrides, (Purpose::Run, Provenance::Own))
}

/// As [`parse`].
fn parse_text(
    name: &str,
    text: &str,
    overrides: &[Override],
    (purpose, provenance): (Purpose, Provenance),
) -> Result<Loaded, ScenarioError> {
    let origin = Origin { name, text, overrides, purpose, provenance };
    let mut loaded = read_as(&origin, None)?;
    let variants = loaded.scenario.compare.iter().flat_map(|compare| &compare.variants);
    let variants = variants.map(|variant| {
        let own = read_as(&origin, Some(variant))?;
        Ok((variant.name.clone(), own))
    });
    loaded.variants = variants.collect::<Result<_, ScenarioError>>()?;
    Ok(loaded)
}

/// What a scenario is read for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Purpose {
    /// To be run.
    Run,
    /// A run that is over is to be judged: its message texts are not needed.
    Judge,
    /// Its target is to be examined: load and destinations are not needed.
    Examine,
}

/// What a scenario is read from.
struct Origin<'a> {
    name: &'a str,
    text: &'a str,
    overrides: &'a [Override],
    purpose: Purpose,
    provenance: Provenance,
}

/// Reads the scenario, or one variant of it, which compares nothing any more.
fn read_as(origin: &Origin<'_>, variant: Option<&Variant>) -> Result<Loaded, ScenarioError> {
    let Origin { name, text, overrides, purpose, provenance } = *origin;
    let mut source = Source::new(name, text);
    let start = source.end();
    overrides::append(&mut source, "--set", overrides);
    let further = source.end();
    let own = variant.map_or(&[][..], |variant| &variant.set);
    if let Some(variant) = variant {
        overrides::append(&mut source, &format!("[[compare.variant]] {}", variant.name), own);
    }
    let mut root = tree(&source)?;
    let mut problems = Problems::default();
    overrides::apply(&mut root, overrides, start, &mut problems);
    overrides::apply(&mut root, own, further, &mut problems);
    if variant.is_some() {
        root.remove("compare");
    }
    let written = read::read(root, &mut problems);
    // What a section would mean is not worth judging while another could not even be read.
    problems.check(&source)?;
    let folder = Path::new(name).parent().unwrap_or(Path::new(""));
    if provenance == Provenance::Untrusted {
        provenance::check(&written, (&(start..further), folder), &mut problems);
        problems.check(&source)?;
    }
    let fallback = Path::new(name).file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    let place = file::Place { fallback, folder, purpose, text: &source.text };
    let scenario = file::resolve(&written, &place, &mut problems);
    problems.check(&source)?;
    let resolved = toml_of(&scenario);
    let sha256 = digest(&resolved);
    let domains = written.destination.iter();
    let domain_spans = domains.map(|one| one.value.domain.span.clone());
    // Whatever is not written there comes from a trace.
    let trace = written.load.as_ref().and_then(|load| load.value.trace.as_ref());
    let elsewhere = std::iter::repeat(trace.map_or(0..0, |trace| trace.span.clone()));
    let domain_spans = domain_spans.chain(elsewhere).take(scenario.destinations.len()).collect();
    Ok(Loaded { scenario, source, resolved, sha256, variants: Vec::new(), domain_spans })
}

/// The tree of a TOML text, or every mistake in its syntax.
fn tree(source: &Source) -> Result<DeTable<'_>, ScenarioError> {
    let (root, errors) = DeTable::parse_recoverable(&source.text);
    if errors.is_empty() {
        return Ok(root.into_inner());
    }
    let problem = |error: &toml::de::Error| match error.span() {
        Some(span) => Problem::new(&span, error.message()),
        None => Problem::unplaced(error.message()),
    };
    Err(ScenarioError::new(source, errors.iter().map(problem).collect()))
}

impl Loaded {
    /// The same scenario with another seed.
    #[must_use]
    pub fn with_seed(&self, seed: Seed) -> Loaded {
        self.changed(|scenario| scenario.seed = seed)
    }

    /// The same scenario, changed.
    #[must_use]
    pub fn changed(&self, change: impl FnOnce(&mut Scenario)) -> Loaded {
        let mut other = self.clone();
        change(&mut other.scenario);
        other.resolved = toml_of(&other.scenario);
        other.sha256 = digest(&other.resolved);
        other
    }
}

/// The digest of a stored scenario as it stands, in the form of [`Loaded::sha256`].
///
/// # Errors
/// When it cannot be read.
pub fn sha256_of(path: &Path) -> std::io::Result<String> {
    files::read(path, limits::SCENARIO_BYTES).map(digest)
}

fn digest(resolved: impl AsRef<[u8]>) -> String {
    Sha256::digest(resolved).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Refuses destinations outside the reserved domains and those in `allowed` (the command line's,
/// never the scenario's).
///
/// # Errors
/// Names every domain that needs permission.
pub fn check_domains(loaded: &Loaded, allowed: &[String]) -> Result<(), ScenarioError> {
    for (_, variant) in &loaded.variants {
        check_domains(variant, allowed)?;
    }
    let mut problems = Problems::default();
    for (destination, span) in loaded.scenario.destinations.iter().zip(&loaded.domain_spans) {
        if !destination::is_reserved(&destination.domain, allowed) {
            let what = format!("`{}` could be a real domain", destination.domain);
            problems.refuse(
                span,
                what,
                format!(
                    "use one under {}; or, if it is yours, add --allow-recipient-domain {}",
                    destination::reserved_domains(),
                    destination.domain,
                ),
            );
        }
    }
    problems.check(&loaded.source)
}

/// Reads the settings file of the embedded relay: `[retry]` and `[delivery]`, as in `[target]`.
///
/// # Errors
/// As for a scenario.
pub fn relay_settings(name: &str, text: &str) -> Result<(RetrySchedule, Delivery), ScenarioError> {
    let source = Source::new(name, text);
    let mut problems = Problems::default();
    let written = read::read_relay_settings(tree(&source)?, &mut problems);
    let retry = targets::retry::resolve(written.retry.as_ref(), &mut problems);
    let delivery = targets::delivery::resolve(written.delivery.as_ref(), &mut problems);
    problems.check(&source)?;
    Ok((retry, delivery))
}

/// What [`relay_settings`] reads.
#[must_use]
pub fn relay_settings_toml(retry: &RetrySchedule, delivery: &Delivery) -> String {
    toml_of(&targets::RelaySettings {
        retry: at::some(retry.into()),
        delivery: at::some(delivery.into()),
    })
}

/// JSON Schema of the scenario file, for editors; what keys mean together it does not know.
#[must_use]
pub fn schema() -> String {
    schema::text()
}
