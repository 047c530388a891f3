//! The relay as a whole: opens the queue, takes up what is in it, runs intake and delivery, and
//! stops them in order.

use std::fs::{File, TryLockError};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::limits::{RELAY_BACKLOG, RELAY_COMMITS_AHEAD, RELAY_CONTENT};
use crate::queue::ready::Ready;
use crate::queue::schedule::RetrySchedule;
use crate::relay::budget::Budget;
use crate::relay::committer;
use crate::relay::context::{Intake, Offered};
use crate::relay::delivery::{DeliveryAgent, Holdings};
use crate::relay::dispatcher::Dispatcher;
use crate::relay::intake::terms;
use crate::relay::next_hop::NextHops;
use crate::relay::reader::Reader;
use crate::relay::store::{Store, StoreError};
use crate::relay::wall::WallClock;
use crate::scenario::model::{self, Durability};
use crate::seed::Seed;
use crate::shortage::Repeated;
use crate::smtp::client::TlsError;
use crate::smtp::dialogue::User;
use crate::smtp::server_tls::{self, Beginning};

/// How a relay is set up.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where it takes mail.
    pub listen: SocketAddr,
    /// The next hop of mail for domains without a route.
    pub relay_to: SocketAddr,
    /// The next hop of mail for each of these domains.
    pub routes: Vec<(String, SocketAddr)>,
    /// Folder of the queue.
    pub queue: PathBuf,
    /// When it tries again.
    pub retry: RetrySchedule,
    /// How it delivers.
    pub delivery: model::Delivery,
    /// For jitter.
    pub seed: Seed,
    /// Recipients the queue may hold.
    pub capacity: u64,
    /// Whether it takes mail under TLS, too, or only so.
    pub tls: Option<Beginning>,
    /// The one user it takes mail from; `None`: it takes mail from anyone.
    pub user: Option<User>,
}

/// Why a relay cannot run.
#[derive(Debug, thiserror::Error)]
pub enum RelayError {
    /// The queue.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The address to listen on.
    #[error("cannot listen on {address}: {cause}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        cause: std::io::Error,
    },
    /// The thread that writes the queue.
    #[error("cannot start the committer: {0}")]
    Committer(std::io::Error),
    /// TLS.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// Its certificate.
    #[error("no certificate can be made: {0}")]
    Certificate(#[from] server_tls::TlsError),
}

/// A relay that is ready to run.
pub struct Relay {
    listener: TcpListener,
    intake: Arc<Intake>,
    dispatcher: Dispatcher,
    arrivals: mpsc::Receiver<Vec<crate::relay::mail::Delivery>>,
    committer: std::thread::JoinHandle<()>,
    stop: CancellationToken,
    _lock: File,
}

impl Relay {
    /// Opens the queue and the port. Mail left in the queue is taken up.
    pub fn open(settings: &Settings, stop: CancellationToken) -> Result<Relay, RelayError> {
        let tls = settings.delivery.tls;
        let hops = NextHops::new(&settings.routes, settings.relay_to, tls)?;
        let lock = lock(&settings.queue)?;
        let synced = settings.delivery.durability == Durability::Fsync;
        let store = Store::open(&settings.queue, synced)?;
        let reader = Mutex::new(Reader::open(&settings.queue)?);
        let left = store.recover()?;
        let queued = left.iter().map(|delivery| delivery.recipients.len() as u64).sum();
        let budget = Budget::new(RELAY_CONTENT);
        let holdings = Arc::new(Holdings::new(budget.clone(), store.next_id()?, queued));
        let listener = listen(settings.listen)
            .map_err(|cause| RelayError::Listen { address: settings.listen, cause })?;
        let (deliveries, arrivals) = mpsc::channel(RELAY_COMMITS_AHEAD);
        let (orders, committer) =
            committer::start(store, deliveries, budget).map_err(RelayError::Committer)?;
        let clock = WallClock::start();
        let courier = Arc::new(DeliveryAgent {
            hops,
            clock,
            schedule: settings.retry.clone(),
            seed: settings.seed,
            reader,
            orders: orders.clone(),
            holdings: Arc::clone(&holdings),
            shortages: Repeated::new("connect"),
        });
        let intake = Arc::new(Intake {
            clock,
            orders,
            holdings,
            capacity: settings.capacity,
            terms: Arc::new(terms(settings.tls, settings.user.clone())),
            tls: settings.tls.map(Offered::new).transpose()?,
            stop: stop.clone(),
        });
        let model::Delivery { ordering, concurrency, per_destination, .. } = settings.delivery;
        let ready = Ready::new(ordering, concurrency, per_destination);
        let mut dispatcher = Dispatcher::new(courier, ready);
        tracing::info!(recipients = queued, "queue taken up");
        left.into_iter().for_each(|delivery| dispatcher.add(delivery));
        Ok(Relay { listener, intake, dispatcher, arrivals, committer, stop, _lock: lock })
    }

    /// Where it takes mail.
    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Relays until it is stopped; returns when everything that is known is in the store.
    pub async fn run(self) {
        let intake = tokio::spawn(self.intake.run(self.listener));
        self.dispatcher.run(self.arrivals, self.stop).await;
        if intake.await.is_err() {
            tracing::error!("the intake ended in a panic");
        }
        // Every sender of orders is gone: the committer writes what it has and ends.
        let committed = tokio::task::spawn_blocking(move || self.committer.join());
        if !matches!(committed.await, Ok(Ok(()))) {
            tracing::error!("the committer ended in a panic");
        }
        tracing::info!("stopped");
    }
}

/// Makes the folder and takes it for this process alone. The lock ends with the process, however
/// it ends.
fn lock(folder: &Path) -> Result<File, StoreError> {
    let error = |cause| StoreError::Folder { path: folder.to_owned(), cause };
    crate::files::private_folder(folder).map_err(error)?;
    let file = crate::files::create(&folder.join("lock")).map_err(error)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError::InUse(folder.to_owned())),
        Err(TryLockError::Error(cause)) => Err(error(cause)),
    }
}

fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    // After a kill, connections of the predecessor may still linger on the port.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(RELAY_BACKLOG)
}
