//! What the sessions of one life of the relay share.

use std::fmt;
use std::sync::Arc;

use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use crate::relay::HOST_NAME;
use crate::relay::committer::Orders;
use crate::relay::delivery::Holdings;
use crate::relay::wall::WallClock;
use crate::smtp::dialogue::Terms;
use crate::smtp::server_tls::{Beginning, TlsError, self_signed};

/// What every session needs.
#[derive(Debug)]
pub(super) struct Intake {
    /// The relay's clock.
    pub clock: WallClock,
    /// Where mail is made safe.
    pub orders: Orders,
    /// What is shared with delivery.
    pub holdings: Arc<Holdings>,
    /// Recipients the queue may hold.
    pub capacity: u64,
    /// What is offered.
    pub terms: Arc<Terms>,
    /// TLS, where it is offered.
    pub tls: Option<Offered>,
    /// The relay is asked to stop.
    pub stop: CancellationToken,
}

/// TLS as it is offered.
#[derive(Clone)]
pub(super) struct Offered {
    /// When it begins.
    pub begins: Beginning,
    /// The server's part of it.
    pub acceptor: TlsAcceptor,
}

impl Offered {
    /// By a certificate made for this life of the relay.
    ///
    /// # Errors
    /// When none can be made.
    pub(super) fn new(begins: Beginning) -> Result<Offered, TlsError> {
        Ok(Offered { begins, acceptor: self_signed(&[HOST_NAME, "localhost"])? })
    }
}

impl fmt::Debug for Offered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TLS, {:?}", self.begins)
    }
}
