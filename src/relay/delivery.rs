//! One attempt: a connection to the next hop, a transaction, and the record of what it came to.
//! Who goes when is the dispatcher's; what follows from a reply is `settle`'s.

use std::io;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use crate::queue::ready::Answer;
use crate::queue::schedule::RetrySchedule;
use crate::relay::budget::Budget;
use crate::relay::committer::{Order, Orders};
use crate::relay::dsn;
use crate::relay::mail::{Content, Delivery, Envelope, Mail, MailId};
use crate::relay::next_hop::{NextHops, in_the_clear};
use crate::relay::reader::Reader;
use crate::relay::settle::{self, Outcome, Settled};
use crate::relay::wall::WallClock;
use crate::seed::{Key, Purpose, Seed};
use crate::shortage::Repeated;
use crate::smtp::client::{self, Capabilities, Cause, Connection, Opened};
use crate::smtp::reply::{EnhancedStatus, Severity};
use crate::smtp::stage::Stage;

/// What every attempt needs.
#[derive(Debug)]
pub struct DeliveryAgent {
    /// Where mail goes.
    pub hops: NextHops,
    /// The relay's clock.
    pub clock: WallClock,
    /// When to try again.
    pub schedule: RetrySchedule,
    /// For jitter.
    pub seed: Seed,
    /// Content that is not in memory.
    pub reader: Mutex<Reader>,
    /// Where results are recorded.
    pub orders: Orders,
    /// What is shared with the intake.
    pub holdings: Arc<Holdings>,
    /// Connections that the system did not let us open.
    pub shortages: Repeated,
}

/// What the relay holds, counted.
#[derive(Debug)]
pub struct Holdings {
    /// Memory for content.
    pub budget: Budget,
    /// Number of the next mail.
    next_id: AtomicI64,
    /// Recipients that are not done.
    queued: AtomicU64,
}

/// An attempt that has ended.
pub struct Finished {
    /// Where it went.
    pub domain: Arc<str>,
    /// How the destination took it.
    pub answer: Answer,
    /// What is left to try.
    pub again: Option<Delivery>,
    /// The connection, if it can be used again.
    pub connection: Option<Box<Connection>>,
}

/// RFC 3463 §3.7 X.6.3: conversion required but not supported.
const NEEDS_CONVERSION: EnhancedStatus = EnhancedStatus { class: 5, subject: 6, detail: 3 };

/// RFC 6531 §3.5 X.6.9: a message with UTF-8 headers cannot be transferred.
const NEEDS_UTF8: EnhancedStatus = EnhancedStatus { class: 5, subject: 6, detail: 9 };

impl Holdings {
    /// Nothing held but `queued` recipients; the next mail gets `next_id`.
    #[must_use]
    pub fn new(budget: Budget, next_id: MailId, queued: u64) -> Holdings {
        Holdings { budget, next_id: next_id.into(), queued: queued.into() }
    }

    /// A number for a mail.
    pub fn number(&self) -> MailId {
        self.next_id.fetch_add(1, Ordering::Relaxed)
    }

    /// Recipients that are not done.
    pub fn queued(&self) -> u64 {
        self.queued.load(Ordering::Relaxed)
    }

    /// Recipients were taken on.
    pub fn add(&self, recipients: usize) {
        self.queued.fetch_add(recipients as u64, Ordering::Relaxed);
    }

    /// Recipients are done.
    pub fn remove(&self, recipients: usize) {
        self.queued.fetch_sub(recipients as u64, Ordering::Relaxed);
    }
}

impl DeliveryAgent {
    /// Makes one attempt, over `idle` if that is still good, and records what it came to.
    pub async fn attempt(
        self: Arc<DeliveryAgent>,
        mut delivery: Delivery,
        idle: Option<Box<Connection>>,
    ) -> Finished {
        let domain = Arc::clone(&delivery.domain);
        let content = match delivery.content.take() {
            Some(content) => Some(content),
            None => self.read(delivery.envelope.id).await,
        };
        let Some(content) = content else {
            let outcome = Outcome::Unanswered("the queue cannot be read".to_owned());
            let outcomes = vec![outcome; delivery.recipients.len()];
            let again = self.settle(delivery, outcomes, &[]).await;
            return Finished { domain, answer: Answer::NotAsked, again, connection: None };
        };
        let (outcomes, connection) = self.transact(&delivery, &content, idle).await;
        let answer = answer_of(&outcomes);
        let again = self.settle(delivery, outcomes, &content.octets).await;
        Finished { domain, answer, again, connection }
    }

