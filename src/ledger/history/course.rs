//! The course of the run as a whole: its periods, the target's kills, the queue as last
//! reported, and whether that proves anything.

use crate::clock::Time;
use crate::ledger::disposition::Queued;
use crate::ledger::event::{
    Ceiling, Event, NetworkSeen, Period, RunFacts, SessionChange, TargetChange,
};
use crate::smtp::reply::Severity;

/// What a journal says about its run as a whole.
#[derive(Clone, Debug, Default)]
pub struct Course {
    /// First event of the journal.
    pub facts: Option<RunFacts>,
    /// What the instrument can do; `None`: the run was made before that was looked up.
    pub ceiling: Option<Ceiling>,
    /// Start of each period, in order of the journal.
    pub periods: Vec<(Period, Time)>,
    /// When the user asked to stop.
    pub interrupted: Option<Time>,
    /// When the target was killed by us, by loss of power too.
    pub kills: Vec<Time>,
    /// When its power was cut: what it had noted on its disk may be undone.
    pub power_cuts: Vec<Time>,
    /// When the target was killed, was stopped to be started again, or ended by itself.
    pub deaths: Vec<Time>,
    /// When the target was last stopped in order.
    stopped: Option<Time>,
    /// The queue as last reported: when, and how many messages.
    pub queue: Option<(Time, u64)>,
    /// The last time at which the target took mail, handed it on or returned a DSN.
    pub last_activity: Time,
    /// What the target could reach, or reached, in order of the journal.
    pub network: Vec<NetworkSeen>,
    /// Whether a session was turned away for good (5yz) before it could name a probe.
    pub turned_away_for_good: bool,
    /// Whether mail was rejected, or put off, whose sender and recipient name no probe.
    pub(super) unnamed_rejected: bool,
    pub(super) unnamed_put_off: bool,
}

impl Course {
    pub(super) fn observe(&mut self, event: &Event) {
        match event {
            Event::Run(facts) => self.facts = Some(facts.clone()),
            Event::Calibrated(ceiling) => self.ceiling = Some(ceiling.clone()),
            Event::Network { seen, .. } => self.network.push(seen.clone()),
            Event::Period { at, period } => self.periods.push((*period, *at)),
            Event::Interrupted { at } => {
                self.interrupted.get_or_insert(*at);
            }
            Event::Queue { at, total, .. } => self.queue = Some((*at, *total)),
            Event::Target {
                at,
                change: change @ (TargetChange::Killed | TargetChange::PowerLost { .. }),
            } => {
                if *change != TargetChange::Killed {
                    self.power_cuts.push(*at);
                }
                self.kills.push(*at);
                self.deaths.push(*at);
            }
            Event::Target { at, change: TargetChange::Died { .. } } => self.deaths.push(*at),
            Event::Target { at, change: TargetChange::Stopped } => self.stopped = Some(*at),
            // The stop at the end of the run cuts nothing off; that of a restart may.
            Event::Target { change: TargetChange::Starting, .. } => {
                self.deaths.extend(self.stopped.take());
            }
            Event::Session {
                change: SessionChange::TurnedAway { reply: Some(reply), .. }, ..
            } => {
                self.turned_away_for_good |= reply.severity() == Some(Severity::Permanent);
            }
            _ => {}
        }
    }

    pub(super) fn active(&mut self, at: Time) {
        self.last_activity = self.last_activity.max(at);
    }

    /// When a period began, if it did.
    #[must_use]
    pub fn start_of(&self, period: Period) -> Option<Time> {
        self.periods.iter().find(|(which, _)| *which == period).map(|(_, at)| *at)
    }

    /// The addresses beyond this machine to which the target was connected.
    pub fn outside(&self) -> impl Iterator<Item = &str> {
        self.network.iter().filter_map(|seen| match seen {
            NetworkSeen::Outside { address } => Some(address.as_str()),
            NetworkSeen::Isolated | NetworkSeen::NotIsolated { .. } => None,
        })
    }

