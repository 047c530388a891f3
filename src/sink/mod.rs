//! The destinations: a listener whose sessions take mail, enact the faults they are told, and
//! record every attempt.
//!
//! What a fault is and when it strikes is `fault`'s; here it is only done. A sink never relays
//! and keeps no content.

mod addressee;
mod attempts;
mod bench;
mod grammar;
mod hangup;
mod incoming;
mod listener;
mod record;
mod samotop;
mod session;
mod shared;
mod transaction;
mod wire;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::clock::{Clock, Time};
use crate::fault::rule::Rule;
use crate::ledger::Ledger;
use crate::limits;
use crate::probe::Identity;
use crate::scenario::model::Engine;
use crate::seed::Seed;
use crate::smtp::stage::Stage;
use shared::Shared;

/// What a sink is to be.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where it listens; port 0: a free one.
    pub listen: SocketAddr,
    /// Whether it may listen where others than this machine reach it.
    pub beyond_loopback: bool,
    /// Which reading of the protocol.
    pub engine: Engine,
    /// The domains that are destinations, in the order of the scenario. Mail for others is taken
    /// too, under no destination.
    pub destinations: Vec<String>,
    /// What goes wrong, in file order.
    pub rules: Vec<Rule>,
    /// The run's seed.
    pub seed: Seed,
    /// The run's identity: other mail is foreign. `None`: the sink stands alone and takes the
    /// mail of any run as its own.
    pub identity: Option<Identity>,
    /// How long it waits for a peer.
    pub patience: Duration,
}

impl Settings {
    /// A sink that stands alone at this address, without faults.
    #[must_use]
    pub fn at(listen: SocketAddr) -> Settings {
        Settings {
            listen,
            beyond_loopback: false,
            engine: Engine::Native,
            destinations: Vec::new(),
            rules: Vec::new(),
            seed: Seed(0),
            identity: None,
            patience: limits::SERVER_IDLE,
        }
    }
}

/// Why a sink cannot be started.
#[derive(Debug, thiserror::Error)]
pub enum SinkError {
    /// Others would reach it.
    #[error(
        "{0} is reached from other machines; the sink listens on loopback unless told otherwise"
    )]
    BeyondLoopback(SocketAddr),
    /// The port cannot be had.
    #[error("cannot listen on {address}")]
    Listen {
        /// Where it was to listen.
        address: SocketAddr,
        /// What the system says.
        #[source]
        cause: io::Error,
    },
    /// The engine cannot do what a rule asks.
    #[error(
        "fault `{rule}`: the samotop engine cannot read commands of stage {stage}; use engine = \"native\""
    )]
    Engine {
        /// The rule's name.
        rule: String,
        /// Its stage.
        stage: Stage,
    },
}

/// A sink at work.
pub struct Sink {
    shared: Arc<Shared>,
    address: SocketAddr,
    door: JoinHandle<()>,
}

/// Starts a sink in the current runtime.
///
/// # Errors
/// When its address is not loopback and it was not told that it may be, when the port cannot be
/// had, or when the engine cannot do what a rule asks.
pub async fn start(settings: Settings, clock: Clock, ledger: Ledger) -> Result<Sink, SinkError> {
    let wanted = settings.listen;
    if !wanted.ip().is_loopback() && !settings.beyond_loopback {
        return Err(SinkError::BeyondLoopback(wanted));
    }
    grammar::check(settings.engine, &settings.rules)?;
    let failed = |cause| SinkError::Listen { address: wanted, cause };
    let listener = listener::bind(wanted).map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    let shared = Arc::new(Shared::new(settings, clock, ledger));
    let door = listener::Door::new(Arc::clone(&shared), listener, address);
    Ok(Sink { shared, address, door: tokio::spawn(door.serve()) })
}

impl Sink {
    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Tells when the measured period starts. Until then no rule with a window holds; a sink that
    /// is part of a run is told after the preflight message has arrived.
    pub fn measured_from(&self, start: Time) {
        self.shared.measured_from.send_replace(Some(start));
        self.shared.begin();
    }

    /// Sessions now open.
    #[must_use]
    pub fn sessions(&self) -> usize {
        self.shared.sessions()
    }

    /// The sink's own worst time from final dot to reply since last asked, injected delay left
    /// out.
    #[must_use]
    pub fn worst_processing(&self) -> Duration {
        self.shared.worst_processing()
    }

    /// How many recipients of the preflight message have arrived, as it changes.
    #[must_use]
    pub fn preflight_arrived(&self) -> watch::Receiver<usize> {
        self.shared.preflight_arrived()
    }

    /// Closes the port and ends every session.
    pub async fn stop(self) {
        self.shared.stop.cancel();
        if let Err(error) = self.door.await {
            tracing::error!("the sink's listener failed: {error}");
        }
        self.shared.ledger.flush();
    }
}
