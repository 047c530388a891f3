//! The sequence of messages, made as it is asked for: ten million take no memory.

use std::sync::Arc;
use std::time::Duration;

use super::arrival::{Arrivals, rate::Rate};
use super::{Facts, Offer};
use crate::limits;
use crate::probe::{DestinationId, MessageId};
use crate::scenario::model::{Extent, LoadModel};
use crate::seed::{Key, Purpose};

/// The messages of a plan, in order.
#[derive(Clone, Debug)]
pub struct Offers {
    facts: Arc<Facts>,
    dues: Dues,
    next: MessageId,
}

impl Offers {
    pub(super) fn new(facts: Arc<Facts>) -> Offers {
        let dues = Dues::new(&facts);
        Offers { facts, dues, next: MessageId(0) }
    }
}

impl Iterator for Offers {
    type Item = Offer;

    fn next(&mut self) -> Option<Offer> {
        let due = self.dues.next()?;
        let message = self.next;
        let recipients = self.facts.recipients(message);
        self.next = MessageId(message.0 + recipients.len() as u64);
        let size = self.facts.size(message);
        Some(Offer { message, due, size, recipients })
    }
}

impl Facts {
    /// Where the recipients of the message with this number are.
    fn recipients(&self, message: MessageId) -> Vec<DestinationId> {
        let key = Key { subject: message.0, ..Key::default() };
        let drawn = self.message.recipients.sample(&mut self.seed.stream(Purpose::Recipients, key));
        let count = (drawn.round() as usize).clamp(1, limits::RECIPIENTS) as u16;
        (0..count).map(|index| self.destination(message.probe(index))).collect()
    }

    /// Bytes of the text of the message with this number.
    fn size(&self, message: MessageId) -> u64 {
        let key = Key { subject: message.0, ..Key::default() };
        let drawn = self.message.size.sample(&mut self.seed.stream(Purpose::Size, key));
        (drawn.round() as u64).max(self.least_size).min(limits::MESSAGE_SIZE)
    }
}

/// When each message is due, and when there are no more.
#[derive(Clone, Debug)]
pub(super) struct Dues {
    /// `None`: the closed model.
    arrivals: Option<Arrivals>,
    /// Messages due before it are not counted towards `counted_left`.
    warm_up: Duration,
    counted_left: Option<u64>,
    left: u64,
}

impl Dues {
    pub(super) fn new(facts: &Facts) -> Dues {
        let load = &facts.load;
        let counted = match load.extent {
            Extent::Messages(count) => Some(count),
            Extent::Duration(_) => None,
        };
        let (arrivals, counted_left) = match &load.model {
            LoadModel::Open { arrival, segments } => {
                let rate = Rate::new(segments, counted.is_some());
                (Some(Arrivals::new(arrival, rate, facts.seed)), counted)
            }
            // How many fit into the warm-up only traffic finds out.
            LoadModel::Closed { .. } => (None, counted.filter(|_| load.warm_up.is_zero())),
        };
        Dues { arrivals, warm_up: load.warm_up, counted_left, left: limits::MESSAGES }
    }

    /// How many are still to come; `None`: traffic decides.
    pub(super) fn count_planned(self) -> Option<u64> {
        match (&self.arrivals, self.counted_left) {
            (None, counted) => counted,
            (Some(_), _) => Some(self.fold(0, |count, _| count + 1)),
        }
    }
}

impl Iterator for Dues {
    type Item = Option<Duration>;

    fn next(&mut self) -> Option<Option<Duration>> {
        self.left = self.left.checked_sub(1)?;
        let due = match &mut self.arrivals {
            Some(arrivals) => Some(nearest_nanosecond(arrivals.next()?)?),
            None => None,
        };
        if due.is_none_or(|due| due >= self.warm_up)
            && let Some(left) = &mut self.counted_left
        {
            *left = left.checked_sub(1)?;
        }
        Some(due)
    }
}

/// `None`: beyond what a run can last.
fn nearest_nanosecond(seconds: f64) -> Option<Duration> {
    let nanoseconds = (seconds * 1e9).round();
    (nanoseconds < u64::MAX as f64).then(|| Duration::from_nanos(nanoseconds as u64))
}
