//! Runs the script of a client against the target and records what the target answers. Does not
//! judge it.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use memchr::memmem;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::case::Step;
use crate::limits;
use crate::smtp::client::{TlsClient, Trust};
use crate::targets::conformance::UNKNOWN_CLIENT;

/// What happened at a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientEvent {
    /// A complete reply, all its lines.
    Reply(String),
    /// No reply in time.
    Timeout,
    /// The target closed the connection, or there was none.
    Closed,
    /// The TLS handshake succeeded.
    TlsEstablished,
    /// The TLS handshake failed.
    TlsFailed,
}

impl ClientEvent {
    /// The reply code; empty if the event is not a reply.
    #[must_use]
    pub fn code(&self) -> &str {
        match self {
            ClientEvent::Reply(text) => text.get(..3).unwrap_or_default(),
            _ => "",
        }
    }
}

/// The addresses of a case.
#[derive(Clone, Debug)]
pub struct Addresses {
    /// The sender.
    pub from: String,
    /// The recipient.
    pub to: String,
    /// Another recipient, which some cases must not reach.
    pub other: String,
}

impl Addresses {
    /// Replaces the placeholders of [`Step`] by the addresses.
    #[must_use]
    pub fn fill(&self, text: &[u8]) -> Vec<u8> {
        let placeholders = [("@FROM@", &self.from), ("@TO@", &self.to), ("@OTHER@", &self.other)];
        let mut filled = text.to_vec();
        for (placeholder, address) in placeholders {
            while let Some(at) = memmem::find(&filled, placeholder.as_bytes()) {
                filled.splice(at..at + placeholder.len(), address.bytes());
            }
        }
        filled
    }
}

trait Socket: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Socket for T {}

struct Client {
    stream: Box<dyn Socket>,
    unread: Vec<u8>,
    events: Vec<ClientEvent>,
    idle_clients: Vec<TcpStream>,
    slow_clients: JoinSet<()>,
}

/// Sends a command that never ends, one octet at a time.
async fn send_slowly(target: SocketAddr, interval: Duration) {
    let Ok(mut stream) = TcpStream::connect(target).await else { return };
    let mut next = b"NOOP ".as_slice();
    while stream.write_all(&next[..1]).await.is_ok() {
        next = if next.len() > 1 { &next[1..] } else { b"x" };
        tokio::time::sleep(interval).await;
    }
}

async fn connect(target: SocketAddr, is_untrusted: bool) -> io::Result<TcpStream> {
    let socket = match target {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    if is_untrusted {
        socket.bind(SocketAddr::from((UNKNOWN_CLIENT, 0)))?;
    }
    socket.connect(target).await
}

/// Runs `steps` against the target and returns the events in order. The connection ends with the
/// script.
pub async fn run(target: SocketAddr, steps: &[Step], addresses: &Addresses) -> Vec<ClientEvent> {
    let is_untrusted = matches!(steps.first(), Some(Step::FromUntrusted));
    let Ok(stream) = connect(target, is_untrusted).await else { return vec![ClientEvent::Closed] };
    let _best_effort = stream.set_nodelay(true);
    if matches!(steps.last(), Some(Step::Reset)) {
        let _best_effort = socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO));
    }
    let mut client = Client {
        stream: Box::new(stream),
        unread: Vec::new(),
        events: Vec::new(),
        idle_clients: Vec::new(),
        slow_clients: JoinSet::new(),
    };
    let awaits_banner = !matches!(steps.first(), Some(Step::BeforeBanner));
    if awaits_banner && !client.await_reply(limits::CONFORMANCE_REPLY).await {
        return client.events;
    }
    for step in steps {
        client = match client.step(step, target, addresses).await {
            Ok(client) => client,
            Err(events) => return events,
        };
    }
    client.events
}

impl Client {
    /// Performs one step; the events so far if the script cannot continue after it.
    async fn step(
        mut self,
        step: &Step,
        target: SocketAddr,
        addresses: &Addresses,
    ) -> Result<Client, Vec<ClientEvent>> {
        match step {
            Step::FromUntrusted | Step::BeforeBanner | Step::Reset => {}
            Step::Send(text) => {
                let text = addresses.fill(text);
                // A connection that the target has closed shows when a reply is awaited.
                let _gone = timeout(limits::CONFORMANCE_REPLY, self.stream.write_all(&text)).await;
                let _gone = self.stream.flush().await;
            }
            Step::SlowSend(text, pause) => {
                for byte in addresses.fill(text) {
                    let _gone = self.stream.write_all(&[byte]).await;
                    tokio::time::sleep(*pause).await;
                }
            }
            Step::SlowClients(many, interval) => {
                for _ in 0..*many {
                    self.slow_clients.spawn(send_slowly(target, *interval));
                }
                // Until all of them have begun their command.
                tokio::time::sleep(limits::CONFORMANCE_SETTLE).await;
            }
            Step::AwaitReplies(replies) => {
                for _ in 0..*replies {
                    if !self.await_reply(limits::CONFORMANCE_REPLY).await {
                        return Err(self.events);
                    }
                }
            }
            Step::Pause(time) => tokio::time::sleep(*time).await,
            Step::Listen(time) => {
                self.await_reply(*time).await;
            }
            Step::IdleClients(many) => {
                for _ in 0..*many {
                    self.idle_clients.extend(TcpStream::connect(target).await);
                }
            }
            Step::HalfClose => {
                let _gone = self.stream.shutdown().await;
            }
            Step::StartTls => return self.start_tls().await,
        }
        Ok(self)
    }

    async fn start_tls(mut self) -> Result<Client, Vec<ClientEvent>> {
        let Ok(tls) = TlsClient::new("localhost", &Trust::Any, false) else {
            return Err(self.events);
        };
        let handshake = timeout(limits::CONFORMANCE_REPLY, tls.handshake(self.stream)).await;
        let Ok(Ok(stream)) = handshake else {
            self.events.push(ClientEvent::TlsFailed);
            return Err(self.events);
        };
        self.events.push(ClientEvent::TlsEstablished);
        Ok(Client { stream: Box::new(stream), unread: Vec::new(), ..self })
    }

    /// Records one reply or its absence; whether a reply came.
    async fn await_reply(&mut self, patience: Duration) -> bool {
        let event = match timeout(patience, self.reply()).await {
            Ok(Some(reply)) => ClientEvent::Reply(reply),
            Ok(None) => ClientEvent::Closed,
            Err(_) => ClientEvent::Timeout,
        };
        let is_reply = matches!(event, ClientEvent::Reply(_));
        self.events.push(event);
        is_reply
    }

    async fn reply(&mut self) -> Option<String> {
        let (mut reply, mut line_start) = (Vec::new(), 0);
        loop {
            while let Some(end) = memchr::memchr(b'\n', &self.unread) {
                reply.extend(self.unread.drain(..=end));
                if reply.get(line_start + 3) != Some(&b'-') {
                    return Some(String::from_utf8_lossy(&reply).into_owned());
                }
                line_start = reply.len();
            }
            let mut room = [0; 4096];
            let read = self.stream.read(&mut room).await.ok().filter(|read| *read > 0)?;
            self.unread.extend_from_slice(&room[..read]);
            if self.unread.len() + reply.len() > limits::REPLY {
                return None;
            }
        }
    }
}
