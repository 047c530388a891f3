//! Receptions whose envelope and content do not belong together, or that belong to no probe: whose
//! they are is decided when everything else is known.

use super::record::Mark;
use super::{History, Phantom};
use crate::clock::Time;
use crate::ledger::event::{Attempt, AttemptOutcome};
use crate::probe::{EMBEDDED, MessageId, PREFLIGHT, ProbeId};

/// A reception under an identity that is not its envelope's, or under one that was never offered.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stray {
    envelope: ProbeId,
    content: Option<MessageId>,
    ended: Time,
}

/// Whose a stray is.
enum Owner {
    Smuggled(ProbeId),
    Misrouted(ProbeId),
    Nobody,
}

impl Stray {
    /// `None` when the attempt took no content.
    pub(super) fn of(attempt: &Attempt) -> Option<Stray> {
        let taken = matches!(attempt.outcome, AttemptOutcome::Taken | AttemptOutcome::Withheld);
        let content = attempt.content.as_ref().and_then(|content| content.message);
        taken.then_some(Stray { envelope: attempt.probe, content, ended: attempt.ended })
    }
}

/// Gives every stray to its owner, or counts it as a phantom.
pub(super) fn settle(history: &mut History, strays: &[Stray]) {
    for stray in strays {
        let (probe, mark) = match owner(history, stray) {
            Owner::Smuggled(probe) => (probe, Mark::Smuggled),
            Owner::Misrouted(probe) => (probe, Mark::Misrouted),
            Owner::Nobody => {
                history.phantom(phantom(stray));
                continue;
            }
        };
        if let Some(record) = history.record_mut(probe) {
            record.mark(mark);
        }
        history.course.active(stray.ended);
    }
}

fn owner(history: &History, stray: &Stray) -> Owner {
    let carrier = [Some(stray.envelope.0), stray.content.map(|message| message.0)]
        .into_iter()
        .flatten()
        .find(|id| (EMBEDDED..PREFLIGHT.0).contains(id))
        .map(|id| ProbeId(id - EMBEDDED));
    if let Some(carrier) = carrier {
        let known = history.is_offered(carrier);
        return if known { Owner::Smuggled(carrier) } else { Owner::Nobody };
    }
    match stray.content {
        Some(message) => misrouted(history, message, stray.envelope),
        None => Owner::Nobody,
    }
}

/// A copy of `message` came to `envelope`, which is no recipient of it. It stands for the
/// recipient that went without; when none did, the one who saw another's mail is named.
fn misrouted(history: &History, message: MessageId, envelope: ProbeId) -> Owner {
    let Some(found) = history.message(message) else { return Owner::Nobody };
    let without = (0..found.recipients).map(|nth| message.probe(nth)).find(|probe| {
        history
            .record(*probe)
            .is_some_and(|record| !record.is_received() && !record.has(Mark::Misrouted))
    });
    let seer = history.is_offered(envelope).then_some(envelope);
    Owner::Misrouted(without.or(seer).unwrap_or(message.probe(0)))
}

fn phantom(stray: &Stray) -> Phantom {
    let evidence = match stray.content {
        Some(message) => format!("content of message {}, which was never offered", message.0),
        None => "neither its envelope nor its content was offered".to_owned(),
    };
    Phantom { at: stray.ended, recipient: None, probe: Some(stray.envelope), evidence }
}
