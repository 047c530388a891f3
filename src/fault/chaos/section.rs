//! `[[chaos]]`: when, and exactly one act, on a target that it can be done to.

use std::fmt;
use std::ops::Range;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, Deserialize, Deserializer, IntoDeserializer, MapAccess, Visitor};

use super::act::{Act, Keys};
use super::page::Reach;
use super::{self as chaos, Chaos};
use crate::grammar::at::{At, some};
use crate::grammar::checks::bounded;
use crate::grammar::diagnosis::{Problem, Problems};
use crate::grammar::schema::{self, Refinement};
use crate::grammar::units::Timespan;
use crate::limits;

/// When it happens.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum When {
    /// Once, at this offset into the measured period.
    Once(Timespan),
    /// Again and again.
    Every(Every),
}

/// Again and again, to the end of the measured period.
#[derive(Clone, Debug, Serialize, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Every {
    /// Time between two.
    pub every: At<Timespan>,
    /// Each comes up to so much earlier or later. Default: none.
    pub jitter: Option<At<Timespan>>,
}

impl<'de> Deserialize<'de> for When {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<When, D::Error> {
        deserializer.deserialize_any(OffsetOrTable)
    }
}

/// Reads either form. Not serde's own untagged reading, which forgets what was wrong.
struct OffsetOrTable;

impl<'de> Visitor<'de> for OffsetOrTable {
    type Value = When;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an offset such as \"12s\", or a table { every = \"10s\", jitter = \"2s\" }")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<When, E> {
        Timespan::deserialize(text.into_deserializer()).map(When::Once)
    }

    fn visit_map<A: MapAccess<'de>>(self, table: A) -> Result<When, A::Error> {
        Every::deserialize(MapAccessDeserializer::new(table)).map(When::Every)
    }
}

/// How the schema refines the types.
#[must_use]
pub fn refinements() -> Vec<Refinement> {
    let own = vec![("Every.every", schema::some_time()), ("Chaos", schema::one_of(Act::KEYS))];
    [own, Act::refinements()].concat()
}

/// Least time between two strikes of one entry.
const OFTEN: Duration = Duration::from_millis(100);

/// The chaos that is written, for a target of which so much can be done.
pub fn resolve(written: &[At<Keys>], target: &Reach, problems: &mut Problems) -> Vec<Chaos> {
    if written.len() > limits::CHAOS {
        let many = written.len();
        let what = format!("{many} [[chaos]] entries are too many");
        problems.push(Problem::new(&written[0].span, what));
    }
    let mut entries = Vec::new();
    for At { value, span } in written {
        let at = when(&value.at, problems);
        let Some((act, place)) = act(value, span, problems) else { continue };
        check_target(&act, &place, target, problems);
        entries.push(Chaos { at, act });
    }
    entries
}

fn when(written: &At<When>, problems: &mut Problems) -> chaos::When {
    match &written.value {
        When::Once(at) => chaos::When::Once(at.0),
        When::Every(again) => {
            let longest = Timespan(limits::TIMESPAN);
            let often = Timespan(OFTEN)..=longest;
            let every = bounded(Some(&again.every), longest, often, problems).0;
            let none = Timespan(Duration::ZERO);
            let jitter = again.jitter.as_ref();
            let jitter = bounded(jitter, none, none..=Timespan(every / 2), problems).0;
            chaos::When::Every { every, jitter }
        }
    }
}

/// The one act of an entry and where it stands; `None` when there is not one, which is noted.
fn act(
    chaos: &Keys,
    section: &Range<usize>,
    problems: &mut Problems,
) -> Option<(Act, Range<usize>)> {
    match chaos.acts().as_slice() {
        [] => {
            let keys = Act::KEYS.join("`, `");
            problems.refuse(section, "nothing happens", format!("write one of `{keys}`"));
            None
        }
        [(_, span)] => Some((Act::read(chaos, problems)?, (*span).clone())),
        [(first, _), rest @ ..] => {
            for (key, span) in rest {
                problems.refuse(
                    span,
                    format!("`{key}` and `{first}` at one time"),
                    "one thing happens: write two [[chaos]] entries",
                );
            }
            None
        }
    }
}

/// Notes an act that cannot be done to this target.
fn check_target(act: &Act, span: &Range<usize>, target: &Reach, problems: &mut Problems) {
    let name = act.kind().name();
    if !target.exists && act.kind().needs_target() {
        let what = format!("`{name}` cannot be done to a target of kind direct");
        problems.refuse(span, what, "there is no target between traffic and sink");
    } else if let Some((needed, help)) = act.lacks(target) {
        let what = format!("`{name}` needs {needed}");
        problems.refuse(span, what, help);
    }
}

/// Chaos, as written.
#[must_use]
pub fn write(Chaos { at, act }: &Chaos) -> Keys {
    let mut keys = Keys::at(match at {
        chaos::When::Once(offset) => When::Once(Timespan(*offset)),
        chaos::When::Every { every, jitter } => When::Every(Every {
            every: At::from(Timespan(*every)),
            jitter: some(Timespan(*jitter)),
        }),
    });
    act.write(&mut keys);
    keys
}
