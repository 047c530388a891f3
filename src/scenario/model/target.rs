//! The kinds of target, as meant.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::limits;

/// The kinds of target that are built.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum TargetKind {
    /// The embedded relay, as a child process.
    Relay,
    /// No target: traffic goes straight to the sink. Measures the instrument.
    Direct,
    /// One of the user's.
    External(External),
    /// A real MTA, as a private instance.
    Managed(Managed),
}

/// An MTA of the user's: running already, or started by a command of theirs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct External {
    /// Where it takes mail.
    pub address: SocketAddr,
    /// Prints its queue (see `target::queue_command`).
    pub queue_command: Option<Vec<String>>,
    /// Starts it: in the foreground, or leaving it behind.
    pub start_command: Option<Vec<String>>,
    /// Stops it in order; without one it is sent SIGTERM.
    pub stop_command: Option<Vec<String>>,
    /// Where it writes the id of its first process.
    pub pid_file: Option<PathBuf>,
}

/// A real MTA that we start as a private instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Managed {
    /// Which.
    pub mta: Mta,
    /// Its program, where the user named one.
    pub program: Option<PathBuf>,
    /// `[target.settings]`: settings of its own, in its own words; they win over ours.
    pub settings: BTreeMap<String, String>,
}

/// The real MTAs that we know how to start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Mta {
    /// Postfix.
    Postfix,
    /// Exim.
    Exim,
    /// OpenSMTPD.
    Opensmtpd,
    /// Haraka.
    Haraka,
}

/// `[target] network`: what a target that mailbench starts can reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Network {
    /// Loopback only, in a network namespace that generator, sink and target share.
    Isolated,
    /// What this machine can reach.
    Host,
}

impl Mta {
    /// As scenarios name it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Mta::Postfix => "postfix",
            Mta::Exim => "exim",
            Mta::Opensmtpd => "opensmtpd",
            Mta::Haraka => "haraka",
        }
    }
}

impl TargetKind {
    /// Whether it is told a next hop of its own for each of so many destinations, so that the
    /// sink knows whose a session is from connect on.
    #[must_use]
    pub fn is_routed(&self, destinations: usize) -> bool {
        let can_be = match self {
            TargetKind::Relay | TargetKind::Managed(_) => true,
            TargetKind::Direct | TargetKind::External(_) => false,
        };
        can_be && destinations <= limits::ROUTES
    }
}