    /// Returns a delivery that is too old to its sender.
    pub async fn give_up(self: Arc<DeliveryAgent>, delivery: Delivery) -> Finished {
        let domain = Arc::clone(&delivery.domain);
        let content = self.read(delivery.envelope.id).await;
        let envelope = Arc::clone(&delivery.envelope);
        let headers = content.as_ref().map_or(&[][..], |content| &content.octets);
        self.record(settle::give_up(delivery), &envelope, headers).await;
        Finished { domain, answer: Answer::NotAsked, again: None, connection: None }
    }

    async fn transact(
        &self,
        delivery: &Delivery,
        content: &Content,
        idle: Option<Box<Connection>>,
    ) -> (Vec<Outcome>, Option<Box<Connection>>) {
        let all = |outcome: Outcome| vec![outcome; delivery.recipients.len()];
        let mut connection = match self.connection(delivery, idle).await {
            Ok(connection) => connection,
            Err(outcome) => return (all(outcome), None),
        };
        if let Some(unsendable) = unsendable(delivery, connection.capabilities()) {
            return (all(unsendable), Some(connection));
        }
        let recipients: Vec<String> =
            delivery.recipients.iter().map(|recipient| recipient.address.clone()).collect();
        let mail = client::Mail {
            reverse_path: &delivery.envelope.reverse_path,
            recipients: &recipients,
            options: client::Options {
                eight_bit: delivery.envelope.eight_bit,
                utf8: delivery.needs_utf8(),
                ..client::Options::default()
            },
            content: client::Content::Text(&content.octets),
        };
        let transacted = connection.transact(&mail).await;
        let outcomes = transacted.outcomes.into_iter().map(outcome_of).collect();
        (outcomes, connection.is_quiet().then_some(connection))
    }

    /// The idle connection if it is still good, else a new one.
    async fn connection(
        &self,
        delivery: &Delivery,
        idle: Option<Box<Connection>>,
    ) -> Result<Box<Connection>, Outcome> {
        if let Some(mut connection) = idle
            && connection.ready_again().await
        {
            return Ok(connection);
        }
        let hop = self.hops.of(&delivery.domain);
        let mut opened = client::connect(hop, self.clock.monotonic()).await.opened;
        if let Opened::Failed { stage: Stage::Starttls, .. } = opened
            && let Some(hop) = in_the_clear(hop, delivery.attempts)
        {
            opened = client::connect(&hop, self.clock.monotonic()).await.opened;
        }
        match opened {
            Opened::Ready(connection) => Ok(connection),
            // A server that turns the session away says nothing about this mail: even 5yz is
            // tried again (RFC 5321 §3.1 leaves 554 at the banner to the client).
            Opened::Refused { stage, reply } => {
                Err(Outcome::Unanswered(format!("turned away at {stage}: {reply}")))
            }
            Opened::Failed { stage, cause } => {
                if stage == Stage::Connect && cause == Cause::Io(io::ErrorKind::ConnectionRefused) {
                    // Nothing else can count these: see `targets::refusals`.
                    tracing::info!(domain = %delivery.domain, "a destination refused the connection");
                }
                if let Cause::Shortage(what) = cause {
                    self.shortages.note(&what);
                }
                Err(Outcome::Unanswered(format!("{stage}: {cause}")))
            }
        }
    }

    /// Content from the store.
    async fn read(self: &Arc<DeliveryAgent>, id: MailId) -> Option<Arc<Content>> {
        let courier = Arc::clone(self);
        let read = tokio::task::spawn_blocking(move || {
            let reader = courier.reader.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            reader.content(id)
        });
        match read.await {
            Ok(Ok(octets)) => {
                let mut charge = self.holdings.budget.charge();
                charge.force(octets.len());
                Some(Arc::new(Content { octets, charge }))
            }
            Ok(Err(error)) => {
                tracing::error!(%error, id, "content cannot be read");
                None
            }
            Err(_) => None,
        }
    }

