//! One connection: opened, greeted, reused, quit. Transactions over it are in
//! [`super::transaction`].

use std::net::SocketAddr;
use std::time::Duration;

use mail_send::SmtpClient;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::outcome::Cause;
use super::timeouts::Timeouts;
use super::wire::{TOO_LONG, Wire};
use crate::clock::Clock;
use crate::limits;
use crate::smtp::reply::{EnhancedStatus, Reply, Severity};
use crate::smtp::stage::Stage;

/// The server to talk to, and how.
#[derive(Clone, Debug)]
pub struct Peer {
    /// Where it listens.
    pub address: SocketAddr,
    /// Our name in EHLO.
    pub name: String,
    /// Use PIPELINING (RFC 2920) when it is offered.
    pub pipelining: bool,
    /// Time limits.
    pub timeouts: Timeouts,
}

/// What a server offers in its reply to EHLO, as far as it is used here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Capabilities {
    /// RFC 2920.
    pub pipelining: bool,
    /// RFC 1870.
    pub size: bool,
    /// RFC 6152.
    pub eight_bit_mime: bool,
}

/// The course of opening a connection.
pub struct Opening {
    /// How long connect, banner and EHLO took, as far as they came.
    pub stages: Vec<(Stage, Duration)>,
    /// How it ended.
    pub opened: Opened,
}

/// How opening a connection ended.
pub enum Opened {
    /// Ready for transactions.
    Ready(Box<Connection>),
    /// The server answered the connection or EHLO with 4yz or 5yz.
    Refused {
        /// To what.
        stage: Stage,
        /// The reply.
        reply: Reply,
    },
    /// No connection, or no understandable reply.
    Failed {
        /// Where.
        stage: Stage,
        /// Why.
        cause: Cause,
    },
}

/// An open connection past EHLO.
pub struct Connection {
    pub(super) client: SmtpClient<Wire>,
    pub(super) clock: Clock,
    pub(super) timeouts: Timeouts,
    pub(super) capabilities: Capabilities,
    /// Commands written before their replies are awaited.
    pub(super) batch: usize,
    /// Whether it can still be used.
    pub(super) open: bool,
    /// Whether an unfinished transaction must be reset first.
    pub(super) unfinished: bool,
}

/// Opens a connection: TCP, banner, EHLO. An EHLO that is refused is not followed by HELO.
pub async fn connect(peer: &Peer, clock: Clock) -> Opening {
    let mut stages = Vec::with_capacity(3);
    match open(peer, clock, &mut stages).await {
        Ok(opened) | Err(opened) => Opening { stages, opened },
    }
}

async fn open(
    peer: &Peer,
    clock: Clock,
    stages: &mut Vec<(Stage, Duration)>,
) -> Result<Opened, Opened> {
    let failed = |stage| move |cause| Opened::Failed { stage, cause };
    let start = clock.now();
    let wire = dial(peer).await.map_err(failed(Stage::Connect))?;
    stages.push((Stage::Connect, clock.now().since(start)));
    let timeouts = peer.timeouts;
    let client = SmtpClient { stream: wire, timeout: timeouts.reply };
    let capabilities = Capabilities::default();
    let mut connection = Connection {
        client,
        clock,
        timeouts,
        capabilities,
        batch: 1,
        open: true,
        unfinished: false,
    };
    let start = clock.now();
    let banner = connection.reply(timeouts.banner).await.map_err(failed(Stage::Banner))?;
    stages.push((Stage::Banner, clock.now().since(start)));
    positive(Stage::Banner, banner)?;
    let start = clock.now();
    let hello = format!("EHLO {}\r\n", peer.name);
    let offer = connection.command(&hello).await.map_err(failed(Stage::Ehlo))?;
    stages.push((Stage::Ehlo, clock.now().since(start)));
    connection.capabilities = Capabilities::read(&positive(Stage::Ehlo, offer)?.text);
    if peer.pipelining && connection.capabilities.pipelining {
        connection.batch = limits::PIPELINE;
    }
    Ok(Opened::Ready(Box::new(connection)))
}

async fn dial(peer: &Peer) -> Result<Wire, Cause> {
    let dialled = async { Wire::new(TcpStream::connect(peer.address).await?) };
    match timeout(peer.timeouts.connect, dialled).await {
        Ok(wire) => wire.map_err(|error| Cause::Io(error.kind())),
        Err(_) => Err(Cause::TimedOut(peer.timeouts.connect)),
    }
}

