//! The closed model: every session sends its next message when it is done with the last.
//!
//! Its worker writes the text just before the message is due, on the core on which it is going to
//! be sent: a thread that writes for all would cost a wake-up a message, and bound the rate.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::prepare::Job;
use super::session::{Handed, serve};
use super::{Closed, Shared, TrafficError, until};
use crate::clock::Time;
use crate::limits;
use crate::plan::Offers;
use crate::probe::MessageId;
use crate::scenario::model::Extent;
use crate::seed::{Key, Purpose};

/// What the workers share.
struct Work {
    shared: Arc<Shared>,
    closed: Closed,
    offers: Mutex<Offers>,
    /// A worker found that offering has ended.
    ended: CancellationToken,
    /// Messages due in the measured period.
    measured: AtomicU64,
    last_due: AtomicU64,
}

/// Lets exactly so many sessions work until the end of offering; the last due time.
pub(super) async fn run(
    shared: &Arc<Shared>,
    closed: Closed,
) -> Result<Option<Time>, TrafficError> {
    let work = Arc::new(Work {
        shared: Arc::clone(shared),
        closed,
        offers: Mutex::new(shared.plan.offers()),
        ended: CancellationToken::new(),
        measured: AtomicU64::new(0),
        last_due: AtomicU64::new(0),
    });
    let mut workers = JoinSet::new();
    for _ in 0..shared.settings.sessions {
        let work = Arc::clone(&work);
        workers.spawn(async move { work.all().await });
    }
    let mut grace_over = Box::pin(work.grace_over());
    loop {
        tokio::select! {
            ended = workers.join_next() => match ended {
                Some(ended) => ended?,
                None => break,
            },
            () = &mut grace_over, if !shared.give_up.is_cancelled() => shared.give_up.cancel(),
        }
    }
    let offered = shared.messages.load(Ordering::Relaxed) > 0;
    Ok(offered.then(|| Time(work.last_due.load(Ordering::Relaxed))))
}

impl Work {
    /// One worker: message after message.
    async fn all(&self) {
        let stop = &self.shared.stop;
        tokio::select! {
            () = until(self.shared.instruments.clock, Some(self.shared.settings.start)) => {}
            () = stop.cancelled() => return,
        }
        let mut session = None;
        while let Some(handed) = self.next().await {
            let message = handed.message();
            session = serve(&self.shared, session, handed).await;
            let think = self.think_time(message);
            if !think.is_zero() {
                let _ = tokio::time::timeout(think, stop.cancelled()).await;
            }
        }
        self.ended.cancel();
        if let Some(session) = session {
            session.quit().await;
        }
    }

    /// The next message, due now; `None`: offering has ended.
    async fn next(&self) -> Option<Handed> {
        if self.shared.stop.is_cancelled() {
            return None;
        }
        let job = self.prepared().await?;
        let now = self.shared.instruments.clock.now();
        if self.shared.stop.is_cancelled() || !self.is_within_extent(now) {
            return None;
        }
        self.last_due.fetch_max(now.0, Ordering::Relaxed);
        Some(Handed::new(&self.shared, job, now, now))
    }

    /// The next message of the plan, its text written; a long text where no session waits for it.
    async fn prepared(&self) -> Option<Job> {
        let offer = self.offers.lock().unwrap_or_else(PoisonError::into_inner).next()?;
        let chunking = self.shared.settings.peer.chunking;
        if offer.size <= limits::TEXT_AT_ONCE {
            return Some(Job::written(&self.shared.plan, chunking, offer));
        }
        let plan = self.shared.plan.clone();
        tokio::task::spawn_blocking(move || Job::written(&plan, chunking, offer)).await.ok()
    }

    fn measured_from(&self) -> Time {
        self.shared.settings.start.plus(self.closed.warm_up)
    }

    /// When offering ends, where that is a matter of time.
    fn end(&self) -> Option<Time> {
        match self.closed.extent {
            Extent::Duration(length) => Some(self.measured_from().plus(length)),
            Extent::Messages(_) => None,
        }
    }

    fn is_within_extent(&self, now: Time) -> bool {
        match self.closed.extent {
            Extent::Duration(length) => now < self.measured_from().plus(length),
            Extent::Messages(count) => {
                now < self.measured_from() || self.measured.fetch_add(1, Ordering::Relaxed) < count
            }
        }
    }

    fn think_time(&self, message: MessageId) -> Duration {
        let key = Key { subject: message.0, ..Key::default() };
        let mut stream = self.closed.seed.stream(Purpose::ThinkTime, key);
        let seconds = self.closed.think_time.sample(&mut stream);
        Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
    }

    /// Waits for the end of offering and then for the grace time.
    async fn grace_over(&self) {
        tokio::select! {
            () = self.shared.stop.cancelled() => {}
            () = self.ended.cancelled() => {}
            () = until(self.shared.instruments.clock, self.end()) => {}
        }
        tokio::time::sleep(self.shared.settings.grace).await;
    }
}
