//! Reads a user's mail by POP3 (RFC 1939). Nothing is removed: DELE is never sent. A server may count
//! a retrieved message as seen, as Dovecot does: POP3 has no command that prevents it.
//!
//! Mail that arrives during a session is not seen by it, and a server may keep mail back from the mailbox
//! meanwhile: read once all was delivered.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};

use super::connection::Connection;
use super::content::ContentExaminer;
use super::{
    Account, Doubt, MailboxError, Reading, StoredContent, StoredCopy, check_account, push_copy,
};
use crate::clock::Clock;
use crate::limits;
use crate::probe::Identity;

/// The one folder there is.
const FOLDER: &str = "INBOX";

/// Content is handed on in pieces of at most this size.
const PIECE: usize = 8192;

struct Session<'a, S> {
    connection: Connection<S>,
    own: &'a Identity,
    clock: &'a Clock,
}

/// Reads one user's mail, over a connection that was just opened.
///
/// # Errors
/// When the server refuses a command, breaks the protocol or a bound, or takes longer than `within`.
pub async fn read<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    account: Account<'_>,
    own: &Identity,
    clock: &Clock,
    within: Duration,
) -> Result<Reading, MailboxError> {
    check_account(account)?;
    let session = Session { connection: Connection::new(stream), own, clock };
    let read = session.read(account);
    tokio::time::timeout(within, read).await.map_err(|_| MailboxError::Timeout(within))?
}

impl<S: AsyncRead + AsyncWrite + Unpin> Session<'_, S> {
    async fn read(mut self, account: Account<'_>) -> Result<Reading, MailboxError> {
        self.reply("the greeting").await?;
        self.command("USER", account.user).await?;
        self.command("PASS", account.password).await?;
        let announced = self.count().await?;
        let mut reading = Reading::default();
        let mut uids = BTreeSet::new();
        for (number, uid) in self.listing().await? {
            let content = match self.message(number).await {
                Ok(content) => content,
                Err(MailboxError::Refused { reply, .. }) => {
                    let folder = FOLDER.to_owned();
                    reading.doubts.push(Doubt::Unreadable { folder, reason: reply });
                    continue;
                }
                Err(error) => return Err(error),
            };
            let folder = FOLDER.to_owned();
            if !uids.insert(uid.clone()) {
                reading.doubts.push(Doubt::UidRepeated { folder, uid });
                continue;
            }
            let seen = self.clock.now();
            push_copy(&mut reading, StoredCopy { folder, uid_validity: None, uid, seen, content })?;
        }
        let read = reading.copies.len() as u64;
        if read != announced {
            let folder = FOLDER.to_owned();
            reading.doubts.push(Doubt::CountDiffers { folder, announced, read });
        }
        // All is read: how the server takes the end changes nothing.
        let _ = self.command("QUIT", "").await;
        Ok(reading)
    }

    /// How many messages the server announces.
    async fn count(&mut self) -> Result<u64, MailboxError> {
        let reply = self.command("STAT", "").await?;
        let count = reply.split_whitespace().nth(1).and_then(|count| count.parse().ok());
        count.ok_or_else(|| violation("STAT without a count"))
    }

    /// Number and UID of each message.
    async fn listing(&mut self) -> Result<Vec<(u64, String)>, MailboxError> {
        self.command("UIDL", "").await?;
        let mut listed = Vec::new();
        loop {
            let line = self.connection.line("UIDL").await?;
            if line == b"." {
                return Ok(listed);
            }
            let text = String::from_utf8_lossy(&line);
            let pair = text.split_once(' ').and_then(|(number, uid)| {
                Some((number.parse().ok()?, uid.trim().to_owned()))
                    .filter(|(_, uid)| !uid.is_empty())
            });
            listed
                .push(pair.ok_or_else(|| violation("a line of UIDL that is not number and UID"))?);
        }
    }

    async fn message(&mut self, number: u64) -> Result<StoredContent, MailboxError> {
        self.command("RETR", &number.to_string()).await?;
        let mut examiner = ContentExaminer::default();
        let (mut piece, mut begins, mut taken) = (Vec::with_capacity(PIECE), true, 0);
        let mut last = 0;
        loop {
            piece.clear();
            // A first piece must be long enough to tell the final dot from a stuffed one.
            let mut ended = self.connection.append_piece(&mut piece, PIECE, "RETR").await?;
            while begins && !ended && piece.len() < b".\r\n".len() {
                ended = self.connection.append_piece(&mut piece, PIECE, "RETR").await?;
            }
            if begins && ended && matches!(piece.as_slice(), b".\r\n" | b".\n") {
                return Ok(examiner.finish(self.own));
            }
            let stuffed = begins && piece.first() == Some(&b'.');
            let text = &piece[usize::from(stuffed)..];
            taken += text.len() as u64;
            if taken > limits::MESSAGE_SIZE {
                return Err(MailboxError::TooMuch {
                    what: "a message",
                    most: limits::MESSAGE_SIZE,
                });
            }
            examiner.feed(text);
            // Only CRLF ends a line; a server stuffs no dot after a bare LF.
            let before = piece.len().checked_sub(2).map_or(last, |at| piece[at]);
            begins = ended && before == b'\r';
            last = piece.last().copied().unwrap_or(last);
        }
    }

    async fn command(
        &mut self,
        name: &'static str,
        argument: &str,
    ) -> Result<String, MailboxError> {
        self.connection.write_line(format!("{name} {argument}").trim_end_matches(' ')).await?;
        self.reply(name).await
    }

    async fn reply(&mut self, command: &'static str) -> Result<String, MailboxError> {
        let line = self.connection.line(command).await?;
        let reply = String::from_utf8_lossy(&line).into_owned();
        if reply.starts_with("+OK") {
            return Ok(reply);
        }
        if reply.starts_with("-ERR") {
            return Err(MailboxError::Refused { command, reply });
        }
        Err(violation("a reply that is neither +OK nor -ERR"))
    }
}

fn violation(what: &str) -> MailboxError {
    MailboxError::Protocol { protocol: "POP3", what: what.to_owned() }
}
