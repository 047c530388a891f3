//! The disk under the target's queue: what a power cut found open, and what became of it.

use crate::clock::Time;
use crate::disk::{Counts, Filesystem, Keep};
use crate::ledger::class::Class;
use crate::ledger::event::{DiskSeen, Event, TargetChange};
use crate::ledger::history::{History, ProbeView};
use crate::measure::aggregates::periods::Periods;
use crate::measure::results::{DiskFacts, HealthCheck, HealthStatus, PowerCutFacts};

/// A cut as the journal has it.
#[derive(Clone, Debug)]
struct Cut {
    at: Time,
    keep: Keep,
    unflushed: u64,
    kept: u64,
    flaw: Option<String>,
}

/// What the journal says of the disk.
#[derive(Clone, Debug, Default)]
pub struct DiskEvents {
    filesystem: Option<Filesystem>,
    flaws: Vec<String>,
    counts: Vec<Counts>,
    cuts: Vec<Cut>,
}

impl DiskEvents {
    /// Takes note of an event.
    pub fn observe(&mut self, event: &Event) {
        match event {
            Event::Target { at, change: TargetChange::PowerLost { keep, unflushed, kept } } => {
                let (at, keep, unflushed, kept) = (*at, *keep, *unflushed, *kept);
                self.cuts.push(Cut { at, keep, unflushed, kept, flaw: None });
            }
            Event::Disk { seen, .. } => self.see(seen),
            _ => {}
        }
    }

    fn see(&mut self, seen: &DiskSeen) {
        match seen {
            DiskSeen::Ready { filesystem, flaw } => {
                self.filesystem = Some(*filesystem);
                self.flaws.extend(flaw.clone());
            }
            DiskSeen::Checked { flaw } => {
                if let Some(cut) = self.cuts.last_mut() {
                    cut.flaw.clone_from(flaw);
                }
            }
            DiskSeen::Counted(counts) => self.counts.push(*counts),
            DiskSeen::Failed { why } => self.flaws.push(why.clone()),
        }
    }

    /// Whether the disk did what it should; `None`: there is none of ours.
    #[must_use]
    pub fn check(&self) -> Option<HealthCheck> {
        self.filesystem?;
        let status =
            if self.flaws.is_empty() { HealthStatus::Valid } else { HealthStatus::Invalid };
        let advice = match self.flaws.first() {
            Some(flaw) => format!("the disk under the queue cannot be relied on: {flaw}"),
            None => "the disk keeps what is synced and forgets what is not".to_owned(),
        };
        Some(HealthCheck {
            id: "disk".to_owned(),
            status,
            value: self.flaws.len() as f64,
            warn: 0.0,
            invalid: 0.0,
            unit: "failures".to_owned(),
            advice,
        })
    }

    /// The facts of a report; `None`: there is no disk of ours.
    #[must_use]
    pub fn facts(&self, history: &History, periods: &Periods) -> Option<DiskFacts> {
        let filesystem = self.filesystem?;
        let counted = |of: fn(&Counts) -> u64| self.counts.iter().map(of);
        let flushes = counted(|it| it.flushes);
        let flushes = flushes.clone().max().unwrap_or(0) - flushes.min().unwrap_or(0);
        let mut accepted = 0;
        let mut tallies = vec![Tally::default(); self.cuts.len()];
        for probe in history.probes() {
            accepted += u64::from(probe.accepted.is_some());
            self.enter(&probe, &mut tallies);
        }
        let cuts = self.cuts.iter().zip(tallies);
        let cuts = cuts.map(|(cut, tally)| PowerCutFacts {
            at_s: cut.at.seconds() - periods.measured_from().seconds(),
            keep: cut.keep,
            unflushed: cut.unflushed,
            kept: cut.kept,
            acknowledged: tally.acknowledged,
            open: tally.open,
            lost: tally.lost,
            filesystem_flaw: cut.flaw.clone(),
        });
        Some(DiskFacts {
            filesystem,
            flaws: self.flaws.clone(),
            flushes,
            flushes_per_accepted: (accepted > 0).then(|| flushes as f64 / accepted as f64),
            memory_most_bytes: counted(|it| it.memory_most).max().unwrap_or(0),
            cuts: cuts.collect(),
        })
    }

    /// Enters a probe in the cuts that came after its acceptance and before its end.
    fn enter(&self, probe: &ProbeView, tallies: &mut [Tally]) {
        let Some(accepted) = probe.accepted else { return };
        let ended = probe.taken.into_iter().chain(probe.given_up()).min();
        let first = self.cuts.partition_point(|cut| cut.at < accepted);
        let Some(tally) = tallies.get_mut(first) else { return };
        tally.acknowledged += 1;
        let lost = matches!(probe.disposition.class, Class::Lost);
        tally.lost += u64::from(lost);
        let open = self.cuts[first..].iter().take_while(|cut| ended.is_none_or(|end| end > cut.at));
        let open = if lost { 1 } else { open.count() };
        tallies[first..].iter_mut().take(open).for_each(|tally| tally.open += 1);
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    acknowledged: u64,
    open: u64,
    lost: u64,
}
