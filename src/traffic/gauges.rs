//! What traffic is doing at this moment, for progress and health.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// Counts of the present moment.
#[derive(Debug, Default)]
pub struct Gauges {
    sessions: AtomicU32,
    waiting: AtomicU32,
}

/// A session that is open, for as long as this is held.
#[derive(Debug)]
pub(super) struct OpenSession(Arc<Gauges>);

impl Gauges {
    /// Sessions open.
    #[must_use]
    pub fn sessions(&self) -> u32 {
        self.sessions.load(Ordering::Relaxed)
    }

    /// Messages due and waiting for a session.
    #[must_use]
    pub fn waiting(&self) -> u32 {
        self.waiting.load(Ordering::Relaxed)
    }

    /// A message is about to wait for a session.
    pub(super) fn waits(&self) {
        self.waiting.fetch_add(1, Ordering::Relaxed);
    }

    /// A message waits no longer.
    pub(super) fn waits_no_more(&self) {
        self.waiting.fetch_sub(1, Ordering::Relaxed);
    }

    /// A session opens.
    pub(super) fn session(self: &Arc<Gauges>) -> OpenSession {
        self.sessions.fetch_add(1, Ordering::Relaxed);
        OpenSession(Arc::clone(self))
    }
}

impl Drop for OpenSession {
    fn drop(&mut self) {
        self.0.sessions.fetch_sub(1, Ordering::Relaxed);
    }
}
