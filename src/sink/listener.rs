//! One port of the sink: accepts connections while it is open, closes it while a rule refuses.
//!
//! A closed port stays ours, bound but not listening: no other process can get it meanwhile, and no
//! client's own port can happen to be the one it dials.

use std::future::pending;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio_util::task::TaskTracker;

use super::record::Recorder;
use super::session::{self, Entrance};
use super::shared::Shared;
use crate::clock::Time;
use crate::fault::refuse::{Port, port};
use crate::ledger::event::{Event, Part, SessionChange};
use crate::limits;
use crate::probe::DestinationId;
use crate::shortage::{Repeated, Shortage};
use crate::smtp::reply::{EnhancedStatus, Reply};

/// Time between tries to open the port again, or to accept when the system has no more handles.
const RETRY: Duration = Duration::from_millis(50);

/// The longest such time, after tries that failed in a row.
const LONGEST_RETRY: Duration = Duration::from_millis(400);

/// Opens a port.
pub(super) fn open(address: SocketAddr) -> io::Result<TcpListener> {
    reserve(address)?.listen(limits::SINK_BACKLOG)
}

/// Takes a port without listening on it: connections are refused.
fn reserve(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    // A port that a rule closed is opened again beside sessions that are still on it.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}

/// Whether a port takes connections.
enum State {
    Open(TcpListener),
    /// With the port kept, where the system let us.
    Closed(Option<TcpSocket>),
}

/// A port of a sink.
pub(super) struct Door {
    shared: Arc<Shared>,
    address: SocketAddr,
    /// Whose mail comes here; `None`: all destinations'.
    destination: Option<DestinationId>,
    state: State,
    /// The rule that closed it, for the sessions on it.
    closed_by: watch::Sender<Option<u16>>,
    news: watch::Receiver<Option<Time>>,
    sessions: TaskTracker,
    failures: Repeated,
    /// Time before the next try.
    retry: Duration,
}

impl Door {
    pub(super) fn new(
        shared: Arc<Shared>,
        listener: TcpListener,
        address: SocketAddr,
        destination: Option<DestinationId>,
    ) -> Door {
        Door {
            address,
            destination,
            state: State::Open(listener),
            closed_by: watch::Sender::new(None),
            news: shared.measured_from.subscribe(),
            sessions: TaskTracker::new(),
            failures: Repeated::new("the sink's accept"),
            retry: RETRY,
            shared,
        }
    }

    /// Serves until the sink is stopped, then waits for the sessions to end.
    pub(super) async fn serve(mut self) {
        let stop = self.shared.stop.clone();
        tokio::select! {
            () = self.serve_on() => {}
            () = stop.cancelled() => {}
        }
        drop(self.state);
        self.sessions.close();
        if tokio::time::timeout(limits::SINK_STOP, self.sessions.wait()).await.is_err() {
            tracing::warn!("{} sessions did not end in time", self.sessions.len());
        }
    }

    async fn serve_on(&mut self) {
        loop {
            let change = self.turn_with_the_rules();
            tokio::select! {
                accepted = accept(&self.state) => match accepted {
                    Ok(stream) => {
                        self.retry = RETRY;
                        self.admit(stream);
                    }
                    Err(error) => {
                        self.failed(&error);
                        tokio::time::sleep(self.retry).await;
                        self.retry = (self.retry * 2).min(LONGEST_RETRY);
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
            true => port(rules, self.destination, self.shared.measured(now)),
            false => Port { closed_by: None, asked_again_at: None },
        };
        let from = *self.shared.measured_from.borrow();
        let edge = from.zip(port.asked_again_at).map(|(from, offset)| from.plus(offset).since(now));
        match port.closed_by {
            Some(rule) => self.close(rule),
            None => {
                if let Err(error) = self.open_again() {
                    self.failed(&error);
                    return Some(RETRY);
                }
            }
        }
        edge
    }

    /// A connection could not be taken, or the port not be opened.
    fn failed(&self, error: &io::Error) {
        self.failures.note_io(error);
        if let Some(what) = Shortage::of(error) {
            let at = self.shared.clock.now();
            self.shared.ledger.record(&Event::Shortage { at, part: Part::Sink, what, count: 1 });
        }
    }

    fn close(&mut self, rule: u16) {
        if matches!(self.state, State::Closed(_)) {
            return;
        }
        // The listener must be gone before the port can be taken again.
        self.state = State::Closed(None);
        let kept = reserve(self.address);
        if let Err(error) = &kept {
            tracing::warn!("{} is closed and could not be kept: {error}", self.address);
        }
        self.state = State::Closed(kept.ok());
        let at = self.shared.clock.now();
        self.shared.ledger.record(&Event::Struck { at, fault: rule });
        self.tell(Some(rule));
    }

    fn open_again(&mut self) -> io::Result<()> {
        let State::Closed(kept) = &mut self.state else { return Ok(()) };
        let socket = kept.take().map_or_else(|| reserve(self.address), Ok)?;
        self.state = State::Open(socket.listen(limits::SINK_BACKLOG)?);
        self.tell(None);
        Ok(())
    }

    /// Tells the ledger, and then the sessions, which are cut when the port is closed.
    fn tell(&self, closed_by: Option<u16>) {
        let (at, destination) = (self.shared.clock.now(), self.destination);
        self.shared.ledger.record(&Event::Port { at, destination, closed_by });
        self.closed_by.send_replace(closed_by);
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
        let entrance = Entrance {
            number,
            destination: self.destination,
            closed_by: self.closed_by.subscribe(),
        };
        self.sessions.spawn(session::serve(Arc::clone(&self.shared), stream, entrance));
    }

    /// No place left: one 421 into a fresh socket, which takes it without waiting.
    fn turn_away(&self, stream: &TcpStream, number: u64) {
        let status = EnhancedStatus { class: 4, subject: 3, detail: 2 };
        let reply = Reply::new(421, Some(status), "Too many sessions");
        let mut wire = Vec::new();
        reply.encode(&mut wire);
        let _peer_may_be_gone = stream.try_write(&wire);
        let recorder = Recorder::new(Arc::clone(&self.shared), number);
        recorder.changed(SessionChange::TurnedAway { fault: None, reply: Some(reply) });
        self.shared.tell_full();
        self.shared.dismiss(number);
    }
}

async fn accept(state: &State) -> io::Result<TcpStream> {
    match state {
        State::Open(listener) => listener.accept().await.map(|(stream, _)| stream),
        State::Closed(_) => pending().await,
    }
}

async fn wait(length: Option<Duration>) {
    match length {
        Some(length) => tokio::time::sleep(length).await,
        None => pending().await,
    }
}
