//! What was done to the target's own life, and how it came back: chaos as facts of a report.

use super::recovery::{Disturbance, Kind};
use crate::clock::Time;
use crate::fault::chaos::run::Run;
use crate::fault::chaos::{Act, ActKind, Chaos};
use crate::ledger::event::{Event, TargetChange};
use crate::ledger::history::History;
use crate::measure::aggregates::periods::Periods;
use crate::measure::results::{ChaosFacts, DeathFacts};
use std::time::Duration;

/// One strike.
#[derive(Clone, Debug)]
struct ChaosEvent {
    act: ActKind,
    /// The command of the user's that ran, and how it ended.
    command: Option<(Vec<String>, String)>,
    at: Time,
    /// When it could take mail again at the earliest: started anew, or resumed.
    back_from: Option<Time>,
    /// When it was known to take mail again.
    back: Option<Time>,
}

/// The strikes of a run, in order.
#[derive(Clone, Debug, Default)]
pub struct Outages {
    strikes: Vec<ChaosEvent>,
    /// A stop that is a restart only if a start follows.
    stopped: Option<Time>,
    /// When the target ended by itself, and how.
    died: Option<(Time, String)>,
    /// When it went on though an act should have taken it down, which, and what was seen.
    survived: Vec<(Time, String, String)>,
}

impl Outages {
    /// Takes note of an event.
    pub fn observe(&mut self, event: &Event) {
        let Event::Target { at, change } = event else { return };
        let at = *at;
        match change {
            TargetChange::Killed => self.strike(ActKind::Kill, at),
            TargetChange::PowerLost { .. } => self.strike(ActKind::PowerCut, at),
            TargetChange::DiskFault { act, on } => self.disk_fault(act, *on, at),
            TargetChange::Paused => self.strike(ActKind::Pause, at),
            TargetChange::Stopped => self.stopped = Some(at),
            TargetChange::Starting => {
                if let Some(stopped) = self.stopped.take() {
                    self.strike(ActKind::Restart, stopped);
                }
                self.last(|strike| strike.back_from = Some(at));
            }
            TargetChange::Ready => self.last(|strike| strike.back = Some(at)),
            TargetChange::Resumed => {
                self.last(|strike| (strike.back_from, strike.back) = (Some(at), Some(at)));
            }
            TargetChange::Hook { command, outcome, took_us } => {
                self.strike(ActKind::Run, at);
                let end = at.plus(Duration::from_micros(*took_us));
                self.last(|strike| {
                    strike.command = Some((command.clone(), outcome.clone()));
                    (strike.back_from, strike.back) = (None, Some(end));
                });
            }
            TargetChange::Died { status } => {
                self.died.get_or_insert_with(|| (at, status.clone()));
            }
            TargetChange::Survived { act, how } => {
                self.survived.push((at, act.clone(), how.clone()));
            }
        }
    }

    /// One that never ends lasts to the end of the run.
    fn disk_fault(&mut self, act: &str, on: bool, at: Time) {
        let Some(kind) = ActKind::of(act) else { return };
        if on {
            return self.strike(kind, at);
        }
        if let Some(strike) = self.strikes.iter_mut().rev().find(|strike| strike.act == kind) {
            (strike.back_from, strike.back) = (Some(at), Some(at));
        }
    }

    fn strike(&mut self, act: ActKind, at: Time) {
        self.strikes.push(ChaosEvent { act, command: None, at, back_from: None, back: None });
    }

    fn last(&mut self, change: impl FnOnce(&mut ChaosEvent)) {
        if let Some(strike) = self.strikes.last_mut() {
            change(strike);
        }
    }

    /// The end of the target by itself.
    #[must_use]
    pub fn died(&self, periods: &Periods) -> Option<DeathFacts> {
        let (at, status) = self.died.as_ref()?;
        let at_s = at.seconds() - periods.measured_from().seconds();
        Some(DeathFacts { at_s, status: status.clone() })
    }

    /// In words, what should have taken the target down and did not.
    #[must_use]
    pub fn survived(&self, periods: &Periods) -> Vec<String> {
        let words = |(at, act, how): &(Time, String, String)| {
            let at_s = at.seconds() - periods.measured_from().seconds();
            format!(
                "`{act}` missed a part of the target, or something started it again: {how} {at_s:.1} s \
                 into the measured period; name its target.pid_file, or let mailbench start it"
            )
        };
        self.survived.iter().map(words).collect()
    }

    /// Names of what is in force between two moments.
    pub fn between(&self, start: Time, end: Time) -> impl Iterator<Item = &'static str> + '_ {
        let died = self.died.iter().filter(move |(at, _)| *at < end).map(|_| "target-died");
        let inside = move |strike: &&ChaosEvent| {
            strike.at < end && strike.back.is_none_or(|back| back > start || strike.at >= start)
        };
        self.strikes.iter().filter(inside).map(|strike| strike.act.name()).chain(died)
    }

