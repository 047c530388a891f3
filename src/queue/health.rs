//! How many slots a destination is worth, by how it answers.
//!
//! A slot that ends in a deferral was wasted. So every delivery that is answered widens the window
//! by its reciprocal (one slot for each full window of them) and by an eighth of a slot at least,
//! and every deferral narrows it by half a slot: a destination that takes four of five deliveries
//! keeps its slots, and one with an accept rate of its own is tried a fifth beyond it. One that
//! defers a whole window in a row is no longer worth anything: from then on every deferral halves
//! its window. It never falls below one slot, so that a sick destination is always probed and can
//! recover; a wide window comes back by an eighth each time it was used once.

/// Window of slots of one destination.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Window {
    width: f64,
    limit: f64,
    /// Deferrals since the last answer.
    streak: u32,
}

/// Slots that an answer is worth at least, and that a deferral costs: a share of deferrals of one
/// in five leaves a wide window as it is. Greylisting and mail boxes that are full stay below that.
const ANSWER: f64 = 0.125;
const DEFERRAL: f64 = 0.5;

impl Window {
    /// A destination nothing bad is known of: every slot it may have.
    pub(super) fn full(per_destination: u32) -> Window {
        let limit = f64::from(per_destination.max(1));
        Window { width: limit, limit, streak: 0 }
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
        self.streak = 0;
        self.width = (self.width + ANSWER.max(1.0 / self.width)).min(self.limit);
    }

    /// A delivery was deferred, or the connection failed.
    pub(super) fn deferred(&mut self) {
        self.streak = self.streak.saturating_add(1);
        let silent = f64::from(self.streak) > self.width;
        self.width = if silent { self.width / 2.0 } else { self.width - DEFERRAL }.max(1.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_destination_that_only_defers_loses_its_slots_within_a_window_and_never_the_last() {
        let mut window = Window::full(20);
        (0..13).for_each(|_| window.deferred());
        assert_eq!(window.slots(), 13, "half a slot each");
        window.deferred();
        assert_eq!(window.slots(), 6, "a whole window without an answer");
        (0..50).for_each(|_| window.deferred());
        assert_eq!(window.slots(), 1);
    }

    #[test]
    fn a_small_window_recovers_one_slot_for_each_full_window() {
        let mut window = Window::full(4);
        (0..10).for_each(|_| window.deferred());
        let mut successes = 0;
        while !window.is_full() {
            window.answered();
            successes += 1;
        }
        assert!((6..=8).contains(&successes), "1 + 2 + 3 successes and rounding, not {successes}");
    }

    #[test]
    fn a_wide_window_recovers_in_a_few_rounds() {
        let mut window = Window::full(500);
        (0..600).for_each(|_| window.deferred());
        let mut rounds = 0;
        while !window.is_full() {
            (0..window.slots()).for_each(|_| window.answered());
            rounds += 1;
        }
        assert!(rounds <= 45, "one by one they would be 499, not {rounds}");
    }

    #[test]
    fn who_defers_one_in_ten_keeps_all_slots() {
        let mut window = Window::full(100);
        for number in 0..10_000 {
            if number % 10 == 0 { window.deferred() } else { window.answered() }
        }
        assert!(window.slots() >= 99, "{window:?}");
    }

    /// A provider that takes 40 of what is tried a second, a second an attempt: it gets its 40, and
    /// what is tried in vain stays little.
    #[test]
    fn an_accept_rate_is_used_to_the_full() {
        let mut window = Window::full(500);
        let (mut taken, mut refused) = (0, 0);
        for second in 0..300 {
            for attempt in 0..window.slots() {
                // Room comes up evenly over the second.
                let slots = window.slots().max(1);
                let has_room = attempt * 40 / slots != (attempt + 1) * 40 / slots || slots <= 40;
                if has_room {
                    window.answered()
                } else {
                    window.deferred()
                }
                if second >= 100 {
                    *(if has_room { &mut taken } else { &mut refused }) += 1;
                }
            }
        }
        assert!(taken >= 200 * 36, "at least nine in ten of the rate: {taken}");
        assert!(refused <= taken / 3, "{refused} in vain for {taken}");
    }

    /// Each deferral used to halve the window, so that few of them held it at a slot or two.
    #[test]
    fn a_burst_of_deferrals_among_answers_costs_little() {
        let mut window = Window::full(100);
        for number in 0..40 {
            if number % 2 == 0 { window.deferred() } else { window.answered() }
        }
        assert!(window.slots() >= 90, "{window:?}");
    }
}
