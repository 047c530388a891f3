//! One session at the intake: reads, lets the dialogue answer, and overrides its answer where the
//! relay has a say (queue full, loop, storage). A `250` to the final dot means the mail is safe.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::limits::{RELAY_HOPS, RELAY_REPLIES, SERVER_IDLE};
use crate::relay::committer::{Order, Stored};
use crate::relay::content::{Arriving, Trouble};
use crate::relay::context::Intake;
use crate::relay::mail::{Content, Envelope, Mail};
use crate::relay::trace::{self, HeaderFacts};
use crate::smtp::command::{Command, Flaw};
use crate::smtp::content::has_bare;
use crate::smtp::dialogue::{Dialogue, Next, Turn};
use crate::smtp::line::{Line, Lines};
use crate::smtp::reply::{EnhancedStatus, Reply};
use crate::smtp::stream::Stream;

/// A session.
pub(super) struct Session {
    intake: Arc<Intake>,
    stream: Stream,
    peer: IpAddr,
    dialogue: Dialogue,
    /// What the client calls itself.
    hello: String,
    /// The next line belongs to an AUTH exchange.
    answering: bool,
    lines: Lines,
    input: Vec<u8>,
    output: Vec<u8>,
}

/// Why a session ends.
enum End {
    /// QUIT, or a reply that closes.
    Closed,
    /// The client is gone, or the socket failed.
    Gone,
    /// Nothing came, or nothing was read by the client, for too long.
    Idle,
    /// The relay stops.
    Stopping,
    /// A line without end.
    Endless,
}

/// Stands for a line of an AUTH exchange that was too long: no base64.
const NO_ANSWER: &[u8] = b"%";

/// Octets read at once.
const READ: usize = 16 * 1024;

impl Session {
    pub(super) fn new(intake: Arc<Intake>, stream: TcpStream, peer: IpAddr) -> Session {
        let _replies_are_written_whole = stream.set_nodelay(true);
        let dialogue = Dialogue::new(Arc::clone(&intake.terms));
        Session {
            intake,
            stream: Stream::Plain(stream),
            peer,
            dialogue,
            hello: String::new(),
            answering: false,
            lines: Lines::default(),
            input: Vec::new(),
            output: Vec::new(),
        }
    }

    /// Serves the client until one side has had enough.
    pub(super) async fn run(mut self) {
        let parting = match self.converse().await {
            Ok(never) => match never {},
            Err(End::Closed) => None,
            Err(End::Gone) => return,
            Err(End::Idle) => Some(reply(421, (4, 4, 2), "idle for too long")),
            Err(End::Stopping) => Some(reply(421, (4, 3, 2), "shutting down")),
            Err(End::Endless) => Some(reply(421, (4, 7, 0), "that line has no end")),
        };
        if let Some(parting) = parting {
            parting.encode(&mut self.output);
        }
        if self.flush().await.is_ok() {
            let _closed_or_gone = timeout(PARTING, self.stream.shutdown()).await;
        }
    }

    async fn converse(&mut self) -> Result<std::convert::Infallible, End> {
        if self.intake.is_implicit() {
            self.shake_hands().await?;
        }
        self.take_turn(Turn::Greeting).await?;
        loop {
            let (used, line) = self.lines.next(&self.input);
            let turn = match line {
                Line::Whole(line) if self.answering => Some(Turn::Answer(line.to_vec())),
                Line::TooLong if self.answering => Some(Turn::Answer(NO_ANSWER.to_vec())),
                Line::Whole(line) => Some(Turn::Command(Command::parse(line))),
                Line::TooLong => Some(Turn::Command(Command::Malformed(Flaw::TooLong))),
                Line::Partial => None,
                Line::Endless => return Err(End::Endless),
            };
            self.input.drain(..used);
            match turn {
                Some(turn) => self.take_turn(turn).await?,
                None => self.fill().await?,
            }
        }
    }

    /// Answers one turn and does what follows from it.
    async fn take_turn(&mut self, turn: Turn) -> Result<(), End> {
        let reply = self.overridden(&turn).unwrap_or_else(|| self.dialogue.answer(&turn));
        if let Turn::Command(Command::Ehlo(name) | Command::Helo(name)) = &turn {
            self.hello.clone_from(name);
        }
        reply.encode(&mut self.output);
        if self.output.len() > RELAY_REPLIES {
            self.flush().await?;
        }
        let next = self.dialogue.settle(turn, &reply);
        self.answering = next == Next::Answer;
        match next {
            Next::Command | Next::Answer => Ok(()),
            Next::Handshake => self.shake_hands().await,
            Next::Content => self.take_content().await,
            Next::Close => Err(End::Closed),
        }
    }

