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
use crate::smtp::reply::Reply;

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

    /// Ends the session in order. A server that does not answer QUIT soon is waited for elsewhere,
    /// within [`limits::QUIT`]: its silence holds up no one.
    pub async fn quit(mut self) {
        if !self.open || self.write(b"QUIT\r\n").await.is_err() {
            return;
        }
        let soon = self.timeouts.reply.min(limits::QUIT_ANSWERED);
        if timeout(soon, self.wire.reply()).await.is_err() {
            tokio::spawn(async move {
                let _ = timeout(limits::QUIT, self.wire.reply()).await;
            });
        }
    }

    /// The same, without waiting at all.
    pub(super) fn quit_detached(self: Box<Self>) {
        tokio::spawn(self.quit());
    }

    pub(super) async fn command(&mut self, line: &str) -> Result<Reply, Cause> {
        self.write(line.as_bytes()).await?;
        self.whole_reply(self.timeouts.reply).await
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
            Some(Err(error)) => Err(self.lost(Cause::of(&error))),
            None => Err(self.lost(Cause::TimedOut(self.timeouts.reply))),
        }
    }

    /// Reads one reply; its text as long as it is kept.
    pub(super) async fn reply(&mut self, patience: Duration) -> Result<Reply, Cause> {
        self.whole_reply(patience).await.map(cut)
    }

    /// Reads one reply whole: what a server offers, or challenges with, may be long. After a 421
    /// the server closes (RFC 5321 §3.8).
    async fn whole_reply(&mut self, patience: Duration) -> Result<Reply, Cause> {
        let cause = match self.patience.within(patience, self.wire.reply()).await {
            Some(Ok(reply)) => {
                self.open &= reply.code != 421;
                return Ok(reply);
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

/// A reply whose text is as long as it is kept.
pub(super) fn cut(mut reply: Reply) -> Reply {
    if let Some((end, _)) = reply.text.char_indices().nth(limits::REPLY_TEXT) {
        reply.text.truncate(end);
    }
    reply
}
