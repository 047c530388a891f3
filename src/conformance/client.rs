//! Plays a client's script against the target and notes what it heard.

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
use crate::target::demands::STRANGER;

/// What a client heard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// A whole reply, its lines as they came.
    Reply(String),
    /// Nothing in time.
    Silence,
    /// The end of the connection.
    Closed,
    /// A handshake that succeeded.
    Secured,
    /// A handshake that failed.
    NotSecured,
}

impl Heard {
    /// The code; empty where it was no reply.
    #[must_use]
    pub fn code(&self) -> &str {
        match self {
            Heard::Reply(text) => text.get(..3).unwrap_or_default(),
            _ => "",
        }
    }
}

/// The addresses of a case.
#[derive(Clone, Debug)]
pub struct Addresses {
    /// Its sender.
    pub from: String,
    /// Its recipient.
    pub to: String,
    /// Another.
    pub other: String,
}

impl Addresses {
    /// Puts the addresses where their signs stand.
    #[must_use]
    pub fn fill(&self, text: &[u8]) -> Vec<u8> {
        let signs = [("@FROM@", &self.from), ("@TO@", &self.to), ("@OTHER@", &self.other)];
        let mut filled = text.to_vec();
        for (sign, address) in signs {
            while let Some(at) = memmem::find(&filled, sign.as_bytes()) {
                filled.splice(at..at + sign.len(), address.bytes());
            }
        }
        filled
    }
}

trait Socket: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Socket for T {}

struct Player {
    stream: Box<dyn Socket>,
    unread: Vec<u8>,
    heard: Vec<Heard>,
    crowd: Vec<TcpStream>,
    siege: JoinSet<()>,
}

/// A client that never comes to the end of a command.
async fn besiege(target: SocketAddr, pause: Duration) {
    let Ok(mut stream) = TcpStream::connect(target).await else { return };
    let mut next = b"NOOP ".as_slice();
    while stream.write_all(&next[..1]).await.is_ok() {
        next = if next.len() > 1 { &next[1..] } else { b"x" };
        tokio::time::sleep(pause).await;
    }
}

async fn connect(target: SocketAddr, is_stranger: bool) -> io::Result<TcpStream> {
    let socket = match target {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    if is_stranger {
        socket.bind(SocketAddr::from((STRANGER, 0)))?;
    }
    socket.connect(target).await
}

/// Plays `steps`; what was heard, in order. The connection ends with the script.
pub async fn play(target: SocketAddr, steps: &[Step], addresses: &Addresses) -> Vec<Heard> {
    let is_stranger = matches!(steps.first(), Some(Step::AsStranger));
    let Ok(stream) = connect(target, is_stranger).await else { return vec![Heard::Closed] };
    let _best_effort = stream.set_nodelay(true);
    if matches!(steps.last(), Some(Step::Reset)) {
        let _best_effort = socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO));
    }
    let mut player = Player {
        stream: Box::new(stream),
        unread: Vec::new(),
        heard: Vec::new(),
        crowd: Vec::new(),
        siege: JoinSet::new(),
    };
    if !matches!(steps.first(), Some(Step::Early)) && !player.hear(limits::CONFORMANCE_REPLY).await
    {
        return player.heard;
    }
    for step in steps {
        player = match player.step(step, target, addresses).await {
            Ok(player) => player,
            Err(heard) => return heard,
        };
    }
    player.heard
}

impl Player {
    /// One step; what was heard where it was the last that could be played.
    async fn step(
        mut self,
        step: &Step,
        target: SocketAddr,
        addresses: &Addresses,
    ) -> Result<Player, Vec<Heard>> {
        match step {
            Step::AsStranger | Step::Early | Step::Reset => {}
            Step::Say(text) => {
                let text = addresses.fill(text);
                // One who was turned away shows when it listens.
                let _gone = timeout(limits::CONFORMANCE_REPLY, self.stream.write_all(&text)).await;
                let _gone = self.stream.flush().await;
            }
            Step::Dribble(text, pause) => {
                for byte in addresses.fill(text) {
                    let _gone = self.stream.write_all(&[byte]).await;
                    tokio::time::sleep(*pause).await;
                }
            }
            Step::Besiege(many, pause) => {
                for _ in 0..*many {
                    self.siege.spawn(besiege(target, *pause));
                }
                // Until all of them are in mid-command.
                tokio::time::sleep(limits::CONFORMANCE_SETTLE).await;
            }
            Step::Hear(replies) => {
                for _ in 0..*replies {
                    if !self.hear(limits::CONFORMANCE_REPLY).await {
                        return Err(self.heard);
                    }
                }
            }
            Step::Pause(time) => tokio::time::sleep(*time).await,
            Step::Listen(time) => {
                self.hear(*time).await;
            }
            Step::Crowd(many) => {
                for _ in 0..*many {
                    self.crowd.extend(TcpStream::connect(target).await);
                }
            }
            Step::EndHalf => {
                let _gone = self.stream.shutdown().await;
            }
            Step::Secure => return self.secure().await,
        }
        Ok(self)
    }

    async fn secure(mut self) -> Result<Player, Vec<Heard>> {
        let Ok(tls) = TlsClient::new("localhost", &Trust::Any, false) else {
            return Err(self.heard);
        };
        let shake = timeout(limits::CONFORMANCE_REPLY, tls.handshake(self.stream)).await;
        let Ok(Ok(stream)) = shake else {
            self.heard.push(Heard::NotSecured);
            return Err(self.heard);
        };
        self.heard.push(Heard::Secured);
        Ok(Player { stream: Box::new(stream), unread: Vec::new(), ..self })
    }

    /// Notes one reply, or its absence; whether one came.
    async fn hear(&mut self, patience: Duration) -> bool {
        let heard = match timeout(patience, self.reply()).await {
            Ok(Some(reply)) => Heard::Reply(reply),
            Ok(None) => Heard::Closed,
            Err(_) => Heard::Silence,
        };
        let came = matches!(heard, Heard::Reply(_));
        self.heard.push(heard);
        came
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
