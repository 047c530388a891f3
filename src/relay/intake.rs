//! Takes connections in: a bounded number of sessions, `421` for more and for a full queue.
//! What a session says is `session`'s.

use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::limits::{MESSAGE_SIZE, RECIPIENTS, RELAY_SESSIONS, RELAY_STOP};
use crate::relay::HOST_NAME;
use crate::relay::context::Intake;
use crate::relay::session::Session;
use crate::shortage::Repeated;
use crate::smtp::dialogue::{Extension, Known, Terms, User};
use crate::smtp::server_tls::Beginning;

/// Pause after a failed accept: no file descriptor is free, and the next try would fail too.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// What the relay offers, beside that STARTTLS and a log-in, where they are wanted.
#[must_use]
pub fn terms(tls: Option<Beginning>, user: Option<User>) -> Terms {
    let mut extensions = vec![
        Extension::Pipelining,
        Extension::EightBitMime,
        Extension::SmtpUtf8,
        Extension::Size,
        Extension::EnhancedStatusCodes,
        Extension::MtPriority,
    ];
    extensions.extend((tls == Some(Beginning::Starttls)).then_some(Extension::StartTls));
    extensions.extend(user.is_some().then_some(Extension::Auth));
    Terms {
        name: HOST_NAME.to_owned(),
        extensions,
        size: MESSAGE_SIZE,
        recipients: RECIPIENTS,
        lmtp: false,
        known: user.map(Known::one).unwrap_or_default(),
    }
}

impl Intake {
    /// Whether the queue takes no more.
    #[must_use]
    pub(super) fn is_full(&self) -> bool {
        self.holdings.queued() >= self.capacity
    }

    /// Takes connections until it is stopped, then lets the sessions end.
    pub(super) async fn run(self: Arc<Intake>, listener: TcpListener) {
        let places = Arc::new(Semaphore::new(RELAY_SESSIONS));
        let sessions = TaskTracker::new();
        let failures = Repeated::new("accept");
        loop {
            let stream = tokio::select! {
                () = self.stop.cancelled() => break,
                accepted = listener.accept() => accepted,
            };
            match stream {
                Ok((stream, peer)) => match Arc::clone(&places).try_acquire_owned() {
                    Ok(place) => {
                        let session = Session::new(Arc::clone(&self), stream, peer.ip());
                        let cut_off = cut_off(self.stop.clone());
                        sessions.spawn(async move {
                            tokio::select! {
                                () = session.run() => {}
                                () = cut_off => {}
                            }
                            drop(place);
                        });
                    }
                    Err(_) => self.turn_away(&stream),
                },
                Err(error) => {
                    failures.note_io(&error);
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
        drop(listener);
        sessions.close();
        sessions.wait().await;
    }

    /// Says `421` as far as the socket takes it at once, where it would be understood, and closes.
    fn turn_away(&self, stream: &TcpStream) {
        if !self.is_implicit() {
            let reply = format!("421 4.3.2 {HOST_NAME} too many connections\r\n");
            let _told_or_not = stream.try_write(reply.as_bytes());
        }
    }

    /// Whether TLS begins with the first byte.
    pub(super) fn is_implicit(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| tls.begins == Beginning::Implicit)
    }
}

/// Ends when a session that did not end by itself after the stop must be cut off.
async fn cut_off(stop: CancellationToken) {
    stop.cancelled().await;
    sleep(RELAY_STOP).await;
}
