//! Offers the plan to the target: when, over which sessions, with what result.
//!
//! Open model: [`prepare`] writes texts ahead, [`dispatcher`] releases messages when they are due,
//! [`open`] hands them to sessions. Closed model: each worker of [`closed`] writes and sends its next
//! message when it is done with the last. A message is sent once, whatever becomes of it, so that every
//! copy seen later is the target's. What is judged, and whether mail arrives, is not here.

mod abuse;
mod closed;
pub mod dispatcher;
mod gauges;
mod open;
mod peer;
mod preflight;
mod prepare;
mod session;
mod workers;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::clock::{Clock, Time};
use crate::ledger::Ledger;
use crate::ledger::event::{Event, Part};
use crate::limits;
use crate::plan::{Envelope, Plan};
use crate::quantity::Quantity;
use crate::scenario::model::{DsnTerms, Encoding, Extent, LoadModel, Scenario};
use crate::seed::Seed;
use crate::shortage::Shortage;
use crate::smtp::client::{Options, Peer};

pub use abuse::Background;
use abuse::Crowd;
pub use gauges::Gauges;
pub use peer::{PeerError, peer};
pub use preflight::{PreflightError, preflight};
pub use workers::half_the_cores;
use workers::on_own_threads;

/// How the plan is offered.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The target, and how to talk to it.
    pub peer: Peer,
    /// Simultaneous sessions: at most (open), exactly (closed).
    pub sessions: u32,
    /// Messages before a session is closed and a new one opened.
    pub messages_per_session: u32,
    /// When offering starts: due times count from here.
    pub start: Time,
    /// What decides when the next message is due.
    pub pace: Pace,
    /// How long transactions under way, and messages due but still waiting, are given after the
    /// last due time; the former also after a stop.
    pub grace: Duration,
    /// Transfer encoding of message text.
    pub encoding: Encoding,
    /// What is said of a message where DSN is offered.
    pub dsn: DsnTerms,
    /// Bad clients beside the honest ones.
    pub background: Background,
}

/// What decides when the next message is due.
#[derive(Clone, Debug)]
pub enum Pace {
    /// The plan.
    Open,
    /// The end of the last one.
    Closed(Closed),
}

/// The closed model.
#[derive(Clone, Debug)]
pub struct Closed {
    /// Wait between reply and next message. Seconds.
    pub think_time: Quantity,
    /// For drawn think times.
    pub seed: Seed,
    /// Time before the measured period.
    pub warm_up: Duration,
    /// When offering stops.
    pub extent: Extent,
}

/// Where traffic reads time and writes what it sees. Cheap to clone.
#[derive(Clone)]
pub struct Instruments {
    /// The run's clock.
    pub clock: Clock,
    /// The run's ledger.
    pub ledger: Ledger,
    /// Its own state, for others to look at.
    pub gauges: Arc<Gauges>,
}

impl Instruments {
    /// Records that the system did not give a session what it needs.
    fn short_of(&self, what: Shortage) {
        let at = self.clock.now();
        self.ledger.record(&Event::Shortage { at, part: Part::Traffic, what, count: 1 });
    }
}

/// What was offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Messages handed to a session.
    pub messages: u64,
    /// Messages that came due but found no session before the end; recorded as not sent.
    pub unserved: u64,
    /// Due time of the last message; the start, if there was none.
    pub last_due: Time,
    /// When the last transaction had ended.
    pub ended: Time,
}

