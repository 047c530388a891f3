//! One connection at a server of ours.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

use super::case::{Moment, Strike};
use super::far_end::{Arrived, Dawdled, Said, Shared, end};
use crate::fault::tls::TlsFault;
use crate::limits;
use crate::smtp::command::Command;
use crate::smtp::content::Unstuffer;

/// What is offered unless a case wants something else.
const OFFER: [&str; 6] =
    ["PIPELINING", "SIZE", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES", "DSN"];

/// A connection's end: how it is to be broken.
enum End {
    Gone,
    Close,
    Reset,
}

/// What follows a command.
enum Next {
    Command,
    Content,
    Handshake(Option<TlsFault>),
    Close,
}

struct Session<S> {
    stream: S,
    shared: Arc<Shared>,
    number: usize,
    secured: bool,
    unread: Vec<u8>,
    from: Option<String>,
    to: Vec<String>,
}

/// Serves one connection, up to TLS and under it.
pub(super) async fn serve(stream: TcpStream, shared: Arc<Shared>, number: usize) {
    let mut session = Session::new(stream, Arc::clone(&shared), number, false);
    let ended = match session.greet().await {
        Ok(()) => session.talk().await,
        Err(end) => Err(end),
    };
    let stream = session.stream;
    match ended {
        Ok(fault) => {
            let acceptor = shared.identity.acceptor(fault).clone();
            if let Ok(secured) = Box::pin(acceptor.accept(stream)).await {
                let mut session = Session::new(secured, shared, number, true);
                let _ended = session.talk().await;
                let _gone = session.stream.shutdown().await;
            }
        }
        Err(End::Reset) => end(stream, true).await,
        Err(End::Close | End::Gone) => end(stream, false).await,
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Session<S> {
    fn new(stream: S, shared: Arc<Shared>, number: usize, secured: bool) -> Session<S> {
        let (unread, to) = (Vec::new(), Vec::new());
        Session { stream, shared, number, secured, unread, from: None, to }
    }

    async fn greet(&mut self) -> Result<(), End> {
        self.reply(Moment::Banner, "220 far.mailbench.test ESMTP").await.map(|_| ())
    }

    /// Commands, up to the end (an error) or to a handshake.
    async fn talk(&mut self) -> Result<Option<TlsFault>, End> {
        loop {
            let line = self.line().await?;
            match self.answer(&line).await? {
                Next::Command => {}
                Next::Content => self.content().await?,
                Next::Handshake(fault) => return Ok(fault),
                Next::Close => return Err(End::Close),
            }
        }
    }

    async fn line(&mut self) -> Result<Vec<u8>, End> {
        loop {
            if let Some(at) = memchr::memchr(b'\n', &self.unread) {
                let mut line: Vec<u8> = self.unread.drain(..=at).collect();
                while line.last().is_some_and(|byte| b"\r\n".contains(byte)) {
                    line.pop();
                }
                let said = Said {
                    at: self.shared.clock.now(),
                    connection: self.number,
                    line: String::from_utf8_lossy(&line).into_owned(),
                    secured: self.secured,
                    more: !self.unread.is_empty(),
                };
                self.shared.seen().said.push(said);
                return Ok(line);
            }
            self.fill().await?;
        }
    }

    async fn fill(&mut self) -> Result<(), End> {
        if self.unread.len() > limits::CONFORMANCE_MESSAGE {
            return Err(End::Close);
        }
        let mut room = vec![0; 16 * 1024];
        match self.stream.read(&mut room).await {
            Ok(0) | Err(_) => Err(End::Gone),
            Ok(read) => {
                self.unread.extend_from_slice(&room[..read]);
                Ok(())
            }
        }
    }

    async fn answer(&mut self, line: &[u8]) -> Result<Next, End> {
        let text = String::from_utf8_lossy(line).into_owned();
        match Command::parse(line) {
            Command::Ehlo(_) => {
                let offer = self.offer();
                self.reply(Moment::Ehlo, &offer).await?;
            }
            Command::Helo(_) => {
                self.reply(Moment::Ehlo, "250 far.mailbench.test").await?;
            }
            Command::Starttls => return self.starttls().await,
            Command::Mail(mail) => {
                if self.reply(Moment::Mail, "250 2.1.0 Ok").await? {
                    (self.from, self.to) = (Some(mail.reverse_path), Vec::new());
                }
            }
            Command::Rcpt(rcpt) => {
                if self.reply_rcpt(&rcpt.forward_path).await? {
                    self.to.push(rcpt.forward_path);
                }
            }
            Command::Data if self.to.is_empty() => self.write(b"554 5.5.1 Nobody\r\n").await?,
            Command::Data => {
                if self.reply(Moment::Data, "354 Go on").await? {
                    return Ok(Next::Content);
                }
            }
            Command::Quit => {
                self.write(b"221 2.0.0 Bye\r\n").await?;
                return Ok(Next::Close);
            }
            Command::Rset => {
                (self.from, self.to) = (None, Vec::new());
                self.write(b"250 2.0.0 Ok\r\n").await?;
            }
            Command::Noop => self.write(b"250 2.0.0 Ok\r\n").await?,
            _ => self.write(format!("502 5.5.1 Not here: {text}\r\n").as_bytes()).await?,
        }
        Ok(Next::Command)
    }

    fn offer(&self) -> String {
        let own = self.shared.manner.offer.as_deref();
        let starttls = |word: &&&str| !(self.secured && **word == "STARTTLS");
        let mut words = own.unwrap_or(&OFFER).iter().filter(starttls).peekable();
        let mut text = String::from("250");
        text.push(if words.peek().is_some() { '-' } else { ' ' });
        text.push_str("far.mailbench.test");
        while let Some(word) = words.next() {
            let more = if words.peek().is_some() { '-' } else { ' ' };
            text.push_str(&format!("\r\n250{more}{word}"));
        }
        text
    }

    async fn starttls(&mut self) -> Result<Next, End> {
        for strike in self.shared.strikes(self.number, Moment::StartTls) {
            match strike {
                Strike::Inject(text) => {
                    self.write(format!("220 Go ahead\r\n{text}").as_bytes()).await?;
                    return Ok(Next::Handshake(None));
                }
                Strike::Certificate(fault) => {
                    self.write(b"220 Go ahead\r\n").await?;
                    return Ok(Next::Handshake(Some(fault)));
                }
                Strike::BadHandshake => {
                    self.write(b"220 Go ahead\r\nthis is no handshake at all\r\n").await?;
                    return Err(End::Close);
                }
                Strike::Refuse(text) => {
                    self.write(format!("{text}\r\n").as_bytes()).await?;
                    return Ok(Next::Command);
                }
                _ => {}
            }
        }
        self.write(b"220 Go ahead\r\n").await?;
        Ok(Next::Handshake(None))
    }

    async fn reply_rcpt(&mut self, address: &str) -> Result<bool, End> {
        let strikes = self.shared.manner.strikes.clone();
        for (moment, strike) in strikes {
            if let (Moment::Rcpt(part), true) = (moment, self.shared.misbehaves(self.number))
                && address.contains(part)
            {
                return self.strike(&strike).await?.map_or(Ok(true), Ok);
            }
        }
        self.reply(Moment::Rcpt("*"), "250 2.1.5 Ok").await
    }

    /// Replies, or does what is to be done instead; whether it was, or passed for, the ordinary
    /// reply.
    async fn reply(&mut self, moment: Moment, ordinary: &str) -> Result<bool, End> {
        for strike in self.shared.strikes(self.number, moment) {
            if let Some(passed) = self.strike(&strike).await? {
                return Ok(passed);
            }
        }
        self.write(format!("{ordinary}\r\n").as_bytes()).await?;
        Ok(true)
    }

    /// Does it; `None`: the ordinary reply is still to come.
    async fn strike(&mut self, strike: &Strike) -> Result<Option<bool>, End> {
        match strike {
            Strike::Say(text) => {
                self.write(text).await?;
                Ok(Some(true))
            }
            Strike::Refuse(text) => {
                self.write(format!("{text}\r\n").as_bytes()).await?;
                Ok(Some(false))
            }
            Strike::Farewell(text) => {
                self.write(format!("{text}\r\n").as_bytes()).await?;
                Err(End::Close)
            }
            Strike::Close => Err(End::Close),
            Strike::Reset => Err(End::Reset),
            Strike::EndHalf => {
                let _gone = self.stream.shutdown().await;
                Ok(Some(true))
            }
            Strike::Wait(time) => {
                tokio::time::sleep(*time).await;
                self.note_haste().await;
                Ok(None)
            }
            Strike::Dawdle { lead, again, pause, length } => {
                let begun = {
                    let from = self.shared.clock.now();
                    let mut seen = self.shared.seen();
                    seen.dawdled.push(Dawdled { from, ended: None, octets: 0 });
                    seen.dawdled.len() - 1
                };
                let dawdle = self.dawdle(lead, again, *pause, begun);
                let left = tokio::time::timeout(*length, dawdle).await.unwrap_or(false);
                let now = self.shared.clock.now();
                self.shared.seen().dawdled[begun].ended = Some((now, left));
                Err(End::Close)
            }
            Strike::BadHandshake | Strike::Inject(_) | Strike::Certificate(_) => Ok(None),
        }
    }

    /// Says what never ends; whether the client was the first to leave.
    async fn dawdle(&mut self, lead: &str, again: &[u8], pause: Duration, begun: usize) -> bool {
        let (mut next, mut said) = (lead.as_bytes(), 0);
        while said < limits::CONFORMANCE_REPLY_OCTETS {
            if self.write(next).await.is_err() {
                return true;
            }
            said += next.len();
            self.shared.seen().dawdled[begun].octets = said;
            next = again;
            tokio::time::sleep(pause).await;
        }
        false
    }

    /// Takes note of whether the client has gone on before it was answered.
    async fn note_haste(&mut self) {
        let mut room = [0; 4096];
        let there = self.stream.read(&mut room);
        if let Ok(Ok(read)) = tokio::time::timeout(Duration::from_millis(1), there).await {
            self.unread.extend_from_slice(&room[..read]);
        }
        if let Some(last) = self.shared.seen().said.last_mut() {
            last.more |= !self.unread.is_empty();
        }
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<(), End> {
        self.stream.write_all(bytes).await.map_err(|_| End::Gone)?;
        self.stream.flush().await.map_err(|_| End::Gone)
    }

    async fn content(&mut self) -> Result<(), End> {
        let (mut unstuffer, mut content) = (Unstuffer::default(), Vec::new());
        loop {
            let unread = std::mem::take(&mut self.unread);
            let (used, ended) = unstuffer.feed(&unread, |text| content.extend_from_slice(text));
            self.unread = unread[used..].to_vec();
            if ended {
                break;
            }
            if content.len() > limits::CONFORMANCE_MESSAGE {
                return Err(End::Close);
            }
            if !content.is_empty() {
                for strike in self.shared.strikes(self.number, Moment::Content) {
                    self.strike(&strike).await?;
                }
            }
            self.fill().await?;
        }
        let mut arrived = Arrived {
            at: self.shared.clock.now(),
            connection: self.number,
            from: self.from.take().unwrap_or_default(),
            to: std::mem::take(&mut self.to),
            content,
            taken: false,
            secured: self.secured,
        };
        let place = {
            let mut seen = self.shared.seen();
            seen.arrived.push(arrived.clone());
            seen.arrived.len() - 1
        };
        arrived.taken = self.reply(Moment::Dot, "250 2.0.0 Taken").await?;
        self.shared.seen().arrived[place].taken = arrived.taken;
        Ok(())
    }
}
