//! The destinations: ports whose sessions take mail, enact the faults they are told, and record
//! every attempt. One port takes mail for every domain; beside it each destination can have a host
//! and port of its own, on which a session is known to be its from connect on.
//!
//! What a fault is and when it strikes is `fault`'s; here it is only done. A sink never relays
//! and keeps no content.

mod addressee;
mod attempts;
mod attribution;
mod bench;
mod grammar;
mod hangup;
mod incoming;
mod listener;
pub mod password;
mod preflight;
mod record;
mod samotop;
mod session;
mod shared;
pub mod tls;
mod transaction;
mod wire;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::clock::{Clock, Time};
use crate::fault::rule::{Rule, Scope};
use crate::ledger::Ledger;
use crate::limits;
use crate::plan::Plan;
use crate::probe::{DestinationId, Identity};
use crate::scenario::model::{Engine, Extension, own_address};
use crate::seed::Seed;
use crate::smtp::scram::server::Stored;
use crate::smtp::server_tls;
use crate::smtp::stage::Stage;
use listener::Door;
pub use preflight::PreflightArrival;
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
    /// Whether each destination has an address of its own (see [`own_address`]).
    pub by_destination: bool,
    /// What it offers; `None`: what its engine does anyhow.
    pub extensions: Option<Vec<Extension>>,
    /// Whether TLS begins with the first byte.
    pub implicit_tls: bool,
    /// Whether it speaks LMTP.
    pub lmtp: bool,
    /// The domains that are destinations, in the order of the scenario. Mail for others is taken
    /// too, under no destination.
    pub destinations: Vec<String>,
    /// What each destination offers, in their order, at an address of its own; `None`, or beyond
    /// the last: what the sink does.
    pub own_extensions: Vec<Option<Vec<Extension>>>,
    /// What goes wrong, in file order.
    pub rules: Vec<Rule>,
    /// The run's seed.
    pub seed: Seed,
    /// The run's identity: other mail is foreign. `None`: the sink stands alone and takes the
    /// mail of any run as its own.
    pub identity: Option<Identity>,
    /// What the run sends: content that is not as it was sent is compared with it. `None`: such
    /// content is diagnosed by the counts it carries.
    pub plan: Option<Plan>,
    /// Whether mail of the run comes from the null reverse-path, too.
    pub null_senders: bool,
    /// The password that SCRAM works with where AUTH is offered; `None`: SCRAM is not offered.
    pub scram: Option<Stored>,
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
            by_destination: false,
            extensions: None,
            implicit_tls: false,
            lmtp: false,
            destinations: Vec::new(),
            own_extensions: Vec::new(),
            rules: Vec::new(),
            seed: Seed(0),
            identity: None,
            plan: None,
            null_senders: false,
            scram: None,
            patience: limits::SERVER_IDLE,
        }
    }
}

/// Why a sink cannot be started.
#[derive(Debug, thiserror::Error)]
pub enum SinkError {
    /// Others would reach it.
    #[error("{0} is reachable from other machines; by default the sink listens on loopback only")]
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
    /// The engine cannot read what a client would say.
    #[error("the samotop engine cannot read {what}; use engine = \"native\"")]
    Unheard {
        /// The command or extension.
        what: &'static str,
    },
    /// A destination is to offer something of its own, and has no address of its own.
    #[error(
        "destination `{domain}`: the sink has one address for all, and one offer; write addresses = \
         \"per-destination\" in [sink]"
    )]
    OneOffer {
        /// Its domain.
        domain: String,
    },
    /// There are no certificates.
    #[error("cannot make the sink's certificates")]
    Tls(#[from] server_tls::TlsError),
    /// A rule asks for what cannot be told.
    #[error(
        "fault `{rule}`: at stage {stage} a session is not known to be of its destination, since \
         the sink has one address for all; write addresses = \"per-destination\" in [sink]"
    )]
    Destination {
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
    routes: Vec<(String, SocketAddr)>,
    doors: Vec<JoinHandle<()>>,
}

