//! The system under test as a process with a life: start, ready, address, queue length, stop.
//!
//! One file per kind; the enum delegates. What traffic does to a target and what a sink sees of
//! it is not known here.

mod cgroup;
pub mod command;
mod containment;
pub mod conformance;
mod exim;
mod external;
mod free_port;
mod haraka;
pub mod installed;
pub mod intake;
pub mod leftovers;
mod listening;
mod managed;
pub mod members;
mod native;
mod opensmtpd;
mod output;
pub mod outside;
mod postfix;
mod private_root;
mod process;
mod processes;
mod programs;
pub mod queue_command;
pub mod queue_probe;
mod ready;
pub mod refusals;
mod relay;
mod roster;
pub mod routing;
mod sockets;
pub mod usage;
pub mod watchdog;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::queue::schedule::RetrySchedule;
use crate::scenario::model::{self, Delivery, Mta, TargetKind};
use crate::smtp::server_tls::Beginning;
use conformance::ConformanceNeeds;
use intake::Intake;
use members::Members;
pub use process::Paused;
use queue_command::QueueLength;
use queue_probe::QueueProbe;
use roster::Roster;

/// What a target needs to be started.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Which kind, from the scenario.
    pub kind: TargetKind,
    /// When it tries again.
    pub retry: RetrySchedule,
    /// How it delivers.
    pub delivery: Delivery,
    /// Seed of its own random decisions.
    pub seed: u64,
    /// The sink's main address: where mail for domains without a route goes.
    pub sink: SocketAddr,
    /// The sink's address for each of these domains; filled in where `TargetKind::is_routed` says
    /// that the kind supports them.
    pub routes: Vec<(String, SocketAddr)>,
    /// What an examination asks beside.
    pub demands: ConformanceNeeds,
    /// How mail is submitted to it, where mailbench sets it up.
    pub intake: Intake,
    /// A folder of its own, for queue and settings.
    pub folder: PathBuf,
    /// Where what it prints is kept.
    pub log: PathBuf,
}

/// A target that is running.
#[derive(Debug)]
pub enum Target {
    /// The embedded relay, a child process.
    Relay(Box<relay::Relay>),
    /// No target: traffic goes straight to the sink.
    Direct(SocketAddr),
    /// One of the user's.
    External(Box<external::External>),
    /// A real MTA, a private instance.
    Managed(Box<managed::Managed>),
}

/// Why a target could not be used.
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    /// Its program could not be started.
    #[error("cannot start the target `{program}`: {cause}")]
    Start {
        /// The program.
        program: String,
        /// Why not.
        cause: std::io::Error,
    },
    /// It ended before it was ready.
    #[error("the target did not get ready ({status}); see {}", .log.display())]
    Ended {
        /// Its exit status.
        status: String,
        /// Where what it printed is kept.
        log: PathBuf,
    },
    /// It did not greet in time.
    #[error("no 220 greeting from {address} within {seconds} s{last}; is an MTA listening there?")]
    NotReady {
        /// Where it should take mail.
        address: SocketAddr,
        /// How long was waited.
        seconds: u64,
        /// The last thing seen, in words.
        last: String,
    },
    /// Something that it needs is not there.
    #[error("{what}; {remedy}")]
    Unmet {
        /// What is not there.
        what: String,
        /// What to do.
        remedy: String,
    },
    /// Its files could not be written.
    #[error("cannot prepare the target in {}: {cause}", .folder.display())]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// Why not.
        cause: std::io::Error,
    },
}

/// Where a target of this kind that mailbench starts will keep its queue, in the folder it is given: a
/// disk can be mounted there before it starts.
#[must_use]
pub fn queue_folder(kind: &TargetKind, folder: &Path) -> Option<PathBuf> {
    let place = match kind {
        TargetKind::Relay => "queue",
        TargetKind::Managed(managed) => match managed.mta {
            Mta::Postfix | Mta::Haraka => "queue",
            Mta::Exim => "spool",
            Mta::Opensmtpd => opensmtpd::SPOOL,
        },
        TargetKind::Direct | TargetKind::External(_) => return None,
    };
    Some(folder.join(place))
}

