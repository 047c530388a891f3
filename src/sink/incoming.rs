//! Content as it streams in: checked by the probe's verifier, kept only where it is a DSN.

use super::addressee::{Addressee, Directory};
use super::transaction::Transaction;
use crate::limits;
use crate::probe::content::Verifier;
use crate::probe::damage::ContentCheck;
use crate::probe::recognition::Belongs;

/// Takes in one content.
pub(super) struct Incoming {
    verifier: Option<Box<Verifier>>,
    kept: Option<Vec<u8>>,
    bytes: u64,
}

/// A content seen whole.
#[derive(Clone, Debug)]
pub(super) struct Whole {
    pub(super) reception: u64,
    pub(super) check: Option<ContentCheck>,
    /// Whose it is by its own words.
    pub(super) belongs: Belongs,
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
    pub(super) fn whole(self, reception: u64, directory: &Directory) -> Whole {
        let beginning = self.verifier.as_ref().map(|verifier| verifier.beginning());
        let belongs = beginning.map_or(Belongs::Unknown, |text| directory.belongs(text));
        let mut check = self.verifier.map(|verifier| verifier.finish());
        if let (Some(check), Belongs::Ours(message)) = (&mut check, belongs) {
            // Its header may be gone, and the rest of it still say whose it is.
            check.message.get_or_insert(message);
        }
        Whole { reception, check, belongs, kept: self.kept.unwrap_or_default(), bytes: self.bytes }
    }
}
