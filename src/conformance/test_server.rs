//! A server to which the target relays: misbehaves as its [`ServerScript`] says and records what it
//! receives. Not the sink: nothing is measured here, and every octet is kept.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::case::{ServerScript, Times};
use super::server_record::{ServerRecord, Shared};
use super::session;
use crate::clock::{Clock, Time};
use crate::limits;
use crate::sink::tls::Identity;

/// A server that is running.
pub struct TestServer {
    address: SocketAddr,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
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
