//! Opening a connection: TCP, TLS, greeting, EHLO, log-in.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use super::capabilities::Capabilities;
use super::connection::Connection;
use super::outcome::Cause;
use super::peer::{Peer, Protocol, Tls};
use super::tls::TlsClient;
use super::trace::Trace;
use super::wire::Wire;
use crate::clock::Clock;
use crate::limits;
use crate::smtp::patience::Patience;
use crate::smtp::reply::{Reply, Severity};
use crate::smtp::stage::Stage;

/// The course of opening a connection.
pub struct Opening {
    /// How long connect, TLS, banner, EHLO and log-in took, as far as they came.
    pub stages: Vec<(Stage, Duration)>,
    /// How it ended.
    pub opened: Opened,
}

/// How opening a connection ended.
pub enum Opened {
    /// Ready for transactions.
    Ready(Box<Connection>),
    /// The server answered the connection, EHLO, STARTTLS or AUTH with 4yz or 5yz.
    Refused {
        /// To what.
        stage: Stage,
        /// The reply.
        reply: Reply,
    },
    /// No connection, or no understandable reply, or what the user asked for is not offered.
    Failed {
        /// Where.
        stage: Stage,
        /// Why.
        cause: Cause,
    },
}

/// Opens a connection. An EHLO that is refused is not followed by HELO, and where TLS or log-in
/// is wanted and not to be had there is no connection.
pub async fn connect(peer: &Peer, clock: Clock) -> Opening {
    let mut trace = Trace::default();
    let opened = connect_traced(peer, clock, &mut trace).await;
    Opening { stages: trace.answered().collect(), opened }
}

/// The same, with a trace that can be read also when this is dropped under way.
pub async fn connect_traced(peer: &Peer, clock: Clock, trace: &mut Trace) -> Opened {
    let mut course = Course { peer, clock, trace };
    match course.open().await {
        Ok(connection) => Opened::Ready(Box::new(connection)),
        Err(ended) => ended,
    }
}

/// A connection being opened.
struct Course<'a> {
    peer: &'a Peer,
    clock: Clock,
    trace: &'a mut Trace,
}

