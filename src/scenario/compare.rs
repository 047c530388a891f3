//! `[compare]`: variants of the scenario. What their keys mean is seen when each is read as a
//! scenario of its own.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::destination::Destination;
use super::overrides::Override;
use crate::grammar::at::{At, some, value_or};
use crate::grammar::checks::{bounded, check_name};
use crate::grammar::diagnosis::{Problem, Problems, suggest};
use crate::grammar::schema::{self, Refinement};
use crate::grammar::units::{Share, Timespan};
use crate::limits;
use crate::metric::figure;

/// What stands for what is not written.
const PAIRS: u32 = 10;
const COOL_DOWN: Duration = Duration::from_secs(1);
const MARGIN: f64 = 0.05;
const RATE_MARGIN: f64 = 0.03;

/// `[compare]`: variants, run in randomised interleaved pairs.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Compare")]
pub(super) struct Written {
    /// How many pairs. Default: 10.
    pub pairs: Option<At<u32>>,
    /// Rest between two runs. Default: 1s.
    pub cool_down: Option<At<Timespan>>,
    /// Whether so many pairs again are run when the first look is inconclusive. Default: true.
    pub extend: Option<At<bool>>,
    /// A latency or size may be worse by this share. Default: 5%.
    pub margin: Option<At<Share>>,
    /// A rate may be worse by this share. Default: 3%.
    pub rate_margin: Option<At<Share>>,
    /// Figures that decide, at most four. Default: `e2e_response.p50`, `e2e_response.p99`,
    /// `submit_response.p99`, `delivered.rate`.
    pub gate: Option<At<Vec<At<String>>>>,
    /// The variants; at least two. The first is what the others are held against.
    #[serde(default)]
    pub variant: Vec<At<WrittenVariant>>,
}

/// `[[compare.variant]]`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Variant")]
pub(super) struct WrittenVariant {
    /// Its name.
    pub name: At<String>,
    /// Keys that differ in it.
    #[schemars(with = "Option<BTreeMap<String, serde_json::Value>>")]
    pub set: Option<At<BTreeMap<String, toml::Value>>>,
}

/// How the schema refines the types.
pub(super) fn refinements() -> Vec<Refinement> {
    vec![
        ("Variant.name", schema::name()),
        ("Compare.pairs", schema::from_to(1, u64::from(limits::COMPARE_PAIRS))),
        ("Compare.variant", json!({ "minItems": 2 })),
        ("Compare.gate", json!({ "minItems": 1, "maxItems": 4 })),
        ("Compare", json!({ "required": ["variant"] })),
    ]
}

/// `[compare]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Compare {
    /// Pairs of runs, at first.
    pub pairs: u32,
    /// Rest between two runs.
    pub cool_down: Duration,
    /// Whether so many again are run when the first look is inconclusive.
    pub extend: bool,
    /// A latency or size may be worse by this share.
    pub margin: f64,
    /// A rate may be worse by this share.
    pub rate_margin: f64,
    /// Figures that decide, where the user named them: each once, and known.
    pub gate: Option<Vec<String>>,
    /// The variants; the first is what the others are held against.
    pub variants: Vec<Variant>,
}

/// One variant: the scenario with some keys set otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variant {
    /// Its name.
    pub name: String,
    /// The keys.
    pub set: Vec<Override>,
}

pub(super) fn resolve(
    written: Option<&At<Written>>,
    destinations: &[Destination],
    problems: &mut Problems,
) -> Option<Compare> {
    let At { value: written, span } = written?;
    let count = written.variant.len();
    if !(2..=limits::COMPARE_VARIANTS).contains(&count) {
        let what = if count < 2 { "at least two variants are needed" } else { "too many variants" };
        let help = format!("add `[[compare.variant]]`, two to {}", limits::COMPARE_VARIANTS);
        problems.refuse(span, what, help);
    }
    check_names(&written.variant, problems);
    let cool_down = value_or(&written.cool_down, Timespan(COOL_DOWN)).0;
    Some(Compare {
        pairs: bounded(written.pairs.as_ref(), PAIRS, 1..=limits::COMPARE_PAIRS, problems),
        cool_down,
        extend: value_or(&written.extend, true),
        margin: margin(written.margin.as_ref(), MARGIN, problems),
        rate_margin: margin(written.rate_margin.as_ref(), RATE_MARGIN, problems),
        gate: written.gate.as_ref().map(|written| gate(written, destinations, problems)),
        variants: written.variant.iter().map(|one| variant(one, problems)).collect(),
    })
}