/// Why traffic could not do its work.
#[derive(Debug, thiserror::Error)]
pub enum TrafficError {
    /// A thread could not be started.
    #[error("cannot start a thread of the traffic generator: {0}")]
    Thread(#[from] std::io::Error),
    /// One of our tasks panicked.
    #[error("the traffic generator failed: {0}")]
    Task(#[from] tokio::task::JoinError),
}

/// What all sessions of one offering share.
struct Shared {
    plan: Plan,
    settings: Settings,
    instruments: Instruments,
    /// No more offers.
    stop: CancellationToken,
    /// Transactions under way are given up.
    give_up: CancellationToken,
    next_session: AtomicU64,
    messages: AtomicU64,
    unserved: AtomicU64,
}

impl Settings {
    /// How a scenario wants its plan offered to a target from `start` on.
    #[must_use]
    pub fn new(scenario: &Scenario, peer: Peer, start: Time) -> Settings {
        let load = &scenario.load;
        let pace = match &load.model {
            LoadModel::Open { .. } => Pace::Open,
            LoadModel::Closed { think_time } => Pace::Closed(Closed {
                think_time: think_time.clone(),
                seed: scenario.seed,
                warm_up: load.warm_up,
                extent: load.extent,
            }),
        };
        Settings {
            peer,
            sessions: load.sessions,
            messages_per_session: load.messages_per_session,
            start,
            pace,
            grace: load.drain,
            encoding: scenario.message.encoding,
            dsn: scenario.smtp.dsn,
            background: background(scenario, start),
        }
    }

    /// What a message with this envelope says of itself.
    fn options<'a>(&self, envelope: &'a Envelope) -> Options<'a> {
        let id = Some(envelope.envelope_id.as_str());
        Options {
            eight_bit: self.encoding != Encoding::SevenBit,
            utf8: self.encoding == Encoding::Utf8,
            envelope_id: id.filter(|_| self.dsn.envelope_id),
            ret: self.dsn.ret,
            notify: self.dsn.notify,
            original_recipient: self.dsn.original_recipient,
            priority: envelope.priority,
        }
    }
}

fn background(scenario: &Scenario, start: Time) -> Background {
    let measured = start.plus(scenario.load.warm_up);
    let domain = scenario.destinations.first().map_or("", |first| &first.domain);
    Background {
        profiles: scenario.abuse.clone(),
        measured,
        end: match scenario.load.extent {
            Extent::Duration(length) => Some(measured.plus(length)),
            Extent::Messages(_) => None,
        },
        recipient: format!("nobody@{domain}"),
    }
}

/// Offers the plan until its end or until `stop`, then lets transactions under way finish, at
/// most for the grace time. What happens to each message is in the ledger. Works on threads of its
/// own.
///
/// # Errors
/// When a thread cannot be started or one of our tasks panicked; never for what the target does.
pub async fn offer(
    plan: Plan,
    settings: Settings,
    instruments: Instruments,
    stop: CancellationToken,
) -> Result<Summary, TrafficError> {
    let shared = Arc::new(Shared {
        plan,
        settings,
        instruments,
        stop,
        give_up: CancellationToken::new(),
        next_session: AtomicU64::new(0),
        messages: AtomicU64::new(0),
        unserved: AtomicU64::new(0),
    });
    on_own_threads(offer_here(shared)).await?
}

async fn offer_here(shared: Arc<Shared>) -> Result<Summary, TrafficError> {
    let clock = shared.instruments.clock;
    let crowd = {
        let Settings { background, peer, .. } = &shared.settings;
        Crowd::start(background, peer.address, &shared.instruments)
    };
    let last_due = match shared.settings.pace.clone() {
        Pace::Open => {
            let (sender, prepared) = mpsc::channel(limits::PREPARED);
            prepare::start(shared.plan.clone(), shared.settings.peer.chunking, sender)?;
            open::run(&shared, prepared).await?
        }
        Pace::Closed(closed) => closed::run(&shared, closed).await?,
    };
    crowd.end().await;
    Ok(Summary {
        messages: shared.messages.load(Ordering::Relaxed),
        unserved: shared.unserved.load(Ordering::Relaxed),
        last_due: last_due.unwrap_or(shared.settings.start),
        ended: clock.now(),
    })
}

/// Waits until `time`; for ever, if there is none.
async fn until(clock: Clock, time: Option<Time>) {
    match time {
        Some(time) => tokio::time::sleep_until(clock.instant(time).into()).await,
        None => std::future::pending().await,
    }
}
