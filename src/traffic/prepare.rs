//! Messages made ready to be sent: in the open model on a thread of their own, a bounded number
//! ahead of their due time.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use tokio::sync::mpsc;

use crate::limits;
use crate::plan::{Envelope, Offer, Plan};
use crate::smtp::client::{Content, stuffed};

/// A message on its way to a session.
pub(super) struct Job {
    pub(super) offer: Offer,
    /// `None`: too much text is held ready already; the session writes it.
    ready: Option<Ready>,
}

/// A text as its protocol wants it.
enum Text {
    /// Dot-stuffed, final dot included.
    Stuffed(Vec<u8>),
    /// For BDAT.
    AsItIs(Vec<u8>),
}

/// A message as it goes over the wire.
pub(super) struct Ready {
    pub(super) envelope: Envelope,
    text: Text,
    _room: Option<Room>,
}

impl Job {
    /// A message whose text is written now.
    pub(super) fn written(plan: &Plan, chunking: bool, offer: Offer) -> Job {
        let ready = Some(write(plan, chunking, &offer, None));
        Job { offer, ready }
    }

    /// The message as it goes over the wire, taken or written now.
    pub(super) fn ready(self, plan: &Plan, chunking: bool) -> Ready {
        self.ready.unwrap_or_else(|| write(plan, chunking, &self.offer, None))
    }
}

impl Ready {
    pub(super) fn content(&self) -> Content<'_> {
        match &self.text {
            Text::Stuffed(bytes) => Content::Stuffed(bytes),
            Text::AsItIs(bytes) => Content::Text(bytes),
        }
    }
}

fn write(plan: &Plan, chunking: bool, offer: &Offer, room: Option<Room>) -> Ready {
    let text = plan.text(offer);
    let text = if chunking { Text::AsItIs(text) } else { Text::Stuffed(stuffed(&text)) };
    Ready { envelope: plan.envelope(offer), text, _room: room }
}

/// Starts the thread. It ends with the plan, or when no task takes messages any more.
pub(super) fn start(plan: Plan, chunking: bool, to: mpsc::Sender<Job>) -> io::Result<()> {
    let prepare = move || {
        let used = Arc::new(AtomicU64::new(0));
        for offer in plan.offers() {
            let room = Room::take(&used, offer.size);
            let ready = room.map(|room| write(&plan, chunking, &offer, Some(room)));
            if to.blocking_send(Job { offer, ready }).is_err() {
                return;
            }
        }
    };
    thread::Builder::new().name("prepare".to_owned()).spawn(prepare).map(drop)
}

/// A share of [`limits::PREPARED_BYTES`], given back when it is dropped.
struct Room {
    used: Arc<AtomicU64>,
    bytes: u64,
}

impl Room {
    fn take(used: &Arc<AtomicU64>, bytes: u64) -> Option<Room> {
        // The one thread that takes is ours, so nothing can come between load and add.
        let free = limits::PREPARED_BYTES.saturating_sub(used.load(Ordering::Relaxed));
        (bytes <= free).then(|| {
            used.fetch_add(bytes, Ordering::Relaxed);
            Room { used: Arc::clone(used), bytes }
        })
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.used.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_bounded_and_given_back() {
        let used = Arc::new(AtomicU64::new(0));
        let most = Room::take(&used, limits::PREPARED_BYTES - 10).expect("room");
        let rest = Room::take(&used, 10).expect("room");
        assert!(Room::take(&used, 1).is_none(), "more than the bound is held");
        drop(most);
        assert!(Room::take(&used, 1).is_some());
        drop(rest);
        assert_eq!(used.load(Ordering::Relaxed), 0);
    }
}
