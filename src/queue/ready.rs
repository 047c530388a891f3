//! The queue of deliveries: what waits for its time, what is due, who gets the next slot.
//!
//! Decided here: a destination at its limit is skipped, whatever the ordering, so that one slow
//! destination never blocks the others (within a destination the ordering is strict); an entry
//! that is not due yet blocks nothing. Every operation costs a logarithm: due entries stand in a
//! heap of their destination, and only the first of each destination that may have a slot stands
//! in the common order.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap};
use std::sync::Arc;

use crate::clock::Time;
use crate::limits::DESTINATIONS;
use crate::queue::health::Window;
use crate::queue::ordering::{Entry, Key, OrderingKind};

/// What a slot was used for, as far as the destination's health goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Taken or rejected for good: the destination answers.
    Final,
    /// Deferred, or not reached.
    Deferred,
    /// The destination was not asked (the delivery was given up for its age).
    NotAsked,
}

/// Entries waiting and due, and the slots they run in.
#[derive(Debug)]
pub struct Ready {
    ordering: OrderingKind,
    concurrency: u32,
    per_destination: u32,
    running: u32,
    waiting: BinaryHeap<Reverse<Placed<(Time, u64)>>>,
    destinations: HashMap<Arc<str>, Line>,
    healthy: BTreeMap<Key, Arc<str>>,
    sick: BTreeMap<Key, Arc<str>>,
    /// Slots the healthy were given while sick ones waited for their turn.
    since_turn: u32,
}

/// The due entries of one destination.
#[derive(Debug)]
struct Line {
    due: BinaryHeap<Reverse<Placed<Key>>>,
    running: u32,
    window: Window,
    head: Option<Head>,
}

/// Where the first entry of a destination stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Head {
    key: Key,
    sick: bool,
}

/// While healthy destinations want slots, the sick together get one after this many of theirs.
/// So the healthy go first and no sick destination is starved: it is probed and can recover.
const UNHEALTHY_SHARE: u32 = 8;

/// An entry inside a heap. Its key alone decides its place; keys are unique.
#[derive(Debug)]
struct Placed<K> {
    key: K,
    entry: Entry,
}

impl<K: Ord> PartialEq for Placed<K> {
    fn eq(&self, other: &Placed<K>) -> bool {
        self.key == other.key
    }
}

impl<K: Ord> Eq for Placed<K> {}

impl<K: Ord> PartialOrd for Placed<K> {
    fn partial_cmp(&self, other: &Placed<K>) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<K: Ord> Ord for Placed<K> {
    fn cmp(&self, other: &Placed<K>) -> std::cmp::Ordering {
        self.key.cmp(&other.key)
    }
}

impl Ready {
    /// An empty queue with `concurrency` slots, `per_destination` of them for one destination.
    #[must_use]
    pub fn new(ordering: OrderingKind, concurrency: u32, per_destination: u32) -> Ready {
        Ready {
            ordering,
            concurrency: concurrency.max(1),
            per_destination: per_destination.max(1),
            running: 0,
            waiting: BinaryHeap::new(),
            destinations: HashMap::new(),
            healthy: BTreeMap::new(),
            sick: BTreeMap::new(),
            since_turn: 0,
        }
    }

    /// Adds an entry; it waits until it is due.
    pub fn push(&mut self, entry: Entry) {
        self.waiting.push(Reverse(Placed { key: (entry.due, entry.id), entry }));
    }

    /// The entry that goes next, if one is due and there is a slot for it. The slot is taken
    /// until [`Ready::release`].
    pub fn next(&mut self, now: Time) -> Option<Entry> {
        self.wake(now);
        if self.running >= self.concurrency {
            return None;
        }
        let destination = self.pop_head()?;
        let line = self.destinations.get_mut(&destination)?;
        line.head = None;
        let Reverse(Placed { entry, .. }) = line.due.pop()?;
        line.running += 1;
        self.running += 1;
        self.relist(&destination);
        Some(entry)
    }

    /// Gives back the slot of an entry for `destination`.
    pub fn release(&mut self, destination: &str, answer: Answer) {
        let Some((destination, line)) = self.destinations.get_key_value(destination) else {
            return;
        };
        debug_assert!(line.running > 0, "a slot is given back once");
        let destination = Arc::clone(destination);
        if let Some(line) = self.destinations.get_mut(&destination) {
            line.running = line.running.saturating_sub(1);
            match answer {
                Answer::Final => line.window.answered(),
                Answer::Deferred => line.window.deferred(),
                Answer::NotAsked => {}
            }
        }
        self.running = self.running.saturating_sub(1);
        self.relist(&destination);
        self.forget_if_idle(&destination);
    }