    /// Whether mail due at this moment may have found no session because we had taken the target
    /// away. A session waits while the target is paused, or rests after a connection that was
    /// refused, and what was due meanwhile is worked off afterwards: that the sessions are all
    /// busy then says nothing about the generator. Working it off takes as long as the outage
    /// lasted, or the sessions would be too few without it.
    #[must_use]
    pub fn excuse(&self, due: Time) -> bool {
        let down = self.strikes.iter().filter(|strike| strike.act.takes_down());
        let is_dead = self.died.as_ref().is_some_and(|(at, _)| *at <= due);
        is_dead
            || down.into_iter().any(|strike| {
                let until = strike.back.map(|back| back.plus(back.since(strike.at) + SETTLE));
                strike.at <= due && until.is_none_or(|until| due <= until)
            })
    }

    /// Whether the target was never down.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.died.is_none() && !self.strikes.iter().any(|strike| strike.act.takes_down())
    }

    /// When the last outage ended.
    #[must_use]
    pub fn healed(&self) -> Option<Time> {
        let down = self.strikes.iter().filter(|strike| strike.act.takes_down());
        down.filter_map(|strike| strike.back).max()
    }

    /// Every strike as a disturbance of the queue: to when the target could take mail again, or the
    /// command ended.
    pub fn disturbances(&self) -> impl Iterator<Item = Disturbance> + '_ {
        self.strikes.iter().map(|strike| Disturbance {
            kind: Kind::Chaos,
            name: strike.act.name().to_owned(),
            from: strike.at,
            to: strike.back,
        })
    }

    /// Whether an entry of the scenario never struck.
    #[must_use]
    pub fn never_struck(&self, entry: &Chaos) -> bool {
        !self.strikes.iter().any(|strike| match (&strike.command, &entry.act) {
            (Some((command, _)), Act::Run(Run(asked))) => command == asked,
            (_, act) => strike.act == act.kind(),
        })
    }

    /// The facts of a report.
    #[must_use]
    pub fn facts(&self, history: &History, periods: &Periods) -> Vec<ChaosFacts> {
        let accepted = self.firsts(history.probes().filter_map(|probe| probe.accepted));
        let taken = self.firsts(history.probes().filter_map(|probe| probe.taken));
        let firsts = accepted.into_iter().zip(taken);
        let facts = |(strike, (accepted, taken)): (&ChaosEvent, (Option<Time>, Option<Time>))| {
            let after = |time: Option<Time>| time.map(|time| time.since(strike.at).as_secs_f64());
            ChaosFacts {
                what: strike.act.name().to_owned(),
                detail: strike.words(),
                at_s: strike.at.since(periods.measured_from()).as_secs_f64(),
                down_s: after(strike.back),
                first_accept_s: after(accepted),
                first_delivery_s: after(taken),
            }
        };
        self.strikes.iter().zip(firsts).map(facts).collect()
    }

    /// For each strike, the first of `times` at which the target was back from it.
    fn firsts(&self, times: impl Iterator<Item = Time>) -> Vec<Option<Time>> {
        let backs: Vec<Time> =
            self.strikes.iter().map(|strike| strike.back_from.unwrap_or(NEVER)).collect();
        let mut sorted: Vec<(Time, usize)> = backs.iter().copied().zip(0..).collect();
        sorted.retain(|(back, _)| *back < NEVER);
        sorted.sort_unstable();
        let mut firsts = vec![None; backs.len()];
        let mut earliest = vec![NEVER; sorted.len()];
        for time in times {
            // Those back by then: only the latest is noted; it holds for the earlier ones too.
            if let Some(last) = sorted.partition_point(|(back, _)| *back <= time).checked_sub(1) {
                earliest[last] = earliest[last].min(time);
            }
        }
        let mut first = NEVER;
        for ((_, strike), time) in sorted.into_iter().zip(earliest).rev() {
            first = first.min(time);
            firsts[strike] = (first < NEVER).then_some(first);
        }
        firsts
    }
}

/// Time after an outage in which sessions find out that the target is back.
const SETTLE: Duration = Duration::from_secs(1);

const NEVER: Time = Time(u64::MAX);

