//! A fault rule as a scenario states it: where and when it holds, and what it does.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::probe::DestinationId;
use crate::quantity::Quantity;
use crate::smtp::reply::Reply;
use crate::smtp::stage::Stage;

pub use super::garble::Garble;
pub use super::tls::TlsFault;

/// One `[[fault]]` of a scenario.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rule {
    /// Its name, for reports; given by the reader when the scenario has none.
    pub name: String,
    /// Where and when it holds.
    pub scope: Scope,
    /// What it does where it holds.
    pub action: Action,
}

/// Where and when a rule holds. Everything named must match.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scope {
    /// The one destination it is limited to.
    pub destination: Option<DestinationId>,
    /// The stage at which it strikes.
    pub stage: Stage,
    /// Offsets into the measured period, start included, end not.
    pub during: Option<Window>,
    /// Attempt numbers it is limited to.
    pub attempts: Option<Attempts>,
    /// How often it strikes where all else matches.
    pub odds: Odds,
}

/// A span of time, as offsets into the measured period; start included, end not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// First moment inside.
    pub start: Duration,
    /// First moment after.
    pub end: Duration,
}

impl Window {
    /// Whether `at` lies inside.
    #[must_use]
    pub fn contains(self, at: Duration) -> bool {
        self.start <= at && at < self.end
    }
}

/// A range of attempt numbers, both ends included; attempts count from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempts {
    /// Least.
    pub first: u32,
    /// Greatest; `None`: every later one too.
    pub last: Option<u32>,
}

impl Attempts {
    /// Whether attempt number `attempt` is in the range.
    #[must_use]
    pub fn contains(self, attempt: u32) -> bool {
        self.first <= attempt && self.last.is_none_or(|last| attempt <= last)
    }
}

/// A probability as parts per billion, so that "10 %" is exactly one in ten.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Odds(pub u32);

impl Odds {
    /// Always.
    pub const ALWAYS: Odds = Odds(1_000_000_000);
}

/// What a rule does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Action {
    /// Wait, then go on. Seconds.
    Delay(Quantity),
    /// Answer this 4yz.
    Defer(Reply),
    /// Answer this 5yz.
    Reject(Reply),
    /// Break the connection.
    Disconnect {
        /// How it ends.
        how: Hangup,
        /// At stage content: after this many bytes of content.
        after_bytes: Option<u64>,
    },
    /// No reply for this long, connection open; then the connection is closed.
    Stall(Duration),
    /// Read at most this many bytes a second.
    Throttle {
        /// Bytes a second.
        bytes_per_second: f64,
    },
    /// Stage connect: the port is closed while the rule holds, and the sessions on it are cut.
    Refuse,
    /// Answer 421 beyond a limit.
    Limit(Limit),
    /// Answer by attempt number; the last entry stands for all later attempts.
    Script(Vec<Reply>),
    /// Break the form of a reply.
    Garble(Garble),
    /// Break TLS.
    Tls(TlsFault),
}

/// How a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "Connection")]
pub enum Hangup {
    /// An orderly close.
    Fin,
    /// A reset.
    Rst,
}

/// A limit beyond which the sink answers 421.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Limit {
    /// Simultaneous sessions, over the whole sink (or of the rule's destination, once it is known).
    Connections(u32),
    /// A token bucket of `per_second` with a burst of one second (at least 1).
    Rate {
        /// Tokens a second.
        per_second: f64,
        /// One bucket a destination, or one for the rule.
        per_destination: bool,
    },
}