/// The figures that decide.
fn gate(
    written: &At<Vec<At<String>>>,
    destinations: &[Destination],
    problems: &mut Problems,
) -> Vec<String> {
    let gate: Vec<String> = written.value.iter().map(|name| name.value.clone()).collect();
    let domains: Vec<&str> = destinations.iter().map(|one| one.domain.as_str()).collect();
    let mut known = figure::names();
    known.extend(figure::names_by_destination(&domains));
    for (at, Mistake { message, help }) in gate_mistakes(&gate, &known) {
        problems.refuse(&written.value[at].span, message, help);
    }
    if !(1..=figure::GATED_MOST).contains(&gate.len()) {
        let help = "each further figure weakens every answer";
        problems.refuse(&written.span, "one to four figures can decide", help);
    }
    gate
}

/// Why a name cannot be among the figures that decide.
pub struct Mistake {
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub help: String,
}

/// The names of `gate` that are no figures, or were named before, with their places.
pub fn gate_mistakes(gate: &[String], known: &[String]) -> impl Iterator<Item = (usize, Mistake)> {
    gate.iter().enumerate().filter_map(|(at, name)| {
        if !known.contains(name) {
            let help = suggest(name, known.iter().map(String::as_str));
            return Some((at, Mistake { message: format!("`{name}` is not a figure"), help }));
        }
        // Asked twice, a question would be held to a stricter level for nothing.
        gate[..at].contains(name).then(|| {
            let message = format!("`{name}` is named twice");
            (at, Mistake { message, help: "name each figure once".to_owned() })
        })
    })
}

fn margin(written: Option<&At<Share>>, default: f64, problems: &mut Problems) -> f64 {
    let Some(written) = written else { return default };
    if !(0.0..=1.0).contains(&written.value.0) {
        problems.refuse(
            &written.span,
            "a margin is a share from 0 to 1",
            "write for example \"5%\"",
        );
    }
    written.value.0
}

fn check_names(variants: &[At<WrittenVariant>], problems: &mut Problems) {
    let mut seen = BTreeSet::new();
    for one in variants {
        let name = &one.value.name;
        check_name(name, problems);
        if !seen.insert(&name.value) {
            let what = format!("variant `{}` is defined twice", name.value);
            problems.push(Problem::new(&name.span, what));
        }
    }
}

fn variant(written: &At<WrittenVariant>, problems: &mut Problems) -> Variant {
    let mut set = Vec::new();
    if let Some(At { value: keys, span }) = &written.value.set {
        for (key, value) in keys {
            if matches!(key.split('.').next(), Some("compare" | "name" | "seed")) {
                problems.refuse(
                    span,
                    format!("`{key}` cannot differ between variants"),
                    "all variants are one scenario with one seed",
                );
            }
            set.push(Override::new(key.clone(), value.to_string()));
        }
    }
    Variant { name: written.value.name.value.clone(), set }
}

impl From<&Compare> for Written {
    fn from(compare: &Compare) -> Written {
        let names = |gate: &Vec<String>| gate.iter().cloned().map(At::from).collect::<Vec<_>>();
        Written {
            pairs: some(compare.pairs),
            cool_down: some(Timespan(compare.cool_down)),
            extend: some(compare.extend),
            margin: some(Share(compare.margin)),
            rate_margin: some(Share(compare.rate_margin)),
            gate: compare.gate.as_ref().map(|gate| names(gate).into()),
            variant: compare
                .variants
                .iter()
                .map(|one| At::from(WrittenVariant::from(one)))
                .collect(),
        }
    }
}

impl From<&Variant> for WrittenVariant {
    fn from(variant: &Variant) -> WrittenVariant {
        let set = variant.set.iter().map(|change| (change.key.clone(), plain(&change.value)));
        let set: BTreeMap<String, toml::Value> = set.collect();
        WrittenVariant {
            name: variant.name.clone().into(),
            set: (!set.is_empty()).then(|| At::from(set)),
        }
    }
}

/// A value as it was written in TOML.
fn plain(text: &str) -> toml::Value {
    toml::from_str::<toml::Table>(&format!("it = {text}"))
        .ok()
        .and_then(|mut table| table.remove("it"))
        .unwrap_or_else(|| toml::Value::String(text.to_owned()))
}