impl Course<'_> {
    async fn open(&mut self) -> Result<Connection, Opened> {
        self.begin(Stage::Connect);
        let mut wire = dial(self.peer).await.map_err(failed(Stage::Connect))?;
        self.took(Stage::Connect);
        if let Tls::Implicit(tls) = &self.peer.tls {
            self.begin(Stage::Starttls);
            wire = self.secure(wire, tls).await?;
            self.took(Stage::Starttls);
        }
        let mut connection = self.unused(wire);
        self.begin(Stage::Banner);
        let patience = self.peer.timeouts.banner;
        let banner = connection.reply(patience).await.map_err(failed(Stage::Banner))?;
        self.took(Stage::Banner);
        positive(Stage::Banner, banner)?;
        self.greet(&mut connection).await?;
        connection = match &self.peer.tls {
            Tls::Starttls(tls) => self.start_tls(connection, tls).await?,
            Tls::Opportunistic(tls) if connection.capabilities.starttls => {
                self.try_tls(connection, tls).await?
            }
            Tls::None | Tls::Implicit(_) | Tls::Opportunistic(_) => connection,
        };
        if let Some(login) = &self.peer.login {
            self.begin(Stage::Auth);
            let reply = connection.log_in(login).await.map_err(failed(Stage::Auth))?;
            self.took(Stage::Auth);
            positive(Stage::Auth, reply)?;
        }
        Ok(connection)
    }

    fn begin(&mut self, stage: Stage) {
        self.trace.begin(stage, self.clock.now());
    }

    fn took(&mut self, stage: Stage) {
        self.trace.end(stage, self.clock.now());
    }

    fn unused(&self, wire: Wire) -> Connection {
        let timeouts = self.peer.timeouts;
        Connection {
            wire,
            clock: self.clock,
            patience: Patience::new(self.clock),
            timeouts,
            protocol: self.peer.protocol,
            capabilities: Capabilities::default(),
            chunking: false,
            batch: 1,
            open: true,
            unfinished: false,
        }
    }

    /// EHLO, or what LMTP has for it.
    async fn greet(&mut self, connection: &mut Connection) -> Result<(), Opened> {
        let verb = match self.peer.protocol {
            Protocol::Smtp => "EHLO",
            Protocol::Lmtp => "LHLO",
        };
        self.begin(Stage::Ehlo);
        let hello = format!("{verb} {}\r\n", self.peer.name);
        let offer = connection.command(&hello).await.map_err(failed(Stage::Ehlo))?;
        self.took(Stage::Ehlo);
        let offered = Capabilities::read(&positive(Stage::Ehlo, offer)?.text);
        connection.capabilities = offered;
        connection.chunking = self.peer.chunking && offered.chunking;
        let pipelined = self.peer.pipelining && offered.pipelining;
        connection.batch = if pipelined { limits::PIPELINE } else { 1 };
        Ok(())
    }

    /// STARTTLS, which has to be to be had.
    async fn start_tls(
        &mut self,
        mut connection: Connection,
        tls: &TlsClient,
    ) -> Result<Connection, Opened> {
        if !connection.capabilities.starttls {
            return Err(failed(Stage::Starttls)(Cause::NotOffered("STARTTLS")));
        }
        self.begin(Stage::Starttls);
        positive(Stage::Starttls, ask_for_tls(&mut connection).await?)?;
        self.shake_hands(connection, tls).await
    }

    /// STARTTLS, which was offered; a server that has thought better of it is talked to as it is.
    async fn try_tls(
        &mut self,
        mut connection: Connection,
        tls: &TlsClient,
    ) -> Result<Connection, Opened> {
        self.begin(Stage::Starttls);
        match positive(Stage::Starttls, ask_for_tls(&mut connection).await?) {
            Err(Opened::Refused { .. }) if connection.open => {
                self.trace.forget_awaited();
                Ok(connection)
            }
            Err(ended) => Err(ended),
            Ok(_) => self.shake_hands(connection, tls).await,
        }
    }

    /// The handshake, and another EHLO. Nothing that came in the clear survives it.
    async fn shake_hands(
        &mut self,
        connection: Connection,
        tls: &TlsClient,
    ) -> Result<Connection, Opened> {
        if connection.wire.holds_more() {
            return Err(failed(Stage::Starttls)(Cause::Injected));
        }
        let wire = self.secure(connection.wire, tls).await?;
        self.took(Stage::Starttls);
        let mut connection = self.unused(wire);
        self.greet(&mut connection).await?;
        Ok(connection)
    }

    async fn secure(&self, wire: Wire, tls: &TlsClient) -> Result<Wire, Opened> {
        let patience = self.peer.timeouts.reply;
        let secured = match timeout(patience, wire.secured(tls)).await {
            Ok(secured) => secured,
            Err(_) => Err(Cause::TimedOut(patience)),
        };
        secured.map_err(failed(Stage::Starttls))
    }
}

async fn ask_for_tls(connection: &mut Connection) -> Result<Reply, Opened> {
    connection.command("STARTTLS\r\n").await.map_err(failed(Stage::Starttls))
}

fn failed(stage: Stage) -> impl Fn(Cause) -> Opened {
    move |cause| Opened::Failed { stage, cause }
}

async fn dial(peer: &Peer) -> Result<Wire, Cause> {
    let dialled = async { Wire::new(socket(peer).await?) };
    match timeout(peer.timeouts.connect, dialled).await {
        Ok(wire) => wire.map_err(|error| Cause::Io(error.kind())),
        Err(_) => Err(Cause::TimedOut(peer.timeouts.connect)),
    }
}

async fn socket(peer: &Peer) -> std::io::Result<TcpStream> {
    let Some(sources) = &peer.sources else { return TcpStream::connect(peer.address).await };
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::from((sources.next(), 0)))?;
    socket.connect(peer.address).await
}

/// The reply itself where it is positive; how opening ended where it is not.
fn positive(stage: Stage, reply: Reply) -> Result<Reply, Opened> {
    match reply.severity() {
        Some(Severity::Positive) => Ok(reply),
        Some(Severity::Transient | Severity::Permanent) => Err(Opened::Refused { stage, reply }),
        _ => Err(Opened::Failed { stage, cause: Cause::Unexpected(reply) }),
    }
}
