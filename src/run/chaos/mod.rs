//! Enacts `[[chaos]]`: takes the target in hand when a strike is due, does to it what the scenario
//! says, and records it. When strikes come is decided in `fault::chaos`.

mod disk;

use std::path::PathBuf;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::disk::SharedDisk;
use super::schedule::Schedule;
use super::setup::Stand;
use super::target_handle::TargetHandle;
use crate::clock::{Clock, Time, micros};
use crate::fault::chaos::kill::Kill;
use crate::fault::chaos::pause::Pause;
use crate::fault::chaos::run::Run;
use crate::fault::chaos::{self, Act, ActKind};
use crate::ledger::Ledger;
use crate::ledger::event::{Event, TargetChange};
use crate::limits;
use crate::seed::Seed;
use crate::targets::Target;
use crate::targets::command::{Group, run_to_end};

/// Time between two looks at a target that should be down.
const LOOK: Duration = Duration::from_millis(100);

/// How long a target that is killed for good is looked at.
const KILLED_FOR_GOOD: Duration = Duration::from_millis(300);

/// How long a command of the user's may have left the target down before that counts as its end.
const BACK_AFTER_COMMAND: Duration = Duration::from_secs(10);

/// The chaos of one run, going on.
pub(super) struct Chaos {
    task: JoinHandle<()>,
    over: CancellationToken,
    cut_short: CancellationToken,
}

/// What strikes need.
struct ChaosRunner {
    entries: Vec<chaos::Chaos>,
    seed: Seed,
    measured: Time,
    /// End of the measured period, where it is known before.
    end: Option<Time>,
    target_handle: TargetHandle,
    disk: SharedDisk,
    /// Power cuts so far.
    cuts: u64,
    clock: Clock,
    ledger: Ledger,
    log: PathBuf,
    over: CancellationToken,
    cut_short: CancellationToken,
    /// What commands of the user's left running: it ends with the run.
    left_running: Vec<Group>,
}

impl Chaos {
    /// Lets the scenario's chaos begin; it strikes in the measured period only.
    pub(super) fn start(stand: &Stand, schedule: &Schedule) -> Chaos {
        let (over, cut_short) = (CancellationToken::new(), CancellationToken::new());
        let runner = ChaosRunner {
            entries: stand.scenario.chaos.clone(),
            seed: stand.scenario.seed,
            measured: schedule.measured,
            end: schedule.end,
            target_handle: stand.target.clone(),
            disk: stand.disk.clone(),
            cuts: 0,
            clock: stand.clock,
            ledger: stand.ledger.clone(),
            log: stand.target_log(),
            over: over.clone(),
            cut_short: cut_short.clone(),
            left_running: Vec::new(),
        };
        Chaos { task: tokio::spawn(runner.run()), over, cut_short }
    }

    /// Nothing more strikes; what goes on goes on, since the target is to come back for the drain.
    pub(super) fn end(&self) {
        self.over.cancel();
    }

    /// Ends what still goes on.
    pub(super) async fn settle(self) {
        self.over.cancel();
        self.cut_short.cancel();
        if let Err(error) = self.task.await {
            tracing::error!("chaos ended in a panic: {error}");
        }
    }
}

impl ChaosRunner {
    async fn run(mut self) {
        let entries = std::mem::take(&mut self.entries);
        for (offset, entry) in chaos::strikes(&entries, self.seed) {
            let due = self.measured.plus(offset);
            if self.end.is_some_and(|end| due >= end) {
                break;
            }
            tokio::select! {
                biased;
                () = self.over.cancelled() => break,
                () = tokio::time::sleep_until(self.clock.instant(due).into()) => {}
            }
            self.enact(&entries[entry].act).await;
        }
        // What commands of the user's left running goes on until the run is over.
        self.cut_short.cancelled().await;
    }

