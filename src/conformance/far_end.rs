//! A server of ours, to which the target relays: misbehaves as its [`Manner`] says, keeps what it
//! saw. Not the sink: nothing is measured here, and every octet is kept.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::case::{Manner, Moment, Strike, Times};
use super::session;
use crate::clock::{Clock, Time};
use crate::limits;
use crate::sink::tls::Identity;

/// What a server saw.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// Messages whose final dot was answered 250, or left without an answer.
    pub arrived: Vec<Arrived>,
    /// Every command, with the connection it came in and when.
    pub said: Vec<Said>,
    /// Connections.
    pub connections: usize,
    /// Replies that would not end.
    pub dawdled: Vec<Dawdled>,
    /// When it last misbehaved.
    pub last_struck: Option<Time>,
}

/// A reply that would not end.
#[derive(Clone, Debug)]
pub struct Dawdled {
    /// When it began.
    pub from: Time,
    /// When it ended, and whether the target had left.
    pub ended: Option<(Time, bool)>,
    /// Octets that were taken.
    pub octets: usize,
}

/// One message.
#[derive(Clone, Debug)]
pub struct Arrived {
    /// When its end came.
    pub at: Time,
    /// The connection.
    pub connection: usize,
    /// Its sender.
    pub from: String,
    /// The recipients that were accepted.
    pub to: Vec<String>,
    /// Its content, unstuffed.
    pub content: Vec<u8>,
    /// Whether it was answered 250.
    pub taken: bool,
    /// Whether it came under TLS.
    pub secured: bool,
}

/// One command.
#[derive(Clone, Debug)]
pub struct Said {
    /// When it came.
    pub at: Time,
    /// The connection.
    pub connection: usize,
    /// The line.
    pub line: String,
    /// Whether it came under TLS.
    pub secured: bool,
    /// Whether more was there already, before it was answered.
    pub more: bool,
}

/// A server at work.
pub struct FarEnd {
    address: SocketAddr,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

/// What its sessions share.
pub(super) struct Shared {
    pub(super) manner: Manner,
    pub(super) clock: Clock,
    pub(super) identity: Arc<Identity>,
    seen: Mutex<Seen>,
    connections: AtomicUsize,
    relented: AtomicBool,
    /// Connections that are open.
    open: AtomicUsize,
}

impl Shared {
    pub(super) fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether it still misbehaves in this connection: it is obedient from the first try after
    /// those it was to spoil, whether that comes in a new connection or in the same.
    pub(super) fn misbehaves(&self, connection: usize) -> bool {
        if self.relented.load(Ordering::Relaxed) {
            return false;
        }
        let is_mail =
            |said: &&Said| said.line.get(..4).is_some_and(|verb| verb.eq_ignore_ascii_case("MAIL"));
        let tries = self.seen().said.iter().filter(is_mail).count();
        connection.max(tries) <= self.manner.tries
    }

    /// What is done at this moment of a connection.
    pub(super) fn strikes(&self, connection: usize, moment: Moment) -> Vec<Strike> {
        let strikes = self.manner.strikes.iter();
        let here = strikes.filter(|(at, _)| *at == moment || *at == Moment::Any);
        let misbehaves = !self.manner.strikes.is_empty() && self.misbehaves(connection);
        let strikes: Vec<Strike> =
            here.filter(|_| misbehaves).map(|(_, strike)| strike.clone()).collect();
        if !strikes.is_empty() {
            self.seen().last_struck = Some(self.clock.now());
        }
        strikes
    }
}

impl FarEnd {
    /// Opens a server at this address; port 0: a free one.
    ///
    /// # Errors
    /// When there is no port.
    pub async fn open(
        wanted: SocketAddr,
        manner: Manner,
        clock: Clock,
        identity: Arc<Identity>,
    ) -> io::Result<FarEnd> {
        let listener = TcpListener::bind(wanted).await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            manner,
            clock,
            identity,
            seen: Mutex::default(),
            connections: AtomicUsize::new(0),
            relented: AtomicBool::new(false),
            open: AtomicUsize::new(0),
        });
        let task = tokio::spawn(serve(listener, Arc::clone(&shared)));
        Ok(FarEnd { address, shared, task })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Is obedient from now on.
    pub fn relent(&self) {
        self.shared.relented.store(true, Ordering::Relaxed);
    }

    /// Whether the target has come.
    #[must_use]
    pub fn was_met(&self) -> bool {
        self.shared.connections.load(Ordering::Relaxed) > 0
    }

    /// Whether the target is there, and what it meets may take a while to end: a handshake.
    #[must_use]
    pub fn is_shaking_hands(&self) -> bool {
        let offer = self.shared.manner.offer.as_deref().unwrap_or_default();
        offer.contains(&"STARTTLS") && self.shared.open.load(Ordering::Relaxed) > 0
    }

    /// When it last misbehaved, if it still does.
    #[must_use]
    pub fn last_struck(&self) -> Option<Time> {
        let relented = self.shared.relented.load(Ordering::Relaxed);
        self.shared.seen().last_struck.filter(|_| !relented)
    }

    /// What it has seen.
    #[must_use]
    pub fn seen(&self) -> Seen {
        self.shared.seen().clone()
    }
}

impl Drop for FarEnd {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// How long a connection may last: as long as a server awaits a command, and the longest that any case
/// lets the target wait.
#[must_use]
pub fn patience() -> Duration {
    limits::SERVER_IDLE + Times::FULL.longest()
}

async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let _best_effort = stream.set_nodelay(true);
        let number = shared.connections.fetch_add(1, Ordering::Relaxed) + 1;
        shared.seen().connections = number;
        let shared = Arc::clone(&shared);
        tokio::spawn(async move {
            shared.open.fetch_add(1, Ordering::Relaxed);
            let session = session::serve(stream, Arc::clone(&shared), number);
            let _ended = tokio::time::timeout(patience(), session).await;
            shared.open.fetch_sub(1, Ordering::Relaxed);
        });
    }
}

/// Ends a connection: in order, after what is still coming, or with a reset.
pub(super) async fn end(mut stream: TcpStream, reset: bool) {
    if reset {
        let _best_effort = socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO));
        return;
    }
    let _gone = stream.shutdown().await;
    let mut rest = [0; 1024];
    let drain = async { while stream.read(&mut rest).await.is_ok_and(|read| read > 0) {} };
    let _in_time = tokio::time::timeout(limits::CLOSE_DRAIN, drain).await;
}
