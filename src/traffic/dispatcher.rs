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
    for (due, message) in source {
        if !wait(due, instruments, patience) {
            return Dispatched { last_due, held: Some((due, message)) };
        }
        instruments.gauges.waits();
        if let Err(message) = release(message, queue, instruments, patience) {
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

/// Puts a message into the queue; into a full one when a place becomes free, which is recorded.
fn release<T>(
    message: T,
    queue: &mpsc::Sender<T>,
    instruments: &Instruments,
    patience: &Patience,
) -> Result<(), T> {
    let mut message = match queue.try_send(message) {
        Ok(()) => return Ok(()),
        Err(TrySendError::Closed(message)) => return Err(message),
        Err(TrySendError::Full(message)) => message,
    };
    let full = instruments.clock.now();
    let value = queue.max_capacity() as u64;
    instruments.ledger.record(&Event::Limit { at: full, name: "DISPATCH_QUEUE".to_owned(), value });
    while !patience.stop.is_cancelled() && instruments.clock.now().since(full) < patience.full_for {
        sleep(limits::DISPATCH_SPIN);
        message = match queue.try_send(message) {
            Ok(()) => return Ok(()),
            Err(TrySendError::Closed(message)) => return Err(message),
            Err(TrySendError::Full(message)) => message,
        };
    }
    Err(message)
}
