//! Enacts `[[chaos]]`: takes the target in hand when a strike is due, does to it what the scenario
//! says, and records it. When strikes come is decided in `fault::chaos`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::custody::Custody;
use super::schedule::Schedule;
use super::setup::Stand;
use crate::clock::{Clock, Time, micros};
use crate::fault::chaos::{self, Act};
use crate::ledger::Ledger;
use crate::ledger::event::{Event, TargetChange};
use crate::limits;
use crate::seed::Seed;
use crate::target::Target;
use crate::target::command::run_to_end;

/// The chaos of one run, going on.
pub(super) struct Chaos {
    task: JoinHandle<()>,
    over: CancellationToken,
    cut_short: CancellationToken,
}

/// What strikes need.
struct Storm {
    entries: Vec<chaos::Chaos>,
    seed: Seed,
    measured: Time,
    /// End of the measured period, where it is known before.
    end: Option<Time>,
    custody: Custody,
    clock: Clock,
    ledger: Ledger,
    log: PathBuf,
    over: CancellationToken,
    cut_short: CancellationToken,
}

impl Chaos {
    /// Lets the scenario's chaos begin; it strikes in the measured period only.
    pub(super) fn start(stand: &Stand, schedule: &Schedule) -> Chaos {
        let (over, cut_short) = (CancellationToken::new(), CancellationToken::new());
        let storm = Storm {
            entries: stand.scenario.chaos.clone(),
            seed: stand.scenario.seed,
            measured: schedule.measured,
            end: schedule.end,
            custody: stand.target.clone(),
            clock: stand.clock,
            ledger: stand.ledger.clone(),
            log: stand.target_log(),
            over: over.clone(),
            cut_short: cut_short.clone(),
        };
        Chaos { task: tokio::spawn(storm.rage()), over, cut_short }
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

impl Storm {
    async fn rage(self) {
        for (offset, entry) in chaos::strikes(&self.entries, self.seed) {
            let due = self.measured.plus(offset);
            if self.end.is_some_and(|end| due >= end) {
                return;
            }
            tokio::select! {
                biased;
                () = self.over.cancelled() => return,
                () = tokio::time::sleep_until(self.clock.instant(due).into()) => {}
            }
            self.enact(&self.entries[entry].act).await;
        }
    }

    async fn enact(&self, act: &Act) {
        if let Act::Run(command) = act {
            return self.run(command).await;
        }
        let mut target = self.custody.take().await;
        if let Some(status) = target.ended() {
            return self.custody.is_gone(status);
        }
        // A restart brings back what an earlier kill left dead; nothing else can be done to it.
        if target.members().is_none() && *act != Act::Restart {
            return;
        }
        match act {
            Act::Kill { restart_after } => {
                self.kill(&mut target).await;
                let Some(wait) = *restart_after else { return };
                if self.wait(wait).await {
                    self.start_again(&mut target).await;
                }
            }
            Act::Pause(length) => {
                self.record(self.clock.now(), TargetChange::Paused);
                target.pause().await;
                self.wait(*length).await;
                target.resume();
                self.record(self.clock.now(), TargetChange::Resumed);
            }
            Act::Restart => {
                self.record(self.clock.now(), TargetChange::Stopped);
                target.halt().await;
                self.start_again(&mut target).await;
            }
            Act::Run(_) => {}
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

    async fn start_again(&self, target: &mut Target) {
        self.record(self.clock.now(), TargetChange::Starting);
        match target.start_again().await {
            Ok(()) => self.record(self.clock.now(), TargetChange::Ready),
            Err(error) => self.custody.is_gone(format!("not started again: {error}")),
        }
    }

    /// Waits; false: cut short.
    async fn wait(&self, length: Duration) -> bool {
        tokio::select! {
            () = tokio::time::sleep(length) => true,
            () = self.cut_short.cancelled() => false,
        }
    }

    async fn run(&self, command: &[String]) {
        let at = self.clock.now();
        let ended = tokio::select! {
            ended = hook(command, &self.log) => ended,
            () = self.cut_short.cancelled() => "cut short by the end of the run".to_owned(),
        };
        let took_us = micros(self.clock.now().since(at));
        let words = command.iter().take(limits::COMMAND_WORDS).cloned();
        let command = words.map(|word| limits::cut(word, limits::REPLY_TEXT)).collect();
        self.record(at, TargetChange::Hook { command, outcome: ended, took_us });
    }

    fn record(&self, at: Time, change: TargetChange) {
        self.ledger.record(&Event::Target { at, change });
    }
}

/// Runs a command of the user's; how it ended, in words. What it prints goes to `log`.
async fn hook(command: &[String], log: &Path) -> String {
    run_to_end(command, log, limits::HOOK).await.map_or_else(|why| why, |status| status.to_string())
}
