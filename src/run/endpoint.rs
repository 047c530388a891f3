//! The live metrics endpoint: answers a Prometheus scraper while a run goes on, and for a while
//! after it, so that the end is not missed. On loopback, unless the user authorised the address.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{ACCEPT, ALLOW, CONTENT_TYPE};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::sync::{Notify, Semaphore};

use super::safety::{self, Cidr};
use super::signals::Interrupts;
use crate::limits;
use crate::measure::results::Results;
use crate::report::openmetrics::{self, Dialect};
use crate::report::progress::Board;

/// A scraper that has not sent its request by then is let go.
const PATIENCE: Duration = Duration::from_secs(5);

/// Why metrics cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum EndpointError {
    /// Not loopback, and not authorised.
    #[error(
        "metrics are served on loopback only, and {0} is not; if others may see them there, allow \
         the address with --allow-target and list it in ~/.config/mailbench/authorized-targets"
    )]
    NotAllowed(SocketAddr),
    /// The address cannot be listened on.
    #[error("cannot serve metrics on {0}: {1}; name another address with --metrics")]
    Taken(SocketAddr, std::io::Error),
}

/// An endpoint that is being served.
#[derive(Debug)]
pub struct Endpoint {
    address: SocketAddr,
    shown: Arc<Shown>,
}

/// What is shown.
#[derive(Debug, Default)]
struct Shown {
    board: Board,
    end: Mutex<Option<Results>>,
    /// Told when a scraper got the end.
    taken: Notify,
}

/// An address that was taken to be served on.
#[derive(Debug)]
pub struct Listener {
    address: SocketAddr,
    socket: std::net::TcpListener,
}

impl Listener {
    /// Takes `address`; port 0 takes a free one.
    ///
    /// # Errors
    /// When the address is neither loopback nor authorised, or cannot be listened on.
    pub fn bind(address: SocketAddr, allowed: &[Cidr]) -> Result<Listener, EndpointError> {
        let file = safety::authorised_file();
        if !address.ip().is_loopback()
            && safety::check(address.ip(), allowed, file.as_deref()).is_err()
        {
            return Err(EndpointError::NotAllowed(address));
        }
        let taken = |error| EndpointError::Taken(address, error);
        let socket = std::net::TcpListener::bind(address).map_err(taken)?;
        socket.set_nonblocking(true).map_err(taken)?;
        let address = socket.local_addr().map_err(taken)?;
        Ok(Listener { address, socket })
    }
}

impl Endpoint {
    /// Begins to serve. Call it within a runtime.
    ///
    /// # Errors
    /// When the runtime does not take the listener.
    pub fn open(listener: Listener, board: Board) -> Result<Endpoint, EndpointError> {
        let Listener { address, socket } = listener;
        let listener =
            TcpListener::from_std(socket).map_err(|error| EndpointError::Taken(address, error))?;
        let shown = Arc::new(Shown { board, ..Shown::default() });
        tokio::spawn(serve(listener, Arc::clone(&shown)));
        Ok(Endpoint { address, shown })
    }

    /// Where it is served.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}/metrics", self.address)
    }

    /// The run has ended so: from here on scrapers get this too.
    pub fn conclude(&self, results: &Results) {
        *self.shown.end() = Some(results.clone());
    }

    /// Serves on until a scraper has got the end, the user asks to stop, or `most` is over.
    pub async fn linger(&self, most: Duration, interrupts: &Interrupts) {
        tokio::select! {
            () = self.shown.taken.notified() => {}
            () = interrupts.stop.cancelled() => {}
            () = tokio::time::sleep(most) => {}
        }
    }
}

impl Shown {
    fn end(&self) -> std::sync::MutexGuard<'_, Option<Results>> {
        self.end.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The answer; `ended` is set when it tells the end.
    fn answer(&self, request: &Request<Incoming>, ended: &AtomicBool) -> Response<Full<Bytes>> {
        if request.uri().path() != "/metrics" {
            return plain(StatusCode::NOT_FOUND, "the metrics are at /metrics\n");
        }
        if request.method() != Method::GET {
            let mut refused = plain(StatusCode::METHOD_NOT_ALLOWED, "GET only\n");
            refused.headers_mut().insert(ALLOW, hyper::header::HeaderValue::from_static("GET"));
            return refused;
        }
        let accept = request.headers().get(ACCEPT).and_then(|value| value.to_str().ok());
        let dialect = Dialect::accepted(accept.unwrap_or_default());
        let end = self.end();
        let text = openmetrics::scraped(dialect, self.board.last().as_ref(), end.as_ref());
        ended.store(end.is_some(), Ordering::Relaxed);
        typed(StatusCode::OK, dialect.media_type(), text)
    }
}

async fn serve(listener: TcpListener, shown: Arc<Shown>) {
    let places = Arc::new(Semaphore::new(limits::SCRAPERS));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                // Out of file descriptors, say: the run goes on, and so does this, less eagerly.
                tracing::warn!("metrics endpoint: {error}");
                tokio::time::sleep(Duration::from_secs(1)).await;
                continue;
            }
        };
        let shown = Arc::clone(&shown);
        tokio::spawn(async move {
            let _place = place;
            let ended = AtomicBool::new(false);
            let answer = service_fn(|request| {
                std::future::ready(Ok::<_, Infallible>(shown.answer(&request, &ended)))
            });
            let served = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(PATIENCE)
                .keep_alive(false)
                .serve_connection(TokioIo::new(stream), answer)
                .await;
            match served {
                // Only now is the whole answer with the kernel.
                Ok(()) if ended.into_inner() => shown.taken.notify_one(),
                Ok(()) => {}
                Err(error) => tracing::debug!("metrics endpoint: {error}"),
            }
        });
    }
}

fn plain(status: StatusCode, text: &str) -> Response<Full<Bytes>> {
    typed(status, "text/plain; charset=utf-8", text.to_owned())
}

fn typed(status: StatusCode, media_type: &'static str, text: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    let value = hyper::header::HeaderValue::from_static(media_type);
    response.headers_mut().insert(CONTENT_TYPE, value);
    response
}
