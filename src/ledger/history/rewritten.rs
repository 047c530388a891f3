//! Receptions whose envelope is not the one sent: which of them are as they may be, and copies for
//! further recipients.

use super::binding::{Unbound, takes};
use super::receptions::{NO_NUMBER, Reception};
use super::record::Mark;
use super::{History, Phantom, Reading};
use crate::ledger::event::{Attempt, AttemptOutcome, Readdressed, Recognised};
use crate::probe::address::is_same;
use crate::probe::change::Level;
use crate::probe::rewriting::{RecipientForm, recipient_form, sender_form};
use crate::probe::{DestinationId, MessageId, PREFLIGHT};

/// An address that got a copy.
#[derive(Clone, Debug)]
pub(super) struct CopyAt {
    pub(super) address: String,
    /// Whether the scenario declares it.
    pub(super) declared: bool,
}

impl Reading<'_> {
    /// An attempt for a recipient that names no probe.
    pub(super) fn recognised(&mut self, recognised: &Recognised) {
        if let Some(unbound) = &mut self.unbound {
            unbound.push(Unbound::of(recognised));
            return;
        }
        let history = &mut self.history;
        history.course.active(recognised.attempt.ended);
        match recognised.message {
            Some(message) if takes(recognised) => history.copied(message, recognised),
            Some(_) => {}
            None => history.course.refused_unnamed(&recognised.attempt),
        }
    }

    /// The envelope of a reception that follows.
    pub(super) fn envelope(&mut self, seen: &Readdressed) {
        if seen.probe.0 < PREFLIGHT.0 {
            self.envelopes.insert((seen.session, seen.probe.0), seen.clone());
        }
    }
}

impl History {
    /// A reception of the probe's own message, at its own address or one that stands for it.
    pub(super) fn received(
        &mut self,
        attempt: &Attempt,
        planned: Option<DestinationId>,
        envelope: Option<&Readdressed>,
    ) {
        self.addressed(attempt, planned, envelope);
        let withheld = attempt.outcome == AttemptOutcome::Withheld;
        let number = attempt.reception.unwrap_or(NO_NUMBER);
        let reception = Reception { number, ended: attempt.ended, withheld };
        self.note_changes(attempt, false);
        let Some(record) = self.record_mut(attempt.probe) else { return };
        let first = record.is_received().then(|| record.first_reception());
        if first.is_none() && record.receive(&reception) {
            return;
        }
        record.mark(Mark::Several);
        let receptions = self.several.entry(attempt.probe.0);
        receptions.or_insert_with(|| first.into_iter().collect()).push(reception);
    }

    /// What became of the content of a reception that concerns this probe: its own, or a copy
    /// beside it.
    fn note_changes(&mut self, attempt: &Attempt, is_copy: bool) {
        let level = self.changes.note(attempt, &self.terms.declared, is_copy);
        let Some(record) = self.record_mut(attempt.probe) else { return };
        match level {
            Some(Level::Corrupted) => record.mark(Mark::Corrupted),
            Some(Level::Altered) => record.mark(Mark::Altered),
            Some(Level::Permitted) | None => {}
        }
    }

    /// A further recipient got a message. Its content is judged as the probe's own: a declaration
    /// says who gets a copy, not that it may arrive damaged.
    fn copied(&mut self, message: MessageId, recognised: &Recognised) {
        if self.message(message).is_none() {
            let evidence = format!("content of message {}, which was never offered", message.0);
            let recipient = Some(recognised.recipient.clone());
            let at = recognised.attempt.ended;
            return self.phantom(Phantom { at, recipient, probe: None, evidence });
        }
        self.note_changes(&recognised.attempt, true);
        let declared = self.declared.is_copy(&recognised.recipient);
        let copies = self.copies.entry(recognised.attempt.probe.0).or_default();
        if !copies.iter().any(|known| is_same(&known.address, &recognised.recipient)) {
            copies.push(CopyAt { address: recognised.recipient.clone(), declared });
        }
    }

    /// Marks what the envelope of a reception says. One that names the probe at another destination
    /// than planned is misrouted; one that does not name it stands for it wherever it came.
    fn addressed(
        &mut self,
        attempt: &Attempt,
        planned: Option<DestinationId>,
        envelope: Option<&Readdressed>,
    ) {
        let (probe, at_home) = (attempt.probe, planned.is_none() || attempt.destination == planned);
        let form = envelope.map_or(RecipientForm::Same, |it| recipient_form(probe, &it.recipient));
        let names = matches!(form, RecipientForm::Same | RecipientForm::Spelling);
        let permits_place = self.declared.permits_recipient(form, at_home);
        let elsewhere = attempt.destination.is_some() || !permits_place;
        if names && !at_home && elsewhere {
            if let Some(record) = self.record_mut(probe) {
                record.mark(Mark::Misrouted);
            }
            return;
        }
        if envelope.is_none() && at_home {
            return;
        }
        let permitted = permits_place && self.permits_sender(attempt, envelope);
        let Some(record) = self.record_mut(probe) else { return };
        record.mark(Mark::Readdressed);
        if !permitted {
            record.mark(Mark::AddressedAmiss);
        }
    }

    fn permits_sender(&self, attempt: &Attempt, envelope: Option<&Readdressed>) -> bool {
        let (Some(envelope), Some(record)) = (envelope, self.record(attempt.probe)) else {
            return true;
        };
        let message = self.messages[record.message as usize].id;
        let null = record.has(Mark::NullSender);
        let form = sender_form(message, attempt.probe, null, &envelope.reverse_path);
        self.declared.permits_sender(form)
    }
}

impl super::Course {
    /// Something was refused that nothing named: its bounce has a reason.
    fn refused_unnamed(&mut self, attempt: &Attempt) {
        self.unnamed_rejected |= attempt.outcome == AttemptOutcome::Rejected;
        self.unnamed_put_off |= matches!(
            attempt.outcome,
            AttemptOutcome::Deferred | AttemptOutcome::Broken | AttemptOutcome::Withheld
        );
    }
}
