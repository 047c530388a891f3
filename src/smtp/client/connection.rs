//! One open connection: commands and replies, reuse, quit. How it comes to be is in
//! [`super::opening`], transactions over it are in [`super::transaction`].

use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::time::timeout;

use super::capabilities::Capabilities;
use super::outcome::Cause;
use super::peer::Protocol;
use super::timeouts::Timeouts;
use super::wire::Wire;
use crate::clock::Clock;
use crate::limits;
use crate::smtp::patience::Patience;
use crate::smtp::reply::{EnhancedStatus, Reply};

/// An open connection past EHLO.
pub struct Connection {
    pub(super) wire: Wire,
    pub(super) clock: Clock,
    pub(super) patience: Patience,
    pub(super) timeouts: Timeouts,
    pub(super) protocol: Protocol,
    pub(super) capabilities: Capabilities,
    /// Whether content goes by BDAT (RFC 3030) where it can.
    pub(super) chunking: bool,
    /// Commands written before their replies are awaited.
    pub(super) batch: usize,
    /// Whether it can still be used.
    pub(super) open: bool,
    /// Whether an unfinished transaction must be reset first.
    pub(super) unfinished: bool,
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
    pub fn is_quiet(&mut self) -> bool {
        self.open && self.wire.is_quiet()
    }

    /// Ends the session in order, as far as the server lets us within [`limits::QUIT`].
    pub async fn quit(mut self) {
        if self.open {
            let patience = self.timeouts.reply.min(limits::QUIT);
            let _ = timeout(patience, self.command("QUIT\r\n")).await;
        }
    }

    pub(super) async fn command(&mut self, line: &str) -> Result<Reply, Cause> {
        self.write(line.as_bytes()).await?;
        self.reply(self.timeouts.reply).await
    }

    /// Writes whole command lines.
    pub(super) async fn write(&mut self, lines: &[u8]) -> Result<(), Cause> {
        // Over TLS, what was written may wait for a flush.
        let written = async {
            self.wire.write_all(lines).await?;
            self.wire.flush().await
        };
        match self.patience.within(self.timeouts.reply, written).await {
            Some(Ok(())) => Ok(()),
            Some(Err(error)) => Err(self.lost(Cause::Io(error.kind()))),
            None => Err(self.lost(Cause::TimedOut(self.timeouts.reply))),
        }
    }

    /// Reads one reply. After a 421 the server closes (RFC 5321 §3.8).
    pub(super) async fn reply(&mut self, patience: Duration) -> Result<Reply, Cause> {
        let cause = match self.patience.within(patience, self.wire.reply()).await {
            Some(Ok(response)) => {
                self.open &= response.code != 421;
                return Ok(reply_of(response));
            }
            Some(Err(cause)) => cause,
            None => Cause::TimedOut(patience),
        };
        Err(self.lost(cause))
    }

    pub(super) fn lost(&mut self, cause: Cause) -> Cause {
        self.open = false;
        cause
    }
}

/// smtp-proto's response as a reply; a long text is cut. An "enhanced status" of no known class is
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
