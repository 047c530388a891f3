//! How many slots a destination is worth: additive increase, multiplicative decrease.
//!
//! Every delivery that succeeds widens the window by its reciprocal (one slot for each full
//! window of successes), every deferral halves it. It never falls below one slot, so a sick
//! destination is always probed and can recover.

/// Window of slots of one destination.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Window {
    width: f64,
    limit: f64,
}

impl Window {
    /// A destination nothing bad is known of: every slot it may have.
    pub(super) fn full(per_destination: u32) -> Window {
        let limit = f64::from(per_destination.max(1));
        Window { width: limit, limit }
    }

    /// Slots it may use now; at least one.
    pub(super) fn slots(self) -> u32 {
        self.width as u32
    }

    /// Whether it has all its slots back.
    pub(super) fn is_full(self) -> bool {
        self.width >= self.limit
    }

    /// A delivery was answered, for good or for ever (a rejection is a prompt answer).
    pub(super) fn answered(&mut self) {
        self.width = (self.width + 1.0 / self.width).min(self.limit);
    }

    /// A delivery was deferred, or the connection failed.
    pub(super) fn deferred(&mut self) {
        self.width = (self.width / 2.0).max(1.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_on_deferral_and_never_closes() {
        let mut window = Window::full(20);
        window.deferred();
        assert_eq!(window.slots(), 10);
        for _ in 0..50 {
            window.deferred();
        }
        assert_eq!(window.slots(), 1);
    }

    #[test]
    fn recovers_one_slot_for_each_full_window() {
        let mut window = Window::full(4);
        window.deferred();
        let mut successes = 0;
        while !window.is_full() {
            window.answered();
            successes += 1;
        }
        assert!((5..=7).contains(&successes), "2 + 3 successes and rounding, not {successes}");
    }
}