impl Target {
    /// Starts the target, or reaches it, and waits until it greets.
    ///
    /// # Errors
    /// When it cannot be started or reached.
    pub async fn start(settings: Settings) -> Result<Target, TargetError> {
        match &settings.kind {
            TargetKind::Relay => {
                relay::Relay::start(&settings).await.map(Box::new).map(Target::Relay)
            }
            TargetKind::Direct => Ok(Target::Direct(settings.sink)),
            TargetKind::External(spec) => {
                let started = external::External::start(&settings, spec).await;
                started.map(Box::new).map(Target::External)
            }
            TargetKind::Managed(native) => {
                let recipe = prepare(&settings, native).await?;
                managed::Managed::start(recipe).await.map(Box::new).map(Target::Managed)
            }
        }
    }

    /// Where it takes mail.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        match self {
            Target::Relay(relay) => relay.address(),
            Target::Direct(address) => *address,
            Target::External(external) => external.address(),
            Target::Managed(managed) => managed.recipe().address,
        }
    }

    /// Its kind, as scenarios name it.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Target::Relay(_) => "relay",
            Target::Direct(_) => "direct",
            Target::External(_) => "external",
            Target::Managed(managed) => managed.recipe().kind,
        }
    }

    /// The version it reports: of the program, or the greeting's text.
    #[must_use]
    pub fn version(&self) -> String {
        match self {
            Target::Relay(_) | Target::Direct(_) => env!("CARGO_PKG_VERSION").to_owned(),
            Target::External(external) => external.greeting().to_owned(),
            Target::Managed(managed) => managed.recipe().version.clone(),
        }
    }

    /// How its queue length is learnt; `None`: it cannot be. `direct` has no queue, so it is
    /// always empty.
    #[must_use]
    pub fn queue(&self) -> Option<QueueProbe> {
        match self {
            Target::Relay(relay) => {
                let printed = Arc::default();
                Some(QueueProbe::Command { words: relay.queue_command(), at_rest: true, printed })
            }
            Target::Direct(_) => Some(QueueProbe::Fixed(QueueLength::default())),
            Target::External(external) => external
                .queue_command()
                .map(|(words, printed)| QueueProbe::Command { words, at_rest: false, printed }),
            Target::Managed(managed) => Some(managed.recipe().queue.clone()),
        }
    }

    /// Settings of the scenario that it has no counterpart for; in words.
    #[must_use]
    pub fn untranslated(&self) -> Vec<String> {
        match self {
            Target::Managed(managed) => managed.recipe().untranslated.clone(),
            Target::Relay(_) | Target::Direct(_) | Target::External(_) => Vec::new(),
        }
    }

    /// How it ended, if it ended by itself.
    pub fn ended(&mut self) -> Option<String> {
        match self {
            Target::Relay(relay) => relay.process_mut().ended(),
            Target::Managed(managed) => managed.process_mut().ended(),
            Target::External(external) => external.ended(),
            Target::Direct(_) => None,
        }
    }

    /// Its processes; `None`: they are not known, or it is not running.
    #[must_use]
    pub fn members(&self) -> Option<Members> {
        match self {
            Target::Relay(relay) => relay.process().members(),
            Target::Managed(managed) => managed.process().members(),
            Target::External(external) => external.members(),
            Target::Direct(_) => None,
        }
    }

    /// Kills every process of it (SIGKILL), and returns when all are gone.
    pub async fn kill(&mut self) {
        match self {
            Target::Relay(relay) => relay.process_mut().kill().await,
            Target::Managed(managed) => managed.process_mut().kill().await,
            Target::External(external) => external.kill().await,
            Target::Direct(_) => {}
        }
    }

    /// Stops every process of it (SIGSTOP), until what is returned is dropped (SIGCONT).
    pub async fn pause(&self) -> Paused {
        match (self.members(), self.roster()) {
            (Some(members), Some(roster)) => process::pause_all(&members, roster).await,
            _ => Paused::default(),
        }
    }

    fn roster(&self) -> Option<&Roster> {
        match self {
            Target::Relay(relay) => relay.roster(),
            Target::Managed(managed) => managed.roster(),
            Target::External(external) => external.roster(),
            Target::Direct(_) => None,
        }
    }

    /// Who takes connections at its address, which should refuse them because it was ended; `None`:
    /// none, as far as can be seen.
    pub async fn still_up(&self) -> Option<String> {
        let address = self.address();
        if ready::takes_connections(address).await != Some(true) {
            return None;
        }
        let owners = listening::owners(address).into_iter();
        let owners: Vec<String> =
            owners.map(|pid| format!("process {pid} `{}`", processes::name(pid))).collect();
        let by =
            if owners.is_empty() { String::new() } else { format!(" ({})", owners.join(", ")) };
        Some(format!("{address} still took connections{by}"))
    }

    /// What it said though it should stand still, looked for during `longest`; `None`: nothing.
    pub async fn still_speaks(&self, longest: Duration) -> Option<String> {
        let (address, tls) = (self.address(), self.tls());
        let said = ready::greets_within(address, tls, longest).await?;
        Some(format!("{address} still greeted (`{}`)", said.escape_debug()))
    }

    fn tls(&self) -> Option<Beginning> {
        match self {
            Target::Relay(relay) => relay.tls(),
            Target::Managed(managed) => managed.recipe().tls,
            Target::External(external) => external.tls(),
            Target::Direct(_) => None,
        }
    }

    /// Whether its processes, and with them its end, are known.
    #[must_use]
    pub fn is_watched(&self) -> bool {
        match self {
            Target::External(external) => external.is_watched(),
            Target::Relay(_) | Target::Managed(_) | Target::Direct(_) => true,
        }
    }

    /// Ends it in order, to be started again; what was there before us is left alone.
    pub async fn halt(&mut self) {
        match self {
            Target::Relay(relay) => relay.process_mut().halt().await,
            Target::Managed(managed) => {
                managed.process_mut().halt().await;
                managed.keep_logs();
            }
            Target::External(external) => external.halt().await,
            Target::Direct(_) => {}
        }
    }

    /// Starts it again on the same queue and at the same address, and waits until it greets.
    ///
    /// # Errors
    /// When it does not start, or does not greet.
    pub async fn start_again(&mut self) -> Result<(), TargetError> {
        match self {
            Target::Relay(relay) => relay.start_again().await,
            Target::Managed(managed) => managed.start_again().await,
            Target::External(external) => external.start_again().await,
            Target::Direct(_) => Ok(()),
        }
    }

    /// Stops what was started; what was there before is left alone.
    pub async fn stop(mut self) {
        self.halt().await;
    }
}

/// Whether connections to `address` are refused; `None`: neither taken nor refused.
pub async fn refuses(address: SocketAddr) -> Option<bool> {
    ready::takes_connections(address).await.map(|taken| !taken)
}

/// Moves this process to a control group.
///
/// # Errors
/// When the system does not allow it.
pub fn join_group(group: &Path) -> std::io::Result<()> {
    cgroup::ControlGroup::join(group)
}

/// Writes a real MTA's settings and finds its programs.
async fn prepare(
    settings: &Settings,
    native: &model::Managed,
) -> Result<managed::Recipe, TargetError> {
    match native.mta {
        Mta::Postfix => postfix::prepare(settings, native).await,
        Mta::Exim => exim::prepare(settings, native).await,
        Mta::Opensmtpd => opensmtpd::prepare(settings, native).await,
        Mta::Haraka => haraka::prepare(settings, native).await,
    }
}
