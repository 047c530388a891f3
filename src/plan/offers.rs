//! The sequence of messages, made as it is asked for: ten million take no memory.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use super::arrival::{Arrivals, rate::Rate};
use super::{Facts, Offer, message};
use crate::limits;
use crate::probe::{DestinationId, MessageId};
use crate::quantity::Quantity;
use crate::scenario::model::{Extent, LoadModel, TraceFile};
use crate::seed::{Key, Purpose};

/// The messages of a plan, in order.
#[derive(Clone, Debug)]
pub struct Offers {
    facts: Arc<Facts>,
    dues: Dues,
    next: MessageId,
    /// Messages before the next one.
    ordinal: usize,
}

impl Offers {
    pub(super) fn new(facts: Arc<Facts>) -> Offers {
        let dues = Dues::new(&facts);
        Offers { facts, dues, next: MessageId(0), ordinal: 0 }
    }

    /// Whether only traffic decides when there are no more.
    #[must_use]
    pub fn is_endless(&self) -> bool {
        self.dues.arrivals.is_none() && self.dues.counted_left.is_none()
    }
}

impl Iterator for Offers {
    type Item = Offer;

    fn next(&mut self) -> Option<Offer> {
        let due = self.dues.next()?;
        let message = self.next;
        let recipients = self.facts.recipients(message);
        self.next = MessageId(message.0 + recipients.len() as u64);
        let size = self.facts.size(message, self.ordinal, recipients.len());
        self.ordinal += 1;
        Some(Offer { message, due, size, recipients })
    }
}

impl Facts {
    /// Where the recipients of the message with this number are.
    fn recipients(&self, message: MessageId) -> Vec<DestinationId> {
        if let Some((trace, row)) = self.row(message) {
            return trace.recipients(row).iter().copied().map(DestinationId).collect();
        }
        let key = Key { subject: message.0, ..Key::default() };
        let drawn = self
            .source
            .message
            .recipients
            .sample(&mut self.source.seed.stream(Purpose::Recipients, key));
        let count = (drawn.round() as usize).clamp(1, limits::RECIPIENTS) as u16;
        (0..count).map(|index| self.destination(message.probe(index))).collect()
    }

    /// The priority of the message with this number, where the scenario says anything of it.
    pub(super) fn priority(&self, message: MessageId) -> Option<i8> {
        let key = Key { subject: message.0, ..Key::default() };
        let priority = self.source.message.priority.as_ref()?;
        let drawn = priority.sample(&mut self.source.seed.stream(Purpose::Priority, key));
        Some(drawn.round().clamp(-9.0, 9.0) as i8)
    }

    /// The message with this number, made again. When it was due is not known.
    pub(super) fn offer(&self, message: MessageId) -> Option<Offer> {
        let recipients = self.recipients(message);
        let size = self.size(message, self.ordinal(message)?, recipients.len());
        Some(Offer { message, due: None, size, recipients })
    }

    /// How many messages come before this one, as far as its size depends on it. `None`: only who
    /// counts them from the first one knows.
    fn ordinal(&self, message: MessageId) -> Option<usize> {
        let Some(trace) = self.trace().filter(|trace| !trace.sizes.is_empty()) else {
            return Some(0);
        };
        if !trace.firsts.is_empty() {
            return trace.row(message.0);
        }
        match self.source.message.recipients {
            Quantity::Constant(each) => {
                usize::try_from(message.0 / (each.round() as u64).max(1)).ok()
            }
            Quantity::Drawn { .. } => None,
        }
    }

    /// The row of a trace that tells the recipients of the message with this number.
    fn row(&self, message: MessageId) -> Option<(&TraceFile, usize)> {
        let trace = self.trace()?;
        Some((trace, trace.row(message.0)?))
    }

    /// Bytes of the text of the message with this number, the `ordinal`th of all.
    fn size(&self, message: MessageId, ordinal: usize, recipients: usize) -> u64 {
        if let Some(length) = message::corpus_length(self, message, recipients) {
            return length;
        }
        let told = self.trace().and_then(|trace| trace.sizes.get(ordinal));
        let size = told.copied().unwrap_or_else(|| {
            let key = Key { subject: message.0, ..Key::default() };
            let mut stream = self.source.seed.stream(Purpose::Size, key);
            self.source.message.size.sample(&mut stream).round() as u64
        });
        size.max(self.least_size).min(limits::MESSAGE_SIZE)
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
        let load = &facts.source.load;
        let counted = match load.extent {
            Extent::Messages(count) => Some(count),
            Extent::Duration(_) => None,
        };
        let (arrivals, counted_left) = match &load.model {
            LoadModel::Open { arrival, segments } => {
                let rate = Rate::new(segments, counted.is_some());
                (Some(Arrivals::new(arrival, rate, facts.source.seed)), counted)
            }
            // How many fit into the warm-up only traffic finds out.
            LoadModel::Closed { .. } => (None, counted.filter(|_| load.warm_up.is_zero())),
        };
        Dues { arrivals, warm_up: load.warm_up, counted_left, left: limits::MESSAGES }
    }

