//! The ledger's running sums, kept event by event so that a run can show its progress and see
//! its queue drain.
//!
//! Each probe has one byte of state, so an event seen twice counts once. The judgement of a run
//! does not come from here but from `history` and `disposition`.

use super::event::{
    Attempt, AttemptOutcome, Dsn, DsnAction, Event, Notice, NoticeKind, Recognised, SubmitResult,
    Submitted,
};
use crate::limits;
use crate::probe::{MessageId, ProbeId};

/// Sums over the run so far. Probes, unless the name says attempts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Handed to a session.
    pub offered: u64,
    /// The target took responsibility.
    pub accepted: u64,
    /// The target said no, or the connection broke before the final dot.
    pub refused: u64,
    /// The reply to the final dot was not read.
    pub indeterminate: u64,
    /// Never reached the target.
    pub not_sent: u64,
    /// Offered, result not known yet.
    pub in_flight: u64,
    /// Whole content seen at the sink at least once, `250` given or withheld.
    pub delivered: u64,
    /// A DSN said that delivery failed.
    pub bounced: u64,
    /// Accepted, neither delivered nor bounced yet.
    pub backlog: u64,
    /// Attempts answered 4yz.
    pub deferred_attempts: u64,
    /// Attempts answered 5yz.
    pub rejected_attempts: u64,
}

const OFFERED: u8 = 0b00_0001;
const CONCLUDED: u8 = 0b00_0010;
const ACCEPTED: u8 = 0b00_0100;
const DELIVERED: u8 = 0b00_1000;
const BOUNCED: u8 = 0b01_0000;
const FIRST_RECIPIENT: u8 = 0b10_0000;

/// One byte a probe, and their sums.
#[derive(Debug, Default)]
pub(super) struct Live {
    probes: Vec<u8>,
    tally: Tally,
}

impl Live {
    pub(super) fn tally(&self) -> Tally {
        self.tally
    }

    /// Only [`Event::Offered`] makes room for probes: what the sink reads from an envelope must
    /// not decide how much memory is used.
    pub(super) fn observe(&mut self, event: &Event) {
        match event {
            Event::Offered { message, recipients, .. } => self.offered(*message, *recipients),
            Event::Submitted(submitted) => self.submitted(submitted),
            Event::Attempt(attempt) => self.attempted(attempt),
            Event::Dsn(dsn) => self.returned(dsn),
            Event::Recognised(recognised) => self.recognised(recognised),
            Event::Notice(notice) => self.noticed(notice),
            _ => {}
        }
    }

    fn offered(&mut self, message: MessageId, recipients: u16) {
        let end = message.0.saturating_add(u64::from(recipients));
        let known = self.tally.offered + u64::from(recipients);
        if end > known + limits::OFFER_GAP {
            return;
        }
        let end = usize::try_from(end).unwrap_or(usize::MAX);
        self.probes.resize(self.probes.len().max(end), 0);
        for index in 0..recipients {
            let first = if index == 0 { FIRST_RECIPIENT } else { 0 };
            if self.mark(message.probe(index), OFFERED | first) & OFFERED == 0 {
                self.tally.offered += 1;
                self.tally.in_flight += 1;
            }
        }
    }

    fn submitted(&mut self, submitted: &Submitted) {
        for (index, result) in (0_u16..).zip(&submitted.results) {
            let probe = submitted.message.probe(index);
            let before = self.state(probe);
            if before & OFFERED == 0 || before & CONCLUDED != 0 {
                continue;
            }
            self.tally.in_flight -= 1;
            let sum = match result {
                SubmitResult::NotSent { .. } => &mut self.tally.not_sent,
                SubmitResult::Refused { .. } | SubmitResult::Broken { .. } => {
                    &mut self.tally.refused
                }
                SubmitResult::Accepted { .. } => &mut self.tally.accepted,
                SubmitResult::Indeterminate { .. } => &mut self.tally.indeterminate,
            };
            *sum += 1;
            let accepted = matches!(result, SubmitResult::Accepted { .. });
            self.mark(probe, CONCLUDED | if accepted { ACCEPTED } else { 0 });
        }
    }

