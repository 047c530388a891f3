//! `[[chaos]]`: when, and exactly one act, on a target that can bear it.

use std::fmt;
use std::ops::Range;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, Deserialize, Deserializer, IntoDeserializer, MapAccess, Visitor};

use super::targets::{External, TargetKind};
use crate::fault::chaos::{self, Act, Chaos};
use crate::grammar::at::{At, place, some};
use crate::grammar::checks::{bounded, length};
use crate::grammar::diagnosis::{Problem, Problems};
use crate::grammar::schema::{self, Refinement};
use crate::grammar::units::Timespan;
use crate::limits;

/// `[[chaos]]`: something happens to the target itself. Exactly one of `kill` … `run`.
#[derive(Clone, Debug, Serialize, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Chaos")]
pub(super) struct Written {
    /// Offset into the measured period, or a table for again and again.
    pub at: At<When>,
    /// SIGKILL of every process of the target.
    pub kill: Option<At<Kill>>,
    /// SIGSTOP, and SIGCONT after so long.
    pub pause: Option<At<Timespan>>,
    /// Orderly stop and start.
    pub restart: Option<At<Restart>>,
    /// The user's own command.
    pub run: Option<At<Vec<String>>>,
}

/// When it happens.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum When {
    /// Once, at this offset into the measured period.
    Once(Timespan),
    /// Again and again.
    Every(Every),
}

/// Again and again, to the end of the measured period.
#[derive(Clone, Debug, Serialize, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Every {
    /// Time between two.
    pub every: At<Timespan>,
    /// Each comes up to so much earlier or later. Default: none.
    pub jitter: Option<At<Timespan>>,
}

/// A kill.
#[derive(Clone, Debug, Serialize, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Kill {
    /// Start it again after so long. Default: never.
    pub restart_after: Option<At<Timespan>>,
}

/// A restart; it has no settings.
#[derive(Clone, Debug, Serialize, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Restart {}

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
pub(super) fn refinements() -> Vec<Refinement> {
    vec![
        ("Chaos.run", schema::command()),
        ("Every.every", schema::some_time()),
        ("Chaos.pause", schema::some_time()),
        ("Chaos", schema::one_of(&["kill", "pause", "restart", "run"])),
    ]
}

/// Least time between two strikes of one entry.
const OFTEN: Duration = Duration::from_millis(100);

pub(super) fn resolve(
    written: &[At<Written>],
    target: &TargetKind,
    problems: &mut Problems,
) -> Vec<Chaos> {
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
    chaos: &Written,
    section: &Range<usize>,
    problems: &mut Problems,
) -> Option<(Act, Range<usize>)> {
    let keys = [
        ("kill", place(&chaos.kill)),
        ("pause", place(&chaos.pause)),
        ("restart", place(&chaos.restart)),
        ("run", place(&chaos.run)),
    ];
    let said: Vec<_> = keys.into_iter().filter_map(|(key, span)| Some((key, span?))).collect();
    match said.as_slice() {
        [] => {
            problems.refuse(
                section,
                "nothing happens",
                "write one of `kill`, `pause`, `restart`, `run`",
            );
            None
        }
        [(_, span)] => Some((read(chaos, problems)?, (*span).clone())),
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

fn read(chaos: &Written, problems: &mut Problems) -> Option<Act> {
    if let Some(kill) = &chaos.kill {
        let restart_after = kill.value.restart_after.as_ref().map(|time| time.value.0);
        return Some(Act::Kill { restart_after });
    }
    if chaos.pause.is_some() {
        return Some(Act::Pause(length(chaos.pause.as_ref(), Duration::ZERO, problems)));
    }
    if let Some(run) = &chaos.run {
        if run.value.first().is_none_or(String::is_empty) {
            problems.refuse(
                &run.span,
                "the command is empty",
                "write program and arguments: `run = [\"./hook.sh\"]`",
            );
        }
        return Some(Act::Run(run.value.clone()));
    }
    chaos.restart.as_ref().map(|_| Act::Restart)
}

/// Notes an act that this target cannot be made to bear.
fn check_target(act: &Act, span: &Range<usize>, target: &TargetKind, problems: &mut Problems) {
    let missing = match target {
        _ if !act.needs_own_target() => return,
        TargetKind::Direct => {
            let what = format!("`{}` cannot be done to a target of kind direct", act.name());
            problems.refuse(span, what, "there is no target between traffic and sink");
            return;
        }
        TargetKind::External(external) => lacks(act, external),
        _ => None,
    };
    if let Some((lacking, help)) = missing {
        let what = format!("`{}` needs `target.{lacking}` of an external target", act.name());
        problems.refuse(span, what, help);
    }
}

/// What an external target would have to say for this act to be possible, and a way out.
fn lacks(act: &Act, external: &External) -> Option<(&'static str, &'static str)> {
    let starts = external.start_command.is_some();
    let is_known = starts || external.pid_file.is_some();
    match act {
        Act::Kill { restart_after: Some(_) } | Act::Restart if !starts => Some((
            "start_command",
            "say how it is started again: `start_command = [\"./start.sh\"]`, or do it all \
             yourself: `run = [\"./your-hook.sh\"]`",
        )),
        Act::Kill { .. } | Act::Pause(_) if !is_known => Some((
            "pid_file",
            "say which process it is: `pid_file = \"/run/your-mta.pid\"`, or how mailbench starts \
             it: `start_command = [\"./start.sh\"]`",
        )),
        _ => None,
    }
}

impl From<&Chaos> for Written {
    fn from(Chaos { at, act }: &Chaos) -> Written {
        let at = At::from(match at {
            chaos::When::Once(offset) => When::Once(Timespan(*offset)),
            chaos::When::Every { every, jitter } => When::Every(Every {
                every: At::from(Timespan(*every)),
                jitter: some(Timespan(*jitter)),
            }),
        });
        let mut written = Written { at, kill: None, pause: None, restart: None, run: None };
        match act {
            Act::Kill { restart_after } => {
                let restart_after = restart_after.map(|time| At::from(Timespan(time)));
                written.kill = some(Kill { restart_after });
            }
            Act::Pause(length) => written.pause = some(Timespan(*length)),
            Act::Restart => written.restart = some(Restart {}),
            Act::Run(command) => written.run = some(command.clone()),
        }
        written
    }
}
