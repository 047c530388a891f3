//! Examines a stored message as it streams by.

use super::StoredContent;
use crate::probe::Identity;
use crate::probe::content::Verifier;
use crate::probe::recognition;

/// Takes in one message.
#[derive(Default)]
pub(super) struct ContentExaminer {
    verifier: Verifier,
    hasher: blake3::Hasher,
}

impl ContentExaminer {
    /// Takes in the next chunk.
    pub(super) fn feed(&mut self, chunk: &[u8]) {
        self.verifier.feed(chunk);
        self.hasher.update(chunk);
    }

    /// What the message was to the run with this identity.
    pub(super) fn finish(self, own: &Identity) -> StoredContent {
        let belongs = recognition::belongs(self.verifier.beginning(), own);
        let check =
            self.verifier.finish().unwrap_or_else(|changed| changed.explain(None, false).check);
        StoredContent { belongs, check, digest: *self.hasher.finalize().as_bytes() }
    }
}