    /// How many lie within `span`; `None`: there are no due times.
    pub(super) fn count_within(self, span: &Range<Duration>) -> Option<u64> {
        self.arrivals.as_ref()?;
        let until = self.flatten().take_while(|due| *due < span.end);
        Some(until.filter(|due| *due >= span.start).count() as u64)
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

#[cfg(test)]
mod tests {
    use super::super::sample::{open, plan, plan_with_seed, segment};
    use super::*;
    use crate::plan::Plan;
    use crate::quantity::{Law, Quantity};
    use crate::scenario::model::Arrival;

    fn offers(plan: &Plan) -> Vec<Offer> {
        plan.offers().collect()
    }

    #[test]
    fn the_same_seed_gives_the_same_sequence() {
        let change = |source: &mut super::super::Source| {
            source.message.recipients = Quantity::Constant(2.0);
            source.message.size = Quantity::Drawn {
                law: Law::LogNormal { median: 8192.0, sigma: 1.0 },
                min: None,
                max: Some(1e6),
            };
        };
        let first = offers(&plan(change));
        assert_eq!(first, offers(&plan(change)));
        assert_ne!(first, offers(&plan_with_seed(8, change)));
    }

    #[test]
    fn the_text_of_any_message_is_made_again_from_its_number() {
        for recipients in [1.0, 3.0] {
            let plan = plan(|source| {
                source.message.recipients = Quantity::Constant(recipients);
                let law = Law::LogNormal { median: 4096.0, sigma: 1.0 };
                source.message.size = Quantity::Drawn { law, min: None, max: Some(1e5) };
            });
            for offer in plan.offers().step_by(50).chain([plan.preflight()]) {
                assert_eq!(plan.original(offer.message), Some(plan.text(&offer)));
            }
            assert_eq!(plan.original(MessageId(crate::probe::EMBEDDED)), None);
        }
    }

    #[test]
    fn probes_are_numbered_densely() {
        let plan = plan(|source| {
            let law = Law::Uniform { min: 0.0, max: 5.0 };
            source.message.recipients = Quantity::Drawn { law, min: None, max: None };
        });
        let mut next = 0;
        let mut most = 0;
        for offer in plan.offers() {
            assert_eq!(offer.message, MessageId(next));
            assert!(!offer.recipients.is_empty());
            for (index, destination) in (0..).zip(&offer.recipients) {
                let probe = offer.message.probe(index);
                assert_eq!(plan.destination_of(probe), Some(*destination));
            }
            next += offer.recipients.len() as u64;
            most = most.max(offer.recipients.len());
        }
        assert_eq!(most, 5);
    }

    #[test]
    fn due_times_never_go_back_and_keep_to_the_segments() {
        for arrival in [
            Arrival::Constant,
            Arrival::Poisson,
            Arrival::OnOff { on: Duration::from_secs(1), off: Duration::from_secs(1) },
        ] {
            let plan = plan(|source| {
                source.load.model =
                    open(arrival.clone(), vec![segment(50.0, 50.0, 5), segment(50.0, 500.0, 10)])
            });
            let dues: Vec<Duration> = plan.offers().filter_map(|offer| offer.due).collect();
            assert!(dues.is_sorted(), "{arrival:?}");
            assert!(dues.last().is_some_and(|last| *last < Duration::from_secs(15)));
            assert_eq!(plan.due_within(Duration::ZERO..Duration::MAX), Some(dues.len() as u64));
            let (from, to) = (Duration::from_secs(4), Duration::from_secs(12));
            let inside = dues.iter().filter(|due| (from..to).contains(*due)).count() as u64;
            assert!(inside > 0 && inside < dues.len() as u64, "{inside}");
            assert_eq!(plan.due_within(from..to), Some(inside));
        }
    }

    #[test]
    fn a_ramp_has_as_many_messages_as_its_integral() {
        let plan = plan(|source| {
            source.load.model = open(Arrival::Constant, vec![segment(100.0, 500.0, 20)]);
        });
        assert_eq!(plan.due_within(Duration::ZERO..Duration::MAX), Some(6000));
    }

    #[test]
    fn messages_are_counted_after_the_warm_up() {
        for arrival in [Arrival::Constant, Arrival::Poisson] {
            let plan = plan(|source| {
                source.load.warm_up = Duration::from_secs(5);
                source.load.extent = Extent::Messages(1000);
                source.load.model = open(arrival, vec![segment(10.0, 10.0, 5)]);
            });
            let warm_up = Duration::from_secs(5);
            let (before, counted): (Vec<Offer>, Vec<Offer>) =
                plan.offers().partition(|offer| offer.due < Some(warm_up));
            assert_eq!(counted.len(), 1000);
            assert!((25..=85).contains(&before.len()), "{}", before.len());
        }
    }

    #[test]
    fn the_closed_model_has_no_due_times() {
        let closed = || LoadModel::Closed { think_time: Quantity::Constant(0.0) };
        let unbounded = plan(|source| source.load.model = closed());
        assert_eq!(unbounded.due_within(Duration::ZERO..Duration::MAX), None);
        assert!(unbounded.offers().take(1000).all(|offer| offer.due.is_none()));
        let counted = plan(|source| {
            source.load.model = closed();
            source.load.extent = Extent::Messages(30);
        });
        assert_eq!(counted.offers().count(), 30);
        let warmed = plan(|source| {
            source.load.model = closed();
            source.load.extent = Extent::Messages(30);
            source.load.warm_up = Duration::from_secs(1);
        });
        assert_eq!(warmed.offers().take(31).count(), 31);
    }

    #[test]
    fn sizes_are_held_between_what_is_possible_and_the_limit() {
        let smallest = plan(|source| source.message.size = Quantity::Constant(1.0));
        assert!(smallest.offers().all(|offer| (300..2000).contains(&offer.size)));
        let largest = plan(|source| source.message.size = Quantity::Constant(1e18));
        assert!(largest.offers().all(|offer| offer.size == limits::MESSAGE_SIZE));
    }
}