    async fn enact(&mut self, act: &Act) {
        match act {
            Act::Run(Run(command)) => return self.run_command(command).await,
            Act::DiskFull(_) | Act::DiskSlow(_) | Act::DiskLies(_) => {
                return self.spoil_disk(act).await;
            }
            _ => {}
        }
        let target_handle = self.target_handle.clone();
        let mut target = target_handle.take().await;
        let by_command = act.kind() == ActKind::Restart && self.target_handle.is_excused();
        if let Some(status) = target.ended().filter(|_| !by_command) {
            return self.target_handle.is_gone(status);
        }
        // A restart brings back what an earlier kill left dead; nothing else can be done to it.
        if target.members().is_none() && act.kind() != ActKind::Restart {
            return;
        }
        match act {
            Act::Kill(Kill { restart_after }) => {
                self.kill(&mut target).await;
                let Some(wait) = *restart_after else {
                    self.stay_down(&target, KILLED_FOR_GOOD).await;
                    return;
                };
                if self.stay_down(&target, wait).await {
                    self.start_again(&mut target).await;
                }
            }
            Act::Pause(Pause(length)) => self.pause(&target, *length).await,
            Act::Restart(_) => {
                self.record(self.clock.now(), TargetChange::Stopped);
                target.halt().await;
                if let Some(how) = target.still_up().await {
                    self.survived(ActKind::Restart, how);
                }
                self.start_again(&mut target).await;
            }
            Act::PowerCut(cut) => self.cut_power(*cut, &mut target).await,
            Act::Run(_) | Act::DiskFull(_) | Act::DiskSlow(_) | Act::DiskLies(_) => {}
        }
    }

    /// The kill is noted after the signal: what the target finished before it died, it finished
    /// before the kill, and a FIN of its death may come [`limits::KILL_SKEW`] before the note. It
    /// is noted no later than that, however long the last process takes to go.
    async fn kill(&self, target: &mut Target) {
        let before = self.clock.now();
        target.kill().await;
        let at = self.clock.now().min(before.plus(limits::KILL_SKEW));
        self.record(at, TargetChange::Killed);
    }

    /// Waits, and sees that the target is down meanwhile: its address must refuse connections, also
    /// later, when it may have been started again by something else. False: cut short.
    async fn stay_down(&self, target: &Target, length: Duration) -> bool {
        let end = self.clock.now().plus(length);
        let mut survived = false;
        while self.clock.now() < end {
            if !survived && let Some(how) = target.still_up().await {
                survived = true;
                self.survived(ActKind::Kill, how);
            }
            let left = end.since(self.clock.now());
            if !self.wait(left.min(LOOK)).await {
                return false;
            }
        }
        true
    }

    /// Stops every process of the target for a while, and sees that it says nothing meanwhile. The
    /// look at it ends before it goes on.
    async fn pause(&self, target: &Target, length: Duration) {
        self.record(self.clock.now(), TargetChange::Paused);
        let paused = target.pause().await;
        {
            let mut wait = std::pin::pin!(self.wait(length));
            tokio::select! {
                biased;
                _ = &mut wait => {}
                spoke = target.still_speaks(length) => {
                    if let Some(how) = spoke {
                        self.survived(ActKind::Pause, how);
                    }
                    wait.await;
                }
            }
        }
        drop(paused);
        self.record(self.clock.now(), TargetChange::Resumed);
    }

    fn survived(&self, act: ActKind, how: String) {
        let act = act.name().to_owned();
        self.record(self.clock.now(), TargetChange::Survived { act, how });
    }

    async fn start_again(&self, target: &mut Target) {
        self.record(self.clock.now(), TargetChange::Starting);
        match target.start_again().await {
            Ok(()) => self.record(self.clock.now(), TargetChange::Ready),
            Err(error) => self.target_handle.is_gone(format!("not started again: {error}")),
        }
    }

    /// Waits; false: cut short.
    async fn wait(&self, length: Duration) -> bool {
        tokio::select! {
            () = tokio::time::sleep(length) => true,
            () = self.cut_short.cancelled() => false,
        }
    }

    /// Runs a command of the user's. If the target ends meanwhile, or soon after, that is what the
    /// command is for.
    async fn run_command(&mut self, command: &[String]) {
        let (at, excuse) = (self.clock.now(), self.target_handle.excuse());
        let ended = tokio::select! {
            ended = run_to_end(command, &self.log, limits::HOOK) => ended,
            () = self.cut_short.cancelled() => Err("cut short by the end of the run".to_owned()),
        };
        let outcome = match ended {
            Ok((status, group)) => {
                self.left_running.push(group);
                status.to_string()
            }
            Err(why) => why,
        };
        tokio::spawn(async move {
            tokio::time::sleep(BACK_AFTER_COMMAND).await;
            drop(excuse);
        });
        let took_us = micros(self.clock.now().since(at));
        let words = command.iter().take(limits::COMMAND_WORDS).cloned();
        let command = words.map(|word| limits::cut(word, limits::REPLY_TEXT)).collect();
        self.record(at, TargetChange::Hook { command, outcome, took_us });
    }

    fn record(&self, at: Time, change: TargetChange) {
        self.ledger.record(&Event::Target { at, change });
    }
}
