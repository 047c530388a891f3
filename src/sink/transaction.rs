//! One mail transaction as the sink follows it: whose mail it is, and each recipient's attempt.

use super::addressee::{Addressee, Origin};
use crate::clock::Time;
use crate::probe::{MessageId, ProbeId};

/// From MAIL to its end.
pub(super) struct Transaction {
    pub(super) origin: Origin,
    pub(super) reverse_path: String,
    /// Recipients whose attempt is not concluded.
    pub(super) recipients: Vec<Recipient>,
    /// The rule by which MAIL or a RCPT got a reply that the peer may take for a refusal.
    pub(super) unclear: Option<u16>,
}

/// One recipient's attempt under way.
#[derive(Clone, Debug)]
pub(super) struct Recipient {
    pub(super) addressee: Addressee,
    /// As the envelope has it.
    pub(super) address: String,
    /// What decisions about it are keyed by.
    pub(super) subject: u64,
    pub(super) attempt: u32,
    pub(super) started: Time,
    /// The probe that ORCPT names, where the recipient names none.
    pub(super) original: Option<ProbeId>,
}

impl Recipient {
    /// Stands for a message whose transaction ends before any RCPT: its first probe, as far as
    /// its sender names it.
    pub(super) fn before_rcpt(message: MessageId, attempt: u32, started: Time) -> Recipient {
        let probe = message.probe(0);
        Recipient {
            addressee: Addressee::Probe(probe, None),
            address: String::new(),
            subject: probe.0,
            attempt,
            started,
            original: None,
        }
    }
}

impl Transaction {
    /// Who sent it, and as written.
    pub(super) fn sender(&self) -> (Origin, &str) {
        (self.origin, &self.reverse_path)
    }

    /// The recipients by which a transaction is judged: the first of each destination, those no
    /// fault touches left out.
    pub(super) fn judged(&self) -> impl Iterator<Item = &Recipient> {
        let touched = self.recipients.iter().filter(|one| !one.addressee.is_exempt());
        touched.enumerate().filter_map(|(number, one)| {
            let earlier = self.recipients.iter().filter(|one| !one.addressee.is_exempt());
            let destination = one.addressee.destination();
            let mut earlier = earlier.take(number);
            earlier.all(|other| other.addressee.destination() != destination).then_some(one)
        })
    }
}
