//! Accepts connections while the port is open, closes it while a rule refuses.

use std::future::pending;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio_util::task::TaskTracker;

use super::record::Recorder;
use super::session;
use super::shared::Shared;
use crate::clock::Time;
use crate::fault::refuse::{Port, port};
use crate::ledger::event::{Event, SessionChange};
use crate::limits;
use crate::smtp::reply::{EnhancedStatus, Reply};

/// Time between tries to open the port again, or to accept when the system has no more handles.
const RETRY: Duration = Duration::from_millis(50);

/// Opens a port.
pub(super) fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    // A port that a rule closed is opened again beside sessions that are still on it.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(limits::SINK_BACKLOG)
}

/// The port of a sink.
pub(super) struct Door {
    shared: Arc<Shared>,
    address: SocketAddr,
    listener: Option<TcpListener>,
    news: watch::Receiver<Option<Time>>,
    sessions: TaskTracker,
    told_full: bool,
}

impl Door {
    pub(super) fn new(shared: Arc<Shared>, listener: TcpListener, address: SocketAddr) -> Door {
        let news = shared.measured_from.subscribe();
        let sessions = TaskTracker::new();
        Door { shared, address, listener: Some(listener), news, sessions, told_full: false }
    }

    /// Serves until the sink is stopped, then waits for the sessions to end.
    pub(super) async fn serve(mut self) {
        let stop = self.shared.stop.clone();
        tokio::select! {
            () = self.serve_on() => {}
            () = stop.cancelled() => {}
        }
        drop(self.listener);
        self.sessions.close();
        if tokio::time::timeout(limits::SINK_STOP, self.sessions.wait()).await.is_err() {
            tracing::warn!("{} sessions did not end in time", self.sessions.len());
        }
    }

    async fn serve_on(&mut self) {
        loop {
            let change = self.turn_with_the_rules();
            tokio::select! {
                accepted = accept(self.listener.as_ref()) => match accepted {
                    Ok(stream) => self.admit(stream),
                    Err(error) => {
                        tracing::warn!("accept: {error}");
                        tokio::time::sleep(RETRY).await;
                    }
                },
                _ = self.news.changed() => {}
                () = wait(change) => {}
            }
        }
    }

    /// Opens or closes the port as the rules have it now; how long until that may change.
    fn turn_with_the_rules(&mut self) -> Option<Duration> {
        let now = self.shared.clock.now();
        let rules = self.shared.bench.rules();
        let port = match self.shared.has_begun() {
            true => port(rules, self.shared.measured(now)),
            false => Port { closed_by: None, asked_again_at: None },
        };
        let from = *self.shared.measured_from.borrow();
        let edge = from.zip(port.asked_again_at).map(|(from, offset)| from.plus(offset).since(now));
        if let Some(fault) = port.closed_by {
            if self.listener.take().is_some() {
                self.shared.ledger.record(&Event::Struck { at: now, fault });
            }
        } else if self.listener.is_none() {
            match bind(self.address) {
                Ok(listener) => self.listener = Some(listener),
                Err(error) => {
                    tracing::warn!("the port cannot be opened again yet: {error}");
                    return Some(RETRY);
                }
            }
        }
        edge
    }

    fn admit(&mut self, stream: TcpStream) {
        let (number, has_place) = self.shared.admit();
        if !has_place {
            self.turn_away(&stream, number);
            return;
        }
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!("no TCP_NODELAY: {error}");
        }
        self.sessions.spawn(session::serve(Arc::clone(&self.shared), stream, number));
    }

    /// No place left: one 421 into a fresh socket, which takes it without waiting.
    fn turn_away(&mut self, stream: &TcpStream, number: u64) {
        let status = EnhancedStatus { class: 4, subject: 3, detail: 2 };
        let reply = Reply::new(421, Some(status), "Too many sessions");
        let mut wire = Vec::new();
        reply.encode(&mut wire);
        let _peer_may_be_gone = stream.try_write(&wire);
        let recorder = Recorder::new(Arc::clone(&self.shared), number);
        recorder.changed(SessionChange::TurnedAway { fault: None, reply: Some(reply) });
        if !std::mem::replace(&mut self.told_full, true) {
            let (at, value) = (self.shared.clock.now(), limits::SINK_SESSIONS as u64);
            self.shared.ledger.record(&Event::Limit {
                at,
                name: "SINK_SESSIONS".to_owned(),
                value,
            });
        }
        self.shared.dismiss(number);
    }
}

async fn accept(listener: Option<&TcpListener>) -> io::Result<TcpStream> {
    match listener {
        Some(listener) => listener.accept().await.map(|(stream, _)| stream),
        None => pending().await,
    }
}

async fn wait(length: Option<Duration>) {
    match length {
        Some(length) => tokio::time::sleep(length).await,
        None => pending().await,
    }
}
