//! What was seen, by whom, when: events, the journal on disk, and each probe's history.
//!
//! Traffic and sink each write what they saw through a [`Ledger`] handle; nothing here computes
//! statistics.

pub mod event;
pub mod journal;

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};

use event::Event;
use journal::Writer;

/// The handle through which actors write. Cheap to clone; all clones write one journal.
#[derive(Clone)]
pub struct Ledger {
    writer: Arc<Mutex<Writer>>,
}

impl Ledger {
    /// A ledger that writes a new journal at `path`.
    ///
    /// # Errors
    /// When the file cannot be created.
    pub fn create(path: &Path) -> std::io::Result<Ledger> {
        Ok(Ledger { writer: Arc::new(Mutex::new(Writer::create(path)?)) })
    }

    /// Writes one event. It reaches the kernel at the next [`Ledger::flush`], or when the buffer
    /// is full.
    pub fn record(&self, event: &Event) {
        self.writer().append(event);
    }

    /// Hands everything recorded so far to the kernel, so that it survives a kill of this
    /// process. The sink calls it before it writes a `250` to end-of-data.
    pub fn flush(&self) {
        self.writer().flush();
    }

    /// The first failure to write, if there was one: the run is then void.
    #[must_use]
    pub fn failure(&self) -> Option<String> {
        self.writer().failure()
    }

    fn writer(&self) -> MutexGuard<'_, Writer> {
        self.writer.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
