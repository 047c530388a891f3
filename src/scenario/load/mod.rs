//! `[load]`: what is offered, when: open or closed, for how long.

mod open;
mod spreadsheet;
pub(super) mod trace;

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::grammar::amount::{Amount, Bounds, amount, quantity};
use crate::grammar::at::{At, place, some, value_or};
use crate::grammar::checks::{bounded, length, misplaced};
use crate::grammar::diagnosis::Problems;
use crate::grammar::schema::{self, Refinement};
use crate::grammar::units::{Rate, Timespan};
use crate::limits;
use crate::quantity::Quantity;
pub(super) use trace::Trace;

const WARM_UP: Duration = Duration::from_secs(5);
const DURATION: Duration = Duration::from_secs(30);
const DRAIN: Duration = Duration::from_secs(60);
const SESSIONS: u32 = 50;
const MESSAGES_PER_SESSION: u32 = 100;

/// `[load]`: what is offered, when.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Load")]
pub(super) struct Written {
    /// Arrivals independent of completions, or driven by them. Default: open.
    pub model: Option<At<ModelKind>>,
    /// Open: the law of the arrivals. Default: poisson.
    pub arrival: Option<At<Law>>,
    /// Arrival on-off: mean length of an on period. Default: 1s.
    pub on: Option<At<Timespan>>,
    /// Arrival on-off: mean length of an off period. Default: 1s.
    pub off: Option<At<Timespan>>,
    /// Arrival trace: a CSV file, seen from the scenario's folder.
    pub trace: Option<At<String>>,
    /// Open: messages a second (on-off: the mean over both).
    pub rate: Option<At<Rate>>,
    /// Offered before the measured period; not counted. Default: 5s; with a trace 0s.
    pub warm_up: Option<At<Timespan>>,
    /// The measured period. Default: 30s; with a trace the rest of it.
    pub duration: Option<At<Timespan>>,
    /// Instead of a duration: so many measured messages.
    pub messages: Option<At<u64>>,
    /// How long to wait for the queue to empty. Default: 60s.
    pub drain: Option<At<Timespan>>,
    /// Simultaneous sessions: at most (open), exactly (closed). Default: 50.
    pub sessions: Option<At<u32>>,
    /// Messages before a session is closed and a new one opened. Default: 100.
    pub messages_per_session: Option<At<u32>>,
    /// Closed: wait between a reply and the next message. Default: 0s.
    pub think_time: Option<At<Amount<Timespan>>>,
    /// Open: consecutive pieces, instead of rate and duration.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub segment: Vec<At<Piece>>,
}

/// Open or closed model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ModelKind {
    /// Arrivals independent of completions.
    Open,
    /// Each session sends its next message after the reply to the last.
    Closed,
}

/// The law by which open arrivals come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(rename = "Arrival")]
pub(super) enum Law {
    /// Evenly spaced.
    Constant,
    /// A Poisson process.
    Poisson,
    /// Poisson while on, nothing while off.
    OnOff,
    /// From a file.
    Trace,
}

/// `[[load.segment]]`: a piece of time.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Segment")]
pub(super) struct Piece {
    /// Messages a second at its start.
    pub rate: At<Rate>,
    /// Messages a second at its end. Default: as at its start.
    pub to: Option<At<Rate>>,
    /// How long it lasts.
    pub duration: At<Timespan>,
}

/// How the schema refines the types.
pub(super) fn refinements() -> Vec<Refinement> {
    let closed = json!({ "required": ["model"], "properties": { "model": { "const": "closed" } } });
    let paced = schema::any_of(&["rate", "segment", "trace"]);
    vec![
        ("Load.duration", schema::some_time()),
        ("Load.on", schema::some_time()),
        ("Load.off", schema::some_time()),
        ("Segment.duration", schema::some_time()),
        ("Load.sessions", schema::from_to(1, limits::TRAFFIC_SESSIONS as u64)),
        ("Load.messages", schema::from_to(1, limits::MESSAGES)),
        ("Load.messages_per_session", schema::from_to(1, u64::from(u32::MAX))),
        ("Load", json!({ "if": closed, "else": paced })),
    ]
}

