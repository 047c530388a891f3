//! Owns the deliveries in memory: gives the next one a slot, starts its attempt, takes back what
//! is left. The order is `queue::ready`'s.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{interval, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use crate::limits::RELAY_STOP;
use crate::queue::ordering::Entry;
use crate::queue::ready::Ready;
use crate::relay::delivery::{DeliveryAgent, Finished};
use crate::relay::idle::Idle;
use crate::relay::mail::Delivery;
use crate::smtp::client::Connection;

/// The deliveries and their attempts.
pub struct Dispatcher {
    courier: Arc<DeliveryAgent>,
    ready: Ready,
    deliveries: HashMap<u64, Delivery>,
    next_id: u64,
    attempts: JoinSet<Finished>,
    idle: Idle<Box<Connection>>,
}

/// How often idle connections are looked at.
const SWEEP: Duration = Duration::from_secs(1);

impl Dispatcher {
    /// A dispatcher with nothing to do.
    #[must_use]
    pub fn new(courier: Arc<DeliveryAgent>, ready: Ready) -> Dispatcher {
        Dispatcher {
            courier,
            ready,
            deliveries: HashMap::new(),
            next_id: 0,
            attempts: JoinSet::new(),
            idle: Idle::default(),
        }
    }

    /// Takes a delivery on.
    pub fn add(&mut self, delivery: Delivery) {
        let id = self.next_id;
        self.next_id += 1;
        self.ready.push(Entry {
            id,
            destination: Arc::clone(&delivery.domain),
            due: delivery.due,
            accepted: delivery.envelope.accepted,
            priority: delivery.envelope.priority,
        });
        self.deliveries.insert(id, delivery);
    }

    /// Delivers until it is stopped, then lets the attempts under way end.
    pub async fn run(
        mut self,
        mut arrivals: mpsc::Receiver<Vec<Delivery>>,
        stop: CancellationToken,
    ) {
        let mut sweep = interval(SWEEP);
        while !stop.is_cancelled() {
            self.start_due();
            let clock = self.courier.clock;
            let wake = self.ready.next_due().unwrap_or_else(|| clock.now().plus(SWEEP));
            tokio::select! {
                () = stop.cancelled() => {}
                Some(new) = arrivals.recv() => new.into_iter().for_each(|one| self.add(one)),
                Some(ended) = self.attempts.join_next() => self.finish(ended),
                () = sleep_until(clock.instant(wake).into()) => {}
                _ = sweep.tick() => self.sweep(),
            }
        }
        self.stop(arrivals).await;
    }

    /// Starts every attempt that is due and has a slot.
    fn start_due(&mut self) {
        while let Some(entry) = self.ready.next(self.courier.clock.now()) {
            let Some(delivery) = self.deliveries.remove(&entry.id) else { continue };
            let courier = Arc::clone(&self.courier);
            let age = courier.clock.now().since(delivery.envelope.accepted);
            if delivery.attempts > 0 && courier.schedule.is_over(age) {
                self.attempts.spawn(courier.give_up(delivery));
            } else {
                let idle = self.idle.take(&delivery.domain);
                self.attempts.spawn(courier.attempt(delivery, idle));
            }
        }
    }

    /// Takes back what an attempt has left. A panic in an attempt would leave its recipients in
    /// the store only, undelivered until a restart: better to end the process and start again.
    fn finish(&mut self, ended: Result<Finished, tokio::task::JoinError>) {
        let finished = match ended.map_err(tokio::task::JoinError::try_into_panic) {
            Ok(finished) => finished,
            Err(Ok(panic)) => std::panic::resume_unwind(panic),
            Err(Err(_never_cancelled)) => return,
        };
        self.ready.release(&finished.domain, finished.answer);
        if let Some(again) = finished.again {
            self.add(again);
        }
        if let Some(connection) = finished.connection {
            let now = self.courier.clock.now();
            if let Some(surplus) = self.idle.put(finished.domain, connection, now) {
                tokio::spawn(surplus.quit());
            }
        }
    }

    fn sweep(&mut self) {
        for connection in self.idle.expire(self.courier.clock.now()) {
            tokio::spawn(connection.quit());
        }
    }

    /// Lets the attempts under way end, within a bound; nothing new begins. What is cut off is
    /// in the store and begins anew with the next start.
    async fn stop(mut self, arrivals: mpsc::Receiver<Vec<Delivery>>) {
        drop(arrivals);
        let ending = async { while self.attempts.join_next().await.is_some() {} };
        if timeout(RELAY_STOP, ending).await.is_err() {
            tracing::warn!(attempts = self.attempts.len(), "attempts cut off by the stop");
        }
        let quits = self.idle.drain().into_iter().map(|connection| connection.quit());
        let quits: JoinSet<()> = quits.collect();
        let _in_time_or_not = timeout(RELAY_STOP, quits.join_all()).await;
    }
}