    /// When the next entry that is still waiting becomes due.
    #[must_use]
    pub fn next_due(&self) -> Option<Time> {
        self.waiting.peek().map(|Reverse(placed)| placed.key.0)
    }

    /// Moves what has become due into the line of its destination.
    fn wake(&mut self, now: Time) {
        while self.next_due().is_some_and(|due| due <= now) {
            let Some(Reverse(Placed { entry, .. })) = self.waiting.pop() else { return };
            let destination = Arc::clone(&entry.destination);
            let key = self.ordering.key(&entry);
            let window = Window::full(self.per_destination);
            let line = self.destinations.entry(Arc::clone(&destination)).or_insert_with(|| Line {
                due: BinaryHeap::new(),
                running: 0,
                window,
                head: None,
            });
            line.due.push(Reverse(Placed { key, entry }));
            self.relist(&destination);
        }
    }

    /// The destination whose turn it is.
    fn pop_head(&mut self) -> Option<Arc<str>> {
        let sick_wait = !self.sick.is_empty();
        if sick_wait && (self.healthy.is_empty() || self.since_turn >= UNHEALTHY_SHARE) {
            self.since_turn = 0;
            return self.sick.pop_first().map(|(_, destination)| destination);
        }
        self.since_turn += u32::from(sick_wait);
        self.healthy.pop_first().map(|(_, destination)| destination)
    }

    /// Puts the first entry of a destination where it now belongs in the common order.
    fn relist(&mut self, destination: &Arc<str>) {
        let Some(line) = self.destinations.get_mut(destination) else { return };
        let head = line.head(self.ordering.watches_health(), self.per_destination);
        if head == line.head {
            return;
        }
        let old = std::mem::replace(&mut line.head, head);
        if let Some(Head { key, sick }) = old {
            self.heads(sick).remove(&key);
        }
        if let Some(Head { key, sick }) = head {
            self.heads(sick).insert(key, Arc::clone(destination));
        }
    }

    fn heads(&mut self, sick: bool) -> &mut BTreeMap<Key, Arc<str>> {
        if sick { &mut self.sick } else { &mut self.healthy }
    }