/// `[load]`.
// What it serialises to goes into the tag of a plan, and stays as it is.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Load {
    /// Open or closed, and how arrivals come.
    pub model: LoadModel,
    /// Offered before the measured period; not counted.
    pub warm_up: Duration,
    /// When offering stops.
    pub extent: Extent,
    /// How long to wait for the queue to empty.
    pub drain: Duration,
    /// Simultaneous sessions: at most (open), exactly (closed).
    pub sessions: u32,
    /// Messages before a session is closed and a new one opened.
    pub messages_per_session: u32,
}

/// Open or closed model.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub enum LoadModel {
    /// Arrivals independent of completions.
    Open {
        /// The law of the arrivals.
        arrival: Arrival,
        /// Consecutive pieces of rate over time, warm-up included as the first piece.
        segments: Vec<Segment>,
    },
    /// Each session sends its next message after the reply to the last.
    Closed {
        /// Wait between reply and next message. Seconds.
        think_time: Quantity,
    },
}

/// The law by which open arrivals come.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub enum Arrival {
    /// Evenly spaced.
    Constant,
    /// A Poisson process.
    Poisson,
    /// As they once came; the rate is the mean over all.
    Trace(Trace),
    /// Poisson while on, nothing while off; the rate is the mean over both.
    OnOff {
        /// Mean length of an on period.
        on: Duration,
        /// Mean length of an off period.
        off: Duration,
    },
}

/// A piece of time over which the rate goes evenly from one value to another.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Segment {
    /// Messages a second at its start.
    pub from_per_second: f64,
    /// Messages a second at its end.
    pub to_per_second: f64,
    /// How long it lasts.
    pub duration: Duration,
}

/// When offering stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Extent {
    /// After this much measured time.
    Duration(Duration),
    /// After this many measured messages.
    Messages(u64),
}

impl LoadModel {
    /// The trace that says when messages come.
    #[must_use]
    pub fn trace(&self) -> Option<&Trace> {
        match self {
            LoadModel::Open { arrival: Arrival::Trace(trace), .. } => Some(trace),
            _ => None,
        }
    }
}

pub(super) fn resolve(
    written: Option<&At<Written>>,
    trace: Option<&Trace>,
    problems: &mut Problems,
) -> Load {
    let nothing = At::from(Written::default());
    let At { value: load, span } = written.unwrap_or(&nothing);
    let trace = trace.filter(|_| load.law() == Law::Trace);
    let warm_up = if trace.is_some() { Duration::ZERO } else { WARM_UP };
    let warm_up = span_of(load.warm_up.as_ref(), warm_up, problems);
    let extent = match trace {
        Some(trace) if load.duration.is_none() && load.messages.is_none() => {
            Extent::Duration(open::rest_of(trace, warm_up))
        }
        _ => extent(load, problems),
    };
    let sessions = bounded(load.sessions.as_ref(), SESSIONS, 1..=sessions_at_most(), problems);
    let model = match load.model.as_ref().map_or(ModelKind::Open, |model| model.value) {
        ModelKind::Open => match trace {
            Some(trace) => open::traced(load, trace, warm_up, extent, problems),
            None => open::open(load, span, warm_up, problems),
        },
        ModelKind::Closed => closed(load, problems),
    };
    let per_session = load.messages_per_session.as_ref();
    let resolved = Load {
        model,
        warm_up,
        extent,
        drain: span_of(load.drain.as_ref(), DRAIN, problems),
        sessions,
        messages_per_session: bounded(per_session, MESSAGES_PER_SESSION, 1..=u32::MAX, problems),
    };
    check_total(&resolved, span, problems);
    resolved
}

impl Written {
    /// The law by which open arrivals come.
    pub(super) fn law(&self) -> Law {
        value_or(&self.arrival, Law::Poisson)
    }

    /// The file of arrivals, where they come from one.
    pub(super) fn trace(&self) -> Option<&At<String>> {
        self.trace.as_ref().filter(|_| self.law() == Law::Trace)
    }
}