/// The reply itself where it is positive; how opening ended where it is not.
fn positive(stage: Stage, reply: Reply) -> Result<Reply, Opened> {
    match reply.severity() {
        Some(Severity::Positive) => Ok(reply),
        Some(Severity::Transient | Severity::Permanent) => Err(Opened::Refused { stage, reply }),
        _ => Err(Opened::Failed { stage, cause: Cause::Unexpected(reply) }),
    }
}

impl Capabilities {
    /// Reads the text of a reply to EHLO: a keyword a line after the first (RFC 5321 §4.1.1.1).
    fn read(text: &str) -> Capabilities {
        let offers = |keyword: &str| {
            let keywords = text.lines().skip(1).filter_map(|line| line.split([' ', '=']).next());
            keywords.into_iter().any(|offered| offered.eq_ignore_ascii_case(keyword))
        };
        Capabilities {
            pipelining: offers("PIPELINING"),
            size: offers("SIZE"),
            eight_bit_mime: offers("8BITMIME"),
        }
    }
}

impl Connection {
    /// What the server offers.
    #[must_use]
    pub fn capabilities(&self) -> Capabilities {
        self.capabilities
    }

    /// Makes the connection ready for the next transaction (RSET after an unfinished one) and says
    /// whether it can be used. A reply that came unasked, such as 421 before a shutdown, and a
    /// close by the server make it useless.
    pub async fn ready_again(&mut self) -> bool {
        if self.open && self.unfinished {
            let reset = self.command("RSET\r\n").await;
            self.open = reset.is_ok_and(|reply| reply.is_positive());
            self.unfinished = false;
        }
        self.open && self.is_quiet()
    }

    /// Whether it could still be used a moment ago: no failure, nothing unasked for, no close.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        self.open && self.client.stream.is_quiet()
    }

    /// Ends the session in order, as far as the server lets us within [`limits::QUIT`].
    pub async fn quit(mut self) {
        if self.open {
            let patience = self.timeouts.reply.min(limits::QUIT);
            let _ = timeout(patience, self.command("QUIT\r\n")).await;
        }
    }

    async fn command(&mut self, line: &str) -> Result<Reply, Cause> {
        self.write(line.as_bytes()).await?;
        self.reply(self.timeouts.reply).await
    }

    /// Writes whole command lines.
    pub(super) async fn write(&mut self, lines: &[u8]) -> Result<(), Cause> {
        match timeout(self.timeouts.reply, self.client.stream.write_all(lines)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(self.lost(Cause::Io(error.kind()))),
            Err(_) => Err(self.lost(Cause::TimedOut(self.timeouts.reply))),
        }
    }

    /// Reads one reply. After a 421 the server closes (RFC 5321 §3.8).
    pub(super) async fn reply(&mut self, patience: Duration) -> Result<Reply, Cause> {
        self.client.stream.begin_reply();
        let cause = match timeout(patience, self.client.read()).await {
            Ok(Ok(response)) => {
                self.open &= response.code != 421;
                return Ok(reply_of(response));
            }
            Ok(Err(mail_send::Error::Io(error))) if error.kind() == TOO_LONG => Cause::NotAReply,
            Ok(Err(mail_send::Error::Io(error))) => Cause::Io(error.kind()),
            // mail-send says the same of garbage and of the end of the connection.
            Ok(Err(_)) if !self.client.stream.ended() => Cause::NotAReply,
            Ok(Err(_)) if self.client.stream.in_line() => Cause::HalfReply,
            Ok(Err(_)) => Cause::Closed,
            Err(_) => Cause::TimedOut(patience),
        };
        Err(self.lost(cause))
    }

    pub(super) fn lost(&mut self, cause: Cause) -> Cause {
        self.open = false;
        cause
    }
}

/// mail-send's response as a reply; a long text is cut. An "enhanced status" of no known class is
/// part of the text.
fn reply_of(response: smtp_proto::Response<String>) -> Reply {
    let [class, subject, detail] = response.esc;
    let (enhanced, mut text) = match class {
        2 | 4 | 5 => {
            let (subject, detail) = (u16::from(subject), u16::from(detail));
            (Some(EnhancedStatus { class, subject, detail }), response.message)
        }
        0 if subject == 0 && detail == 0 => (None, response.message),
        _ => (None, format!("{class}.{subject}.{detail} {}", response.message)),
    };
    if let Some((end, _)) = text.char_indices().nth(limits::REPLY_TEXT) {
        text.truncate(end);
    }
    Reply::new(response.code, enhanced, text)
}
