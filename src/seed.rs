//! The only maker of random generators.
//!
//! Every decision draws from its own stream, keyed by what it is about, so that decisions do not
//! depend on the order in which threads come to make them.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use serde::{Deserialize, Serialize};

/// The one seed of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Seed(pub u64);

/// What a stream of random numbers is for. The numbers are part of every stored plan: never
/// renumber, only add.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Purpose {
    /// Times between arrivals.
    Arrival = 1,
    /// Message sizes.
    Size = 2,
    /// Number of recipients.
    Recipients = 3,
    /// Choice of destinations.
    Destination = 4,
    /// Message text.
    Text = 5,
    /// Whether a fault strikes.
    FaultOdds = 6,
    /// How strong a fault is (drawn delays).
    FaultSize = 7,
    /// Jitter of a retry delay.
    RetryJitter = 8,
    /// Think time of a closed session.
    ThinkTime = 9,
    /// When chaos strikes.
    Chaos = 10,
    /// What survives a power cut.
    PowerCut = 15,
    /// Times of a simulated target.
    Simulated = 40,
    /// Which run of a pair goes first.
    PairOrder = 21,
    /// Priorities of messages.
    Priority = 11,
    /// Choice of a corpus' file.
    Corpus = 12,
    /// The key that signs messages.
    DkimKey = 13,
    /// Which messages have no sender.
    NullSender = 14,
    /// Series without a change, against which one of a history is held.
    Resampling = 22,
}

/// What one decision is about. Unused parts are zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Key {
    /// A probe or message number, or the ordinal of a connection before a probe is known.
    pub subject: u64,
    /// Attempt number, 1 for the first.
    pub attempt: u32,
    /// Rule number, stage, or whatever else tells two decisions about one subject apart.
    pub detail: u32,
}

impl Seed {
    /// The generator for one decision: the same for the same arguments, on every machine.
    #[must_use]
    pub fn stream(self, purpose: Purpose, key: Key) -> ChaCha8Rng {
        let mut material = [0_u8; 32];
        material[0..8].copy_from_slice(&self.0.to_le_bytes());
        material[8..12].copy_from_slice(&(purpose as u32).to_le_bytes());
        material[12..16].copy_from_slice(&key.detail.to_le_bytes());
        material[16..24].copy_from_slice(&key.subject.to_le_bytes());
        material[24..28].copy_from_slice(&key.attempt.to_le_bytes());
        ChaCha8Rng::from_seed(material)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::Rng;

    #[test]
    fn streams_are_value_stable() {
        let mut stream =
            Seed(7).stream(Purpose::Arrival, Key { subject: 3, attempt: 1, detail: 2 });
        let first = stream.next_u64();
        let mut again = Seed(7).stream(Purpose::Arrival, Key { subject: 3, attempt: 1, detail: 2 });
        assert_eq!(first, again.next_u64());
        let mut other = Seed(7).stream(Purpose::Size, Key { subject: 3, attempt: 1, detail: 2 });
        assert_ne!(first, other.next_u64());
    }
}
