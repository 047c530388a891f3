//! `[target.retry]`: when a deferred recipient is tried again.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::grammar::at::{At, place, some, value_or};
use crate::grammar::checks::{bounded, length, misplaced};
use crate::grammar::diagnosis::Problems;
use crate::grammar::schema::{self, Refinement};
use crate::grammar::units::{Share, Timespan};
use crate::queue::schedule::{Growth, RetrySchedule};

const FIRST: Duration = Duration::from_secs(2);
const FACTOR: f64 = 2.0;
const CAP: Duration = Duration::from_secs(30);
const JITTER: f64 = 0.1;
const GIVE_UP_AFTER: Duration = Duration::from_secs(600);

/// `[target.retry]`: when a deferred recipient is tried again.
// No wait is nothing: that would be a busy loop.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct Retry {
    /// How the delay grows. Default: exponential.
    pub schedule: Option<At<Schedule>>,
    /// Fixed and exponential: the first delay. Default: 2s.
    pub first: Option<At<Timespan>>,
    /// Exponential: each delay is so many times the last. Default: 2.
    pub factor: Option<At<f64>>,
    /// Exponential: longest delay. Default: 30s.
    pub cap: Option<At<Timespan>>,
    /// Steps: the delays one after the other; the last one repeats.
    pub steps: Option<At<Vec<Timespan>>>,
    /// Share by which a delay varies to either side. Default: 0.1.
    pub jitter: Option<At<Share>>,
    /// Age at which the sender gives up. Default: 10m.
    pub give_up_after: Option<At<Timespan>>,
}

/// How the delay before the next attempt grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::scenario) enum Schedule {
    /// Always `first`.
    Fixed,
    /// `first`, then `factor` times more, up to `cap`.
    Exponential,
    /// As `steps` says.
    Steps,
}

/// How the schema refines the types.
pub(super) fn refinements() -> Vec<Refinement> {
    vec![
        ("Retry.first", schema::some_time()),
        ("Retry.cap", schema::some_time()),
        ("Retry.give_up_after", schema::some_time()),
        ("Retry.steps", json!({ "minItems": 1, "items": schema::some_time() })),
        ("Retry.factor", schema::from_to(1, 1000)),
    ]
}

/// `[target.retry]`.
pub(in crate::scenario) fn resolve(
    written: Option<&At<Retry>>,
    problems: &mut Problems,
) -> RetrySchedule {
    let nothing = Retry::default();
    let retry = written.map_or(&nothing, |written| &written.value);
    let schedule = value_or(&retry.schedule, Schedule::Exponential);
    refuse_other_schedules(retry, schedule, problems);
    let kind = match schedule {
        Schedule::Fixed => Growth::Fixed { first: length(retry.first.as_ref(), FIRST, problems) },
        Schedule::Exponential => exponential(retry, problems),
        Schedule::Steps => steps(retry, written, problems),
    };
    let jitter = bounded(retry.jitter.as_ref(), Share(JITTER), Share(0.0)..=Share(1.0), problems);
    let give_up_after = length(retry.give_up_after.as_ref(), GIVE_UP_AFTER, problems);
    RetrySchedule { kind, jitter: jitter.0, give_up_after }
}

fn exponential(retry: &Retry, problems: &mut Problems) -> Growth {
    let first = length(retry.first.as_ref(), FIRST, problems);
    let factor = bounded(retry.factor.as_ref(), FACTOR, 1.0..=1000.0, problems);
    let cap = length(retry.cap.as_ref(), CAP.max(first), problems);
    if let Some(written) = retry.cap.as_ref().filter(|_| cap < first) {
        problems.refuse(
            &written.span,
            "`cap` is less than `first`",
            format!("`first` is {}", Timespan(first)),
        );
    }
    Growth::Exponential { first, factor, cap }
}

fn steps(retry: &Retry, section: Option<&At<Retry>>, problems: &mut Problems) -> Growth {
    let (delays, span) = match (&retry.steps, section) {
        (Some(steps), _) => (steps.value.as_slice(), steps.span.clone()),
        (None, Some(section)) => (&[][..], section.span.clone()),
        (None, None) => (&[][..], 0..0),
    };
    if delays.is_empty() || delays.iter().any(|delay| delay.0.is_zero()) {
        problems.refuse(
            &span,
            "schedule steps needs delays above 0",
            "write `steps = [\"1s\", \"5s\", \"30s\"]`",
        );
    }
    Growth::Steps { delays: delays.iter().map(|delay| delay.0).collect() }
}

/// Notes keys of another schedule than the one that was chosen.
fn refuse_other_schedules(retry: &Retry, schedule: Schedule, problems: &mut Problems) {
    let unless = |belongs: bool, span| if belongs { None } else { span };
    let exponential = schedule == Schedule::Exponential;
    let steps = schedule == Schedule::Steps;
    let keys = [
        ("first", unless(!steps, place(&retry.first))),
        ("factor", unless(exponential, place(&retry.factor))),
        ("cap", unless(exponential, place(&retry.cap))),
        ("steps", unless(steps, place(&retry.steps))),
    ];
    misplaced(keys, "another schedule", "change `schedule`, or leave it out", problems);
}

impl From<&RetrySchedule> for Retry {
    fn from(schedule: &RetrySchedule) -> Retry {
        let mut retry = Retry {
            jitter: some(Share(schedule.jitter)),
            give_up_after: some(Timespan(schedule.give_up_after)),
            ..Retry::default()
        };
        match &schedule.kind {
            Growth::Fixed { first } => {
                retry.schedule = some(Schedule::Fixed);
                retry.first = some(Timespan(*first));
            }
            Growth::Exponential { first, factor, cap } => {
                retry.schedule = some(Schedule::Exponential);
                retry.first = some(Timespan(*first));
                retry.factor = some(*factor);
                retry.cap = some(Timespan(*cap));
            }
            Growth::Steps { delays } => {
                retry.schedule = some(Schedule::Steps);
                retry.steps = some(delays.iter().map(|delay| Timespan(*delay)).collect());
            }
        }
        retry
    }
}
