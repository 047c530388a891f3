//! The whole file: its keys, and how its sections become a [`Scenario`] and are written again.
//!
//! A section always becomes something, so that the others are looked at too; what it becomes is
//! thrown away when a problem was noted.

use std::path::Path;

use schemars::JsonSchema;
use serde::{Serialize, Serializer};
use serde_json::json;

use super::model::Scenario;
use super::threshold::Thresholds;
use super::{
    Purpose, abuse, compare, destination, load, message, simulate, sink, smtp, targets, threshold,
};
use crate::fault::{chaos, rule};
use crate::grammar::at::{At, some};
use crate::grammar::checks::{check_name, is_name};
use crate::grammar::diagnosis::Problems;
use crate::grammar::schema::{self, Refinement};
use crate::limits;
use crate::seed::Seed;

/// The seed of a scenario that names none.
const SEED: u64 = 1;

/// A mailbench scenario: what a run asks, of whom, under which load and failures.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
#[schemars(title = "mailbench scenario", deny_unknown_fields)]
pub(super) struct File {
    /// Name of the scenario, and of the folder its runs land in. Default: the file's name.
    pub name: Option<At<String>>,
    /// The question it asks.
    pub question: Option<At<String>>,
    /// The seed of everything random. Default: 1.
    pub seed: Option<At<u64>>,
    /// The system under test. Default: the embedded relay.
    pub target: Option<At<targets::Written>>,
    /// What is offered, when.
    pub load: Option<At<load::Written>>,
    /// How mail is submitted.
    pub smtp: Option<At<smtp::Written>>,
    /// The sink's own settings.
    pub sink: Option<At<sink::Written>>,
    /// What the messages are.
    pub message: Option<At<message::Written>>,
    /// Where they go; at least one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub destination: Vec<At<destination::Written>>,
    /// What goes wrong there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fault: Vec<At<rule::Keys>>,
    /// What happens to the target itself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub chaos: Vec<At<chaos::act::Keys>>,
    /// Bad clients beside the honest load.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub abuse: Vec<At<abuse::Written>>,
    /// The model of the target in a simulation.
    pub simulate: Option<At<simulate::Written>>,
    /// Bounds the run must meet.
    pub thresholds: Option<Thresholds>,
    /// Variants to compare.
    pub compare: Option<At<compare::Written>>,
}

/// How the sections refine the schema of the types.
pub(super) fn refinements() -> Vec<Refinement> {
    let share = r"^0*(100\.0*[1-9][0-9]*|10[1-9]|1[1-9][0-9]|[2-9][0-9]{2}|[0-9]{4,})(\.[0-9]+)?%$";
    let traced = json!({ "properties": { "load": { "required": ["trace"] } } });
    let somewhere = json!({ "properties": { "destination": { "minItems": 1 } } });
    let destined = json!({ "required": ["destination"], "allOf": [somewhere] });
    let own = vec![
        (".name", schema::name()),
        (".seed", json!({ "maximum": i64::MAX })),
        ("Share", json!({ "not": { "type": "string", "pattern": share } })),
        ("", json!({ "if": { "required": ["load"] }, "then": { "anyOf": [traced, destined] } })),
    ];
    let sections = [
        targets::refinements(),
        load::refinements(),
        smtp::refinements(),
        sink::refinements(),
        message::refinements(),
        destination::refinements(),
        rule::refinements(),
        chaos::section::refinements(),
        abuse::refinements(),
        simulate::refinements(),
        threshold::refinements(),
        compare::refinements(),
    ];
    [own, sections.concat()].concat()
}

/// What a file says nothing of.
pub(super) struct Place<'a> {
    /// The name of a scenario that has none of its own.
    pub(super) fallback: &'a str,
    /// Where files that it names are looked for.
    pub(super) folder: &'a Path,
    /// What it is read for.
    pub(super) purpose: Purpose,
    /// The file's text.
    pub(super) text: &'a str,
}

impl Place<'_> {
    /// Whether it belongs to a run that is over, whose message texts are not needed.
    pub(super) fn is_stored(&self) -> bool {
        self.purpose == Purpose::Judge
    }
}

