//! `[target.retry]`: when a deferred recipient is tried again.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::kind::{Schedule as Keeps, Waits};
use super::{TargetKind, TargetSpec};
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

/// The wait after one failed attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wait {
    /// As the scenario has it, before jitter.
    pub configured: Duration,
    /// A shorter one is early.
    pub least: Duration,
    /// A longer one is late.
    pub latest: Duration,
}

impl TargetSpec {
    /// Whether it has the scenario's waits: mailbench sets them, or the user says that they are set.
    #[must_use]
    pub fn knows_waits(&self) -> bool {
        self.keeps_known_waits() || self.retry_is_given
    }

    /// Whether it keeps a schedule that is known: the scenario's, or its own.
    #[must_use]
    pub fn keeps_known_waits(&self) -> bool {
        matches!(self.kind, TargetKind::Relay | TargetKind::Managed(_))
    }

    /// The wait after failed attempt number `attempt`. Of a target whose schedule is not known,
    /// as the scenario has it.
    #[must_use]
    pub fn wait(&self, attempt: u32) -> Wait {
        let configured = self.retry.delay(attempt);
        let Some(waits) = self.waits() else {
            let jitter = |sign: f64| configured.mul_f64(1.0 + sign * self.retry.jitter);
            return Wait { configured, least: jitter(-1.0), latest: jitter(1.0) };
        };
        let (least, latest) = match waits.schedule {
            Keeps::ByAge => (configured, self.retry.longest()),
            Keeps::ByAttempt => (configured, configured.max(waits.shortest)),
            Keeps::Own(longest) => (Duration::ZERO, longest(attempt)),
        };
        Wait { configured, least, latest: latest + waits.grain(self.retry.delay(1)) }
    }

    /// The longest wait between two attempts, where all are bounded by the scenario's.
    #[must_use]
    pub fn longest_wait(&self) -> Option<Duration> {
        let longest = self.retry.longest();
        match self.waits() {
            Some(Waits { schedule: Keeps::Own(_), .. }) => None,
            Some(waits) => Some(longest.max(waits.shortest) + waits.grain(self.retry.delay(1))),
            None => {
                (self.kind == TargetKind::Relay).then(|| longest.mul_f64(1.0 + self.retry.jitter))
            }
        }
    }

    /// The age at which it gives up, where that is known.
    #[must_use]
    pub fn gives_up_after(&self) -> Option<Duration> {
        let is_known = match &self.kind {
            TargetKind::Relay => true,
            TargetKind::Managed(managed) => managed.mta.facts().gives_up_as_configured,
            TargetKind::Direct | TargetKind::External(_) => false,
        };
        is_known.then_some(self.retry.give_up_after)
    }

    /// How a real MTA keeps to a schedule.
    fn waits(&self) -> Option<&'static Waits> {
        match &self.kind {
            TargetKind::Managed(managed) => Some(&managed.mta.facts().waits),
            TargetKind::Relay | TargetKind::Direct | TargetKind::External(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grammar::diagnosis::Problems;
    use crate::queue::schedule::{Growth, RetrySchedule};
    use crate::scenario::model::{Managed, Mta};

    const SECOND: Duration = Duration::from_secs(1);

    fn spec(kind: TargetKind) -> TargetSpec {
        let growth = Growth::Exponential { first: 2 * SECOND, factor: 2.0, cap: 30 * SECOND };
        let retry = RetrySchedule { kind: growth, jitter: 0.1, give_up_after: 600 * SECOND };
        let usual = crate::scenario::targets::resolve(None, &mut Problems::default());
        TargetSpec { kind, retry, retry_is_given: false, ..usual }
    }

    fn managed(mta: Mta) -> TargetSpec {
        spec(TargetKind::Managed(Managed { mta, program: None, settings: Default::default() }))
    }

    #[test]
    fn each_kind_is_held_to_what_it_can_keep() {
        let waits = |spec: TargetSpec| {
            let Wait { least, latest, .. } = spec.wait(2);
            (least.as_secs_f64(), latest.as_secs_f64())
        };
        assert_eq!(waits(spec(TargetKind::Relay)), (3.6, 4.4));
        assert_eq!(waits(managed(Mta::Postfix)), (4.0, 34.0));
        assert_eq!(waits(managed(Mta::Exim)), (4.0, 33.0));
        assert_eq!(waits(managed(Mta::Haraka)), (4.0, 7.0));
        assert_eq!(waits(managed(Mta::Opensmtpd)), (0.0, 1202.0));
    }

    #[test]
    fn without_a_schedule_no_bound_is_required() {
        let direct = spec(TargetKind::Direct);
        assert!(!direct.keeps_known_waits() && !direct.knows_waits());
        assert!(TargetSpec { retry_is_given: true, ..direct.clone() }.knows_waits());
        assert_eq!((direct.longest_wait(), direct.gives_up_after()), (None, None));
        assert_eq!(managed(Mta::Opensmtpd).longest_wait(), None);
        assert_eq!(managed(Mta::Haraka).longest_wait(), Some(32 * SECOND));
    }
}
