//! Small made-up journals for tests: what happened, in milliseconds, without an actor.

use std::time::Duration;

use hdrhistogram::Histogram;

use crate::clock::Time;
use crate::ledger::event::{Attempt, AttemptOutcome, Event, Period, SubmitResult, Submitted};
use crate::measure::latency::reservoir::DurationReservoir;
use crate::probe::{DestinationId, MessageId, ProbeId};
use crate::smtp::reply::Reply;
use crate::smtp::stage::Stage;

/// The time `millis` milliseconds after the epoch.
pub(crate) fn ms(millis: u64) -> Time {
    Time::from_offset(Duration::from_millis(millis))
}

/// The histogram of these values, microseconds.
pub(crate) fn histogram(values: &[u32]) -> Histogram<u64> {
    let mut reservoir = DurationReservoir::default();
    values.iter().for_each(|value| reservoir.add(*value));
    reservoir.histogram()
}

/// An attempt for a probe of destination 0: its number, its start and end in milliseconds.
pub(crate) fn attempt(
    probe: u64,
    number: u32,
    (started, ended): (u64, u64),
    outcome: AttemptOutcome,
) -> Attempt {
    let (code, stage) = match outcome {
        AttemptOutcome::Taken => (Some(250), Stage::EndOfData),
        AttemptOutcome::Deferred => (Some(451), Stage::RcptTo),
        AttemptOutcome::Rejected => (Some(550), Stage::RcptTo),
        AttemptOutcome::Withheld => (None, Stage::EndOfData),
        AttemptOutcome::Broken | AttemptOutcome::Abandoned => (None, Stage::Data),
    };
    let whole = matches!(outcome, AttemptOutcome::Taken | AttemptOutcome::Withheld);
    Attempt {
        probe: ProbeId(probe),
        destination: Some(DestinationId(0)),
        number,
        session: probe,
        started: ms(started),
        ended: ms(ended),
        stage,
        outcome,
        reply: code.map(|code| Reply::new(code, None, "synthetic")),
        fault: None,
        reception: whole.then_some(probe.wrapping_mul(100) + u64::from(number)),
        content: None,
    }
}

/// A message of one recipient at the target: due, handed over and answered at these
/// milliseconds, and how.
pub(crate) fn submission(id: u64, [due, at, done]: [u64; 3], result: SubmitResult) -> [Event; 2] {
    let message = MessageId(id);
    [
        Event::Offered { message, recipients: 1, due: ms(due), at: ms(at) },
        Event::Submitted(Submitted {
            message,
            session: 1,
            sent: ms(at),
            done: ms(done),
            stages: vec![(Stage::EndOfData, 900)],
            results: vec![result],
        }),
    ]
}

/// The target's 250.
pub(crate) fn accepted() -> SubmitResult {
    SubmitResult::Accepted { reply: Reply::new(250, None, "ok") }
}

/// The periods of a run: measured from the epoch, load stop, close.
pub(crate) fn periods(load_stop: u64, close: u64) -> [Event; 3] {
    let period = |at, period| Event::Period { at: ms(at), period };
    [period(0, Period::Measured), period(load_stop, Period::Drain), period(close, Period::Closed)]
}
