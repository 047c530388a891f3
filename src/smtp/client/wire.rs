//! The socket under a connection, in the clear or under TLS: TCP_NODELAY, and a read side that
//! hands out one line at a time.
//!
//! mail-send's reply reader drops what it has read beyond the end of a reply. It is never given
//! anything beyond: what the peer sends unasked stays here and is seen.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use super::outcome::Cause;
use super::tls::TlsClient;
use crate::limits;

/// Bytes taken from the kernel at once; replies are shorter.
const INBOX: usize = 1024;

/// The error of reading on in a reply longer than [`limits::REPLY`].
pub(super) const TOO_LONG: io::ErrorKind = io::ErrorKind::InvalidData;

/// A connected socket.
pub(super) struct Wire {
    socket: Socket,
    inbox: Box<[u8; INBOX]>,
    unread: std::ops::Range<usize>,
    in_line: bool,
    ended: bool,
    /// Bytes handed out of the reply being read.
    reply: usize,
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
        Wire {
            socket,
            inbox: Box::new([0; INBOX]),
            unread: 0..0,
            in_line: false,
            ended: false,
            reply: 0,
        }
    }

    /// The same connection under TLS, after a handshake.
    pub(super) async fn secured(self, tls: &TlsClient) -> Result<Wire, Cause> {
        let Socket::Plain(tcp) = self.socket else { return Ok(self) };
        match tls.connector.connect(tls.name.clone(), tcp).await {
            Ok(stream) => Ok(Wire::over(Socket::Tls(Box::new(stream)))),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Err(Cause::Closed),
            Err(error) => match error.get_ref().and_then(|inner| inner.downcast_ref()) {
                Some::<&rustls::Error>(reason) => Err(Cause::Tls(reason.to_string())),
                None => Err(Cause::Io(error.kind())),
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

    /// A new reply is about to be read: what it may cost counts from here.
    pub(super) fn begin_reply(&mut self) {
        self.reply = 0;
    }

    /// Whether the peer has closed its side.
    pub(super) fn ended(&self) -> bool {
        self.ended
    }

    /// Whether the last byte read was not the end of a line.
    pub(super) fn in_line(&self) -> bool {
        self.in_line
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        // mail-send bounds long lines, but not many short ones.
        if this.reply > limits::REPLY {
            return Poll::Ready(Err(TOO_LONG.into()));
        }
        if this.unread.is_empty() {
            let mut inbox = ReadBuf::new(&mut this.inbox[..]);
            let read = match &mut this.socket {
                Socket::Plain(tcp) => Pin::new(tcp).poll_read(cx, &mut inbox),
                Socket::Tls(tls) => Pin::new(tls).poll_read(cx, &mut inbox),
            };
            ready!(read)?;
            this.unread = 0..inbox.filled().len();
            this.ended = this.unread.is_empty();
        }
        let unread = &this.inbox[this.unread.clone()];
        let line = memchr::memchr(b'\n', unread).map_or(unread.len(), |at| at + 1);
        let given = line.min(out.remaining());
        out.put_slice(&unread[..given]);
        if let Some(last) = unread[..given].last() {
            this.in_line = *last != b'\n';
        }
        this.unread.start += given;
        this.reply += given;
        Poll::Ready(Ok(()))
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
