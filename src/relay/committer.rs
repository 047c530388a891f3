//! The one writer of the store: gathers what sessions and deliveries want written and commits it
//! together, so that one sync serves many messages.
//!
//! Decided here: a mail exists for the rest of the relay only after its commit; what a delivery
//! came to may wait a little for company, since a crash then costs a duplicate, never a loss.

use std::thread::JoinHandle;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use crate::limits::{
    RELAY_COMMIT_BATCH, RELAY_COMMIT_LINGER, RELAY_ORDERS, RELAY_STORE_FIRST_RETRY,
    RELAY_STORE_RETRY,
};
use crate::relay::budget::Budget;
use crate::relay::mail::{Delivery, Mail};
use crate::relay::rows::{self, Change};
use crate::relay::store::Store;

/// Something to be written.
#[derive(Debug)]
pub enum Order {
    /// A mail, and who waits for it to be safe.
    Accept(Mail, oneshot::Sender<Stored>),
    /// What a delivery came to.
    Change(Change),
}

/// Whether a mail is safe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stored {
    /// It is: the relay is responsible for it now.
    Safe,
    /// It is not.
    Failed,
}

/// Where orders are handed in.
pub type Orders = mpsc::Sender<Order>;

/// New deliveries of one commit.
pub type NewDeliveries = mpsc::Sender<Vec<Delivery>>;

/// The writer's state.
struct Committer {
    store: Store,
    orders: mpsc::Receiver<Order>,
    deliveries: NewDeliveries,
    budget: Budget,
    batch: Vec<Order>,
}

/// Starts the writer on its own thread. It ends when every sender of orders is gone and
/// everything handed in is written.
pub fn start(
    store: Store,
    deliveries: NewDeliveries,
    budget: Budget,
) -> std::io::Result<(Orders, JoinHandle<()>)> {
    let (sender, orders) = mpsc::channel(RELAY_ORDERS);
    let runtime = Handle::current();
    let committer = Committer { store, orders, deliveries, budget, batch: Vec::new() };
    let thread = std::thread::Builder::new()
        .name("committer".to_owned())
        .spawn(move || committer.run(&runtime))?;
    Ok((sender, thread))
}

impl Committer {
    fn run(mut self, runtime: &Handle) {
        let mut failed = 0;
        loop {
            let open = runtime.block_on(self.gather());
            if self.batch.is_empty() && !open {
                return;
            }
            match self.commit() {
                Ok(()) if failed > 0 => {
                    tracing::warn!(failed, "the queue can be written again");
                    failed = 0;
                }
                Ok(()) => {}
                Err(error) => {
                    tracing::error!(%error, "the queue cannot be written");
                    self.fail_accepts();
                    if !open {
                        return; // what is not recorded as done will be delivered again
                    }
                    // Made inside, as a timer needs the runtime.
                    runtime.block_on(async { tokio::time::sleep(pause(failed)).await });
                    failed += 1;
                }
            }
        }
    }

    /// Waits for orders and takes all there are; `false` when no more can come. Changes alone
    /// wait for company.
    async fn gather(&mut self) -> bool {
        let mut taken = Vec::new();
        let mut open = true;
        let room = |held: usize| RELAY_COMMIT_BATCH.saturating_sub(held);
        if self.batch.is_empty() {
            open = self.orders.recv_many(&mut taken, RELAY_COMMIT_BATCH).await > 0;
        }
        let someone_waits = |taken: &[Order]| taken.iter().any(|o| matches!(o, Order::Accept(..)));
        let linger = async {
            while open && room(taken.len() + self.batch.len()) > 0 && !someone_waits(&taken) {
                let room = room(taken.len() + self.batch.len());
                open = self.orders.recv_many(&mut taken, room).await > 0;
            }
        };
        let _company_or_not = timeout(RELAY_COMMIT_LINGER, linger).await;
        self.batch.extend(taken);
        open
    }

    /// Writes the batch in one transaction, then tells everyone.
    fn commit(&mut self) -> rusqlite::Result<()> {
        self.store.transaction(|transaction| {
            for order in &self.batch {
                match order {
                    Order::Accept(mail, _) => rows::insert(transaction, mail)?,
                    Order::Change(change) => rows::apply(transaction, change)?,
                }
            }
            Ok(())
        })?;
        self.publish();
        Ok(())
    }

    /// Hands the new mails of a committed batch on and lets their senders know.
    fn publish(&mut self) {
        let mut deliveries = Vec::new();
        let mut waiting = Vec::new();
        for order in self.batch.drain(..) {
            let mail = match order {
                Order::Accept(mail, reply) => {
                    waiting.push(reply);
                    Some(mail)
                }
                Order::Change(change) => change.report,
            };
            if let Some(mail) = mail {
                let kept = self.budget.is_ample().then_some(&mail.content);
                deliveries.extend(mail.deliveries(kept));
            }
        }
        for reply in waiting {
            let _session_may_be_gone = reply.send(Stored::Safe);
        }
        if !deliveries.is_empty() {
            let _stopping_and_the_store_has_them = self.deliveries.blocking_send(deliveries);
        }
    }