    fn attempted(&mut self, attempt: &Attempt) {
        match attempt.outcome {
            AttemptOutcome::Deferred => self.tally.deferred_attempts += 1,
            AttemptOutcome::Rejected => self.tally.rejected_attempts += 1,
            AttemptOutcome::Taken | AttemptOutcome::Withheld => {
                if self.state(attempt.probe) & OFFERED != 0
                    && self.mark(attempt.probe, DELIVERED) & DELIVERED == 0
                {
                    self.tally.delivered += 1;
                }
            }
            AttemptOutcome::Broken | AttemptOutcome::Abandoned => {}
        }
    }

    fn returned(&mut self, dsn: &Dsn) {
        for block in dsn.recipients.iter().filter(|block| block.action == DsnAction::Failed) {
            let Some(probe) = block.probe.or_else(|| self.unnamed(dsn.message?)) else { continue };
            if self.state(probe) & OFFERED != 0 && self.mark(probe, BOUNCED) & BOUNCED == 0 {
                self.tally.bounced += 1;
            }
        }
    }

    /// The recipient of a message that a block can be about which names none: a sole one, or the
    /// first without an outcome.
    fn unnamed(&self, message: MessageId) -> Option<ProbeId> {
        let mut recipients = self.recipients(message);
        let first = recipients.next()?;
        let open = |probe: &ProbeId| self.state(*probe) & (DELIVERED | BOUNCED) == 0;
        match recipients.next() {
            None => Some(first),
            Some(_) => self.recipients(message).find(open),
        }
    }

    /// Which recipient it stands for is decided at the end; for the sums, any that is missing.
    fn recognised(&mut self, recognised: &Recognised) {
        let missing = |probe: &ProbeId| self.state(*probe) & DELIVERED == 0;
        let probe = recognised.message.and_then(|message| self.recipients(message).find(missing));
        let probe = probe.unwrap_or(recognised.attempt.probe);
        self.attempted(&Attempt { probe, ..recognised.attempt.clone() });
    }

    fn noticed(&mut self, notice: &Notice) {
        let Some(message) = notice.message.filter(|_| notice.kind == NoticeKind::Failed) else {
            return;
        };
        let about: Vec<ProbeId> = match notice.recipients.is_empty() {
            true => self.recipients(message).collect(),
            false => notice.recipients.clone(),
        };
        for probe in about {
            let state = self.state(probe);
            if state & OFFERED != 0 && state & (DELIVERED | BOUNCED) == 0 {
                self.mark(probe, BOUNCED);
                self.tally.bounced += 1;
            }
        }
    }

    /// The recipients of a message: up to the next message's first.
    fn recipients(&self, message: MessageId) -> impl Iterator<Item = ProbeId> + '_ {
        let first = message.probe(0);
        let probes = (0..limits::RECIPIENTS as u16).map(move |nth| message.probe(nth));
        probes.take_while(move |probe| {
            let state = self.state(*probe);
            state & OFFERED != 0 && (*probe == first || state & FIRST_RECIPIENT == 0)
        })
    }

    fn state(&self, probe: ProbeId) -> u8 {
        usize::try_from(probe.0).ok().and_then(|at| self.probes.get(at)).copied().unwrap_or(0)
    }

    /// Sets bits of a probe that has room, keeps the backlog true, and gives the state before.
    fn mark(&mut self, probe: ProbeId, bits: u8) -> u8 {
        let before = self.state(probe);
        let slot = usize::try_from(probe.0).ok().and_then(|at| self.probes.get_mut(at));
        if let Some(slot) = slot {
            *slot |= bits;
            match (owed(before), owed(*slot)) {
                (false, true) => self.tally.backlog += 1,
                (true, false) => self.tally.backlog -= 1,
                _ => {}
            }
        }
        before
    }
}

/// Whether the target still owes an outcome.
fn owed(state: u8) -> bool {
    state & ACCEPTED != 0 && state & (DELIVERED | BOUNCED) == 0
}

#[cfg(test)]
mod tests;