impl ChaosEvent {
    fn words(&self) -> String {
        match &self.command {
            Some((command, outcome)) => format!("{}: {outcome}", command.join(" ")),
            None => self.act.words().to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::synthetic::ms;

    fn observed(changes: &[(u64, TargetChange)]) -> Outages {
        let mut outages = Outages::default();
        for (at, change) in changes {
            outages.observe(&Event::Target { at: ms(*at), change: change.clone() });
        }
        outages
    }

    fn killed_and_paused() -> Outages {
        observed(&[
            (1, TargetChange::Ready),
            (1000, TargetChange::Killed),
            (4000, TargetChange::Starting),
            (4100, TargetChange::Ready),
            (9000, TargetChange::Paused),
            (9500, TargetChange::Resumed),
            (20_000, TargetChange::Stopped),
        ])
    }

    #[test]
    fn the_stop_at_the_end_of_a_run_is_no_strike() {
        assert_eq!(killed_and_paused().strikes.len(), 2);
        let restarted = observed(&[
            (1000, TargetChange::Stopped),
            (1500, TargetChange::Starting),
            (1600, TargetChange::Ready),
        ]);
        assert_eq!(restarted.strikes[0].act, ActKind::Restart);
        assert_eq!((restarted.strikes[0].at, restarted.healed()), (ms(1000), Some(ms(1600))));
    }

    #[test]
    fn an_end_by_itself_explains_what_was_due_after_it_and_is_no_strike() {
        let status = "signal: 11 (SIGSEGV)".to_owned();
        let died = observed(&[(2500, TargetChange::Died { status: status.clone() })]);
        assert!(!died.is_empty() && died.strikes.is_empty());
        assert!(!died.excuse(ms(2499)) && died.excuse(ms(2500)) && died.excuse(ms(99_000)));
        let names = |from, to| died.between(ms(from), ms(to)).collect::<Vec<_>>();
        assert_eq!((names(1000, 2000), names(2000, 3000)), (vec![], vec!["target-died"]));
        let facts = died.died(&Periods::default()).expect("a death");
        assert_eq!((facts.at_s, facts.status), (2.5, status));
    }

    #[test]
    fn what_an_act_missed_is_said() {
        let how = "127.0.0.1:25 still took connections (process 7 `mta`)".to_owned();
        let missed = observed(&[
            (1000, TargetChange::Killed),
            (1200, TargetChange::Survived { act: "kill".to_owned(), how }),
        ]);
        let words = missed.survived(&Periods::default());
        assert_eq!(words.len(), 1);
        for part in ["`kill` missed", "process 7 `mta`", "1.2 s", "target.pid_file"] {
            assert!(words[0].contains(part), "{words:?}");
        }
    }

    #[test]
    fn the_first_after_a_strike_is_the_first_once_it_was_back() {
        let outages = killed_and_paused();
        let times = [12_000, 900, 1001, 3999, 4000, 4050, 9200].map(ms);
        assert_eq!(outages.firsts(times.into_iter()), [Some(ms(4000)), Some(ms(12_000))]);
        let none_between = [900, 9600].map(ms);
        let first = Some(ms(9600));
        assert_eq!(outages.firsts(none_between.into_iter()), [first, first]);
        assert_eq!(outages.firsts([ms(900)].into_iter()), [None, None]);
    }

    #[test]
    fn only_what_an_outage_can_have_held_up_is_excused() {
        let outages = killed_and_paused();
        let excused = |at: u64| outages.excuse(ms(at));
        assert!(!excused(999) && excused(1000) && excused(4100));
        assert!(excused(8200), "as long again, and one second");
        assert!(!excused(8300) && excused(9000) && excused(11_000) && !excused(11_001));
        let for_good = observed(&[(1000, TargetChange::Killed)]);
        assert!(for_good.excuse(ms(99_000)) && for_good.healed().is_none());
        assert!(observed(&[]).is_empty() && !outages.is_empty());
    }

    #[test]
    fn a_second_is_struck_while_the_target_is_down_and_when_a_command_runs() {
        let mut outages = killed_and_paused();
        let hook = TargetChange::Hook {
            command: vec!["./x".to_owned()],
            outcome: "exit status: 0".to_owned(),
            took_us: 100,
        };
        outages.observe(&Event::Target { at: ms(15_500), change: hook });
        let names = |second: u64| -> Vec<&str> {
            outages.between(ms(second * 1000), ms((second + 1) * 1000)).collect()
        };
        assert_eq!(names(0), [""; 0]);
        assert_eq!([names(1), names(3), names(4)], [["kill"], ["kill"], ["kill"]]);
        assert_eq!((names(5), names(9)), (vec![], vec!["pause"]));
        assert_eq!((names(15), names(16)), (vec!["run"], vec![]));
        assert!(!outages.is_empty());
        assert_eq!(outages.healed(), Some(ms(9500)), "a command takes nothing down");
        assert_eq!(outages.strikes[2].words(), "./x: exit status: 0");
    }
}
