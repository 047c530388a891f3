//! `[thresholds]`: bounds a run must meet, metric to bound or bounds, in file order.
//!
//! What a key means is read in `key`, a value in `bound`; what can be bounded is in
//! `metric::catalogue`. Whether a run met them is `measure::threshold`'s.

pub mod bound;
mod key;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::json;
use toml::Spanned;
use toml::de::DeValue;

use super::model::Scenario;
use crate::grammar::diagnosis::{Problem, Problems};
use crate::grammar::schema::Refinement;
use crate::ledger::event::Period;
use crate::metric::catalogue::{Stat, Subject};
use crate::metric::disturbance::Kind;
use crate::probe::DestinationId;
use bound::Bound;

/// The form of a bound, for the schema.
const BOUND: &str = r"^\s*(<=|>=|==|!=|<|>)\s*[0-9][^\s<>=!]*\s*$";

/// The bounds a run must meet, as written.
#[derive(Clone, Debug, Default)]
pub(super) struct Thresholds(Vec<Line>);

/// One bound, as written, with where it stands.
#[derive(Clone, Debug)]
struct Line {
    /// The key: `METRIC[{selector}][.STAT]`.
    metric: String,
    metric_span: Range<usize>,
    /// The value: `OP VALUE`.
    bound: String,
    bound_span: Range<usize>,
}

/// One bound, understood.
#[derive(Clone, Debug, PartialEq)]
pub struct Threshold {
    /// What is bounded.
    pub subject: Subject,
    /// Only mail to this destination.
    pub destination: Option<DestinationId>,
    /// The period it is limited to; without one, the measured period (and, for what goes on after
    /// it, the drain).
    pub period: Option<Period>,
    /// Only this fault window, or this kind of chaos.
    pub disturbance: Option<(Kind, String)>,
    /// Which of its figures.
    pub stat: Stat,
    /// The bound.
    pub bound: Bound,
    /// `METRIC` and `OP VALUE`, as written.
    pub words: (String, String),
    /// Lines of the two in the scenario file, from 1; 0 for what the command line set.
    pub lines: (u32, u32),
}

impl Threshold {
    /// `METRIC OP VALUE`, as written.
    #[must_use]
    pub fn expr(&self) -> String {
        format!("{} {}", self.words.0, self.words.1)
    }
}

/// Understands every line; those that mean nothing are noted where they stand.
pub(super) fn resolve(
    written: &Thresholds,
    scenario: &Scenario,
    text: &str,
    problems: &mut Problems,
) -> Vec<Threshold> {
    let mut thresholds = Vec::new();
    for line in &written.0 {
        match key::read(line, scenario) {
            Ok(threshold) => {
                let lines = (line_of(text, &line.metric_span), line_of(text, &line.bound_span));
                thresholds.push(Threshold { lines, ..threshold });
            }
            Err(flaw) => problems.push(flaw.into_problem(line)),
        }
    }
    thresholds
}

/// The line on which something begins; 0 for what the command line set.
fn line_of(text: &str, span: &Range<usize>) -> u32 {
    if span.is_empty() || span.end > text.len() {
        return 0;
    }
    let breaks = text.as_bytes()[..span.start].iter().filter(|byte| **byte == b'\n').count();
    u32::try_from(breaks + 1).unwrap_or(u32::MAX)
}

impl From<&[Threshold]> for Thresholds {
    fn from(thresholds: &[Threshold]) -> Thresholds {
        let line = |Threshold { words: (metric, bound), .. }: &Threshold| Line {
            metric: metric.clone(),
            metric_span: 0..0,
            bound: bound.clone(),
            bound_span: 0..0,
        };
        Thresholds(thresholds.iter().map(line).collect())
    }
}

impl Serialize for Thresholds {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut table = serializer.serialize_map(None)?;
        for group in self.0.chunk_by(|a, b| a.metric == b.metric) {
            match group {
                [one] => table.serialize_entry(&one.metric, &one.bound)?,
                several => {
                    let bounds: Vec<&str> = several.iter().map(|b| b.bound.as_str()).collect();
                    table.serialize_entry(&several[0].metric, &bounds)?;
                }
            }
        }
        table.end()
    }
}

/// The schema of a value of `[thresholds]`.
#[derive(JsonSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "only its schema is used")]
enum OneOrSeveral {
    One(String),
    Several(Vec<String>),
    /// A metric without quotes, whose dots make tables.
    Nested(BTreeMap<String, OneOrSeveral>),
}

impl JsonSchema for Thresholds {
    fn schema_name() -> Cow<'static, str> {
        "Thresholds".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = BTreeMap::<String, OneOrSeveral>::json_schema(generator);
        let says = "METRIC[{destination=…, period=…}][.STAT] = \"OP VALUE\", or a list of those";
        schema.insert("description".to_owned(), says.into());
        schema
    }
}

