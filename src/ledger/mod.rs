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
pub mod overhead;
mod pages;
mod recent;
mod record;

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::clock::Time;
use crate::limits;
use event::Event;
use journal::Writer;
use live::Live;
pub use live::Tally;
use recent::Recent;

/// The handle through which actors write. Cheap to clone; all clones write one journal.
///
/// Events are encoded by the task that records them, collected under one short lock, and given to the
/// kernel under another, so no task that records waits for the disk.
#[derive(Clone)]
pub struct Ledger {
    shared: Arc<Shared>,
}

struct Shared {
    book: Mutex<Book>,
    hand: Mutex<Hand>,
    /// Bytes recorded, and of these, bytes given to the kernel.
    recorded: AtomicU64,
    written: AtomicU64,
    /// Something could not be recorded or written.
    failed: AtomicBool,
}

/// What was recorded and not written, and the sums over all that was recorded.
#[derive(Default)]
struct Book {
    records: Vec<u8>,
    live: Live,
    recent: Recent,
}

/// What writes to the file; holds the records being written.
struct Hand {
    writer: Writer,
    records: Vec<u8>,
}

impl Ledger {
    /// A ledger that writes a new journal at `path`.
    ///
    /// # Errors
    /// When the file cannot be created.
    pub fn create(path: &Path) -> std::io::Result<Ledger> {
        let hand = Hand { writer: Writer::create(path)?, records: Vec::new() };
        let (book, hand) = (Mutex::default(), Mutex::new(hand));
        let (recorded, written) = (AtomicU64::new(0), AtomicU64::new(0));
        let failed = AtomicBool::new(false);
        Ok(Ledger { shared: Arc::new(Shared { book, hand, recorded, written, failed }) })
    }

    /// Writes one event. It reaches the kernel at the next [`Ledger::flush`], or when the buffer
    /// is full. [`Event::Offered`] must be recorded before anything else about its probes.
    pub fn record(&self, event: &Event) {
        let full = record::with_record(event, |record| self.shared.take(record, event));
        match full {
            Ok(false) => {}
            Ok(true) => self.flush(),
            Err(error) => {
                // What was recorded before it counts, nothing after it.
                self.flush();
                self.shared.fail(&mut self.shared.hand(), &error);
            }
        }
    }

    /// The sums so far.
    #[must_use]
    pub fn tally(&self) -> Tally {
        self.shared.book().live.tally()
    }

    /// 99th percentile of the end-to-end times of what arrived in the last `span`, by a sample.
    #[must_use]
    pub fn recent_p99(&self, now: Time, span: Duration) -> Option<Duration> {
        self.shared.book().recent.p99(now, span)
    }

    /// Hands everything recorded so far to the kernel, so it survives a kill of this
    /// process.
    pub fn flush(&self) {
        self.shared.flush();
    }

    /// As [`Ledger::flush`], but lets everyone else who can act at this moment act first, so that
    /// one write serves all of them. The sink waits for it before it writes a `250` to
    /// end-of-data; `false`: it must not write one, as what it saw is not on disk.
    pub async fn persist(&self) -> bool {
        let wanted = self.shared.recorded.load(Ordering::Acquire);
        tokio::task::yield_now().await;
        if self.shared.written.load(Ordering::Acquire) < wanted {
            self.flush();
        }
        !self.has_failed()
    }

    /// Whether something could not be written: nothing more is, and the run has to end.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.shared.failed.load(Ordering::Acquire)
    }

    /// The first failure to write, if there was one.
    #[must_use]
    pub fn failure(&self) -> Option<String> {
        self.shared.hand().writer.failure()
    }
}

impl Shared {
    /// Takes in a record and its event; whether it is time to write.
    fn take(&self, record: &[u8], event: &Event) -> bool {
        let mut book = self.book();
        book.records.extend_from_slice(record);
        book.live.observe(event);
        book.recent.observe(event);
        self.recorded.fetch_add(record.len() as u64, Ordering::Release);
        book.records.len() >= limits::JOURNAL_BUFFER
    }

    fn flush(&self) {
        let wanted = self.recorded.load(Ordering::Acquire);
        let mut hand = self.hand();
        // Whoever had the hand before may have written ours too.
        if self.written.load(Ordering::Acquire) >= wanted {
            return;
        }
        let upto = {
            let mut book = self.book();
            std::mem::swap(&mut book.records, &mut hand.records);
            self.recorded.load(Ordering::Acquire)
        };
        let Hand { writer, records } = &mut *hand;
        writer.write(records);
        records.clear();
        if writer.failure().is_some() {
            self.failed.store(true, Ordering::Release);
        }
        self.written.store(upto, Ordering::Release);
    }