    async fn settle(
        &self,
        delivery: Delivery,
        outcomes: Vec<Outcome>,
        headers: &[u8],
    ) -> Option<Delivery> {
        let first = delivery.recipients.first().map_or(0, |recipient| recipient.position);
        let key = Key {
            subject: delivery.envelope.id.unsigned_abs(),
            attempt: delivery.attempts,
            detail: u32::from(first),
        };
        let mut rng = self.seed.stream(Purpose::RetryJitter, key);
        let envelope = Arc::clone(&delivery.envelope);
        let now = self.clock.now();
        let settled = settle::settle(delivery, outcomes, &self.schedule, now, &mut rng);
        self.record(settled, &envelope, headers).await
    }

    /// Hands the result to the committer, with the report it asks for. Returns what is left.
    async fn record(
        &self,
        settled: Settled,
        envelope: &Envelope,
        headers: &[u8],
    ) -> Option<Delivery> {
        let Settled { mut change, failed, again } = settled;
        let done = change.done.len();
        if !failed.is_empty() && envelope.reverse_path.is_empty() {
            // RFC 5321 §6.1: never a report on mail with a null reverse path.
            tracing::warn!(
                id = envelope.id,
                "mail without a sender could not be delivered: dropped"
            );
        } else if !failed.is_empty() {
            change.report = Some(self.report(envelope, &failed, headers));
            self.holdings.add(1);
        }
        if self.orders.send(Order::Change(change)).await.is_err() {
            tracing::error!("a result could not be recorded: it will be delivered again");
        }
        self.holdings.remove(done);
        again
    }

    fn report(&self, envelope: &Envelope, failed: &[settle::Failure], headers: &[u8]) -> Mail {
        let id = self.holdings.number();
        let now = self.clock.now();
        let octets = dsn::report(id, envelope, failed, headers, now);
        let mut charge = self.holdings.budget.charge();
        charge.force(octets.len());
        let report = Envelope {
            id,
            reverse_path: String::new(),
            priority: 0,
            eight_bit: !octets.is_ascii(),
            utf8: !envelope.reverse_path.is_ascii(),
            accepted: now,
        };
        Mail {
            envelope: Arc::new(report),
            recipients: vec![envelope.reverse_path.clone()],
            content: Arc::new(Content { octets, charge }),
        }
    }
}

/// Why mail cannot go to a next hop that offers only this much.
fn unsendable(delivery: &Delivery, offered: Capabilities) -> Option<Outcome> {
    if delivery.envelope.eight_bit && !offered.eight_bit_mime {
        let why = "the next hop does not take 8-bit content";
        return Some(Outcome::Unsendable(NEEDS_CONVERSION, why));
    }
    let why = "the next hop does not take UTF-8 in addresses and headers";
    (delivery.needs_utf8() && !offered.smtp_utf8).then_some(Outcome::Unsendable(NEEDS_UTF8, why))
}

/// The destination is sick if it deferred anyone or did not answer.
fn answer_of(outcomes: &[Outcome]) -> Answer {
    let is_final = |outcome: &Outcome| match outcome {
        Outcome::Delivered | Outcome::Unsendable(..) => true,
        Outcome::Refused(reply) => reply.severity() == Some(Severity::Permanent),
        Outcome::Unanswered(_) => false,
    };
    if outcomes.iter().all(is_final) { Answer::Final } else { Answer::Deferred }
}

/// The client's word on a recipient, as it matters to a queue: all that is not a reply is tried
/// again, also when the reply to the final dot was lost. A copy then is the protocol's nature
/// (RFC 1047).
fn outcome_of(outcome: client::Outcome) -> Outcome {
    let unanswered = |stage: &dyn std::fmt::Display, cause: &dyn std::fmt::Display| {
        Outcome::Unanswered(format!("{stage}: {cause}"))
    };
    match outcome {
        client::Outcome::Accepted { .. } => Outcome::Delivered,
        client::Outcome::Refused { reply, .. } => Outcome::Refused(reply),
        client::Outcome::NotSent { stage, cause } | client::Outcome::Broken { stage, cause } => {
            unanswered(&stage, &cause)
        }
        client::Outcome::Indeterminate { cause } => unanswered(&"after the final dot", &cause),
    }
}
