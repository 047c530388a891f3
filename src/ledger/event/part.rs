//! Which part of mailbench something happened to.

use serde::{Deserialize, Serialize};

/// A part of mailbench.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// The traffic generator.
    Traffic,
    /// The sink.
    Sink,
    /// The embedded relay.
    Relay,
}