    /// Whether the run came to its close: the journal was not cut short.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.start_of(Period::Closed).is_some()
    }

    /// Whether the queue is proved empty: the run was closed, and the target's last report, given
    /// after the last sign of activity, says so. Without a target there is no queue.
    #[must_use]
    pub fn is_queue_proved_empty(&self) -> bool {
        let direct = self.facts.as_ref().is_some_and(|facts| facts.target_kind == "direct");
        let reported = self.queue.is_some_and(|(at, total)| total == 0 && at >= self.last_activity);
        self.is_closed() && (direct || reported)
    }

    /// What the run says about any one probe's copy in the queue.
    pub(super) fn queued(&self) -> Queued {
        match self.queue {
            _ if self.is_queue_proved_empty() => Queued::No,
            Some((_, total)) if total > 0 => Queued::Yes,
            _ => Queued::Unknown,
        }
    }

    /// The last moment the journal can speak for.
    #[must_use]
    pub fn end(&self) -> Time {
        let closed = self.start_of(Period::Closed);
        let queue = self.queue.map(|(at, _)| at);
        closed.or(queue).unwrap_or(Time::ZERO).max(self.last_activity)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn course(queue: &[(u64, u64)], activity: u64, closed: bool) -> Course {
        let mut course = Course::default();
        for (at, total) in queue {
            let (at, total) = (Time(*at), *total);
            course.observe(&Event::Queue { at, total, active: 0, deferred: 0 });
        }
        course.active(Time(activity));
        if closed {
            course.observe(&Event::Period { at: Time(100), period: Period::Closed });
        }
        course
    }

    #[test]
    fn only_a_last_report_of_nothing_after_all_activity_proves_an_empty_queue() {
        assert!(course(&[(10, 4), (50, 0)], 40, true).is_queue_proved_empty());
        assert!(!course(&[(10, 0), (50, 4)], 40, true).is_queue_proved_empty());
        assert!(!course(&[(50, 0)], 60, true).is_queue_proved_empty(), "mail moved afterwards");
        assert!(!course(&[(50, 0)], 40, false).is_queue_proved_empty(), "cut short");
        assert!(!course(&[], 40, true).is_queue_proved_empty(), "never asked");
    }

    fn facts(target_kind: &str) -> RunFacts {
        let none = String::new;
        RunFacts {
            id: "run-7".to_owned(),
            started_at: none(),
            identity: crate::probe::Identity { tag: none(), nonce: none() },
            scenario_sha256: none(),
            command: none(),
            version: none(),
            environment: Vec::new(),
            target_kind: target_kind.to_owned(),
            target_version: none(),
            target_address: none(),
            untranslated: Vec::new(),
        }
    }

    #[test]
    fn without_a_target_there_is_no_queue_to_prove_empty() {
        for (kind, proved) in [("direct", true), ("relay", false)] {
            let mut never_asked = course(&[], 40, true);
            never_asked.observe(&Event::Run(facts(kind)));
            assert_eq!(never_asked.is_queue_proved_empty(), proved, "{kind}");
        }
    }

    #[test]
    fn a_course_holds_what_run_it_is_and_when_it_was_interrupted_first() {
        let mut course = Course::default();
        let ceiling = Ceiling { per_s: Some(9.0), ..Ceiling::default() };
        course.observe(&Event::Run(facts("relay")));
        course.observe(&Event::Calibrated(ceiling.clone()));
        course.observe(&Event::Interrupted { at: Time(3) });
        course.observe(&Event::Interrupted { at: Time(5) });
        assert_eq!(course.facts.map(|facts| facts.id), Some("run-7".to_owned()));
        assert_eq!((course.ceiling, course.interrupted), (Some(ceiling), Some(Time(3))));
    }

    #[test]
    fn a_queue_that_reports_messages_holds_them() {
        assert_eq!(course(&[(50, 4)], 40, true).queued(), Queued::Yes);
        assert_eq!(course(&[(50, 0)], 60, true).queued(), Queued::Unknown);
        assert_eq!(course(&[(50, 0)], 40, true).queued(), Queued::No);
    }

    #[test]
    fn a_death_of_its_own_is_no_kill_of_ours() {
        let mut course = Course::default();
        let died = TargetChange::Died { status: "exit 1".to_owned() };
        course.observe(&Event::Target { at: Time(3), change: died });
        course.observe(&Event::Target { at: Time(9), change: TargetChange::Killed });
        assert_eq!((course.kills, course.deaths), (vec![Time(9)], vec![Time(3), Time(9)]));
    }

    #[test]
    fn a_stop_is_an_end_of_the_process_only_when_it_is_started_again() {
        let mut course = Course::default();
        let life = [TargetChange::Stopped, TargetChange::Starting, TargetChange::Ready];
        for (second, change) in (1..).zip(life.into_iter().chain([TargetChange::Stopped])) {
            course.observe(&Event::Target { at: Time(second), change });
        }
        assert_eq!((course.kills, course.deaths), (vec![], vec![Time(1)]));
    }

    #[test]
    fn what_the_target_reached_beyond_this_machine_is_known() {
        let mut course = Course::default();
        let seen = |address: &str| NetworkSeen::Outside { address: address.to_owned() };
        let why = "as the test wants it".to_owned();
        for seen in [NetworkSeen::NotIsolated { why }, seen("192.0.2.1:25"), seen("[::2]:25")] {
            course.observe(&Event::Network { at: Time(1), seen });
        }
        assert_eq!(course.network.len(), 3);
        assert!(course.outside().eq(["192.0.2.1:25", "[::2]:25"]));
    }
}
