//! How many attempts each subject has had at this sink, across sessions.
//!
//! Probes are numbered from 0, so their counters lie in pages, two bytes a probe; one that is not
//! (a stranger's key, a number made up by a peer) is looked up.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::limits;

/// Locks, so that sessions seldom meet at one.
const SHARDS: u64 = 64;

/// Counters of a page.
const PAGE: usize = 1024;

/// Attempt counters by subject: a probe, or a stranger's key.
pub(super) struct Attempts {
    shards: Vec<Mutex<Shard>>,
}

#[derive(Default)]
struct Shard {
    pages: Vec<Option<Box<[u16; PAGE]>>>,
    made: usize,
    /// Counters for which no page was worth making.
    strays: HashMap<u64, u16>,
}

impl Default for Attempts {
    fn default() -> Attempts {
        Attempts { shards: (0..SHARDS).map(|_| Mutex::default()).collect() }
    }
}

impl Attempts {
    /// The number the next attempt of `subject` will have.
    pub(super) fn next(&self, subject: u64) -> u32 {
        let seen = self.shard(subject).seen(subject / SHARDS);
        u32::from(seen).saturating_add(1)
    }

    /// Counts an attempt and says its number, 1 for the first. `None`: no room to count another
    /// subject.
    pub(super) fn count(&self, subject: u64) -> Option<u32> {
        let mut shard = self.shard(subject);
        let seen = shard.counter(subject / SHARDS)?;
        *seen = seen.saturating_add(1);
        Some(u32::from(*seen))
    }

    fn shard(&self, subject: u64) -> MutexGuard<'_, Shard> {
        let shard = &self.shards[(subject % SHARDS) as usize];
        shard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shard {
    fn seen(&self, index: u64) -> u16 {
        if let Some(seen) = self.strays.get(&index) {
            return *seen;
        }
        let (page, place) = place(index);
        let page = self.pages.get(page).and_then(Option::as_ref);
        page.map_or(0, |page| page[place])
    }

    /// The counter of an index; `None`: there is none, and no room for one.
    fn counter(&mut self, index: u64) -> Option<&mut u16> {
        let (page, place) = place(index);
        // Once a stray, always one: its page may have come since.
        if self.strays.contains_key(&index) || !self.has_page(page) {
            let room = self.strays.len() < limits::ATTEMPT_COUNTERS / SHARDS as usize;
            return match room {
                true => Some(self.strays.entry(index).or_insert(0)),
                false => self.strays.get_mut(&index),
            };
        }
        Some(&mut self.pages[page].as_mut()?[place])
    }

    /// Whether there is that page, made now if need be. So that made-up numbers cost no more than
    /// the strays do, none is made far beyond those there are.
    fn has_page(&mut self, page: usize) -> bool {
        if self.pages.get(page).is_some_and(Option::is_some) {
            return true;
        }
        let most = limits::ATTEMPT_COUNTERS / SHARDS as usize / PAGE;
        if self.made == most || page > 2 * self.made + 1 {
            return false;
        }
        if self.pages.len() <= page {
            self.pages.resize(page + 1, None);
        }
        self.pages[page] = Some(Box::new([0; PAGE]));
        self.made += 1;
        true
    }
}

/// The page of an index, and its place there.
fn place(index: u64) -> (usize, usize) {
    let page = usize::try_from(index / PAGE as u64).unwrap_or(usize::MAX);
    (page, (index % PAGE as u64) as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sizes(attempts: &Attempts) -> (usize, usize) {
        let shards = attempts.shards.iter().map(|shard| shard.lock().expect("a shard"));
        shards
            .fold((0, 0), |(made, strays), shard| (made + shard.made, strays + shard.strays.len()))
    }

    #[test]
    fn attempts_are_counted_by_subject() {
        let attempts = Attempts::default();
        assert_eq!(attempts.next(7), 1);
        assert_eq!(
            [7, 7, 71, 7].map(|subject| attempts.count(subject)),
            [Some(1), Some(2), Some(1), Some(3)]
        );
        assert_eq!(attempts.next(7), 4);
    }

    #[test]
    fn a_million_probes_take_two_megabytes() {
        let attempts = Attempts::default();
        for round in 1..=2 {
            assert!((0..1_000_000).all(|probe| attempts.count(probe) == Some(round)));
        }
        let (made, strays) = sizes(&attempts);
        assert!(made * PAGE < 1_100_000, "{made}");
        assert_eq!(strays, 0);
    }

    #[test]
    fn numbers_made_up_by_a_peer_are_counted_and_take_no_pages() {
        let attempts = Attempts::default();
        let made_up = |nth: u64| nth.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1 << 40;
        for round in 1..=3 {
            assert!((0..10_000).all(|nth| attempts.count(made_up(nth)) == Some(round)));
        }
        assert_eq!(sizes(&attempts), (0, 10_000));
    }

    #[test]
    fn a_count_begun_before_its_page_was_made_goes_on() {
        let attempts = Attempts::default();
        let late = SHARDS * PAGE as u64 * 5;
        assert_eq!(attempts.count(late), Some(1));
        for probe in (0..late + SHARDS).step_by(SHARDS as usize) {
            let number = attempts.count(probe);
            assert_eq!(number, Some(if probe == late { 2 } else { 1 }));
        }
        assert_eq!((attempts.next(late), attempts.next(late + SHARDS)), (3, 1));
        assert_eq!(sizes(&attempts), (5, 1));
    }
}
