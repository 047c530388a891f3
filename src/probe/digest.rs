//! A BLAKE3 digest of what comes in pieces.
//!
//! BLAKE3 is three times as fast over several of its chunks of 1 KiB at once as over one after the
//! other, and content comes in pieces: cut where dots were stuffed, and where reads ended. So pieces
//! are put together first, a few KiB at a time.

/// Bytes put together: four chunks, as many as most processors hash at once.
const HELD: usize = 4096;

/// A digest under way.
pub(super) struct Digest {
    hasher: blake3::Hasher,
    held: Vec<u8>,
}

impl Digest {
    /// The digest of nothing yet.
    pub(super) fn new() -> Digest {
        Digest { hasher: blake3::Hasher::new(), held: Vec::new() }
    }

    /// Goes on from what `hasher` has taken in.
    pub(super) fn go_on(&mut self, hasher: blake3::Hasher) {
        self.hasher = hasher;
        self.held.clear();
    }

    /// Begins again.
    pub(super) fn reset(&mut self) {
        self.hasher.reset();
        self.held.clear();
    }

    /// Takes in the next piece.
    pub(super) fn update(&mut self, piece: &[u8]) {
        let mut rest = piece;
        while self.held.len() + rest.len() >= HELD {
            let (now, later) = rest.split_at(HELD - self.held.len());
            if self.held.is_empty() {
                self.hasher.update(now);
            } else {
                self.held.extend_from_slice(now);
                self.hasher.update(&self.held);
                self.held.clear();
            }
            rest = later;
        }
        if !rest.is_empty() && self.held.capacity() == 0 {
            // At once, rather than doubled until it fits.
            self.held.reserve_exact(HELD);
        }
        self.held.extend_from_slice(rest);
    }

    /// The digest of all that was taken in.
    pub(super) fn finalize(&mut self) -> blake3::Hash {
        self.hasher.update(&self.held);
        self.held.clear();
        self.hasher.finalize()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_do_not_matter() {
        let content: Vec<u8> = (0..20_000_u32).map(|n| (n * 7 % 251) as u8).collect();
        for piece in [1, 7, 1024, 4095, 4096, 4097, 20_000] {
            let mut digest = Digest::new();
            digest.update(b"of something else");
            digest.reset();
            content.chunks(piece).for_each(|piece| digest.update(piece));
            assert_eq!(digest.finalize(), blake3::hash(&content), "{piece}");
        }
    }
}
