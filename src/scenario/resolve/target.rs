//! `[target]`, `[target.retry]`, `[target.delivery]`.

use std::time::Duration;

use super::{bounded, changes, external, managed, misplaced, place};
use crate::limits;
use crate::queue::ordering::OrderingKind;
use crate::queue::schedule::{Growth, RetrySchedule};
use crate::scenario::diagnosis::{Problem, Problems};
use crate::scenario::file::{self, At, Kind, Retry, Schedule, Target};
use crate::scenario::model::{
    Changes, Delivery, Durability, Mta, OnwardTls, TargetKind, TargetSpec,
};
use crate::scenario::units::{Share, Timespan};

const FIRST: Duration = Duration::from_secs(2);
const FACTOR: f64 = 2.0;
const CAP: Duration = Duration::from_secs(30);
const JITTER: f64 = 0.1;
const GIVE_UP_AFTER: Duration = Duration::from_secs(600);
const CONCURRENCY: u32 = 50;
const PER_DESTINATION: u32 = 20;

pub(super) fn target(written: Option<&At<Target>>, problems: &mut Problems) -> TargetSpec {
    let Some(At { value: target, span }) = written else {
        return TargetSpec {
            kind: TargetKind::Relay,
            retry: retry(None, problems),
            retry_is_given: true,
            delivery: delivery(None, problems),
            changes: Changes::default(),
            network: None,
        };
    };
    let kind = target.kind.as_ref().map_or(Kind::Relay, |kind| kind.value);
    let kind = match kind {
        Kind::External => external::external(target, span, problems),
        Kind::Direct => TargetKind::Direct,
        Kind::Postfix => managed::managed(target, Mta::Postfix, problems),
        Kind::Exim => managed::managed(target, Mta::Exim, problems),
        Kind::Opensmtpd => managed::managed(target, Mta::Opensmtpd, problems),
        Kind::Haraka => managed::managed(target, Mta::Haraka, problems),
        Kind::Relay => TargetKind::Relay,
    };
    refuse_foreign(target, problems);
    // A target that mailbench sets up is given the defaults, and a resolved scenario has them.
    let is_set_up = matches!(kind, TargetKind::Relay | TargetKind::Managed(_));
    TargetSpec {
        kind,
        retry: retry(target.retry.as_ref(), problems),
        retry_is_given: is_set_up || target.retry.is_some(),
        delivery: delivery(target.delivery.as_ref(), problems),
        changes: changes::changes(target.changes.as_ref(), problems),
        network: target.network.as_ref().map(|network| network.value),
    }
}

/// Notes keys that say nothing for this kind. The null target keeps the settings of the target
/// it stands in for, so that `--set target.kind=direct` measures the instrument in any scenario.
fn refuse_foreign(target: &Target, problems: &mut Problems) {
    if matches!(
        target.kind.as_ref().map_or(Kind::Relay, |kind| kind.value),
        Kind::Relay | Kind::External
    ) {
        let keys = [("program", place(&target.program)), ("settings", place(&target.settings))];
        misplaced(keys, "a real MTA", "write `kind = \"postfix\"`, or leave it out", problems);
    }
    let external = matches!(target.kind, Some(At { value: Kind::External, .. }));
    if external {
        let keys = [("network", place(&target.network))];
        let help = "leave it out: what is running already is where it is";
        misplaced(keys, "a target that mailbench starts", help, problems);
    }
    if !external {
        let keys = [
            ("address", place(&target.address)),
            ("queue_command", place(&target.queue_command)),
            ("start_command", place(&target.start_command)),
            ("stop_command", place(&target.stop_command)),
            ("pid_file", place(&target.pid_file)),
        ];
        let help = "write `kind = \"external\"`, or leave it out";
        misplaced(keys, "kind external", help, problems);
    } else if let Some(At { value: delivery, .. }) = &target.delivery {
        let keys = [
            ("ordering", place(&delivery.ordering)),
            ("durability", place(&delivery.durability)),
            ("tls", place(&delivery.tls)),
        ];
        misplaced(keys, "kind relay", "an external target has its own", problems);
    }
}

/// `[target.retry]`.
pub(crate) fn retry(written: Option<&At<Retry>>, problems: &mut Problems) -> RetrySchedule {
    let nothing = Retry::default();
    let retry = written.map_or(&nothing, |written| &written.value);
    let schedule = retry.schedule.as_ref().map_or(Schedule::Exponential, |kind| kind.value);
    refuse_other_schedules(retry, schedule, problems);
    let kind = match schedule {
        Schedule::Fixed => Growth::Fixed { first: wait(retry.first.as_ref(), FIRST, problems) },
        Schedule::Exponential => exponential(retry, problems),
        Schedule::Steps => steps(retry, written, problems),
    };
    let jitter = bounded(retry.jitter.as_ref(), Share(JITTER), Share(0.0)..=Share(1.0), problems);
    let give_up_after = wait(retry.give_up_after.as_ref(), GIVE_UP_AFTER, problems);
    RetrySchedule { kind, jitter: jitter.0, give_up_after }
}

/// A wait between attempts: never zero, which would be a busy loop.
fn wait(written: Option<&At<Timespan>>, default: Duration, problems: &mut Problems) -> Duration {
    let least = Timespan(Duration::from_millis(1));
    bounded(written, Timespan(default), least..=Timespan(limits::TIMESPAN), problems).0
}

fn exponential(retry: &Retry, problems: &mut Problems) -> Growth {
    let first = wait(retry.first.as_ref(), FIRST, problems);
    let factor = bounded(retry.factor.as_ref(), FACTOR, 1.0..=1000.0, problems);
    let cap = wait(retry.cap.as_ref(), CAP.max(first), problems);
    if let Some(written) = retry.cap.as_ref().filter(|_| cap < first) {
        let problem = Problem::new(&written.span, "`cap` is less than `first`");
        problems.push(problem.help(format!("`first` is {}", Timespan(first))));
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
        let problem = Problem::new(&span, "schedule steps needs delays above 0");
        problems.push(problem.help("write `steps = [\"1s\", \"5s\", \"30s\"]`"));
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

/// `[target.delivery]`.
pub(crate) fn delivery(written: Option<&At<file::Delivery>>, problems: &mut Problems) -> Delivery {
    let nothing = file::Delivery::default();
    let delivery = written.map_or(&nothing, |written| &written.value);
    let sessions = 1..=limits::DELIVERIES;
    let concurrency =
        bounded(delivery.concurrency.as_ref(), CONCURRENCY, sessions.clone(), problems);
    let default = PER_DESTINATION.min(concurrency);
    let per_destination = bounded(delivery.per_destination.as_ref(), default, sessions, problems);
    let ordering = delivery.ordering.as_ref().map_or(file::Ordering::Fifo, |key| key.value);
    let durability = delivery.durability.as_ref().map_or(file::Durability::Fsync, |key| key.value);
    Delivery {
        concurrency,
        per_destination,
        ordering: match ordering {
            file::Ordering::Fifo => OrderingKind::Fifo,
            file::Ordering::DueTime => OrderingKind::DueTime,
            file::Ordering::Priority => OrderingKind::Priority,
            file::Ordering::LoadAware => OrderingKind::LoadAware,
        },
        durability: match durability {
            file::Durability::Fsync => Durability::Fsync,
            file::Durability::None => Durability::None,
        },
        tls: match delivery.tls.as_ref().map_or(file::OnwardTls::May, |key| key.value) {
            file::OnwardTls::None => OnwardTls::None,
            file::OnwardTls::May => OnwardTls::May,
            file::OnwardTls::Encrypt => OnwardTls::Encrypt,
        },
    }
}