    /// Drops a destination of which nothing needs to be remembered, so that memory follows the
    /// queue and not its history. A sick one is remembered, within a bound.
    fn forget_if_idle(&mut self, destination: &Arc<str>) {
        let crowded = self.destinations.len() > DESTINATIONS;
        let idle = self.destinations.get(destination).is_some_and(|line| {
            line.due.is_empty() && line.running == 0 && (crowded || line.window.is_full())
        });
        if idle {
            self.destinations.remove(destination);
        }
    }
}

impl Line {
    /// Place of its first entry; none if it is empty or may not have a slot.
    fn head(&self, watches_health: bool, per_destination: u32) -> Option<Head> {
        let slots = if watches_health { self.window.slots() } else { per_destination };
        if self.running >= slots {
            return None;
        }
        let Reverse(Placed { key, .. }) = self.due.peek()?;
        Some(Head { key: *key, sick: watches_health && !self.window.is_full() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn at(second: u64) -> Time {
        Time::from_offset(Duration::from_secs(second))
    }

    fn entry(id: u64, destination: &str, accepted: u64, due: u64) -> Entry {
        let destination = Arc::from(destination);
        Entry { id, destination, due: at(due), accepted: at(accepted), priority: 0 }
    }

    fn drain(ready: &mut Ready, now: Time) -> Vec<u64> {
        std::iter::from_fn(|| ready.next(now)).map(|entry| entry.id).collect()
    }

    #[test]
    fn fifo_keeps_a_due_retry_in_order_of_acceptance_and_due_time_does_not() {
        let entries = [entry(1, "a", 0, 5), entry(2, "a", 3, 3), entry(3, "a", 4, 4)];
        for (ordering, order) in
            [(OrderingKind::Fifo, vec![1, 2, 3]), (OrderingKind::DueTime, vec![2, 3, 1])]
        {
            let mut ready = Ready::new(ordering, 10, 10);
            entries.iter().cloned().for_each(|entry| ready.push(entry));
            assert_eq!(drain(&mut ready, at(5)), order, "{ordering:?}");
        }
    }

    #[test]
    fn what_is_not_due_blocks_nothing() {
        let mut ready = Ready::new(OrderingKind::Fifo, 10, 10);
        ready.push(entry(1, "a", 0, 9));
        ready.push(entry(2, "a", 1, 1));
        assert_eq!(drain(&mut ready, at(2)), [2]);
        assert_eq!(ready.next_due(), Some(at(9)));
        assert_eq!(drain(&mut ready, at(9)), [1]);
    }

    #[test]
    fn priority_goes_before_due_time() {
        let mut ready = Ready::new(OrderingKind::Priority, 10, 10);
        for (id, priority) in [(1, -9), (2, 0), (3, 9), (4, 4)] {
            ready.push(Entry { priority, ..entry(id, "a", 0, id) });
        }
        assert_eq!(drain(&mut ready, at(10)), [3, 4, 2, 1]);
    }

    #[test]
    fn a_destination_at_its_limit_is_skipped() {
        let mut ready = Ready::new(OrderingKind::Fifo, 3, 2);
        for id in 1..=4 {
            ready.push(entry(id, "slow", id, id));
        }
        ready.push(entry(5, "other", 5, 5));
        assert_eq!(drain(&mut ready, at(9)), [1, 2, 5], "two of slow, then the total is reached");
        ready.release("slow", Answer::Deferred);
        assert_eq!(drain(&mut ready, at(9)), [3]);
        assert_eq!(ready.running, 3);
    }

    #[test]
    fn load_aware_gives_a_deferring_destination_fewer_slots_and_the_later_ones() {
        let mut ready = Ready::new(OrderingKind::LoadAware, 100, 8);
        (0..8).for_each(|id| ready.push(entry(id, "sick", 0, 0)));
        assert_eq!(drain(&mut ready, at(0)).len(), 8);
        (0..6).for_each(|_| ready.release("sick", Answer::Deferred));
        (0..2).for_each(|_| ready.release("sick", Answer::NotAsked));
        (10..20).for_each(|id| ready.push(entry(id, "sick", 1, 1)));
        (20..30).for_each(|id| ready.push(entry(id, "well", 2, 2)));
        let order = drain(&mut ready, at(3));
        assert_eq!(order[..8], [20, 21, 22, 23, 24, 25, 26, 27], "eight slots are all it may have");
        assert_eq!(order[8..], [10, 11], "then a window of 8 - 5 / 2, halved by the sixth");
    }

    #[test]
    fn an_unhealthy_destination_gets_its_turn_under_full_load_and_recovers() {
        let mut ready = Ready::new(OrderingKind::LoadAware, 1, 2);
        ready.push(entry(0, "sick", 0, 0));
        drain(&mut ready, at(0));
        ready.release("sick", Answer::Deferred);
        ready.push(entry(1, "sick", 1, 1));
        (2..50).for_each(|id| ready.push(entry(id, "well", id, id)));
        let mut turns = 0;
        while ready.next(at(60)).is_some_and(|entry| &*entry.destination == "well") {
            ready.release("well", Answer::Final);
            turns += 1;
        }
        assert_eq!(turns, UNHEALTHY_SHARE, "not starved, though the healthy want every slot");
        ready.release("sick", Answer::Final);
        assert!(!ready.destinations.contains_key("sick"), "all slots back: nothing to remember");
    }

    #[test]
    fn idle_destinations_are_forgotten() {
        let mut ready = Ready::new(OrderingKind::Fifo, 10, 10);
        for id in 0..100 {
            ready.push(entry(id, &format!("d{id}"), 0, 0));
            let entry = ready.next(at(1)).expect("due");
            ready.release(&entry.destination, Answer::Final);
        }
        assert!(ready.destinations.is_empty() && ready.healthy.is_empty());
        assert_eq!(ready.running, 0);
    }

    #[test]
    fn nothing_is_lost_or_given_out_twice_under_any_interleaving() {
        use rand::RngExt;
        for ordering in [OrderingKind::Fifo, OrderingKind::Priority, OrderingKind::LoadAware] {
            let mut rng = crate::seed::Seed(3)
                .stream(crate::seed::Purpose::Arrival, crate::seed::Key::default());
            let mut ready = Ready::new(ordering, 7, 3);
            let (mut running, mut seen) = (Vec::new(), vec![0_u32; 2000]);
            for now in 0..4000_u64 {
                if now < 2000 {
                    let name = format!("d{}", rng.random_range(0..5));
                    ready.push(entry(now, &name, now, now + rng.random_range(0..20)));
                }
                running.extend(ready.next(at(now)));
                running.extend(ready.next(at(now)));
                assert!(running.len() <= 7 && running.len() as u32 == ready.running);
                if let Some(done) = running.pop() {
                    seen[done.id as usize] += 1;
                    let deferred = rng.random_bool(0.3);
                    let answer = if deferred { Answer::Deferred } else { Answer::Final };
                    ready.release(&done.destination, answer);
                }
            }
            assert!(seen.iter().all(|count| *count == 1), "{ordering:?}");
        }
    }
}
