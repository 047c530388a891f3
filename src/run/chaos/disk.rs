//! Enacts what happens to the target's disk: power cuts, a full disk, a slow one, one that lies.

use std::time::Duration;

use super::ChaosRunner;
use crate::clock::Time;
use crate::disk::{Disk, DiskError, Keep};
use crate::fault::chaos::disk_slow::DiskSlow;
use crate::fault::chaos::power_cut::PowerCut;
use crate::fault::chaos::{Act, ActKind};
use crate::ledger::event::{DiskSeen, Event, TargetChange};
use crate::limits;
use crate::targets::Target;

/// Time between two looks whether all processes are dead, or unable to run.
const LOOK: Duration = Duration::from_millis(1);

/// How long a thread that was running on another processor may take to see its SIGKILL.
const GRACE: Duration = Duration::from_millis(5);

impl ChaosRunner {
    /// Makes the disk fail in some way; the target runs on.
    pub(super) async fn spoil_disk(&mut self, act: &Act) {
        let Some(disk) = self.disk.clone() else { return };
        let mut disk = disk.lock().await;
        let done = match act {
            Act::DiskLies(_) => self.lie(&mut disk).await,
            Act::DiskFull(full) => self.full(full.0, &mut disk).await,
            Act::DiskSlow(slow) => self.slow(*slow, &mut disk).await,
            _ => Ok(()),
        };
        self.note_failure(done);
    }

    /// Cuts the target's power, and starts it again on what survived.
    pub(super) async fn cut_power(&mut self, cut: PowerCut, target: &mut Target) {
        let Some(disk) = self.disk.clone() else { return };
        let mut disk = disk.lock().await;
        let done = self.power_cut(cut, target, &mut disk).await;
        self.note_failure(done);
    }

    fn note_failure(&self, done: Result<(), DiskError>) {
        if let Err(error) = done {
            self.see(DiskSeen::Failed { why: error.to_string() });
        }
    }

    /// The target dies at once, and with it what its disk had not made durable. It is down for as
    /// long as the scenario says; its file system is checked meanwhile.
    async fn power_cut(
        &mut self,
        cut: PowerCut,
        target: &mut Target,
        disk: &mut Disk,
    ) -> Result<(), DiskError> {
        self.cuts += 1;
        let at = self.lose_power(cut.keep, target, disk).await?;
        let flaw = disk.begin_next_life_checked().await?.err();
        self.see(DiskSeen::Checked { flaw });
        let left = cut.restart_after.saturating_sub(self.clock.now().since(at));
        if self.stay_down(target, left).await {
            self.start_again(target).await;
        }
        Ok(())
    }

    /// While the disk is frozen no reply that waits for it can be sent; once all processes are dead
    /// or unable to run, what they still have under way goes into the void.
    async fn lose_power(
        &self,
        keep: Keep,
        target: &mut Target,
        disk: &mut Disk,
    ) -> Result<Time, DiskError> {
        let members = target.members();
        disk.freeze().await?;
        let before = self.clock.now();
        let doomed = async {
            let doomed = async {
                while !members.as_ref().is_none_or(|members| members.are_doomed()) {
                    tokio::time::sleep(LOOK).await;
                }
                tokio::time::sleep(GRACE).await;
            };
            // One that the kernel cannot end yet is not waited for.
            let _in_time = tokio::time::timeout(limits::POWER_CUT_KILL, doomed).await;
            let lost = disk.lose_power(keep, (self.seed.0, self.cuts)).await;
            disk.thaw().await?;
            lost
        };
        let ((), lost) = tokio::join!(target.kill(), doomed);
        let lost = lost?;
        // As for a kill: what it finished before it died, it finished before the cut.
        let at = self.clock.now().min(before.plus(limits::KILL_SKEW));
        let (unflushed, kept) = (lost.unflushed, lost.kept);
        self.record(at, TargetChange::PowerLost { keep, unflushed, kept });
        Ok(at)
    }

    async fn lie(&self, disk: &mut Disk) -> Result<(), DiskError> {
        disk.lie(true).await?;
        self.fault(ActKind::DiskLies, true);
        Ok(())
    }

    async fn full(&self, length: Duration, disk: &mut Disk) -> Result<(), DiskError> {
        disk.fill(true)?;
        self.fault(ActKind::DiskFull, true);
        self.wait(length).await;
        disk.fill(false)?;
        self.fault(ActKind::DiskFull, false);
        Ok(())
    }

    async fn slow(&self, slow: DiskSlow, disk: &mut Disk) -> Result<(), DiskError> {
        disk.slow(Some(slow.flush)).await?;
        self.fault(ActKind::DiskSlow, true);
        self.wait(slow.length).await;
        disk.slow(None).await?;
        self.fault(ActKind::DiskSlow, false);
        Ok(())
    }

    fn fault(&self, act: ActKind, on: bool) {
        let act = act.name().to_owned();
        self.record(self.clock.now(), TargetChange::DiskFault { act, on });
    }

    fn see(&self, seen: DiskSeen) {
        self.ledger.record(&Event::Disk { at: self.clock.now(), seen });
    }
}
