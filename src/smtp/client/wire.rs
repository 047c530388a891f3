//! The socket under a connection, in the clear or under TLS: TCP_NODELAY, and a read side that
//! hands out replies. What the peer sends beyond them, unasked, stays here and is seen.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use super::outcome::Cause;
use super::reply_reader::ReplyReader;
use super::tls::TlsClient;
use crate::smtp::reply::Reply;

/// Bytes taken from the kernel at once; replies are shorter.
const INBOX: usize = 1024;

/// A connected socket.
pub(super) struct Wire {
    socket: Socket,
    inbox: Box<[u8; INBOX]>,
    unread: std::ops::Range<usize>,
}

enum Socket {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Wire {
    /// Without TCP_NODELAY, Nagle's algorithm and delayed acknowledgements add 40 ms a message.
    pub(super) fn new(tcp: TcpStream) -> io::Result<Wire> {
        tcp.set_nodelay(true)?;
        Ok(Wire::over(Socket::Plain(tcp)))
    }

    fn over(socket: Socket) -> Wire {
        Wire { socket, inbox: Box::new([0; INBOX]), unread: 0..0 }
    }

    /// The same connection under TLS, after a handshake.
    pub(super) async fn secured(self, tls: &TlsClient) -> Result<Wire, Cause> {
        let Socket::Plain(tcp) = self.socket else { return Ok(self) };
        match tls.connector.connect(tls.name.clone(), tcp).await {
            Ok(stream) => Ok(Wire::over(Socket::Tls(Box::new(stream)))),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Err(Cause::Closed),
            Err(error) => match error.get_ref().and_then(|inner| inner.downcast_ref()) {
                Some(reason) => Err(Cause::Tls(super::tls::in_words(reason))),
                None => Err(Cause::of(&error)),
            },
        }
    }

    /// Whether more was read than was handed out.
    pub(super) fn holds_more(&self) -> bool {
        !self.unread.is_empty()
    }

    /// Whether nothing has come that was not read, the end of the connection included. Under TLS,
    /// records that carry no text are taken in.
    pub(super) fn is_quiet(&mut self) -> bool {
        let nothing = match &mut self.socket {
            Socket::Plain(tcp) => {
                let read = tcp.try_read(&mut [0]);
                read.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
            }
            Socket::Tls(tls) => {
                let mut byte = [0];
                let mut context = Context::from_waker(Waker::noop());
                let read = Pin::new(tls).poll_read(&mut context, &mut ReadBuf::new(&mut byte));
                read.is_pending()
            }
        };
        self.unread.is_empty() && nothing
    }

    /// Reads one reply to its end.
    pub(super) async fn reply(&mut self) -> Result<Reply, Cause> {
        let mut reader = ReplyReader::default();
        loop {
            if self.unread.is_empty() {
                self.fill().await.map_err(|error| Cause::of(&error))?;
            }
            let unread = &self.inbox[self.unread.clone()];
            if unread.is_empty() {
                let closed = reader.is_between_lines();
                return Err(if closed { Cause::Closed } else { Cause::HalfReply });
            }
            let (used, reply) = reader.take(unread);
            self.unread.start += used;
            if let Some(reply) = reply {
                return reply;
            }
        }
    }

    /// Reads once, when all was handed out; nothing: the peer has closed its side.
    async fn fill(&mut self) -> io::Result<()> {
        let inbox = &mut self.inbox[..];
        let read = match &mut self.socket {
            Socket::Plain(tcp) => tcp.read(inbox).await,
            Socket::Tls(tls) => tls.read(inbox).await,
        };
        self.unread = match read {
            Ok(read) => 0..read,
            // A FIN without close_notify before it (RFC 8446 §6.1) is one all the same.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => 0..0,
            Err(error) => return Err(error),
        };
        Ok(())
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match &mut self.socket {
            Socket::Plain(tcp) => Pin::new(tcp).poll_write(cx, bytes),
            Socket::Tls(tls) => Pin::new(tls).poll_write(cx, bytes),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.socket {
            Socket::Plain(tcp) => Pin::new(tcp).poll_flush(cx),
            Socket::Tls(tls) => Pin::new(tls).poll_flush(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.socket {
            Socket::Plain(tcp) => Pin::new(tcp).poll_shutdown(cx),
            Socket::Tls(tls) => Pin::new(tls).poll_shutdown(cx),
        }
    }
}