/// Starts a sink in the current runtime.
///
/// # Errors
/// When its address is not loopback and it was not told that it may be, when a port cannot be
/// had, or when it cannot do what a rule asks.
pub async fn start(settings: Settings, clock: Clock, ledger: Ledger) -> Result<Sink, SinkError> {
    let wanted = settings.listen;
    if !wanted.ip().is_loopback() && !settings.beyond_loopback {
        return Err(SinkError::BeyondLoopback(wanted));
    }
    grammar::check(&settings)?;
    check_destinations(&settings)?;
    let (listener, address) = listen(wanted)?;
    let mut ports = vec![(listener, address, None)];
    let mut routes = Vec::new();
    let routed = (0..).map(DestinationId).zip(&settings.destinations);
    for (number, domain) in routed.filter(|_| settings.by_destination) {
        let (listener, address) = listen(own_address(wanted, number))?;
        routes.push((domain.clone(), address));
        ports.push((listener, address, Some(number)));
    }
    let shared = Arc::new(Shared::new(settings, address.ip(), clock, ledger)?);
    let open = |(listener, address, destination)| {
        Door::new(Arc::clone(&shared), listener, address, destination)
    };
    let doors = ports.into_iter().map(open).map(|door| tokio::spawn(door.serve())).collect();
    Ok(Sink { shared, address, routes, doors })
}

fn listen(wanted: SocketAddr) -> Result<(TcpListener, SocketAddr), SinkError> {
    let failed = |cause| SinkError::Listen { address: wanted, cause };
    let listener = listener::open(wanted).map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    Ok((listener, address))
}

/// With one address for all, a destination is known from RCPT to the end of the transaction.
fn check_destinations(settings: &Settings) -> Result<(), SinkError> {
    let untold = |rule: &&Rule| {
        let Scope { destination, stage, .. } = rule.scope;
        destination.is_some() && !(Stage::RcptTo..Stage::Quit).contains(&stage)
    };
    let own = settings.own_extensions.iter().position(Option::is_some);
    if let Some(domain) = own.and_then(|number| settings.destinations.get(number))
        && !settings.by_destination
    {
        return Err(SinkError::OneOffer { domain: domain.clone() });
    }
    match settings.rules.iter().find(untold) {
        Some(rule) if !settings.by_destination => {
            Err(SinkError::Destination { rule: rule.name.clone(), stage: rule.scope.stage })
        }
        _ => Ok(()),
    }
}

impl Sink {
    /// Where it takes mail for every domain.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The destinations that have an address of their own: domain and address, in their order.
    #[must_use]
    pub fn routes(&self) -> &[(String, SocketAddr)] {
        &self.routes
    }

    /// The certificate, in PEM, of the authority that vouches for it; `None`: it offers no TLS.
    #[must_use]
    pub fn authority(&self) -> Option<&str> {
        self.shared.identity.as_ref().map(tls::Identity::authority)
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

    /// The sum of such times since the start, microseconds, and of how many messages it is.
    #[must_use]
    pub fn processing(&self) -> (u64, u64) {
        self.shared.processing()
    }

    /// How many recipients of the preflight message have arrived, as it changes.
    #[must_use]
    pub fn preflight_arrived(&self) -> watch::Receiver<usize> {
        self.shared.preflight.count()
    }

    /// Why the preflight was returned instead, in the words of the first notification that says so.
    #[must_use]
    pub fn preflight_returned(&self) -> Option<String> {
        self.shared.preflight.why_returned()
    }

    /// How envelopes of the preflight arrived, where they are not as they were sent.
    #[must_use]
    pub fn preflight_arrivals(&self) -> Vec<PreflightArrival> {
        self.shared.preflight.all()
    }

    /// Closes every port and ends every session.
    pub async fn stop(self) {
        self.shared.stop.cancel();
        for door in self.doors {
            if let Err(error) = door.await {
                tracing::error!("a listener of the sink failed: {error}");
            }
        }
        self.shared.ledger.flush();
    }
}
