//! Releases messages when they are due: on a thread of its own, since timers of the runtime are
//! as coarse as a millisecond. It sleeps, then yields for the last stretch; everything due is
//! released at once, late messages too. It never changes a due time.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;
use tokio_util::sync::CancellationToken;

use super::Instruments;
use crate::clock::Time;
use crate::ledger::event::Event;
use crate::limits;

/// What ends a dispatch before its messages do.
#[derive(Clone, Debug)]
pub struct Patience {
    /// Nothing more is to be released.
    pub stop: CancellationToken,
    /// How long a full queue may stay full.
    pub full_for: Duration,
}

/// What was released.
#[derive(Debug)]
pub struct Dispatched<T> {
    /// Due time of the last message released.
    pub last_due: Option<Time>,
    /// The message that could not be released; `None`: there were no more.
    pub held: Option<(Time, T)>,
}

/// Releases every message of `source` into `queue` when it is due. Blocks; for a thread of its
/// own, outside the runtime.
pub fn dispatch<T>(
    source: &mut impl Iterator<Item = (Time, T)>,
    queue: &mpsc::Sender<T>,
    instruments: &Instruments,
    patience: &Patience,
) -> Dispatched<T> {
    let mut last_due = None;
    // Lets the kernel wake this thread on time instead of up to 50 µs later; where that is not
    // possible the wake-ups are so much later, and measured.
    let _ = nix::sys::prctl::set_timerslack(1);
    let mut release = Release { queue, instruments, patience, full: false };
    for (due, message) in source {
        if !wait(due, instruments, patience) {
            return Dispatched { last_due, held: Some((due, message)) };
        }
        instruments.gauges.waits();
        if let Err(message) = release.one(message) {
            instruments.gauges.waits_no_more();
            return Dispatched { last_due, held: Some((due, message)) };
        }
        last_due = Some(due);
    }
    Dispatched { last_due, held: None }
}

/// Waits until `due`; false: it is time to stop.
fn wait(due: Time, instruments: &Instruments, patience: &Patience) -> bool {
    loop {
        let left = due.since(instruments.clock.now());
        if patience.stop.is_cancelled() {
            return false;
        }
        if left.is_zero() {
            return true;
        }
        match left.checked_sub(limits::DISPATCH_SPIN) {
            Some(long) => sleep(long.min(limits::DISPATCH_SLEEP)),
            None => std::thread::yield_now(),
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the dispatcher's own thread")]
fn sleep(length: Duration) {
    std::thread::sleep(length);
}

/// The queue and its state.
struct Release<'a, T> {
    queue: &'a mpsc::Sender<T>,
    instruments: &'a Instruments,
    patience: &'a Patience,
    /// Whether it was full at the last message: only the first of a row is recorded.
    full: bool,
}

impl<T> Release<'_, T> {
    /// Puts a message into the queue; into a full one when a place becomes free.
    fn one(&mut self, message: T) -> Result<(), T> {
        let mut message = match self.queue.try_send(message) {
            Err(TrySendError::Full(message)) => message,
            sent => {
                self.full = false;
                return sent.map_err(TrySendError::into_inner);
            }
        };
        let clock = self.instruments.clock;
        let since = clock.now();
        if !std::mem::replace(&mut self.full, true) {
            let (name, value) = ("DISPATCH_QUEUE".to_owned(), self.queue.max_capacity() as u64);
            self.instruments.ledger.record(&Event::Limit { at: since, name, value });
        }
        let within = |now: Time| now.since(since) < self.patience.full_for;
        while within(clock.now()) && !self.patience.stop.is_cancelled() {
            sleep(limits::DISPATCH_SPIN);
            message = match self.queue.try_send(message) {
                Err(TrySendError::Full(message)) => message,
                sent => return sent.map_err(TrySendError::into_inner),
            };
        }
        Err(message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::ledger::{Ledger, journal};
    use crate::traffic::Gauges;
    use std::sync::Arc;

    fn millis(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    /// Dispatches three messages, due at these milliseconds, into a queue with this many places.
    fn dispatched(
        dues: [u64; 3],
        places: usize,
        stop: &CancellationToken,
    ) -> (Dispatched<u64>, Vec<Event>) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("journal.bin");
        let ledger = Ledger::create(&path).expect("a journal");
        let gauges = Arc::new(Gauges::default());
        let instruments = Instruments { clock: Clock::start(), ledger, gauges };
        let (queue, _released) = mpsc::channel(places);
        let patience = Patience { stop: stop.clone(), full_for: millis(30) };
        let mut source = dues.into_iter().map(|due| (Time::from_offset(millis(due)), due));
        let dispatched = dispatch(&mut source, &queue, &instruments, &patience);
        let waiting = places - queue.capacity();
        assert_eq!(instruments.gauges.waiting() as usize, waiting);
        drop(instruments);
        (dispatched, journal::open(&path).expect("a journal").collect())
    }

    #[test]
    fn all_are_released_late_ones_too() {
        let (dispatched, events) = dispatched([0, 0, 40], 3, &CancellationToken::new());
        assert_eq!(dispatched.last_due, Some(Time::from_offset(millis(40))));
        assert!(dispatched.held.is_none() && events.is_empty());
    }

    #[test]
    fn a_full_queue_is_recorded_and_not_waited_for_without_end() {
        let (dispatched, events) = dispatched([0, 1, 2], 1, &CancellationToken::new());
        assert_eq!(dispatched.last_due, Some(Time::ZERO));
        assert_eq!(dispatched.held, Some((Time::from_offset(millis(1)), 1)));
        assert!(matches!(&events[..], [Event::Limit { value: 1, .. }]), "{events:?}");
    }

    #[test]
    fn a_stop_holds_back_what_is_not_due() {
        let stop = CancellationToken::new();
        stop.cancel();
        let hour = 3_600_000;
        let (dispatched, _) = dispatched([hour; 3], 3, &stop);
        assert_eq!(dispatched.held, Some((Time::from_offset(millis(hour)), hour)));
        assert_eq!(dispatched.last_due, None);
    }
}
