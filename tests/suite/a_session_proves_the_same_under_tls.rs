//! What the end of a session proves of the last 250, for each way to end it: the same in the clear,
//! after STARTTLS and under implicit TLS.

use std::time::Duration;

use mailbench::ledger::event::{Event, Proof};
use mailbench::sink::Settings;
use mailbench::smtp::content::stuffed;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use crate::sink_side::{Peer, Standing, mail, rcpt, settings, stand, text};
use crate::the_sink_speaks_tls::{going_ahead, handshake, starttls};

/// A client's connection: its socket can be reached below TLS.
trait Connection: AsyncRead + AsyncWrite + Unpin + Sized {
    fn socket(&mut self) -> &mut TcpStream;
}

impl Connection for TcpStream {
    fn socket(&mut self) -> &mut TcpStream {
        self
    }
}

impl Connection for TlsStream<TcpStream> {
    fn socket(&mut self) -> &mut TcpStream {
        self.get_mut().0
    }
}

/// How a client ends a session after its last message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// Reads the 250, says QUIT.
    Quit,
    /// Reads the 250 and closes: under TLS without close_notify.
    Fin,
    /// Reads the 250, says goodbye as the layer wants it (close_notify), and closes.
    Orderly,
    /// Reads the 250, ends its half and stays.
    HalfClose,
    /// Reads the 250 and resets.
    Reset,
    /// Reads the 250 and says nothing more until the sink is stopped.
    Silence,
    /// Sends QUIT with the final dot, reads both replies, closes.
    QuitWithDot,
    /// Sends QUIT with the final dot, and resets without reading.
    QuitWithDotReset,
    /// Sends QUIT with the final dot and ends its half at once: before any reply.
    QuitWithDotHalfClose,
}

const ENDS: [(End, Option<Proof>); 9] = [
    (End::Quit, Some(Proof::Command)),
    (End::Fin, Some(Proof::Fin)),
    (End::Orderly, Some(Proof::Fin)),
    (End::HalfClose, Some(Proof::Fin)),
    (End::Reset, None),
    (End::Silence, None),
    (End::QuitWithDot, Some(Proof::Fin)),
    (End::QuitWithDotReset, None),
    (End::QuitWithDotHalfClose, None),
];

/// Sends a message and ends the session; what is returned stays open.
async fn act<C: Connection>(mut peer: Peer<C>, end: End) -> Option<Peer<C>> {
    peer.ask_all(&[&mail(0), &rcpt(0, 0, "a.test"), "DATA"]).await;
    let with_dot =
        matches!(end, End::QuitWithDot | End::QuitWithDotReset | End::QuitWithDotHalfClose);
    let quit: &[u8] = if with_dot { b"QUIT\r\n" } else { b"" };
    peer.say(&[&stuffed(&text(0))[..], quit].concat()).await;
    match end {
        End::QuitWithDotReset => {
            peer.stream.socket().readable().await.expect("a reply");
            peer.stream.socket().set_zero_linger().expect("no linger");
            return None;
        }
        End::QuitWithDotHalfClose => {
            peer.stream.socket().shutdown().await.expect("a FIN");
            return Some(peer);
        }
        _ => assert_eq!(peer.code().await, 250),
    }
    match end {
        End::Quit => {
            peer.ask("QUIT").await;
        }
        End::QuitWithDot => assert_eq!(peer.code().await, 221),
        End::Orderly => peer.stream.shutdown().await.expect("an orderly end"),
        End::HalfClose => {
            peer.stream.socket().shutdown().await.expect("a FIN");
            return Some(peer);
        }
        End::Reset => peer.stream.socket().set_zero_linger().expect("no linger"),
        End::Silence => return Some(peer),
        End::Fin | End::QuitWithDotReset | End::QuitWithDotHalfClose => {}
    }
    None
}

/// What the sink says of the message when the session has ended thus.
async fn proof<C: Connection>(standing: Standing, peer: Peer<C>, end: End) -> Option<Proof> {
    let open = act(peer, end).await;
    if end != End::Silence {
        standing.at_rest().await;
    }
    if end == End::QuitWithDot {
        // The session is over with its 221; that the client took it shows a moment later.
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    let events = standing.events().await;
    drop(open);
    events.iter().find_map(|event| match event {
        Event::Confirmed { proof, .. } => Some(*proof),
        _ => None,
    })
}

#[tokio::test]
async fn in_the_clear() {
    for (end, expected) in ENDS {
        let standing = stand(settings(Vec::new())).await;
        let peer = standing.greeted().await;
        assert_eq!(proof(standing, peer, end).await, expected, "{end:?}");
    }
}

#[tokio::test]
async fn after_starttls() {
    for (end, expected) in ENDS {
        let standing = stand(starttls(settings(Vec::new()))).await;
        let stream = going_ahead(&standing).await;
        let mut peer = handshake(&standing, stream).await.expect("a handshake");
        assert_eq!(peer.ask("EHLO peer.test").await, 250);
        assert_eq!(proof(standing, peer, end).await, expected, "{end:?}");
    }
}

#[tokio::test]
async fn under_implicit_tls() {
    for (end, expected) in ENDS {
        let standing = stand(Settings { implicit_tls: true, ..settings(Vec::new()) }).await;
        let stream = TcpStream::connect(standing.sink.address()).await.expect("a connection");
        let mut peer = handshake(&standing, stream).await.expect("a handshake");
        assert_eq!(peer.code().await, 220);
        assert_eq!(peer.ask("EHLO peer.test").await, 250);
        assert_eq!(proof(standing, peer, end).await, expected, "{end:?}");
    }
}

/// A client that leaves while its reply is held back is seen to leave.
#[tokio::test]
async fn a_client_that_leaves_during_a_delay_is_seen() {
    use crate::sink_side::{AGES, rule};
    use mailbench::fault::rule::Action;
    use mailbench::fault::stall::Stall;
    use mailbench::smtp::stage::Stage;

    let stalled = settings(vec![rule(Stage::EndOfData, Action::Stall(Stall(10 * AGES)))]);
    let standing = stand(starttls(stalled)).await;
    let stream = going_ahead(&standing).await;
    let mut peer = handshake(&standing, stream).await.expect("a handshake");
    assert_eq!(peer.ask("EHLO peer.test").await, 250);
    peer.ask_all(&[&mail(0), &rcpt(0, 0, "a.test"), "DATA"]).await;
    peer.say(&stuffed(&text(0))).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    peer.stream.shutdown().await.expect("an orderly end");
    standing.at_rest().await;
}
