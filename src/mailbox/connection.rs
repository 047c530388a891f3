//! A connection to a mailbox server: lines and content, both bounded.

use memchr::memchr;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};

use super::MailboxError;
use crate::limits;

/// A connection on which lines are read and commands written.
pub(super) struct Connection<S> {
    stream: BufReader<S>,
    /// Cost of all lines so far.
    taken: usize,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    pub(super) fn new(stream: S) -> Connection<S> {
        Connection { stream: BufReader::new(stream), taken: 0 }
    }

    pub(super) async fn write_line(&mut self, line: &str) -> Result<(), MailboxError> {
        self.stream.write_all([line, "\r\n"].concat().as_bytes()).await?;
        Ok(self.stream.flush().await?)
    }

    /// The next line without its line end.
    pub(super) async fn line(&mut self, during: &'static str) -> Result<Vec<u8>, MailboxError> {
        let mut line = Vec::new();
        while !self.append_piece(&mut line, limits::MAILBOX_LINE, during).await? {
            if line.len() >= limits::MAILBOX_LINE {
                return Err(too_much("a line", limits::MAILBOX_LINE));
            }
        }
        self.count(line.len())?;
        line.pop();
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        Ok(line)
    }

    /// Appends up to the line's end, or until `into` has `most` bytes, or what is there: whether the line
    /// has ended.
    pub(super) async fn append_piece(
        &mut self,
        into: &mut Vec<u8>,
        most: usize,
        during: &'static str,
    ) -> Result<bool, MailboxError> {
        let available = self.available(during).await?;
        let available = &available[..available.len().min(most.saturating_sub(into.len()))];
        let end = memchr(b'\n', available);
        let used = end.map_or(available.len(), |end| end + 1);
        into.extend_from_slice(&available[..used]);
        self.stream.consume(used);
        Ok(end.is_some())
    }

    /// Hands over exactly so many bytes, as they come.
    pub(super) async fn take(
        &mut self,
        length: u64,
        during: &'static str,
        mut feed: impl FnMut(&[u8]),
    ) -> Result<(), MailboxError> {
        let mut left = length;
        while left > 0 {
            let available = self.available(during).await?;
            let used = available.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            feed(&available[..used]);
            self.stream.consume(used);
            left -= used as u64;
        }
        Ok(())
    }

    /// Counts what is kept of a session beside content.
    pub(super) fn count(&mut self, bytes: usize) -> Result<(), MailboxError> {
        self.taken += bytes + limits::MAILBOX_LINE_COST;
        if self.taken > limits::MAILBOX_TEXT {
            return Err(too_much("text", limits::MAILBOX_TEXT));
        }
        Ok(())
    }

    async fn available(&mut self, during: &'static str) -> Result<&[u8], MailboxError> {
        let available = self.stream.fill_buf().await?;
        if available.is_empty() {
            return Err(MailboxError::Closed(during));
        }
        Ok(available)
    }
}

fn too_much(what: &'static str, most: usize) -> MailboxError {
    MailboxError::TooMuch { what, most: most as u64 }
}
