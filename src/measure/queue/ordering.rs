//! How many probes were overtaken: delivered after one that the target accepted later for the
//! same destination (`reordered`), and how many overtook: delivered before one that it accepted
//! earlier (`overtaking`). Informational; a retry is overtaken by nature.

use std::iter::Sum;

use crate::clock::Time;
use crate::ledger::history::ProbeView;

/// Acceptance and delivery of every probe that had both, by destination.
pub(crate) struct Overtaking {
    destinations: Vec<Vec<(Time, Time)>>,
}

impl Overtaking {
    pub(crate) fn new(destinations: usize) -> Overtaking {
        Overtaking { destinations: vec![Vec::new(); destinations] }
    }

    pub(crate) fn enter(&mut self, destination: usize, probe: &ProbeView) {
        let Some(times) = probe.accepted.zip(probe.taken) else { return };
        if let Some(entries) = self.destinations.get_mut(destination) {
            entries.push(times);
        }
    }

    /// The counts by destination.
    pub(crate) fn counts(mut self) -> Vec<OutOfOrder> {
        self.destinations.iter_mut().map(|entries| count(entries)).collect()
    }
}

/// Probes delivered in another order than accepted, among those of one destination that were both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OutOfOrder {
    /// Overtaken: delivered after one that was accepted later.
    pub overtaken: u64,
    /// Overtaking: delivered before one that was accepted earlier.
    pub overtaking: u64,
}

impl Sum for OutOfOrder {
    fn sum<I: Iterator<Item = OutOfOrder>>(all: I) -> OutOfOrder {
        all.fold(OutOfOrder::default(), |sum, one| OutOfOrder {
            overtaken: sum.overtaken + one.overtaken,
            overtaking: sum.overtaking + one.overtaking,
        })
    }
}

/// Entries accepted at one time have no order among themselves.
fn count(entries: &mut [(Time, Time)]) -> OutOfOrder {
    entries.sort_unstable();
    let groups = || entries.chunk_by(|a, b| a.0 == b.0);
    let beyond = |group: &[(Time, Time)], is_beyond: &dyn Fn(Time) -> bool| {
        group.iter().filter(|(_, delivered)| is_beyond(*delivered)).count() as u64
    };
    let mut counts = OutOfOrder::default();
    let mut earliest_later = Time(u64::MAX);
    for group in groups().rev() {
        counts.overtaken += beyond(group, &|delivered| delivered > earliest_later);
        let earliest = group.iter().map(|(_, delivered)| *delivered).min();
        earliest_later = earliest_later.min(earliest.unwrap_or(earliest_later));
    }
    let mut latest_earlier = Time::ZERO;
    for group in groups() {
        counts.overtaking += beyond(group, &|delivered| delivered < latest_earlier);
        let latest = group.iter().map(|(_, delivered)| *delivered).max();
        latest_earlier = latest_earlier.max(latest.unwrap_or(latest_earlier));
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(entries: &[(u64, u64)]) -> (u64, u64) {
        let mut entries: Vec<_> = entries.iter().map(|(a, d)| (Time(*a), Time(*d))).collect();
        let OutOfOrder { overtaken, overtaking } = count(&mut entries);
        (overtaken, overtaking)
    }

    #[test]
    fn order_kept_is_no_overtaking() {
        for entries in [
            &[][..],
            &[(1, 10), (2, 11), (3, 12)],
            &[(1, 12), (1, 11)], // accepted together
            &[(1, 10), (2, 10)], // delivered together
        ] {
            assert_eq!(counted(entries), (0, 0), "{entries:?}");
        }
    }

    #[test]
    fn one_that_waits_is_overtaken_once_by_many() {
        assert_eq!(counted(&[(1, 13), (2, 11), (3, 12)]), (1, 2));
        assert_eq!(counted(&[(1, 11), (2, 12), (3, 10)]), (2, 1));
        assert_eq!(counted(&[(3, 1), (1, 3), (2, 2)]), (2, 2));
    }

    /// Every pair compared, over many small sets with ties.
    #[test]
    fn both_counts_are_those_of_comparing_every_pair() {
        let mut state = 7_u64;
        let mut draw = |below: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 33) % below
        };
        for _ in 0..500 {
            let entries: Vec<(u64, u64)> = (0..draw(12)).map(|_| (draw(8), draw(8))).collect();
            let overtook = |(a, b): &(u64, u64), (c, d): &(u64, u64)| a > c && b < d;
            let all = || entries.iter();
            let overtaken = all().filter(|one| all().any(|other| overtook(other, one)));
            let overtaking = all().filter(|one| all().any(|other| overtook(one, other)));
            let (overtaken, overtaking) = (overtaken.count() as u64, overtaking.count() as u64);
            assert_eq!(counted(&entries), (overtaken, overtaking), "{entries:?}");
        }
    }
}
