//! How each kind of target keeps to a retry schedule: by how much it is late by its nature. How
//! the schedule is put into its own settings is `target`'s; both read the figures here.

use std::time::Duration;

use super::{Mta, TargetKind, TargetSpec};

const SECOND: Duration = Duration::from_secs(1);

/// Haraka ignores a list of delays with a shorter one.
pub const HARAKA_SHORTEST: Duration = Duration::from_secs(5);

/// What is added to the waits that Postfix is given: its queue manager's clock has whole seconds,
/// and takes a message up one second before the time noted on its file.
pub const POSTFIX_EARLY: Duration = Duration::from_secs(2);

/// What is added to the waits that Exim is given: its clock has whole seconds.
pub const EXIM_EARLY: Duration = SECOND;

/// How often Exim looks at its queue.
pub const EXIM_QUEUE_RUN: Duration = SECOND;

/// OpenSMTPD tries again at this age of a message, then at 4, 9, 16, … times this age.
pub const OPENSMTPD_BASE: Duration = Duration::from_secs(400);

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
        let jitter = |sign: f64| configured.mul_f64(1.0 + sign * self.retry.jitter);
        let whole = Wait { configured, least: configured, latest: configured };
        match &self.kind {
            TargetKind::Managed(managed) => match managed.mta {
                // Its waits depend on the age of a message as well.
                Mta::Postfix => Wait { latest: self.retry.longest() + self.grain(), ..whole },
                // So does the choice between the parts of its rule.
                Mta::Exim => Wait { latest: self.retry.longest() + self.grain(), ..whole },
                Mta::Haraka => {
                    Wait { latest: configured.max(HARAKA_SHORTEST) + self.grain(), ..whole }
                }
                // Part of the first is over when the first attempt ends.
                Mta::Opensmtpd => Wait {
                    least: Duration::ZERO,
                    latest: OPENSMTPD_BASE * (2 * attempt.max(1) - 1) + self.grain(),
                    ..whole
                },
            },
            TargetKind::Relay | TargetKind::Direct | TargetKind::External(_) => {
                Wait { configured, least: jitter(-1.0), latest: jitter(1.0) }
            }
        }
    }

    /// The longest wait between two attempts, where all are bounded by the scenario's.
    #[must_use]
    pub fn longest_wait(&self) -> Option<Duration> {
        let longest = self.retry.longest();
        match &self.kind {
            TargetKind::Relay => Some(longest.mul_f64(1.0 + self.retry.jitter)),
            TargetKind::Managed(managed) => match managed.mta {
                Mta::Postfix | Mta::Exim => Some(longest + self.grain()),
                Mta::Haraka => Some(longest.max(HARAKA_SHORTEST) + self.grain()),
                Mta::Opensmtpd => None,
            },
            TargetKind::Direct | TargetKind::External(_) => None,
        }
    }

    /// The age at which it gives up, where that is known.
    #[must_use]
    pub fn gives_up_after(&self) -> Option<Duration> {
        let known = match &self.kind {
            TargetKind::Relay => true,
            TargetKind::Managed(managed) => match managed.mta {
                Mta::Postfix | Mta::Haraka => true,
                // It remembers for how long a host has failed, and holds that against new mail.
                Mta::Exim => false,
                // What it returns then it calls delayed (6.8).
                Mta::Opensmtpd => false,
            },
            TargetKind::Direct | TargetKind::External(_) => false,
        };
        known.then_some(self.retry.give_up_after)
    }

    /// By how much a retry may be late by the nature of the kind: whole seconds, queue runs.
    fn grain(&self) -> Duration {
        let TargetKind::Managed(managed) = &self.kind else { return Duration::ZERO };
        match managed.mta {
            Mta::Postfix => POSTFIX_EARLY + postfix_queue_run(self.retry.delay(1)) + SECOND,
            Mta::Exim => EXIM_EARLY + EXIM_QUEUE_RUN + SECOND,
            // Its own timer, and the rounding of a delay.
            Mta::Haraka | Mta::Opensmtpd => 2 * SECOND,
        }
    }
}

/// How often Postfix looks at its deferred queue, with this first wait: the grain of every retry.
#[must_use]
pub fn postfix_queue_run(first: Duration) -> Duration {
    Duration::from_secs((first.as_secs() / 10).clamp(1, 60))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grammar::diagnosis::Problems;
    use crate::queue::schedule::{Growth, RetrySchedule};
    use crate::scenario::model::Managed;

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
