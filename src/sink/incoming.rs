//! Content as it streams in: checked by the probe's verifier, kept only where it is a DSN or is not
//! as it was sent.

use super::addressee::{Addressee, Directory};
use super::transaction::Transaction;
use crate::limits;
use crate::plan::Plan;
use crate::probe::MessageId;
use crate::probe::compare::Difference;
use crate::probe::content::{Changed, Verifier};
use crate::probe::damage::ContentCheck;
use crate::probe::recognition::Belongs;

/// Takes in one content.
pub(super) struct Incoming {
    verifier: Option<Box<Verifier>>,
    kept: Option<Vec<u8>>,
    bytes: u64,
}

/// A content that came to its end.
pub(super) struct Received {
    belongs: Belongs,
    verified: Option<Result<ContentCheck, Changed>>,
    kept: Vec<u8>,
    bytes: u64,
}

/// A content seen whole.
#[derive(Clone, Debug)]
pub(super) struct Whole {
    pub(super) reception: u64,
    pub(super) check: Option<ContentCheck>,
    /// Whose it is by its own words.
    pub(super) belongs: Belongs,
    /// What differs from what was sent.
    pub(super) differences: Vec<Difference>,
    /// The text, where it was kept.
    pub(super) kept: Vec<u8>,
    pub(super) bytes: u64,
}

impl Incoming {
    pub(super) fn of(transaction: &Transaction, directory: &Directory) -> Incoming {
        let any = |wanted: fn(&Addressee) -> bool| {
            transaction.recipients.iter().any(|recipient| wanted(&recipient.addressee))
        };
        let has_probe = any(|addressee| matches!(addressee, Addressee::Probe(..)));
        let has_stranger = any(|addressee| !matches!(addressee, Addressee::Bounce));
        let has_bounce = any(|addressee| matches!(addressee, Addressee::Bounce));
        Incoming {
            verifier: (has_probe || has_stranger && directory.in_run()).then(Box::default),
            kept: has_bounce.then(Vec::new),
            bytes: 0,
        }
    }

    pub(super) fn feed(&mut self, text: &[u8]) {
        self.bytes += text.len() as u64;
        if let Some(verifier) = &mut self.verifier {
            verifier.feed(text);
        }
        if let Some(kept) = &mut self.kept {
            let room = limits::DSN_BYTES.saturating_sub(kept.len());
            kept.extend_from_slice(&text[..text.len().min(room)]);
        }
    }

    /// Bytes of text so far.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Ends at the final dot.
    pub(super) fn end(self, directory: &Directory) -> Received {
        let beginning = self.verifier.as_ref().map(|verifier| verifier.beginning());
        Received {
            belongs: beginning.map_or(Belongs::Unknown, |text| directory.belongs(text)),
            verified: self.verifier.map(|verifier| verifier.finish()),
            kept: self.kept.unwrap_or_default(),
            bytes: self.bytes,
        }
    }
}

impl Received {
    /// Whether to compare it with what was sent takes so long that other sessions would wait.
    pub(super) fn is_long_work(&self) -> bool {
        let changed = self.verified.as_ref().and_then(|verified| verified.as_ref().err());
        changed.is_some_and(|changed| changed.length() as u64 > limits::TEXT_AT_ONCE)
    }

    /// What it was, as far as the plan knows what was sent. `sender`: the message that the sender
    /// names.
    pub(super) fn whole(
        self,
        reception: u64,
        plan: Option<&Plan>,
        sender: Option<MessageId>,
    ) -> Whole {
        let belongs = self.belongs;
        let own = match belongs {
            Belongs::Ours(message) => Some(message),
            Belongs::Unknown => sender,
            Belongs::AnotherRun => None,
        };
        let (mut check, differences) = match self.verified {
            None => (None, Vec::new()),
            Some(Ok(check)) => (Some(check), Vec::new()),
            Some(Err(changed)) => {
                let original = own.and_then(|it| Some((it, plan?.original(it)?)));
                let verified = changed.explain(original, belongs != Belongs::Unknown);
                (Some(verified.check), verified.differences)
            }
        };
        if let (Some(check), Belongs::Ours(message)) = (&mut check, belongs) {
            // Its header may be gone, and the rest of it still say whose it is.
            check.message.get_or_insert(message);
        }
        Whole { reception, check, belongs, differences, kept: self.kept, bytes: self.bytes }
    }
}