    /// TLS. What was said before it is over, also what has arrived and was not read yet
    /// (CVE-2011-0411).
    async fn shake_hands(&mut self) -> Result<(), End> {
        self.flush().await?;
        let Some(tls) = &self.intake.tls else { return Err(End::Gone) };
        match timeout(SERVER_IDLE, self.stream.secure(&tls.acceptor)).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) | Err(_) => return Err(End::Gone),
        }
        self.dialogue.secure();
        self.hello.clear();
        self.input.clear();
        self.lines = Lines::default();
        Ok(())
    }

    /// How the mail comes, as a trace field says it (RFC 3848).
    fn protocol(&self) -> &'static str {
        match (self.stream.is_secure(), self.dialogue.is_authenticated()) {
            (false, false) => "ESMTP",
            (true, false) => "ESMTPS",
            (false, true) => "ESMTPA",
            (true, true) => "ESMTPSA",
        }
    }

    /// What the relay says instead of the dialogue.
    fn overridden(&self, turn: &Turn) -> Option<Reply> {
        let would_go_on = || self.dialogue.answer(turn).is_positive();
        match turn {
            Turn::Greeting if self.intake.is_full() => {
                Some(reply(421, (4, 3, 1), "queue full, try later"))
            }
            Turn::Command(Command::Mail(_)) if self.intake.is_full() && would_go_on() => {
                Some(reply(452, (4, 3, 1), "queue full, try later"))
            }
            _ => None,
        }
    }

    /// Reads content up to the final dot, makes the mail safe and answers.
    async fn take_content(&mut self) -> Result<(), End> {
        let id = self.intake.holdings.number();
        let now = self.intake.clock.now();
        let received = trace::received(id, &self.hello, self.peer, self.protocol(), now);
        let charge = self.intake.holdings.budget.charge();
        let mut arriving = Arriving::new(received.into_bytes(), self.intake.terms.size, charge);
        loop {
            let (used, ended) = arriving.feed(&self.input);
            self.input.drain(..used);
            if ended {
                break;
            }
            if arriving.is_hopeless() {
                reply(552, (5, 3, 4), "message too large").encode(&mut self.output);
                return Err(End::Closed);
            }
            self.fill().await?;
        }
        let turn = Turn::EndOfData { size: arriving.size() };
        let reply = match arriving.finish() {
            Ok(content) => self.accept(id, content, &turn).await,
            Err(Trouble::TooLarge) => self.dialogue.answer(&turn),
            Err(Trouble::NoMemory) => reply(452, (4, 3, 1), "no memory for this message now"),
        };
        reply.encode(&mut self.output);
        self.dialogue.settle(turn, &reply);
        Ok(())
    }

    /// Makes a mail safe; the reply says whether it is.
    async fn accept(&self, id: i64, content: Content, turn: &Turn) -> Reply {
        let facts = HeaderFacts::of(&content.octets);
        if facts.hops > RELAY_HOPS {
            return reply(554, (5, 4, 6), "too many Received fields: a loop");
        }
        if has_bare(&content.octets) {
            return reply(554, (5, 6, 0), "a CR or LF that is not part of CRLF");
        }
        let obedient = self.dialogue.answer(turn);
        let Some(envelope) = self.dialogue.envelope().filter(|_| obedient.is_positive()) else {
            return obedient;
        };
        let asked = envelope.mail.mt_priority.filter(|priority| *priority != 0);
        let recipients: Vec<String> =
            envelope.recipients.iter().map(|rcpt| rcpt.forward_path.clone()).collect();
        let mail = Mail {
            envelope: Arc::new(Envelope {
                id,
                reverse_path: envelope.mail.reverse_path.clone(),
                priority: asked.or(facts.priority).unwrap_or(0),
                eight_bit: !content.octets.is_ascii(),
                utf8: envelope.mail.smtputf8 && facts.utf8
                    || !envelope.mail.reverse_path.is_ascii(),
                accepted: self.intake.clock.now(),
            }),
            recipients,
            content: Arc::new(content),
        };
        match self.store(mail).await {
            Stored::Safe => reply(250, (2, 0, 0), &format!("queued as {id}")),
            Stored::Failed => reply(451, (4, 3, 0), "the queue cannot be written"),
        }
    }

    async fn store(&self, mail: Mail) -> Stored {
        let recipients = mail.recipients.len();
        let (safe, stored) = oneshot::channel();
        // Counted before the commit, so that a delivery never counts down what was not counted.
        self.intake.holdings.add(recipients);
        let handed_in = self.intake.orders.send(Order::Accept(mail, safe)).await;
        let stored = match handed_in {
            Ok(()) => stored.await.unwrap_or(Stored::Failed),
            Err(_) => Stored::Failed,
        };
        if stored == Stored::Failed {
            self.intake.holdings.remove(recipients);
        }
        stored
    }

    /// Sends what is to be said, then reads more.
    async fn fill(&mut self) -> Result<(), End> {
        self.flush().await?;
        self.input.reserve(READ);
        let reading = timeout(SERVER_IDLE, self.stream.read_buf(&mut self.input));
        let read = tokio::select! {
            read = reading => read,
            () = self.intake.stop.cancelled() => return Err(End::Stopping),
        };
        match read {
            Ok(Ok(0) | Err(_)) => Err(End::Gone),
            Ok(Ok(_)) => Ok(()),
            Err(_) => Err(End::Idle),
        }
    }

    async fn flush(&mut self) -> Result<(), End> {
        if self.output.is_empty() {
            return Ok(());
        }
        let writing = async {
            self.stream.write_all(&self.output).await?;
            self.stream.flush().await
        };
        let written = timeout(SERVER_IDLE, writing).await;
        self.output.clear();
        match written {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(End::Gone),
        }
    }
}

/// Patience with the last octets of a session.
const PARTING: Duration = Duration::from_secs(5);

fn reply(code: u16, (class, subject, detail): (u8, u16, u16), text: &str) -> Reply {
    Reply::new(code, Some(EnhancedStatus { class, subject, detail }), text)
}
