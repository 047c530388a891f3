//! A connection of a server, in the clear or under TLS: chosen once, not asked for each byte more
//! than an enum costs.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// One connection.
pub enum Stream {
    /// In the clear.
    Plain(TcpStream),
    /// Under TLS.
    Tls(Box<TlsStream<TcpStream>>),
    /// Lost in a handshake.
    Gone,
}

impl Stream {
    /// Whether it is under TLS.
    #[must_use]
    pub fn is_secure(&self) -> bool {
        matches!(self, Stream::Tls(_))
    }

    /// Takes the server's part of a TLS handshake. However that ends, the connection in the clear
    /// is over.
    pub async fn secure(&mut self, acceptor: &TlsAcceptor) -> io::Result<()> {
        match std::mem::replace(self, Stream::Gone) {
            Stream::Plain(plain) => {
                let secured = acceptor.accept(plain).await?;
                *self = Stream::Tls(Box::new(secured));
                Ok(())
            }
            Stream::Tls(_) | Stream::Gone => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    /// Reads what is there, without waiting.
    pub fn try_read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        match self {
            Stream::Plain(plain) => plain.try_read(room),
            Stream::Tls(tls) => {
                let mut filled = ReadBuf::new(room);
                let mut no_waker = Context::from_waker(Waker::noop());
                match Pin::new(tls).poll_read(&mut no_waker, &mut filled) {
                    Poll::Ready(read) => ended(read).map(|()| filled.filled().len()),
                    Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
                }
            }
            Stream::Gone => Ok(0),
        }
    }

    /// Waits until there may be something to read: [`Stream::try_read`] tells. Under TLS that has
    /// to have found nothing before.
    pub async fn readable(&self) -> io::Result<()> {
        match self.socket() {
            Some(socket) => socket.readable().await,
            None => Ok(()),
        }
    }

    /// Waits for bytes, which stay unread; 0: the peer has ended its half. Under TLS these are
    /// bytes of the record layer.
    pub async fn peek(&self) -> io::Result<usize> {
        match self.socket() {
            Some(socket) => socket.peek(&mut [0]).await,
            None => Ok(0),
        }
    }

    /// Resets the connection when it is dropped: with no time to linger the kernel sends a RST.
    pub fn reset_at_close(&self) -> io::Result<()> {
        let Some(socket) = self.socket() else { return Ok(()) };
        socket2::SockRef::from(socket).set_linger(Some(Duration::ZERO))
    }

    fn socket(&self) -> Option<&TcpStream> {
        match self {
            Stream::Plain(plain) => Some(plain),
            Stream::Tls(tls) => Some(tls.get_ref().0),
            Stream::Gone => None,
        }
    }
}

/// A FIN ends the peer's half under TLS, too. Many mail clients send no close_notify before it
/// (RFC 8446 §6.1); of what was read that says as much as a FIN in the clear.
fn ended(read: io::Result<()>) -> io::Result<()> {
    match read {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(()),
        read => read,
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        room: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Stream::Plain(plain) => Pin::new(plain).poll_read(context, room),
            Stream::Tls(tls) => Pin::new(tls).poll_read(context, room).map(ended),
            Stream::Gone => Poll::Ready(Ok(())),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Stream::Plain(plain) => Pin::new(plain).poll_write(context, bytes),
            Stream::Tls(tls) => Pin::new(tls).poll_write(context, bytes),
            Stream::Gone => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Stream::Plain(_) | Stream::Gone => Poll::Ready(Ok(())),
            Stream::Tls(tls) => Pin::new(tls).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Stream::Plain(plain) => Pin::new(plain).poll_shutdown(context),
            Stream::Tls(tls) => Pin::new(tls).poll_shutdown(context),
            Stream::Gone => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
        }
    }
}
