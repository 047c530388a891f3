//! `[compare]`: variants of the scenario. What their keys mean is seen when each is read as a
//! scenario of its own.

use std::collections::BTreeSet;
use std::time::Duration;

use super::{bounded, check_name};
use crate::limits;
use crate::scenario::Override;
use crate::scenario::diagnosis::{Problem, Problems};
use crate::scenario::file::{self, At};
use crate::scenario::model::{Compare, Variant};
use crate::scenario::units::Share;

/// What stands for what is not written.
const PAIRS: u32 = 10;
const COOL_DOWN: Duration = Duration::from_secs(1);
const MARGIN: f64 = 0.05;
const RATE_MARGIN: f64 = 0.03;

pub(super) fn compare(
    written: Option<&At<file::Compare>>,
    problems: &mut Problems,
) -> Option<Compare> {
    let At { value: written, span } = written?;
    let count = written.variant.len();
    if !(2..=limits::COMPARE_VARIANTS).contains(&count) {
        let what = if count < 2 { "at least two variants are needed" } else { "too many variants" };
        let help = format!("add `[[compare.variant]]`, two to {}", limits::COMPARE_VARIANTS);
        problems.push(Problem::new(span, what).help(help));
    }
    check_names(&written.variant, problems);
    let cool_down = written.cool_down.as_ref().map_or(COOL_DOWN, |wait| wait.value.0);
    let gate = written.gate.as_ref();
    Some(Compare {
        pairs: bounded(written.pairs.as_ref(), PAIRS, 1..=limits::COMPARE_PAIRS, problems),
        cool_down,
        extend: written.extend.as_ref().is_none_or(|extend| extend.value),
        margin: margin(written.margin.as_ref(), MARGIN, problems),
        rate_margin: margin(written.rate_margin.as_ref(), RATE_MARGIN, problems),
        gate: gate.map(|gate| gate.value.iter().map(|name| name.value.clone()).collect()),
        gate_span: gate.map_or(0..0, |gate| gate.span.clone()),
        gate_spans: gate.map_or_else(Vec::new, |gate| {
            gate.value.iter().map(|name| name.span.clone()).collect()
        }),
        variants: written.variant.iter().map(|one| variant(one, problems)).collect(),
    })
}

fn margin(written: Option<&At<Share>>, default: f64, problems: &mut Problems) -> f64 {
    let Some(written) = written else { return default };
    if !(0.0..=1.0).contains(&written.value.0) {
        let problem = Problem::new(&written.span, "a margin is a share from 0 to 1");
        problems.push(problem.help("write for example \"5%\""));
    }
    written.value.0
}

fn check_names(variants: &[At<file::Variant>], problems: &mut Problems) {
    let mut seen = BTreeSet::new();
    for one in variants {
        let name = &one.value.name;
        check_name(name, problems);
        if !seen.insert(&name.value) {
            let what = format!("variant `{}` stands twice", name.value);
            problems.push(Problem::new(&name.span, what));
        }
    }
}

fn variant(written: &At<file::Variant>, problems: &mut Problems) -> Variant {
    let mut set = Vec::new();
    if let Some(At { value: keys, span }) = &written.value.set {
        for (key, value) in keys {
            if matches!(key.split('.').next(), Some("compare" | "name" | "seed")) {
                let problem = Problem::new(span, format!("`{key}` cannot differ between variants"));
                problems.push(problem.help("all variants are one scenario with one seed"));
            }
            set.push(Override::new(key.clone(), value.to_string()));
        }
    }
    Variant { name: written.value.name.value.clone(), set }
}
