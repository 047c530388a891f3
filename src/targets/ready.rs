//! Readiness: a 220 greeting read in full, not merely an open port.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use super::TargetError;
use crate::limits;
use crate::smtp::client::{TlsClient, Trust};
use crate::smtp::server_tls::Beginning;

/// Time between two tries.
const PAUSE: Duration = Duration::from_millis(50);

/// Time one try may take.
const TRY: Duration = Duration::from_secs(5);

/// Time one look at a target that should be down may take.
const LOOK: Duration = Duration::from_millis(500);

/// Whether a connection to `address` is taken; `None`: it is neither taken nor refused.
pub(super) async fn takes_connections(address: SocketAddr) -> Option<bool> {
    match tokio::time::timeout(LOOK, TcpStream::connect(address)).await.ok()? {
        Ok(stream) => Some(!is_to_itself(&stream)),
        Err(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => Some(false),
        Err(_) => None,
    }
}

/// Whether a socket met itself: one that dials a free port may be given that very port as its own, and
/// TCP lets it connect to itself (RFC 9293 §3.5, simultaneous open).
fn is_to_itself(stream: &TcpStream) -> bool {
    stream.local_addr().is_ok_and(|own| stream.peer_addr().is_ok_and(|peer| own == peer))
}

/// The greeting of a target that should stand still, if it comes within `longest`.
pub(super) async fn greets_within(
    address: SocketAddr,
    tls: Option<Beginning>,
    longest: Duration,
) -> Option<String> {
    let implicit = tls == Some(Beginning::Implicit);
    let greeting = tokio::time::timeout(longest, greet(address, implicit)).await.ok()?;
    greeting.ok().filter(|line| !line.is_empty())
}

/// Waits for the greeting of `address` and returns its text. One that offers implicit TLS greets
/// behind the handshake.
pub(super) async fn greeting(
    address: SocketAddr,
    tls: Option<Beginning>,
) -> Result<String, TargetError> {
    let implicit = tls == Some(Beginning::Implicit);
    let mut last = String::new();
    let tries = async {
        loop {
            match tokio::time::timeout(TRY, greet(address, implicit)).await {
                Ok(Ok(line)) if line.starts_with("220") => return line,
                Ok(Ok(line)) => last = format!(" (it said `{}`)", line.escape_debug()),
                Ok(Err(error)) => last = format!(" ({error})"),
                Err(_) => last = " (connected, but silent)".to_owned(),
            }
            tokio::time::sleep(PAUSE).await;
        }
    };
    match tokio::time::timeout(limits::TARGET_START, tries).await {
        Ok(line) => Ok(line.trim_start_matches("220").trim_start_matches(['-', ' ']).to_owned()),
        Err(_) => {
            let seconds = limits::TARGET_START.as_secs();
            Err(TargetError::NotReady { address, seconds, last })
        }
    }
}

/// Reads the first line of a greeting to its end, and takes leave.
async fn greet(address: SocketAddr, implicit: bool) -> std::io::Result<String> {
    let stream = TcpStream::connect(address).await?;
    if !implicit {
        return greet_over(stream).await;
    }
    let tls = TlsClient::new("localhost", &Trust::Any, false).map_err(std::io::Error::other)?;
    greet_over(tls.handshake(stream).await?).await
}

async fn greet_over(stream: impl AsyncRead + AsyncWrite + Unpin) -> std::io::Result<String> {
    let mut reader = BufReader::new(stream).take(limits::REPLY as u64);
    let mut first = String::new();
    let mut line = Vec::new();
    loop {
        line.clear();
        if reader.read_until(b'\n', &mut line).await? == 0 {
            break;
        }
        if first.is_empty() {
            // Not every greeting is UTF-8.
            first = String::from_utf8_lossy(&line).trim_end().to_owned();
        }
        if line.get(3) != Some(&b'-') {
            break;
        }
    }
    reader.get_mut().get_mut().write_all(b"QUIT\r\n").await?;
    Ok(first)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpListener;

    #[tokio::test]
    async fn a_socket_that_met_itself_is_no_target() {
        let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
        socket.bind(SocketAddr::from(([127, 0, 0, 1], 0))).expect("a port");
        let own = socket.local_addr().expect("its address");
        let itself = socket.connect(own).await.expect("connected to itself");
        assert!(is_to_itself(&itself));
        drop(itself);
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("its address");
        assert_eq!(takes_connections(address).await, Some(true));
        drop(listener);
        assert_eq!(takes_connections(address).await, Some(false));
    }

    #[tokio::test]
    async fn an_open_port_that_says_421_first_is_not_ready_until_it_says_220() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("its address");
        let server = tokio::spawn(async move {
            for greeting in ["421 not yet\r\n", "220-two\r\n220 lines\r\n"] {
                let (mut stream, _) = listener.accept().await.expect("a connection");
                stream.write_all(greeting.as_bytes()).await.expect("written");
                let mut rest = Vec::new();
                let _ = stream.read_to_end(&mut rest).await;
            }
        });
        assert_eq!(greeting(address, None).await.expect("ready"), "two");
        server.await.expect("both were asked for");
    }
}
