//! TLS: the handshake, and what a fault makes of it.

use std::ops::ControlFlow;
use std::sync::Arc;

use super::{Ended, Session};
use crate::fault::rule::{Hangup, TlsFault};
use crate::smtp::reply::Reply;
use crate::smtp::stage::Stage;

impl Session {
    /// TLS before the banner, judged as STARTTLS is.
    pub(super) async fn begin_secure(&mut self) -> ControlFlow<Ended, ()> {
        self.stage = Stage::Starttls;
        let verdict = self.judge_session(Stage::Starttls);
        self.tls_fault = self.enact(verdict, Reply::new(220, None, "")).await?.tls;
        self.handshake().await
    }

    /// The handshake after the go-ahead.
    pub(super) async fn handshake(&mut self) -> ControlFlow<Ended, ()> {
        let fault = self.tls_fault.take();
        if fault == Some(TlsFault::HandshakeStall) {
            self.wire.wait_out(self.shared.patience).await?;
            return self.break_off(Hangup::Fin).await;
        }
        let shared = Arc::clone(&self.shared);
        // Only a sink that has certificates offers what leads here.
        let Some(identity) = &shared.identity else { return ControlFlow::Continue(()) };
        self.wire.secure(identity.acceptor(fault)).await?;
        self.dialogue.secure();
        ControlFlow::Continue(())
    }
}