fn sessions_at_most() -> u32 {
    u32::try_from(limits::TRAFFIC_SESSIONS).unwrap_or(u32::MAX)
}

fn span_of(written: Option<&At<Timespan>>, default: Duration, problems: &mut Problems) -> Duration {
    let most = Timespan(limits::TIMESPAN);
    bounded(written, Timespan(default), Timespan(Duration::ZERO)..=most, problems).0
}

/// When offering stops, by whichever of the three ways the file says it.
fn extent(load: &Written, problems: &mut Problems) -> Extent {
    if !load.segment.is_empty() {
        refuse_beside_segments(load, problems);
        let total = load.segment.iter().map(|piece| piece.value.duration.value.0).sum();
        return Extent::Duration(total);
    }
    if let (Some(duration), Some(messages)) = (place(&load.duration), place(&load.messages)) {
        let later = if duration.start > messages.start { duration } else { messages };
        problems.refuse(
            later,
            "`duration` and `messages` contradict each other",
            "offering stops after one or the other: keep one",
        );
    }
    match &load.messages {
        Some(messages) => {
            Extent::Messages(bounded(Some(messages), 1, 1..=limits::MESSAGES, problems))
        }
        None => Extent::Duration(length(load.duration.as_ref(), DURATION, problems)),
    }
}

fn refuse_beside_segments(load: &Written, problems: &mut Problems) {
    let keys = [
        ("rate", place(&load.rate)),
        ("duration", place(&load.duration)),
        ("messages", place(&load.messages)),
    ];
    for (key, span) in keys {
        if let Some(span) = span {
            let what = format!("`{key}` and [[load.segment]] contradict each other");
            problems.refuse(span, what, "the segments say it all: leave it out");
        }
    }
}

fn closed(load: &Written, problems: &mut Problems) -> LoadModel {
    let keys = [
        ("rate", place(&load.rate)),
        ("arrival", place(&load.arrival)),
        ("on", place(&load.on)),
        ("off", place(&load.off)),
        ("trace", place(&load.trace)),
        ("segment", load.segment.first().map(|piece| &piece.span)),
    ];
    let help = "in a closed model the sessions and their think time say how fast";
    misplaced(keys, "the open model", help, problems);
    let bounds = Bounds { least: Timespan(Duration::ZERO), greatest: Timespan(limits::TIMESPAN) };
    let think_time = load.think_time.as_ref();
    let think_time =
        think_time.map_or(Quantity::Constant(0.0), |time| quantity(time, &bounds, problems));
    LoadModel::Closed { think_time }
}

/// Notes a plan with more messages than can be numbered.
fn check_total(load: &Load, section: &std::ops::Range<usize>, problems: &mut Problems) {
    let LoadModel::Open { segments, .. } = &load.model else { return };
    let messages: f64 = segments
        .iter()
        .map(|s| (s.from_per_second + s.to_per_second) / 2.0 * s.duration.as_secs_f64())
        .sum();
    if messages > limits::MESSAGES as f64 {
        problems.refuse(
            section,
            format!("{messages:.0} messages are too many"),
            format!("at most {}", limits::MESSAGES),
        );
    }
}

impl From<&Load> for Written {
    fn from(load: &Load) -> Written {
        let mut written = Written {
            warm_up: some(Timespan(load.warm_up)),
            drain: some(Timespan(load.drain)),
            sessions: some(load.sessions),
            messages_per_session: some(load.messages_per_session),
            ..Written::default()
        };
        match load.extent {
            Extent::Duration(duration) => written.duration = some(Timespan(duration)),
            Extent::Messages(messages) => written.messages = some(messages),
        }
        match &load.model {
            LoadModel::Closed { think_time } => {
                written.model = some(ModelKind::Closed);
                written.think_time = some(amount(think_time));
            }
            LoadModel::Open { arrival, segments } => {
                let warm_up = usize::from(!load.warm_up.is_zero()).min(segments.len());
                open::write(arrival, &segments[warm_up..], &mut written);
            }
        }
        written
    }
}
