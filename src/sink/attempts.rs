//! How many attempts each subject has had at this sink, across sessions.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::limits;

/// Locks, so that sessions seldom meet at one.
const SHARDS: u64 = 64;

/// Attempt counters by subject: a probe, or a stranger's key.
pub(super) struct Attempts {
    shards: Vec<Mutex<HashMap<u64, u16>>>,
}

impl Default for Attempts {
    fn default() -> Attempts {
        Attempts { shards: (0..SHARDS).map(|_| Mutex::default()).collect() }
    }
}

impl Attempts {
    /// The number the next attempt of `subject` will have.
    pub(super) fn next(&self, subject: u64) -> u32 {
        self.shard(subject).get(&subject).map_or(1, |seen| u32::from(*seen).saturating_add(1))
    }

    /// Counts an attempt and says its number, 1 for the first. `None`: no room to count another
    /// subject.
    pub(super) fn count(&self, subject: u64) -> Option<u32> {
        let mut shard = self.shard(subject);
        let room = shard.len() < limits::ATTEMPT_COUNTERS / SHARDS as usize;
        if !room && !shard.contains_key(&subject) {
            return None;
        }
        let seen = shard.entry(subject).or_insert(0);
        *seen = seen.saturating_add(1);
        Some(u32::from(*seen))
    }

    fn shard(&self, subject: u64) -> MutexGuard<'_, HashMap<u64, u16>> {
        let shard = &self.shards[(subject % SHARDS) as usize];
        shard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
