//! What traffic is doing at this moment, for progress and health.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// Counts of the present moment.
#[derive(Debug, Default)]
pub struct Gauges {
    sessions: AtomicU32,
    waiting: AtomicU32,
    in_flight: AtomicU32,
}

/// One more of something, for as long as it is held.
#[derive(Debug)]
pub(super) struct Held {
    gauges: Arc<Gauges>,
    which: Which,
}

/// What a [`Held`] counts.
#[derive(Clone, Copy, Debug)]
pub(super) enum Which {
    Sessions,
    InFlight,
}

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

    /// Messages handed to a session whose transaction has not ended.
    #[must_use]
    pub fn in_flight(&self) -> u32 {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// A message is about to wait for a session.
    pub(super) fn waits(&self) {
        self.waiting.fetch_add(1, Ordering::Relaxed);
    }

    /// A message waits no longer.
    pub(super) fn waits_no_more(&self) {
        self.waiting.fetch_sub(1, Ordering::Relaxed);
    }

    pub(super) fn hold(self: &Arc<Gauges>, which: Which) -> Held {
        self.gauge(which).fetch_add(1, Ordering::Relaxed);
        Held { gauges: Arc::clone(self), which }
    }

    fn gauge(&self, which: Which) -> &AtomicU32 {
        match which {
            Which::Sessions => &self.sessions,
            Which::InFlight => &self.in_flight,
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.gauges.gauge(self.which).fetch_sub(1, Ordering::Relaxed);
    }
}
