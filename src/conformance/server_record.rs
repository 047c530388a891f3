//! What a test server recorded of the sessions it held.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::case::{Misbehaviour, ServerScript, ServerStage};
use crate::clock::{Clock, Time};
use crate::sink::tls::Identity;

/// What a server received.
#[derive(Clone, Debug, Default)]
pub struct ServerRecord {
    /// Messages whose content is complete, whatever the reply was.
    pub messages: Vec<ReceivedMessage>,
    /// Every command.
    pub commands: Vec<ReceivedCommand>,
    /// Number of connections.
    pub connections: usize,
    /// Replies without end.
    pub endless_replies: Vec<EndlessReply>,
    /// When it last misbehaved.
    pub last_misbehaved: Option<Time>,
}

/// A reply without end.
#[derive(Clone, Debug)]
pub struct EndlessReply {
    /// When it began.
    pub started: Time,
    /// When it ended, and whether the target closed the connection.
    pub ended: Option<(Time, bool)>,
    /// Octets that were sent.
    pub octets: usize,
}

/// One message.
#[derive(Clone, Debug)]
pub struct ReceivedMessage {
    /// When its end of data came.
    pub at: Time,
    /// Number of the connection, from 1.
    pub connection: usize,
    /// Its sender.
    pub from: String,
    /// The recipients that were accepted.
    pub to: Vec<String>,
    /// Its content without dot-stuffing.
    pub content: Vec<u8>,
    /// Whether the reply was, or passed for, 250.
    pub accepted: bool,
    /// Whether it came under TLS.
    pub tls: bool,
}

/// One command.
#[derive(Clone, Debug)]
pub struct ReceivedCommand {
    /// When it came.
    pub at: Time,
    /// Number of the connection, from 1.
    pub connection: usize,
    /// The line.
    pub line: String,
    /// Whether it came under TLS.
    pub tls: bool,
    /// Whether the client sent more before this command was answered.
    pub followed: bool,
}

/// State that the sessions of a server share.
pub(super) struct Shared {
    pub(super) script: ServerScript,
    pub(super) clock: Clock,
    pub(super) identity: Arc<Identity>,
    pub(super) record: Mutex<ServerRecord>,
    pub(super) connections: AtomicUsize,
    pub(super) behaves: AtomicBool,
    /// Connections that are open.
    pub(super) open: AtomicUsize,
}

impl Shared {
    pub(super) fn record(&self) -> MutexGuard<'_, ServerRecord> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether it still misbehaves in this connection. An attempt is a new connection or a further
    /// MAIL in the same.
    pub(super) fn misbehaves(&self, connection: usize) -> bool {
        if self.behaves.load(Ordering::Relaxed) {
            return false;
        }
        let is_mail = |command: &&ReceivedCommand| {
            command.line.get(..4).is_some_and(|verb| verb.eq_ignore_ascii_case("MAIL"))
        };
        let attempts = self.record().commands.iter().filter(is_mail).count();
        connection.max(attempts) <= self.script.attempts
    }

    /// The misbehaviour at this stage of a connection.
    pub(super) fn misbehaviour(&self, connection: usize, stage: ServerStage) -> Vec<Misbehaviour> {
        self.misbehaviour_where(connection, |at| at == stage)
    }

    /// The misbehaviour in the reply to a RCPT of this address.
    pub(super) fn misbehaviour_at_rcpt(
        &self,
        connection: usize,
        address: &str,
    ) -> Vec<Misbehaviour> {
        self.misbehaviour_where(
            connection,
            |at| matches!(at, ServerStage::Rcpt(part) if address.contains(part)),
        )
    }

    fn misbehaviour_where(
        &self,
        connection: usize,
        is_here: impl Fn(ServerStage) -> bool,
    ) -> Vec<Misbehaviour> {
        let script = &self.script.misbehaviour;
        if script.is_empty() || !self.misbehaves(connection) {
            return Vec::new();
        }
        let here = script.iter().filter(|(at, _)| is_here(*at));
        let here: Vec<Misbehaviour> = here.map(|(_, misbehaviour)| misbehaviour.clone()).collect();
        if !here.is_empty() {
            self.record().last_misbehaved = Some(self.clock.now());
        }
        here
    }
}
