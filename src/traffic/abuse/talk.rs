//! What a bad client has of SMTP: writing bytes as it likes, and reading the code of a reply.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::ledger::event::AbuseEnd;
use crate::limits;
use crate::shortage::Shortage;
use crate::smtp::stage::Stage;

/// Who bad clients say they are.
pub(super) const NAME: &str = "abuse.mailbench.test";

/// One conversation, and how far it has come.
pub(super) struct Talk {
    stream: Option<TcpStream>,
    unread: Vec<u8>,
    recipient: String,
    pub(super) stage: Stage,
    /// What mailbench itself lacked to connect.
    pub(super) shortage: Option<Shortage>,
}

impl Talk {
    pub(super) fn new(recipient: &str) -> Talk {
        let recipient = recipient.to_owned();
        Talk { stream: None, unread: Vec::new(), recipient, stage: Stage::Connect, shortage: None }
    }

    pub(super) async fn connect(&mut self, address: SocketAddr) -> Result<(), AbuseEnd> {
        let stream = TcpStream::connect(address).await;
        let stream = stream.map_err(|error| {
            self.shortage = Shortage::of(&error);
            AbuseEnd::Unconnected
        })?;
        // Each byte of a slow client is to be a segment of its own.
        stream.set_nodelay(true).map_err(|_| AbuseEnd::Unconnected)?;
        self.stream = Some(stream);
        Ok(())
    }

    /// The command of a stage, with its line end.
    pub(super) fn command(&self, stage: Stage) -> String {
        match stage {
            Stage::Ehlo => format!("EHLO {NAME}\r\n"),
            Stage::MailFrom => "MAIL FROM:<abuse@bounce.mailbench.test>\r\n".to_owned(),
            Stage::RcptTo => format!("RCPT TO:<{}>\r\n", self.recipient),
            Stage::Data => "DATA\r\n".to_owned(),
            _ => "Subject: this message has no end\r\n\r\n".to_owned(),
        }
    }

    pub(super) async fn say(&mut self, bytes: &[u8]) -> Result<(), AbuseEnd> {
        let stream = self.stream.as_mut().ok_or(AbuseEnd::Unconnected)?;
        stream.write_all(bytes).await.map_err(|_| AbuseEnd::CutOff)
    }

    /// The code of the next reply. Safe to give up: what was read is kept.
    pub(super) async fn hear(&mut self) -> Result<u16, AbuseEnd> {
        loop {
            if let Some(code) = self.take_reply() {
                return Ok(code);
            }
            let stream = self.stream.as_mut().ok_or(AbuseEnd::Unconnected)?;
            let read = stream.read_buf(&mut self.unread).await.map_err(|_| AbuseEnd::CutOff)?;
            if read == 0 || self.unread.len() > limits::REPLY {
                return Err(AbuseEnd::CutOff);
            }
        }
    }

    /// The next reply; `Err`: a refusal.
    pub(super) async fn expect_positive_reply(&mut self) -> Result<(), AbuseEnd> {
        match self.hear().await? {
            code @ 400.. => Err(AbuseEnd::Refused { code }),
            _ => Ok(()),
        }
    }

    /// Says the command of a stage and waits for a reply that lets it go on.
    pub(super) async fn step(&mut self, stage: Stage) -> Result<(), AbuseEnd> {
        self.stage = stage;
        let command = self.command(stage);
        self.say(command.as_bytes()).await?;
        self.expect_positive_reply().await
    }

    /// Leaves by RST instead of FIN.
    pub(super) fn reset_at_end(&mut self) {
        if let Some(stream) = &self.stream {
            // Then it is a FIN.
            let _harmless = stream.set_zero_linger();
        }
    }

    /// The first whole reply out of what was read: its last line has a blank, or nothing, after
    /// the code.
    fn take_reply(&mut self) -> Option<u16> {
        let mut start = 0;
        while let Some(length) = memchr::memchr(b'\n', &self.unread[start..]) {
            let line = &self.unread[start..start + length];
            start += length + 1;
            if line.get(3) != Some(&b'-') {
                let code = line.get(..3).and_then(|code| std::str::from_utf8(code).ok());
                let code = code.and_then(|code| code.parse().ok()).unwrap_or(0);
                self.unread.drain(..start);
                return Some(code);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_are_taken_one_by_one() {
        let mut talk = Talk::new("x@a.test");
        talk.unread = b"220 hi\r\n250-a\r\n250-b\r\n250 c\r\n421\r\n250-".to_vec();
        let codes: Vec<u16> = std::iter::from_fn(|| talk.take_reply()).collect();
        assert_eq!((codes, talk.unread.as_slice()), (vec![220, 250, 421], b"250-".as_slice()));
    }
}
