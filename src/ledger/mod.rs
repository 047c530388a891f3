//! What was seen, by whom, when: events, the journal on disk, and each probe's history.
//!
//! Traffic and sink each write what they saw through a [`Ledger`] handle; nothing here computes
//! statistics.

pub mod class;
pub mod disposition;
pub mod dsn;
pub mod event;
pub mod history;
pub mod journal;
mod live;
mod recent;

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use crate::clock::Time;
use event::Event;
use journal::Writer;
use live::Live;
pub use live::Tally;
use recent::Recent;

/// The handle through which actors write. Cheap to clone; all clones write one journal.
#[derive(Clone)]
pub struct Ledger {
    book: Arc<Mutex<Book>>,
}

/// What the lock guards: the journal and the sums over it.
struct Book {
    writer: Writer,
    live: Live,
    recent: Recent,
}

impl Ledger {
    /// A ledger that writes a new journal at `path`.
    ///
    /// # Errors
    /// When the file cannot be created.
    pub fn create(path: &Path) -> std::io::Result<Ledger> {
        let book = Book {
            writer: Writer::create(path)?,
            live: Live::default(),
            recent: Recent::default(),
        };
        Ok(Ledger { book: Arc::new(Mutex::new(book)) })
    }

    /// Writes one event. It reaches the kernel at the next [`Ledger::flush`], or when the buffer
    /// is full. [`Event::Offered`] must be recorded before anything else about its probes.
    pub fn record(&self, event: &Event) {
        let mut book = self.book();
        book.writer.append(event);
        book.live.observe(event);
        book.recent.observe(event);
    }

    /// The sums so far.
    #[must_use]
    pub fn tally(&self) -> Tally {
        self.book().live.tally()
    }

    /// 99th percentile of the end-to-end times of what arrived in the last `span`, by a sample.
    #[must_use]
    pub fn recent_p99(&self, now: Time, span: Duration) -> Option<Duration> {
        self.book().recent.p99(now, span)
    }

    /// Hands everything recorded so far to the kernel, so that it survives a kill of this
    /// process. The sink calls it before it writes a `250` to end-of-data.
    pub fn flush(&self) {
        self.book().writer.flush();
    }

    /// The first failure to write, if there was one: the run is then void.
    #[must_use]
    pub fn failure(&self) -> Option<String> {
        self.book().writer.failure()
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Time;
    use crate::probe::MessageId;

    #[test]
    fn what_is_recorded_is_counted_and_on_disk() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("journal.bin");
        let ledger = Ledger::create(&path).expect("a journal");
        let event =
            Event::Offered { message: MessageId(0), recipients: 2, due: Time(1), at: Time(2) };
        ledger.record(&event);
        ledger.flush();
        assert_eq!(ledger.tally().offered, 2);
        let read: Vec<Event> = journal::open(&path).expect("a journal").collect();
        assert_eq!(read, vec![event]);
    }
}