    fn fail(&self, hand: &mut Hand, error: &dyn std::fmt::Display) {
        hand.writer.fail(error);
        self.failed.store(true, Ordering::Release);
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn hand(&self) -> MutexGuard<'_, Hand> {
        self.hand.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.flush();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Time;
    use crate::probe::MessageId;

    fn offered(message: u64) -> Event {
        let message = MessageId(message);
        Event::Offered { message, recipients: 1, due: Time(1), at: Time(2) }
    }

    fn read(path: &Path) -> Vec<Event> {
        journal::open(path).expect("a journal").collect()
    }

    #[test]
    fn records_are_written_at_a_flush_or_when_the_ledger_is_dropped() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("journal.bin");
        let ledger = Ledger::create(&path).expect("a journal");
        ledger.record(&offered(0));
        assert_eq!(read(&path), [], "one write serves many records");
        ledger.flush();
        assert_eq!(read(&path), [offered(0)]);
        ledger.record(&offered(1));
        drop(ledger);
        assert_eq!(read(&path), [offered(0), offered(1)]);
    }

    #[test]
    fn persisted_records_are_on_disk_and_one_write_serves_all_who_wait() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("journal.bin");
        let ledger = Ledger::create(&path).expect("a journal");
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        ledger.record(&offered(0));
        let mut waits = std::pin::pin!(ledger.persist());
        assert!(waits.as_mut().poll(&mut context).is_pending(), "others act first");
        assert!(waits.as_mut().poll(&mut context).is_ready());
        assert_eq!(read(&path), [offered(0)]);
        ledger.record(&offered(1));
        let mut waits = std::pin::pin!(ledger.persist());
        assert!(waits.as_mut().poll(&mut context).is_pending());
        ledger.flush();
        ledger.record(&offered(2));
        assert!(waits.as_mut().poll(&mut context).is_ready());
        assert_eq!(read(&path), [offered(0), offered(1)], "another's write was enough");
    }

    #[test]
    fn failure_to_write_is_reported() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("journal.bin");
        let ledger = Ledger::create(&path).expect("a journal");
        ledger.record(&offered(0));
        ledger.flush();
        assert_eq!(ledger.failure(), None);
        let read_only = std::fs::File::open(&path).expect("a file open for reading");
        ledger.shared.hand().writer = Writer::to(read_only);
        assert!(!ledger.has_failed());
        ledger.record(&offered(1));
        ledger.flush();
        assert!(ledger.has_failed());
        assert!(ledger.failure().is_some_and(|failure| !failure.is_empty()));
    }

    #[test]
    fn nothing_is_persisted_after_an_event_that_cannot_be_written() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("journal.bin");
        let ledger = Ledger::create(&path).expect("a journal");
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        let persisted = |context: &mut std::task::Context<'_>| {
            let mut waits = std::pin::pin!(ledger.persist());
            let _others_act_first = waits.as_mut().poll(context);
            waits.as_mut().poll(context)
        };
        ledger.record(&offered(0));
        assert_eq!(persisted(&mut context), std::task::Poll::Ready(true));
        ledger.record(&offered(1));
        let name = "x".repeat(limits::JOURNAL_RECORD);
        ledger.record(&Event::Limit { at: Time(1), name, value: 0 });
        ledger.record(&offered(2));
        assert_eq!(persisted(&mut context), std::task::Poll::Ready(false));
        assert!(ledger.failure().is_some_and(|failure| failure.contains("longer than a record")));
        drop(ledger);
        assert_eq!(read(&path), [offered(0), offered(1)], "what came before it is there");
    }

    #[test]
    fn recent_times_are_those_of_what_was_recorded() {
        let folder = tempfile::tempdir().expect("a folder");
        let ledger = Ledger::create(&folder.path().join("journal.bin")).expect("a journal");
        ledger.record(&offered(0));
        let span = Duration::from_secs(1);
        assert_eq!(ledger.recent_p99(Time(10), span), None);
        ledger.record(&Event::Attempt(event::Attempt {
            probe: crate::probe::ProbeId(0),
            destination: None,
            number: 1,
            session: 1,
            started: Time(3),
            ended: Time(8),
            stage: crate::smtp::stage::Stage::EndOfData,
            outcome: event::AttemptOutcome::Taken,
            reply: None,
            fault: None,
            reception: None,
            content: None,
        }));
        assert_eq!(ledger.recent_p99(Time(10), span), Some(Duration::from_nanos(7)));
    }

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
