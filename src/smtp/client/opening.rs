//! Opening a connection: TCP, TLS, greeting, EHLO, log-in.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use super::capabilities::Capabilities;
use super::connection::{Connection, cut};
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

/// Opens a connection. An EHLO that is refused for good is followed by HELO (RFC 5321 §3.2). Where
/// TLS or log-in is wanted and not available there is no connection. A server that refuses is
/// taken leave of by QUIT (§3.1), which no one waits for.
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
        Err(Stopped { opened, connection }) => {
            connection.into_iter().for_each(|connection| connection.quit_detached());
            opened
        }
    }
}

/// How opening ended early, and the connection that is still to be closed in order.
struct Stopped {
    opened: Opened,
    connection: Option<Box<Connection>>,
}

impl From<Opened> for Stopped {
    fn from(opened: Opened) -> Stopped {
        Stopped { opened, connection: None }
    }
}

/// A connection being opened.
struct Course<'a> {
    peer: &'a Peer,
    clock: Clock,
    trace: &'a mut Trace,
}

impl Course<'_> {
    async fn open(&mut self) -> Result<Connection, Stopped> {
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
        let (connection, _) = expect_positive(connection, Stage::Banner, banner)?;
        let mut connection = self.greet(connection).await?;
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
            (connection, _) = expect_positive(connection, Stage::Auth, reply)?;
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

    /// EHLO, or what LMTP has for it, or what there was before it.
    async fn greet(&mut self, mut connection: Connection) -> Result<Connection, Stopped> {
        let verb = match self.peer.protocol {
            Protocol::Smtp => "EHLO",
            Protocol::Lmtp => "LHLO",
        };
        self.begin(Stage::Ehlo);
        let mut offer = self.hello(&mut connection, verb).await?;
        let unknown = offer.severity() == Some(Severity::Permanent) && connection.open;
        if unknown && self.peer.protocol == Protocol::Smtp {
            offer = self.hello(&mut connection, "HELO").await?;
            // What follows the name is not a list of extensions.
            offer.text.clear();
        }
        self.took(Stage::Ehlo);
        let (mut connection, offer) = expect_positive(connection, Stage::Ehlo, offer)?;
        let offered = Capabilities::read(&offer.text);
        connection.capabilities = offered;
        connection.chunking = self.peer.chunking && offered.chunking;
        let pipelined = self.peer.pipelining && offered.pipelining;
        connection.batch = if pipelined { limits::PIPELINE } else { 1 };
        Ok(connection)
    }

    async fn hello(&self, connection: &mut Connection, verb: &str) -> Result<Reply, Opened> {
        let hello = format!("{verb} {}\r\n", self.peer.name);
        connection.command(&hello).await.map_err(failed(Stage::Ehlo))
    }

    /// STARTTLS, which has to be offered.
    async fn start_tls(
        &mut self,
        mut connection: Connection,
        tls: &TlsClient,
    ) -> Result<Connection, Stopped> {
        if !connection.capabilities.starttls {
            return Err(failed(Stage::Starttls)(Cause::NotOffered("STARTTLS")).into());
        }
        self.begin(Stage::Starttls);
        let reply = ask_for_tls(&mut connection).await?;
        let (connection, _) = expect_positive(connection, Stage::Starttls, reply)?;
        self.shake_hands(connection, tls).await
    }

    /// STARTTLS, which was offered; a server that has thought better of it is talked to as it is.
    async fn try_tls(
        &mut self,
        mut connection: Connection,
        tls: &TlsClient,
    ) -> Result<Connection, Stopped> {
        self.begin(Stage::Starttls);
        match positive(Stage::Starttls, ask_for_tls(&mut connection).await?) {
            Err(Opened::Refused { .. }) if connection.open => {
                self.trace.forget_awaited();
                Ok(connection)
            }
            Err(ended) => Err(ended.into()),
            Ok(_) => self.shake_hands(connection, tls).await,
        }
    }

    /// The handshake, and another EHLO. Nothing that came in the clear survives it.
    async fn shake_hands(
        &mut self,
        connection: Connection,
        tls: &TlsClient,
    ) -> Result<Connection, Stopped> {
        if connection.wire.holds_more() {
            return Err(failed(Stage::Starttls)(Cause::Injected).into());
        }
        let wire = self.secure(connection.wire, tls).await?;
        self.took(Stage::Starttls);
        let connection = self.unused(wire);
        self.greet(connection).await
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
        Ok(wire) => wire.map_err(|error| Cause::of(&error)),
        Err(_) => Err(Cause::TimedOut(peer.timeouts.connect)),
    }
}

async fn socket(peer: &Peer) -> std::io::Result<TcpStream> {
    let Some(sources) = &peer.sources else { return TcpStream::connect(peer.address).await };
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::from((sources.next(), 0)))?;
    socket.connect(peer.address).await
}

/// The connection goes on where the reply is positive.
fn expect_positive(
    connection: Connection,
    stage: Stage,
    reply: Reply,
) -> Result<(Connection, Reply), Stopped> {
    match positive(stage, reply) {
        Ok(reply) => Ok((connection, reply)),
        Err(opened @ Opened::Refused { .. }) => {
            Err(Stopped { opened, connection: Some(Box::new(connection)) })
        }
        Err(opened) => Err(opened.into()),
    }
}

/// The reply itself where it is positive; how opening ended where it is not.
fn positive(stage: Stage, reply: Reply) -> Result<Reply, Opened> {
    match reply.severity() {
        Some(Severity::Positive) => Ok(reply),
        Some(Severity::Transient | Severity::Permanent) => {
            Err(Opened::Refused { stage, reply: cut(reply) })
        }
        _ => Err(Opened::Failed { stage, cause: Cause::Unexpected(cut(reply)) }),
    }
}