/// Resolves a whole file.
pub(super) fn resolve(file: &File, place: &Place<'_>, problems: &mut Problems) -> Scenario {
    let mut sink = sink::resolve(file.sink.as_ref(), problems);
    let mut destinations = destination::resolve(&file.destination, &sink, problems);
    let named = file.load.as_ref().and_then(|load| load.value.trace());
    let trace =
        named.map(|named| load::trace::resolve(named, place.folder, &mut destinations, problems));
    let examined = place.purpose == Purpose::Examine;
    if !examined {
        destination::check_any(&destinations, problems);
    }
    let target = targets::resolve(file.target.as_ref(), problems);
    let smtp = smtp::resolve(file.smtp.as_ref(), &target.kind, problems);
    // The model of a simulation tells any number of destinations apart.
    let modelled = file.simulate.is_some() && destinations.len() > limits::ROUTES;
    let count = destinations.len();
    sink::check_addresses(file.sink.as_ref(), &sink, &target.kind, count, problems);
    let is_routed = modelled || sink.is_routed(&target.kind, count);
    if !is_routed {
        destination::check_one_offer(&file.destination, problems);
    }
    let domains = destination::domains(&destinations);
    let faults = rule::resolve(&file.fault, &domains, is_routed, problems);
    sink::check_implicit(&file.fault, &sink, problems);
    sink::offer_what_breaks(&faults, &mut sink, &mut destinations);
    let compare = compare::resolve(file.compare.as_ref(), &destinations, problems);
    let mut scenario = Scenario {
        name: name(file.name.as_ref(), place.fallback, problems),
        question: file.question.as_ref().map(|text| text.value.clone()).unwrap_or_default(),
        seed: seed(file.seed.as_ref(), problems),
        chaos: chaos::section::resolve(&file.chaos, &target.reach(), problems),
        abuse: abuse::resolve(&file.abuse, &smtp, problems),
        smtp,
        target,
        load: match &file.load {
            // No load is offered: that it is missing is no problem.
            None if examined => load::resolve(None, None, &mut Problems::default()),
            written => load::resolve(written.as_ref(), trace.as_ref(), problems),
        },
        message: message::resolve(file.message.as_ref(), trace.as_ref(), &sink, place, problems),
        sink,
        destinations,
        faults,
        simulate: simulate::resolve(file.simulate.as_ref(), problems),
        thresholds: Vec::new(),
        compare,
    };
    if let Some(written) = &file.thresholds {
        // No run is to meet them when the target is only examined.
        let mut unneeded = Problems::default();
        let problems = if examined { &mut unneeded } else { problems };
        scenario.thresholds = threshold::resolve(written, &scenario, place.text, problems);
    }
    scenario
}

fn name(written: Option<&At<String>>, fallback: &str, problems: &mut Problems) -> String {
    let Some(written) = written else {
        if !is_name(fallback) {
            problems.refuse(&(0..0), "the scenario has no name", "begin with `name = \"…\"`");
        }
        return fallback.to_owned();
    };
    check_name(written, problems);
    written.value.clone()
}

fn seed(written: Option<&At<u64>>, problems: &mut Problems) -> Seed {
    let Some(seed) = written else { return Seed(SEED) };
    if i64::try_from(seed.value).is_err() {
        problems.refuse(&seed.span, "the seed is too large", format!("at most {}", i64::MAX));
    }
    Seed(seed.value)
}

impl From<&Scenario> for File {
    fn from(scenario: &Scenario) -> File {
        let bounds = &scenario.thresholds;
        let destinations = &scenario.destinations;
        let domains = destination::domains(destinations);
        File {
            name: some(scenario.name.clone()),
            question: some(scenario.question.clone()),
            seed: some(scenario.seed.0),
            target: section(&scenario.target),
            load: section(&scenario.load),
            smtp: section(&scenario.smtp),
            sink: section(&scenario.sink),
            message: some(scenario.message.written(&scenario.load.model)),
            destination: sections(destinations),
            fault: scenario.faults.iter().map(|it| rule::write(it, &domains).into()).collect(),
            chaos: scenario.chaos.iter().map(|it| chaos::section::write(it).into()).collect(),
            abuse: sections(&scenario.abuse),
            simulate: scenario.simulate.as_ref().and_then(section),
            thresholds: (!bounds.is_empty()).then(|| Thresholds::from(&bounds[..])),
            compare: scenario.compare.as_ref().and_then(section),
        }
    }
}

/// A section, as written.
fn section<'a, Meant, Written: From<&'a Meant>>(meant: &'a Meant) -> Option<At<Written>> {
    some(Written::from(meant))
}

/// An array of tables, as written.
fn sections<'a, Meant, Written: From<&'a Meant>>(meant: &'a [Meant]) -> Vec<At<Written>> {
    meant.iter().map(|one| At::from(Written::from(one))).collect()
}

/// A resolved scenario is a scenario, with every default filled in. It is stored with a run and read
/// again to judge it.
impl Serialize for Scenario {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        File::from(self).serialize(serializer)
    }
}