/// How the schema refines the types.
pub(super) fn refinements() -> Vec<Refinement> {
    let bound = json!({
        "anyOf": [
            { "type": "string", "pattern": BOUND },
            { "type": "array", "minItems": 1, "items": { "pattern": BOUND } },
            { "type": "object", "minProperties": 1 },
        ],
    });
    vec![("OneOrSeveral", bound)]
}

/// `[thresholds]`, in file order. A metric written without quotes reads as nested tables, one
/// for each dot; they are joined again.
pub(super) fn read(value: Spanned<DeValue<'_>>, problems: &mut Problems) -> Thresholds {
    let mut bounds = Vec::new();
    collect_bounds(None, value, &mut bounds, problems);
    bounds.sort_by_key(|bound| (bound.metric_span.start, bound.bound_span.start));
    Thresholds(bounds)
}

fn collect_bounds(
    metric: Option<(String, Range<usize>)>,
    value: Spanned<DeValue<'_>>,
    bounds: &mut Vec<Line>,
    problems: &mut Problems,
) {
    let bound_span = value.span();
    match (value.into_inner(), metric) {
        (DeValue::Table(table), metric) if metric.is_none() || !table.is_empty() => {
            for (key, value) in table {
                let name = key.get_ref();
                let joined = match &metric {
                    Some((outer, span)) => (format!("{outer}.{name}"), span.start..key.span().end),
                    None => (name.to_string(), key.span()),
                };
                collect_bounds(Some(joined), value, bounds, problems);
            }
        }
        (DeValue::String(text), Some((metric, metric_span))) => {
            bounds.push(Line { metric, metric_span, bound: text.into_owned(), bound_span });
        }
        (DeValue::Array(elements), Some(metric)) if !elements.is_empty() => {
            for element in elements {
                if element.get_ref().is_table() || element.get_ref().is_array() {
                    problems.push(not_a_bound(&element.span()));
                } else {
                    collect_bounds(Some(metric.clone()), element, bounds, problems);
                }
            }
        }
        _ => problems.push(not_a_bound(&bound_span)),
    }
}

fn not_a_bound(span: &Range<usize>) -> Problem {
    Problem::new(span, "a threshold is an operator and a value, as text")
        .help("write for example `lost = \"== 0\"` or `\"e2e_response.p99\" = \"< 5s\"`")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::ScenarioError;

    fn thresholds(thresholds: &str) -> Result<Vec<Threshold>, ScenarioError> {
        let text = format!(
            "name = \"a\"\nquestion = \"What is a threshold?\"\nseed = 7\n\
             [target]\nkind = \"relay\"\n\
             [load]\nmodel = \"open\"\narrival = \"constant\"\nrate = \"1/s\"\n\
             warm_up = \"0s\"\nduration = \"1s\"\ndrain = \"30s\"\n\
             [[destination]]\ndomain = \"a.test\"\nweight = 1\n\
             [thresholds]\n{thresholds}"
        );
        crate::scenario::parse("a.toml", &text, &[]).map(|loaded| loaded.scenario.thresholds)
    }

    #[test]
    fn every_line_is_understood_in_its_place_or_an_error() {
        let lines = "lost = \"== 0\"\n\"e2e_response.p99\" = \"< 1s\"\n";
        let found = thresholds(lines).expect("thresholds");
        let mut found: Vec<_> = found.iter().map(|it| (it.lines, it.expr())).collect();
        found.sort_unstable();
        assert_eq!(
            found,
            [((17, 17), "lost == 0".to_owned()), ((18, 18), "e2e_response.p99 < 1s".to_owned())]
        );
        let problems = thresholds("lots = \"== 0\"\nlost = \"= 0\"\n").expect_err("two");
        let shown = problems.to_string();
        assert!(shown.contains("there is no metric `lots`"), "{shown}");
        assert!(shown.contains("`= 0` is not a bound for `lost`"), "{shown}");
        let shown = thresholds("resurrected = \"== 0\"\n").expect_err("renamed").to_string();
        assert!(shown.contains("it is called `delivered_after_refusal` now"), "{shown}");
    }

    #[test]
    fn a_threshold_knows_its_line() {
        let text = "a = 1\n\n[thresholds]\nlost = \"== 0\"\n";
        let start = text.find("lost").expect("a key");
        assert_eq!(line_of(text, &(start..start + 4)), 4);
        assert_eq!(line_of(text, &(0..1)), 1);
        assert_eq!(line_of("lost", &(0..4)), 1, "nothing follows it");
        assert_eq!(line_of(text, &(start..start)), 0, "no key");
        let beyond = text.len() + 1..text.len() + 5;
        assert_eq!(line_of(text, &beyond), 0, "set on the command line");
    }
}
