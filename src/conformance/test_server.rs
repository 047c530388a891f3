//! A server to which the target relays: misbehaves as its [`ServerScript`] says and records what it
//! receives. Not the sink: nothing is measured here, and every octet is kept.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::case::{Misbehaviour, ServerScript, ServerStage, Times};
use super::session;
use crate::clock::{Clock, Time};
use crate::limits;
use crate::sink::tls::Identity;

/// What a server received.
#[derive(Clone, Debug, Default)]
pub struct ServerRecord {
    /// Messages whose content is complete, whatever the reply was.
    pub messages: Vec<ReceivedMessage>,
    /// Every command.
    pub commands: Vec<ReceivedCommand>,
    /// Number of connections.
    pub connections: usize,
    /// Replies without end.
    pub endless_replies: Vec<EndlessReply>,
    /// When it last misbehaved.
    pub last_misbehaved: Option<Time>,
}

/// A reply without end.
#[derive(Clone, Debug)]
pub struct EndlessReply {
    /// When it began.
    pub started: Time,
    /// When it ended, and whether the target closed the connection.
    pub ended: Option<(Time, bool)>,
    /// Octets that were sent.
    pub octets: usize,
}

/// One message.
#[derive(Clone, Debug)]
pub struct ReceivedMessage {
    /// When its end of data came.
    pub at: Time,
    /// Number of the connection, from 1.
    pub connection: usize,
    /// Its sender.
    pub from: String,
    /// The recipients that were accepted.
    pub to: Vec<String>,
    /// Its content without dot-stuffing.
    pub content: Vec<u8>,
    /// Whether the reply was, or passed for, 250.
    pub accepted: bool,
    /// Whether it came under TLS.
    pub tls: bool,
}

/// One command.
#[derive(Clone, Debug)]
pub struct ReceivedCommand {
    /// When it came.
    pub at: Time,
    /// Number of the connection, from 1.
    pub connection: usize,
    /// The line.
    pub line: String,
    /// Whether it came under TLS.
    pub tls: bool,
    /// Whether the client sent more before this command was answered.
    pub followed: bool,
}

/// A server that is running.
pub struct TestServer {
    address: SocketAddr,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

/// State that the sessions of a server share.
pub(super) struct Shared {
    pub(super) script: ServerScript,
    pub(super) clock: Clock,
    pub(super) identity: Arc<Identity>,
    record: Mutex<ServerRecord>,
    connections: AtomicUsize,
    behaves: AtomicBool,
    /// Connections that are open.
    open: AtomicUsize,
}

impl Shared {
    pub(super) fn record(&self) -> MutexGuard<'_, ServerRecord> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether it still misbehaves in this connection. An attempt is a new connection or a further
    /// MAIL in the same.
    pub(super) fn misbehaves(&self, connection: usize) -> bool {
        if self.behaves.load(Ordering::Relaxed) {
            return false;
        }
        let is_mail = |command: &&ReceivedCommand| {
            command.line.get(..4).is_some_and(|verb| verb.eq_ignore_ascii_case("MAIL"))
        };
        let attempts = self.record().commands.iter().filter(is_mail).count();
        connection.max(attempts) <= self.script.attempts
    }

    /// The misbehaviour at this stage of a connection.
    pub(super) fn misbehaviour(&self, connection: usize, stage: ServerStage) -> Vec<Misbehaviour> {
        self.misbehaviour_where(connection, |at| at == stage)
    }

    /// The misbehaviour in the reply to a RCPT of this address.
    pub(super) fn misbehaviour_at_rcpt(
        &self,
        connection: usize,
        address: &str,
    ) -> Vec<Misbehaviour> {
        self.misbehaviour_where(
            connection,
            |at| matches!(at, ServerStage::Rcpt(part) if address.contains(part)),
        )
    }

    fn misbehaviour_where(
        &self,
        connection: usize,
        is_here: impl Fn(ServerStage) -> bool,
    ) -> Vec<Misbehaviour> {
        let script = &self.script.misbehaviour;
        if script.is_empty() || !self.misbehaves(connection) {
            return Vec::new();
        }
        let here = script.iter().filter(|(at, _)| is_here(*at));
        let here: Vec<Misbehaviour> = here.map(|(_, misbehaviour)| misbehaviour.clone()).collect();
        if !here.is_empty() {
            self.record().last_misbehaved = Some(self.clock.now());
        }
        here
    }
}

impl TestServer {
    /// Opens a server at this address; port 0: any free one.
    ///
    /// # Errors
    /// If the address cannot be bound.
    pub async fn open(
        wanted: SocketAddr,
        script: ServerScript,
        clock: Clock,
        identity: Arc<Identity>,
    ) -> io::Result<TestServer> {
        let listener = TcpListener::bind(wanted).await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            script,
            clock,
            identity,
            record: Mutex::default(),
            connections: AtomicUsize::new(0),
            behaves: AtomicBool::new(false),
            open: AtomicUsize::new(0),
        });
        let task = tokio::spawn(serve(listener, Arc::clone(&shared)));
        Ok(TestServer { address, shared, task })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends the misbehaviour.
    pub fn behave(&self) {
        self.shared.behaves.store(true, Ordering::Relaxed);
    }

    /// Whether the target has connected.
    #[must_use]
    pub fn was_contacted(&self) -> bool {
        self.shared.connections.load(Ordering::Relaxed) > 0
    }

    /// Whether the target is connected to a server that offers STARTTLS: what a bad handshake does
    /// to a target may take a moment to show.
    #[must_use]
    pub fn may_be_in_handshake(&self) -> bool {
        let extensions = self.shared.script.extensions.as_deref().unwrap_or_default();
        extensions.contains(&"STARTTLS") && self.shared.open.load(Ordering::Relaxed) > 0
    }

    /// When it last misbehaved; `None` if it never did or [`TestServer::behave`] was called since.
    #[must_use]
    pub fn last_misbehaved(&self) -> Option<Time> {
        let behaves = self.shared.behaves.load(Ordering::Relaxed);
        self.shared.record().last_misbehaved.filter(|_| !behaves)
    }

    /// What it has received so far.
    #[must_use]
    pub fn record(&self) -> ServerRecord {
        self.shared.record().clone()
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// How long a connection may last: the time that a server waits for a command, and the longest that
/// any case keeps the target waiting.
#[must_use]
pub fn session_timeout() -> Duration {
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
        shared.record().connections = number;
        let shared = Arc::clone(&shared);
        tokio::spawn(async move {
            shared.open.fetch_add(1, Ordering::Relaxed);
            let session = session::serve(stream, Arc::clone(&shared), number);
            let _ended = tokio::time::timeout(session_timeout(), session).await;
            shared.open.fetch_sub(1, Ordering::Relaxed);
        });
    }
}

/// Closes a connection, after reading what is still coming, or resets it.
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
