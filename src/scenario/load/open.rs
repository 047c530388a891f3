//! `[load]` of the open model: the law of the arrivals, and the pieces of rate over time.

use std::ops::Range;
use std::time::Duration;

use super::{Arrival, DURATION, Extent, Law, LoadModel, ModelKind, Piece, Segment, Trace, Written};
use crate::grammar::at::{At, place, some};
use crate::grammar::checks::{bounded, length, misplaced};
use crate::grammar::diagnosis::{Problem, Problems};
use crate::grammar::units::{Rate, Timespan};
use crate::limits;

const ON_OFF: Duration = Duration::from_secs(1);

/// What of a trace comes after the warm-up, its last message included.
pub(super) fn rest_of(trace: &Trace, warm_up: Duration) -> Duration {
    let end = trace.0.dues.last().copied().unwrap_or_default() + Duration::from_millis(1);
    end.saturating_sub(warm_up).max(Duration::from_millis(1))
}

/// Arrivals from a trace: the pieces only say how long, and the mean rate.
pub(super) fn traced(
    load: &Written,
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

pub(super) fn open(
    load: &Written,
    section: &Range<usize>,
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
fn flat(load: &Written, section: &Range<usize>, problems: &mut Problems) -> Segment {
    if load.rate.is_none() {
        problems.refuse(
            section,
            "an open load needs a rate",
            "write `rate = \"50/s\"` in [load], or [[load.segment]] pieces",
        );
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

fn segment(written: &Piece, problems: &mut Problems) -> Segment {
    let from = rate(&written.rate, problems);
    let to = written.to.as_ref().map_or(from, |to| rate(to, problems));
    let duration = length(Some(&written.duration), DURATION, problems);
    Segment { from_per_second: from.0, to_per_second: to.0, duration }
}

fn arrival(load: &Written, problems: &mut Problems) -> Arrival {
    let law = load.law();
    if law != Law::OnOff {
        let keys = [("on", place(&load.on)), ("off", place(&load.off))];
        misplaced(
            keys,
            "arrival on-off",
            "write `arrival = \"on-off\"`, or leave it out",
            problems,
        );
    }
    if let (Law::Trace, Some(arrival), None) = (law, &load.arrival, &load.trace) {
        problems.refuse(
            &arrival.span,
            "arrival trace needs a file",
            "write `trace = \"mail.csv\"`",
        );
    }
    if law != Law::Trace {
        let help = "write `arrival = \"trace\"`, or leave it out";
        misplaced([("trace", place(&load.trace))], "arrival trace", help, problems);
    }
    match law {
        Law::Constant => Arrival::Constant,
        Law::Poisson | Law::Trace => Arrival::Poisson,
        Law::OnOff => Arrival::OnOff {
            on: length(load.on.as_ref(), ON_OFF, problems),
            off: length(load.off.as_ref(), ON_OFF, problems),
        },
    }
}

/// Puts open arrivals, less their warm-up, into the written form. Only the file that a trace comes from
/// is written.
pub(super) fn write(arrival: &Arrival, pieces: &[Segment], written: &mut Written) {
    written.model = some(ModelKind::Open);
    match arrival {
        Arrival::Constant => written.arrival = some(Law::Constant),
        Arrival::Poisson => written.arrival = some(Law::Poisson),
        Arrival::Trace(_) => {
            written.arrival = some(Law::Trace);
            written.trace = some(crate::scenario::TRACE.to_owned());
            return;
        }
        Arrival::OnOff { on, off } => {
            written.arrival = some(Law::OnOff);
            written.on = some(Timespan(*on));
            written.off = some(Timespan(*off));
        }
    }
    write_pieces(pieces, written);
}

/// One level piece is `rate` beside `duration` or `messages`; anything else is segments.
fn write_pieces(pieces: &[Segment], written: &mut Written) {
    if let [piece] = pieces
        && piece.from_per_second == piece.to_per_second
    {
        written.rate = some(Rate(piece.from_per_second));
        return;
    }
    written.duration = None;
    let segment = |piece: &Segment| {
        At::from(Piece {
            rate: Rate(piece.from_per_second).into(),
            to: some(Rate(piece.to_per_second)),
            duration: Timespan(piece.duration).into(),
        })
    };
    written.segment = pieces.iter().map(segment).collect();
}