    /// After a failed commit: a session that waits for a mail to be safe gets it back, those still in line
    /// too; changes are kept for later.
    fn fail_accepts(&mut self) {
        while self.batch.len() < RELAY_ORDERS
            && let Ok(order) = self.orders.try_recv()
        {
            self.batch.push(order);
        }
        let kept = self.batch.drain(..).filter_map(|order| match order {
            Order::Accept(_, reply) => {
                let _session_may_be_gone = reply.send(Stored::Failed);
                None
            }
            change @ Order::Change(_) => Some(change),
        });
        self.batch = kept.collect();
    }
}

/// How long to wait after so many failures and one more: a disk that was full for a moment costs
/// little, one that stays full is not hammered.
fn pause(failed: u32) -> Duration {
    RELAY_STORE_FIRST_RETRY.saturating_mul(1 << failed.min(16)).min(RELAY_STORE_RETRY)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Time;
    use crate::relay::mail::{Content, Envelope, MailId};
    use crate::relay::reader::Reader;
    use std::sync::Arc;

    fn mail(id: MailId) -> Mail {
        let envelope = Envelope {
            id,
            reverse_path: String::new(),
            priority: 0,
            eight_bit: false,
            utf8: false,
            accepted: Time(1),
        };
        let content = Content { octets: vec![b'x'; 10], charge: Budget::new(1).charge() };
        Mail {
            envelope: Arc::new(envelope),
            recipients: vec!["a@y.test".to_owned()],
            content: Arc::new(content),
        }
    }

    fn accept(id: MailId) -> (Order, oneshot::Receiver<Stored>) {
        let (reply, stored) = oneshot::channel();
        (Order::Accept(mail(id), reply), stored)
    }

    #[tokio::test]
    async fn safe_means_in_the_store_and_handed_on() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::open(folder.path(), true).expect("a store");
        let (deliveries, mut arrivals) = mpsc::channel(10);
        let (orders, thread) = start(store, deliveries, Budget::new(1000)).expect("a thread");
        let (order, stored) = accept(1);
        orders.send(order).await.expect("handed in");
        assert_eq!(stored.await, Ok(Stored::Safe));
        let reader = Reader::open(folder.path()).expect("a reader");
        assert_eq!(reader.count().expect("counted").total, 1);
        assert_eq!(arrivals.recv().await.expect("handed on")[0].envelope.id, 1);
        let change = Change { message: 1, done: vec![0], ..Change::default() };
        orders.send(Order::Change(change)).await.expect("handed in");
        drop(orders);
        tokio::task::spawn_blocking(|| thread.join()).await.expect("waited").expect("ended");
        assert_eq!(reader.count().expect("counted").total, 0, "written before the end");
    }

    #[test]
    fn pauses_grow_to_their_bound() {
        assert_eq!(pause(0), RELAY_STORE_FIRST_RETRY);
        assert_eq!(pause(3), 8 * RELAY_STORE_FIRST_RETRY);
        assert_eq!(pause(u32::MAX), RELAY_STORE_RETRY);
    }

    /// The store refuses as long as the number of the mail is taken, as a full disk would.
    #[tokio::test]
    async fn a_store_that_refused_is_used_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut store = Store::open(folder.path(), false).expect("a store");
        store.transaction(|transaction| rows::insert(transaction, &mail(1))).expect("written");
        let (deliveries, _arrivals) = mpsc::channel(10);
        let (orders, thread) = start(store, deliveries, Budget::new(1000)).expect("a thread");
        for _ in 0..3 {
            let (order, stored) = accept(1);
            orders.send(order).await.expect("handed in");
            assert_eq!(stored.await, Ok(Stored::Failed));
        }
        let (order, stored) = accept(2);
        orders.send(order).await.expect("handed in");
        assert_eq!(stored.await, Ok(Stored::Safe));
        drop(orders);
        tokio::task::spawn_blocking(|| thread.join()).await.expect("waited").expect("no panic");
    }

    #[tokio::test]
    async fn a_failed_commit_accepts_nothing_and_forgets_no_result() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut store = Store::open(folder.path(), false).expect("a store");
        store.transaction(|transaction| rows::insert(transaction, &mail(1))).expect("written");
        let (deliveries, _arrivals) = mpsc::channel(10);
        let (_, orders) = mpsc::channel(1);
        let budget = Budget::new(1000);
        let mut committer = Committer { store, orders, deliveries, budget, batch: Vec::new() };
        let (order, stored) = accept(1); // the number is taken: the store refuses
        let change = Change { message: 1, done: vec![0], ..Change::default() };
        committer.batch = vec![order, Order::Change(change)];
        assert!(committer.commit().is_err());
        committer.fail_accepts();
        assert_eq!(stored.await, Ok(Stored::Failed));
        let reader = Reader::open(folder.path()).expect("a reader");
        assert_eq!(reader.count().expect("counted").total, 1, "nothing of the batch was kept");
        committer.commit().expect("written");
        assert_eq!(reader.count().expect("counted").total, 0, "the result came with the next");
    }
}
