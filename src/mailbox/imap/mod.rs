//! Reads all of a user's mail by IMAP (RFC 9051, and RFC 3501 before it): every folder, read-only.
//!
//! A folder is opened a second time after its messages were fetched: what came, went, or was numbered
//! anew meanwhile shows there.

mod response;

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};

use super::connection::Connection;
use super::{Account, Doubt, MailboxError, Reading, StoredCopy, check_account, push_copy};
use crate::clock::Clock;
use crate::limits;
use crate::probe::Identity;
use response::Response;

/// What a folder says when it is opened.
#[derive(Clone, Copy)]
struct Opened {
    exists: u64,
    uid_validity: u32,
}

struct Session<'a, S> {
    connection: Connection<S>,
    own: &'a Identity,
    clock: &'a Clock,
    tags: u32,
    reading: Reading,
}

/// Reads all folders of one user, over a connection that was just opened.
///
/// # Errors
/// When the server refuses the log-in, breaks the protocol or a bound, or takes longer than `within`.
pub async fn read<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    account: Account<'_>,
    own: &Identity,
    clock: &Clock,
    within: Duration,
) -> Result<Reading, MailboxError> {
    check_account(account)?;
    let connection = Connection::new(stream);
    let session = Session { connection, own, clock, tags: 0, reading: Reading::default() };
    let read = session.read(account);
    tokio::time::timeout(within, read).await.map_err(|_| MailboxError::Timeout(within))?
}

impl<S: AsyncRead + AsyncWrite + Unpin> Session<'_, S> {
    async fn read(mut self, account: Account<'_>) -> Result<Reading, MailboxError> {
        self.log_in(account).await?;
        for folder in self.folders().await? {
            match self.folder(&folder).await {
                Err(MailboxError::Refused { reply, .. }) => {
                    self.reading.doubts.push(Doubt::Unreadable { folder, reason: reply });
                }
                other => other?,
            }
        }
        // All is read: how the server takes the end changes nothing.
        let _ = self.command("LOGOUT", "").await;
        Ok(self.reading)
    }

    async fn log_in(&mut self, account: Account<'_>) -> Result<(), MailboxError> {
        let greeting = Response::read(&mut self.connection, self.own, "the greeting").await?;
        let text = greeting.text.to_ascii_uppercase();
        if text.starts_with(b"* PREAUTH") {
            return Ok(());
        }
        if text.starts_with(b"* BYE") {
            return Err(refused("the connection", &greeting.text));
        }
        if !text.starts_with(b"* OK") {
            return Err(violation("the greeting is none"));
        }
        let arguments = format!("{} {}", quoted(account.user), quoted(account.password));
        self.command("LOGIN", &arguments).await.map(drop)
    }

    async fn folders(&mut self) -> Result<BTreeSet<String>, MailboxError> {
        let mut folders = BTreeSet::new();
        for response in self.command("LIST", "\"\" \"*\"").await? {
            folders.extend(response.listed()?);
        }
        let most = limits::MAILBOX_FOLDERS;
        if folders.len() > most {
            return Err(MailboxError::TooMuch { what: "folders", most: most as u64 });
        }
        // Every user has it, listed or not.
        if !folders.iter().any(|name| name.eq_ignore_ascii_case("INBOX")) {
            folders.insert("INBOX".to_owned());
        }
        Ok(folders)
    }

    async fn folder(&mut self, folder: &str) -> Result<(), MailboxError> {
        let before = self.open(folder).await?;
        let mut uids = BTreeSet::new();
        // A server that announces none is asked, too: a range is valid in an empty folder (RFC 9051 §6.4.9).
        for response in self.command("UID FETCH", "1:* (UID BODY.PEEK[])").await? {
            let Some(fetched) = response.fetched(self.own)? else { continue };
            let uid = fetched.uid.to_string();
            let folder = folder.to_owned();
            if !uids.insert(fetched.uid) {
                self.reading.doubts.push(Doubt::UidRepeated { folder, uid });
                continue;
            }
            let (uid_validity, seen) = (Some(before.uid_validity), self.clock.now());
            let copy = StoredCopy { folder, uid_validity, uid, seen, content: fetched.content };
            push_copy(&mut self.reading, copy)?;
        }
        let after = self.open(folder).await?;
        self.compare(folder, before, after, uids.len() as u64);
        Ok(())
    }

    fn compare(&mut self, folder: &str, before: Opened, after: Opened, read: u64) {
        let folder = folder.to_owned();
        if before.uid_validity != after.uid_validity {
            let (before, after) = (before.uid_validity, after.uid_validity);
            let folder = folder.clone();
            self.reading.doubts.push(Doubt::UidValidityChanged { folder, before, after });
        }
        let differing = [after, before].into_iter().find(|opened| opened.exists != read);
        if let Some(Opened { exists: announced, .. }) = differing {
            self.reading.doubts.push(Doubt::CountDiffers { folder, announced, read });
        }
    }

    async fn open(&mut self, folder: &str) -> Result<Opened, MailboxError> {
        let responses = self.command("EXAMINE", &quoted(folder)).await?;
        let exists = responses.iter().filter_map(Response::exists).next_back();
        let uid_validity = responses.iter().filter_map(Response::uid_validity).next_back();
        match (exists, uid_validity) {
            (Some(exists), Some(uid_validity)) => Ok(Opened { exists, uid_validity }),
            _ => Err(violation("EXAMINE without EXISTS or UIDVALIDITY")),
        }
    }

    /// Sends a command and reads up to its tagged response: the untagged ones before it.
    async fn command(
        &mut self,
        name: &'static str,
        arguments: &str,
    ) -> Result<Vec<Response>, MailboxError> {
        self.tags += 1;
        let tag = format!("m{} ", self.tags);
        let line = format!("{tag}{name} {arguments}");
        self.connection.write_line(line.trim_end()).await?;
        let mut untagged = Vec::new();
        loop {
            let response = Response::read(&mut self.connection, self.own, name).await?;
            let text = response.text.to_ascii_uppercase();
            if let Some(state) = response.text.strip_prefix(tag.as_bytes()) {
                return match state.to_ascii_uppercase().split(|byte| *byte == b' ').next() {
                    Some(b"OK") => Ok(untagged),
                    Some(b"NO" | b"BAD") => Err(refused(name, state)),
                    _ => Err(violation("a tagged response that is not OK, NO or BAD")),
                };
            }
            if text.starts_with(b"* BYE") && name != "LOGOUT" {
                return Err(MailboxError::Closed(name));
            }
            if !text.starts_with(b"* ") {
                return Err(violation("a response that is neither untagged nor the command's"));
            }
            untagged.push(response);
        }
    }
}

/// A quoted string (RFC 9051 §4.3).
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

fn refused(command: &'static str, reply: &[u8]) -> MailboxError {
    MailboxError::Refused { command, reply: String::from_utf8_lossy(reply).into_owned() }
}

fn violation(what: &str) -> MailboxError {
    MailboxError::Protocol { protocol: "IMAP", what: what.to_owned() }
}
