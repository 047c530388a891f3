//! `[load]`: open or closed, and the pieces of rate over time.

use std::time::Duration;

use super::amount::{Bounds, quantity};
use super::{bounded, misplaced, place};
use crate::limits;
use crate::quantity::Quantity;
use crate::scenario::diagnosis::{Problem, Problems};
use crate::scenario::file::{self, At, Model};
use crate::scenario::model::{Arrival, Extent, Load, LoadModel, Segment, Trace};
use crate::scenario::units::{Rate, Timespan};

const WARM_UP: Duration = Duration::from_secs(5);
const DURATION: Duration = Duration::from_secs(30);
const DRAIN: Duration = Duration::from_secs(60);
const SESSIONS: u32 = 50;
const MESSAGES_PER_SESSION: u32 = 100;
const ON_OFF: Duration = Duration::from_secs(1);

pub(super) fn load(
    written: Option<&At<file::Load>>,
    trace: Option<&Trace>,
    problems: &mut Problems,
) -> Load {
    let nothing = At::from(file::Load::default());
    let At { value: load, span } = written.unwrap_or(&nothing);
    let trace = trace.filter(|_| law(load) == file::Arrival::Trace);
    let warm_up = if trace.is_some() { Duration::ZERO } else { WARM_UP };
    let warm_up = span_of(load.warm_up.as_ref(), warm_up, problems);
    let extent = match trace {
        Some(trace) if load.duration.is_none() && load.messages.is_none() => {
            Extent::Duration(rest_of(trace, warm_up))
        }
        _ => extent(load, problems),
    };
    let sessions = bounded(load.sessions.as_ref(), SESSIONS, 1..=sessions_at_most(), problems);
    let model = match load.model.as_ref().map_or(Model::Open, |model| model.value) {
        Model::Open => match trace {
            Some(trace) => traced(load, trace, warm_up, extent, problems),
            None => open(load, span, warm_up, problems),
        },
        Model::Closed => closed(load, problems),
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

/// What of a trace comes after the warm-up, its last message included.
fn rest_of(trace: &Trace, warm_up: Duration) -> Duration {
    let end = trace.0.dues.last().copied().unwrap_or_default() + Duration::from_millis(1);
    end.saturating_sub(warm_up).max(Duration::from_millis(1))
}

/// The law by which open arrivals come.
pub(super) fn law(load: &file::Load) -> file::Arrival {
    load.arrival.as_ref().map_or(file::Arrival::Poisson, |arrival| arrival.value)
}

/// Arrivals from a trace: the pieces only say how long, and the mean rate.
fn traced(
    load: &file::Load,
    trace: &Trace,
    warm_up: Duration,
    extent: Extent,
    problems: &mut Problems,
) -> LoadModel {
    let keys = [
        ("rate", place(&load.rate)),
        ("segment", load.segment.first().map(|piece| &piece.span)),
        ("on", place(&load.on)),
        ("off", place(&load.off)),
        ("think_time", place(&load.think_time)),
    ];
    misplaced(keys, "another arrival", "the trace says when messages come", problems);
    let whole = rest_of(trace, Duration::ZERO);
    let rate = trace.0.dues.len() as f64 / whole.as_secs_f64();
    let piece = |duration| Segment { from_per_second: rate, to_per_second: rate, duration };
    let measured = match extent {
        Extent::Duration(duration) => duration,
        Extent::Messages(_) => rest_of(trace, warm_up),
    };
    let before = (!warm_up.is_zero()).then(|| piece(warm_up));
    let segments = before.into_iter().chain([piece(measured)]).collect();
    LoadModel::Open { arrival: Arrival::Trace(trace.clone()), segments }
}

fn sessions_at_most() -> u32 {
    u32::try_from(limits::TRAFFIC_SESSIONS).unwrap_or(u32::MAX)
}

fn span_of(written: Option<&At<Timespan>>, default: Duration, problems: &mut Problems) -> Duration {
    let most = Timespan(limits::TIMESPAN);
    bounded(written, Timespan(default), Timespan(Duration::ZERO)..=most, problems).0
}

/// When offering stops, by whichever of the three ways the file says it.
fn extent(load: &file::Load, problems: &mut Problems) -> Extent {
    if !load.segment.is_empty() {
        refuse_beside_segments(load, problems);
        let total = load.segment.iter().map(|piece| piece.value.duration.value.0).sum();
        return Extent::Duration(total);
    }
    if let (Some(duration), Some(messages)) = (place(&load.duration), place(&load.messages)) {
        let later = if duration.start > messages.start { duration } else { messages };
        let problem = Problem::new(later, "`duration` and `messages` contradict each other");
        problems.push(problem.help("offering stops after one or the other: keep one"));
    }
    match &load.messages {
        Some(messages) => {
            Extent::Messages(bounded(Some(messages), 1, 1..=limits::MESSAGES, problems))
        }
        None => Extent::Duration(measured(load.duration.as_ref(), problems)),
    }
}

fn refuse_beside_segments(load: &file::Load, problems: &mut Problems) {
    let keys = [
        ("rate", place(&load.rate)),
        ("duration", place(&load.duration)),
        ("messages", place(&load.messages)),
    ];
    for (key, span) in keys {
        if let Some(span) = span {
            let what = format!("`{key}` and [[load.segment]] contradict each other");
            problems.push(Problem::new(span, what).help("the segments say it all: leave it out"));
        }
    }
}

/// A measured period: not empty.
fn measured(written: Option<&At<Timespan>>, problems: &mut Problems) -> Duration {
    let least = Timespan(Duration::from_millis(1));
    bounded(written, Timespan(DURATION), least..=Timespan(limits::TIMESPAN), problems).0
}

fn open(
    load: &file::Load,
    section: &std::ops::Range<usize>,
    warm_up: Duration,
    problems: &mut Problems,
) -> LoadModel {
    let help = "open arrivals do not wait for replies";
    misplaced([("think_time", place(&load.think_time))], "the closed model", help, problems);
    let arrival = arrival(load, problems);
    let mut pieces = if load.segment.is_empty() {
        vec![flat(load, section, problems)]
    } else {
        load.segment.iter().map(|piece| segment(&piece.value, problems)).collect()
    };
    if pieces.iter().all(|piece| piece.from_per_second + piece.to_per_second <= 0.0) {
        problems.push(Problem::new(section, "no message would ever be offered"));
    }
    let start = pieces[0].from_per_second;
    if !warm_up.is_zero() {
        let piece = Segment { from_per_second: start, to_per_second: start, duration: warm_up };
        pieces.insert(0, piece);
    }
    LoadModel::Open { arrival, segments: pieces }
}

/// The one piece that `rate` and `duration` or `messages` make.
fn flat(load: &file::Load, section: &std::ops::Range<usize>, problems: &mut Problems) -> Segment {
    if load.rate.is_none() {
        let problem = Problem::new(section, "an open load needs a rate");
        problems
            .push(problem.help("write `rate = \"50/s\"` in [load], or [[load.segment]] pieces"));
    }
    let Rate(rate) = load.rate.as_ref().map_or(Rate(1.0), |written| rate(written, problems));
    let duration = match (&load.messages, &load.duration) {
        (Some(messages), _) => Duration::try_from_secs_f64(messages.value as f64 / rate)
            .unwrap_or(limits::TIMESPAN)
            .min(limits::TIMESPAN),
        (None, Some(duration)) => duration.value.0,
        (None, None) => DURATION,
    };
    Segment { from_per_second: rate, to_per_second: rate, duration }
}

fn rate(written: &At<Rate>, problems: &mut Problems) -> Rate {
    bounded(Some(written), written.value, Rate(0.0)..=Rate(limits::RATE), problems)
}

fn segment(written: &file::Segment, problems: &mut Problems) -> Segment {
    let from = rate(&written.rate, problems);
    let to = written.to.as_ref().map_or(from, |to| rate(to, problems));
    let duration = measured(Some(&written.duration), problems);
    Segment { from_per_second: from.0, to_per_second: to.0, duration }
}

fn arrival(load: &file::Load, problems: &mut Problems) -> Arrival {
    let law = law(load);
    if law != file::Arrival::OnOff {
        let keys = [("on", place(&load.on)), ("off", place(&load.off))];
        misplaced(
            keys,
            "arrival on-off",
            "write `arrival = \"on-off\"`, or leave it out",
            problems,
        );
    }
    if let (file::Arrival::Trace, Some(arrival), None) = (law, &load.arrival, &load.trace) {
        let problem = Problem::new(&arrival.span, "arrival trace needs a file");
        problems.push(problem.help("write `trace = \"mail.csv\"`"));
    }
    if law != file::Arrival::Trace {
        let help = "write `arrival = \"trace\"`, or leave it out";
        misplaced([("trace", place(&load.trace))], "arrival trace", help, problems);
    }
    match law {
        file::Arrival::Constant => Arrival::Constant,
        file::Arrival::Poisson | file::Arrival::Trace => Arrival::Poisson,
        file::Arrival::OnOff => Arrival::OnOff {
            on: period(load.on.as_ref(), problems),
            off: period(load.off.as_ref(), problems),
        },
    }
}

/// An on or off period: not empty.
fn period(written: Option<&At<Timespan>>, problems: &mut Problems) -> Duration {
    let least = Timespan(Duration::from_millis(1));
    bounded(written, Timespan(ON_OFF), least..=Timespan(limits::TIMESPAN), problems).0
}

fn closed(load: &file::Load, problems: &mut Problems) -> LoadModel {
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
        let problem = Problem::new(section, format!("{messages:.0} messages are too many"));
        problems.push(problem.help(format!("at most {}", limits::MESSAGES)));
    }
}
