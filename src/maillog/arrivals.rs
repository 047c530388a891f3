//! Which messages of a log arrived while it was written, and what is known of them.
//!
//! Only arrivals are load: mail that was deferred yesterday, came back from a content filter, or
//! was made by the MTA itself is not offered to it from outside.

use std::collections::{HashMap, HashSet};

use super::record::{Fact, QueuedAs, Record, Source};
use super::timeline::Moment;
use super::unused::UnusedMessage;

/// A message that arrived.
#[derive(Debug)]
pub(super) struct Arrival {
    /// When.
    pub(super) at: Moment,
    /// Whether that is derived from its age when it was tried, and may lie before the log begins.
    pub(super) by_age: bool,
    /// Its size in bytes.
    pub(super) bytes: u64,
    /// Every address that it went to, in lower case, in the order of first mention.
    pub(super) recipients: Vec<String>,
}

/// Messages under way, and those that are done with.
#[derive(Debug, Default)]
pub(super) struct Arrivals {
    underway: HashMap<String, Underway>,
    /// How many messages under way have a Message-ID, by its digest.
    message_ids: HashMap<u64, u32>,
    done: Vec<Result<Arrival, UnusedMessage>>,
}

/// A message that the MTA is not done with.
#[derive(Debug)]
struct Underway {
    /// When it arrived, or was first mentioned.
    at: Moment,
    source: Option<Source>,
    /// Seconds before `at` at which it came in, where the log says that alone.
    age_s: Option<f64>,
    bytes: Option<u64>,
    message_id: Option<u64>,
    reinjected: bool,
    refused: bool,
    recipients: Vec<String>,
    known: HashSet<String>,
}

impl Underway {
    fn since(at: Moment) -> Underway {
        Underway {
            at,
            source: None,
            age_s: None,
            bytes: None,
            message_id: None,
            reinjected: false,
            refused: false,
            recipients: Vec::new(),
            known: HashSet::new(),
        }
    }

    fn tried(&mut self, address: &str) {
        let address = address.to_ascii_lowercase();
        if self.known.insert(address.clone()) {
            self.recipients.push(address);
        }
    }

    /// What it comes to.
    fn settle(self) -> Result<Arrival, UnusedMessage> {
        let bytes = match self.source {
            _ if self.refused => return Err(UnusedMessage::Refused),
            _ if self.reinjected => return Err(UnusedMessage::Reinjected),
            Some(Source::Itself) => return Err(UnusedMessage::OwnMail),
            // Received, yet from no client: the MTA's own.
            None if self.message_id.is_some() => return Err(UnusedMessage::OwnMail),
            None if self.bytes.is_none() => return Err(UnusedMessage::Earlier),
            _ => self.bytes.ok_or(UnusedMessage::NoSize)?,
        };
        if self.recipients.is_empty() {
            return Err(UnusedMessage::NoRecipient);
        }
        let at = self.at.minus(self.age_s.unwrap_or(0.0));
        Ok(Arrival { at, by_age: self.age_s.is_some(), bytes, recipients: self.recipients })
    }
}

impl Arrivals {
    /// Takes note of a fact about a message.
    pub(super) fn observe(&mut self, record: Record<'_>, at: Moment) {
        let Record { id, fact } = record;
        match fact {
            Fact::Done => {
                if let Some(done) = self.underway.remove(id) {
                    self.finish(done);
                }
            }
            Fact::Arrived { source, bytes, message_id } => {
                // Identifiers are used again.
                if let Some(earlier) = self.underway.remove(id) {
                    self.finish(earlier);
                }
                let arrived = Underway { source: Some(source), bytes, ..Underway::since(at) };
                self.underway.insert(id.to_owned(), arrived);
                message_id.into_iter().for_each(|it| self.identify(id, it, at));
            }
            Fact::MessageId(message_id) => self.identify(id, message_id, at),
            Fact::Size(bytes) => {
                let message = self.of(id, at);
                message.bytes = message.bytes.or(Some(bytes));
            }
            Fact::Refused => self.of(id, at).refused = true,
            Fact::Tried { address, age_s, queued_as } => {
                let message = self.of(id, at);
                address.into_iter().for_each(|address| message.tried(address));
                if message.source.is_none() && message.age_s.is_none() {
                    (message.at, message.age_s) = (at, age_s);
                }
                let message_id = message.message_id;
                queued_as.into_iter().for_each(|it| self.passed_on(it, message_id));
            }
        }
    }

    fn of(&mut self, id: &str, at: Moment) -> &mut Underway {
        self.underway.entry(id.to_owned()).or_insert_with(|| Underway::since(at))
    }

    /// A message that comes from this host with the Message-ID of one that is under way has been
    /// through a content filter.
    fn identify(&mut self, id: &str, message_id: &str, at: Moment) {
        let digest = xxhash_rust::xxh3::xxh3_64(message_id.as_bytes());
        let empty = message_id.is_empty() || message_id == "<>";
        let others = self.message_ids.get(&digest).is_some_and(|count| *count > 0) && !empty;
        let message = self.of(id, at);
        if message.message_id.is_some() {
            return;
        }
        message.message_id = Some(digest);
        message.reinjected |= others && message.source == Some(Source::Local);
        *self.message_ids.entry(digest).or_default() += 1;
    }

    /// A next hop that gave a message a name which this log knows is a content filter.
    fn passed_on(&mut self, queued_as: QueuedAs<'_>, message_id: Option<u64>) {
        if let Some(next) = self.underway.get_mut(queued_as.id) {
            let same = message_id.is_some() && next.message_id == message_id;
            next.reinjected |= queued_as.local || same;
        }
    }

    /// All of them.
    pub(super) fn finish_all(mut self) -> Vec<Result<Arrival, UnusedMessage>> {
        let left: Vec<Underway> = self.underway.drain().map(|(_, left)| left).collect();
        left.into_iter().for_each(|message| self.finish(message));
        self.done
    }

    fn finish(&mut self, message: Underway) {
        if let Some(digest) = message.message_id
            && let Some(count) = self.message_ids.get_mut(&digest)
        {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.message_ids.remove(&digest);
            }
        }
        self.done.push(message.settle());
    }
}
