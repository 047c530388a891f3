//! The digests of head and body: XXH3.
//!
//! They tell mail that arrived as it was sent from mail that did not, where the one that changes
//! it is faulty, not cunning: any 128 bits that mix well do, and a cryptographic digest would cost
//! a sixth of all that a message costs the instrument (`reports/peers`).

use xxhash_rust::xxh3::{Xxh3, xxh3_64, xxh3_128};

/// A digest of what comes in pieces.
#[derive(Default)]
pub(super) struct Digest(Xxh3);

impl Digest {
    /// Takes in the next piece.
    pub(super) fn update(&mut self, piece: &[u8]) {
        self.0.update(piece);
    }

    /// The digest as the header has it of the head.
    pub(super) fn of_head(&self) -> [u8; 8] {
        self.0.digest().to_be_bytes()
    }

    /// The digest as the header has it of the body.
    pub(super) fn of_body(&self) -> [u8; 16] {
        self.0.digest128().to_be_bytes()
    }
}

/// The digest of a whole head, with what is digested before it.
pub(super) fn head_digest(all: &[u8]) -> [u8; 8] {
    xxh3_64(all).to_be_bytes()
}

/// The digest of a whole body.
pub(super) fn body_digest(body: &[u8]) -> [u8; 16] {
    xxh3_128(body).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_do_not_matter() {
        let content: Vec<u8> = (0..20_000_u32).map(|n| (n * 7 % 251) as u8).collect();
        for piece in [1, 7, 255, 256, 1024, 4097, 20_000] {
            let mut digest = Digest::default();
            content.chunks(piece).for_each(|piece| digest.update(piece));
            assert_eq!(digest.of_body(), body_digest(&content), "{piece}");
            assert_eq!(digest.of_head(), head_digest(&content), "{piece}");
        }
    }
}
