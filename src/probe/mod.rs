//! Identity of one recipient of one synthetic message, and how it travels in-band.
//!
//! Identity is carried redundantly: run header and identity header, Message-ID, recipient
//! local-part, VERP sender, first and last body line. Any of them is enough (`recognition`), and no
//! side channel is needed through a foreign MTA.

pub mod address;
pub mod change;
pub mod compare;
pub mod content;
pub mod damage;
mod digest;
mod examine;
pub mod header;
mod held;
pub mod recognition;
pub mod rewriting;
mod tally;

pub use tally::{has_bare, head_length};

use serde::{Deserialize, Serialize};

/// Number of a probe, dense from 0 over the whole plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ProbeId(pub u64);

/// Number of a message: that of its first probe. A message with `n` recipients owns the probes
/// `id .. id + n`, so no table relates the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MessageId(pub u64);

impl MessageId {
    /// The probe of the message's recipient number `index`, 0 for the first.
    #[must_use]
    pub fn probe(self, index: u16) -> ProbeId {
        ProbeId(self.0 + u64::from(index))
    }
}

/// Number of a destination, in the order of the scenario.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DestinationId(pub u16);

/// Who a run is, to its own mail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// In message text; a function of scenario and seed, so that text is the same each time.
    pub tag: String,
    /// In VERP senders and in the run header of texts; new for every run, so that mail left over
    /// from an earlier run of the same scenario is known to be foreign.
    pub nonce: String,
}

/// Domain to which VERP senders belong; the sink takes DSNs for it.
pub const BOUNCE_DOMAIN: &str = "bounce.mailbench.test";

/// The preflight message: sent once before any load, one recipient a destination, exempt from
/// faults, never part of the plan.
pub const PREFLIGHT: MessageId = MessageId(u64::MAX - 65_536);

/// Identities embedded in a message's text, to see whether a target can be made to take them for
/// messages of their own (SMTP smuggling): that of the carrying probe plus this.
pub const EMBEDDED: u64 = 1 << 48;
