//! What a target could reach beyond loopback, and what it reached.

use serde::{Deserialize, Serialize};

/// What the target could reach, or reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum NetworkSeen {
    /// Loopback only: it was started in a network namespace of its own.
    Isolated,
    /// Whatever this machine can reach, though loopback only was wanted: why.
    NotIsolated { why: String },
    /// An address that is not on this machine, to which it was connected or connecting.
    Outside { address: String },
}
