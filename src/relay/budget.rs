//! Memory for message content, over all sessions and deliveries: charged as it grows, given back
//! when the last holder lets go.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Octets that may be held.
#[derive(Clone, Debug)]
pub struct Budget {
    held: Arc<AtomicUsize>,
    limit: usize,
}

/// Octets held by one content.
#[derive(Debug)]
pub struct Charge {
    budget: Budget,
    octets: usize,
}

impl Budget {
    /// A budget of `limit` octets.
    #[must_use]
    pub fn new(limit: usize) -> Budget {
        Budget { held: Arc::default(), limit }
    }

    /// A charge of nothing yet.
    #[must_use]
    pub fn charge(&self) -> Charge {
        Charge { budget: self.clone(), octets: 0 }
    }

    /// Whether there is room to keep content beyond the time it is needed.
    #[must_use]
    pub fn is_ample(&self) -> bool {
        self.held.load(Ordering::Relaxed) < self.limit / 2
    }
}

impl Charge {
    /// Charges `more` octets; `false`, and nothing charged, if the budget does not allow it.
    #[must_use]
    pub fn grow(&mut self, more: usize) -> bool {
        let held = self.budget.held.fetch_add(more, Ordering::Relaxed) + more;
        if held > self.budget.limit {
            self.budget.held.fetch_sub(more, Ordering::Relaxed);
            return false;
        }
        self.octets += more;
        true
    }

    /// Charges `more` octets whatever the budget says: for content that must be sent to leave.
    pub fn force(&mut self, more: usize) {
        self.budget.held.fetch_add(more, Ordering::Relaxed);
        self.octets += more;
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.budget.held.fetch_sub(self.octets, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_beyond_the_limit_and_gives_back_on_drop() {
        let budget = Budget::new(100);
        let mut charge = budget.charge();
        assert!(charge.grow(80) && !budget.is_ample());
        assert!(!budget.charge().grow(30), "80 + 30 > 100");
        assert!(charge.grow(20));
        drop(charge);
        assert!(budget.is_ample() && budget.charge().grow(100));
    }
}
