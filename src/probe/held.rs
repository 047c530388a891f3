//! How much content all verifiers of this process hold together.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::limits;

/// A part of the bytes that may be held; given back when dropped.
#[derive(Default)]
pub(super) struct Share(usize);

/// Bytes held now.
static HELD: AtomicUsize = AtomicUsize::new(0);

impl Share {
    /// Whether so many bytes may be held.
    pub(super) fn covers(&mut self, length: usize) -> bool {
        if length <= limits::CONTENT_HELD_FREE || length <= self.0 {
            return true;
        }
        // By doubling, as the room for them grows.
        let more = length.next_power_of_two() - self.0;
        let held = HELD.fetch_add(more, Ordering::Relaxed) + more;
        if held > limits::CONTENTS_HELD {
            HELD.fetch_sub(more, Ordering::Relaxed);
            return false;
        }
        self.0 += more;
        true
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        if self.0 > 0 {
            HELD.fetch_sub(self.0, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_is_bounded_and_given_back() {
        let mut shares: Vec<Share> = Vec::new();
        let each = limits::CONTENT_HELD;
        let fits = || Share::default().covers(each);
        while shares.len() < 2 * limits::CONTENTS_HELD / each {
            let mut share = Share::default();
            if !share.covers(each) {
                break;
            }
            shares.push(share);
        }
        // Other tests may hold some of it at the same time.
        assert!((1..=limits::CONTENTS_HELD / each).contains(&shares.len()));
        assert!(!fits() && Share::default().covers(limits::CONTENT_HELD_FREE));
        shares.clear();
        assert!(fits());
    }
}
