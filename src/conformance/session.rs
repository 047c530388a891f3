//! One connection at a test server: reads commands, answers them, and misbehaves where the script
//! says so.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

use super::case::{Misbehaviour, ServerStage};
use super::server_record::{EndlessReply, ReceivedCommand, ReceivedMessage, Shared};
use crate::fault::tls::TlsFault;
use crate::limits;
use crate::smtp::command::Command;
use crate::smtp::content::Unstuffer;

/// The extensions that are offered unless the case names others.
const EXTENSIONS: [&str; 6] =
    ["PIPELINING", "SIZE", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES", "DSN"];

/// How a connection ends.
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
    tls: bool,
    unread: Vec<u8>,
    from: Option<String>,
    to: Vec<String>,
}

/// Closes a connection, after reading what is still coming, or resets it.
pub(super) async fn end(mut stream: TcpStream, reset: bool) {
    if reset {
        let _best_effort = socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO));
        return;
    }
    let _gone = stream.shutdown().await;
    let mut rest = [0; 1024];
    let drain = async { while stream.read(&mut rest).await.is_ok_and(|read| read > 0) {} };
    let _in_time = tokio::time::timeout(limits::CLOSE_DRAIN, drain).await;
}

/// Serves one connection, up to TLS and under it.
pub(super) async fn serve(stream: TcpStream, shared: Arc<Shared>, number: usize) {
    let mut session = Session::new(stream, Arc::clone(&shared), number, false);
    let ended = match session.send_banner().await {
        Ok(()) => session.serve_commands().await,
        Err(end) => Err(end),
    };
    let stream = session.stream;
    match ended {
        Ok(fault) => {
            let acceptor = shared.identity.acceptor(fault).clone();
            if let Ok(stream) = Box::pin(acceptor.accept(stream)).await {
                let mut session = Session::new(stream, shared, number, true);
                let _ended = session.serve_commands().await;
                let _gone = session.stream.shutdown().await;
            }
        }
        Err(End::Reset) => end(stream, true).await,
        Err(End::Close | End::Gone) => end(stream, false).await,
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Session<S> {
    fn new(stream: S, shared: Arc<Shared>, number: usize, tls: bool) -> Session<S> {
        let (unread, to) = (Vec::new(), Vec::new());
        Session { stream, shared, number, tls, unread, from: None, to }
    }

    async fn send_banner(&mut self) -> Result<(), End> {
        self.reply(ServerStage::Banner, "220 far.mailbench.test ESMTP").await.map(|_| ())
    }

    /// Answers commands until the connection ends (an error) or a TLS handshake follows.
    async fn serve_commands(&mut self) -> Result<Option<TlsFault>, End> {
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
                let command = ReceivedCommand {
                    at: self.shared.clock.now(),
                    connection: self.number,
                    line: String::from_utf8_lossy(&line).into_owned(),
                    tls: self.tls,
                    followed: !self.unread.is_empty(),
                };
                self.shared.record().commands.push(command);
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
        match Command::parse(line) {
            Command::Ehlo(_) => {
                let reply = self.ehlo_reply();
                self.reply(ServerStage::Ehlo, &reply).await?;
            }
            Command::Helo(_) => {
                self.reply(ServerStage::Ehlo, "250 far.mailbench.test").await?;
            }
            Command::Starttls => return self.starttls().await,
            Command::Mail(mail) => {
                if self.reply(ServerStage::Mail, "250 2.1.0 Ok").await? {
                    (self.from, self.to) = (Some(mail.reverse_path), Vec::new());
                }
            }
            Command::Rcpt(rcpt) => {
                if self.reply_rcpt(&rcpt.forward_path).await? {
                    self.to.push(rcpt.forward_path);
                }
            }
            Command::Data if self.to.is_empty() => {
                self.write(b"554 5.5.1 No valid recipients\r\n").await?;
            }
            Command::Data => {
                if self.reply(ServerStage::Data, "354 End data with <CR><LF>.<CR><LF>").await? {
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
            _ => self.write(b"502 5.5.1 Command not implemented\r\n").await?,
        }
        Ok(Next::Command)
    }

    fn ehlo_reply(&self) -> String {
        let own = self.shared.script.extensions.as_deref();
        let is_offered = |word: &&&str| !(self.tls && **word == "STARTTLS");
        let mut words = own.unwrap_or(&EXTENSIONS).iter().filter(is_offered).peekable();
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
        for misbehaviour in self.shared.misbehaviour(self.number, ServerStage::StartTls) {
            match misbehaviour {
                Misbehaviour::InjectPlaintext(text) => {
                    self.write(format!("220 Go ahead\r\n{text}").as_bytes()).await?;
                    return Ok(Next::Handshake(None));
                }
                Misbehaviour::BadCertificate(fault) => {
                    self.write(b"220 Go ahead\r\n").await?;
                    return Ok(Next::Handshake(Some(fault)));
                }
                Misbehaviour::InvalidHandshake => {
                    self.write(b"220 Go ahead\r\nthis is not a TLS handshake\r\n").await?;
                    return Err(End::Close);
                }
                Misbehaviour::Reject(text) => {
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
        for misbehaviour in self.shared.misbehaviour_at_rcpt(self.number, address) {
            if let Some(is_accepted) = self.misbehave(&misbehaviour).await? {
                return Ok(is_accepted);
            }
        }
        self.write(b"250 2.1.5 Ok\r\n").await?;
        Ok(true)
    }

    /// Replies, or misbehaves instead; whether the reply was, or passed for, the ordinary one.
    async fn reply(&mut self, stage: ServerStage, ordinary: &str) -> Result<bool, End> {
        for misbehaviour in self.shared.misbehaviour(self.number, stage) {
            if let Some(is_ordinary) = self.misbehave(&misbehaviour).await? {
                return Ok(is_ordinary);
            }
        }
        self.write(format!("{ordinary}\r\n").as_bytes()).await?;
        Ok(true)
    }

    /// Misbehaves; `None`: the ordinary reply follows.
    async fn misbehave(&mut self, misbehaviour: &Misbehaviour) -> Result<Option<bool>, End> {
        match misbehaviour {
            Misbehaviour::Reply(text) => {
                self.write(text).await?;
                Ok(Some(true))
            }
            Misbehaviour::Reject(text) => {
                self.write(format!("{text}\r\n").as_bytes()).await?;
                Ok(Some(false))
            }
            Misbehaviour::ReplyAndClose(text) => {
                self.write(format!("{text}\r\n").as_bytes()).await?;
                Err(End::Close)
            }
            Misbehaviour::Close => Err(End::Close),
            Misbehaviour::Reset => Err(End::Reset),
            Misbehaviour::HalfClose => {
                let _gone = self.stream.shutdown().await;
                Ok(Some(true))
            }
            Misbehaviour::Delay(time) => {
                tokio::time::sleep(*time).await;
                self.record_early_commands().await;
                Ok(None)
            }
            Misbehaviour::EndlessReply { first, repeated, interval, length } => {
                let number = self.record_endless_reply();
                let reply = self.reply_endlessly((first.as_bytes(), repeated), *interval, number);
                let left = tokio::time::timeout(*length, reply).await.unwrap_or(false);
                let now = self.shared.clock.now();
                self.shared.record().endless_replies[number].ended = Some((now, left));
                Err(End::Close)
            }
            Misbehaviour::InvalidHandshake
            | Misbehaviour::InjectPlaintext(_)
            | Misbehaviour::BadCertificate(_) => Ok(None),
        }
    }

    /// Records the beginning of an endless reply; its number.
    fn record_endless_reply(&self) -> usize {
        let started = self.shared.clock.now();
        let mut record = self.shared.record();
        record.endless_replies.push(EndlessReply { started, ended: None, octets: 0 });
        record.endless_replies.len() - 1
    }

    /// Sends a reply without end; whether the target was the first to close the connection.
    async fn reply_endlessly(
        &mut self,
        (first, repeated): (&[u8], &[u8]),
        interval: Duration,
        number: usize,
    ) -> bool {
        let (mut next, mut sent) = (first, 0);
        while sent < limits::CONFORMANCE_REPLY_OCTETS {
            if self.write(next).await.is_err() {
                return true;
            }
            sent += next.len();
            self.shared.record().endless_replies[number].octets = sent;
            next = repeated;
            tokio::time::sleep(interval).await;
        }
        false
    }

    /// Records whether the client sent more before its last command was answered.
    async fn record_early_commands(&mut self) {
        let mut room = [0; 4096];
        let there = self.stream.read(&mut room);
        if let Ok(Ok(read)) = tokio::time::timeout(Duration::from_millis(1), there).await {
            self.unread.extend_from_slice(&room[..read]);
        }
        if let Some(last) = self.shared.record().commands.last_mut() {
            last.followed |= !self.unread.is_empty();
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
                for misbehaviour in self.shared.misbehaviour(self.number, ServerStage::Content) {
                    self.misbehave(&misbehaviour).await?;
                }
            }
            self.fill().await?;
        }
        let message = ReceivedMessage {
            at: self.shared.clock.now(),
            connection: self.number,
            from: self.from.take().unwrap_or_default(),
            to: std::mem::take(&mut self.to),
            content,
            accepted: false,
            tls: self.tls,
        };
        let number = {
            let mut record = self.shared.record();
            record.messages.push(message);
            record.messages.len() - 1
        };
        let accepted = self.reply(ServerStage::EndOfData, "250 2.0.0 Ok").await?;
        self.shared.record().messages[number].accepted = accepted;
        Ok(())
    }
}
