//! How many probes were overtaken: delivered after one that the target accepted later for the
//! same destination. Informational; retries overtake by nature.

use crate::clock::Time;
use crate::ledger::history::ProbeView;

/// Acceptance and delivery of every probe that had both, by destination.
pub(super) struct Overtaking {
    destinations: Vec<Vec<(Time, Time)>>,
}

impl Overtaking {
    pub(super) fn new(destinations: usize) -> Overtaking {
        Overtaking { destinations: vec![Vec::new(); destinations] }
    }

    pub(super) fn enter(&mut self, destination: usize, probe: &ProbeView) {
        let Some(times) = probe.accepted.zip(probe.taken) else { return };
        if let Some(entries) = self.destinations.get_mut(destination) {
            entries.push(times);
        }
    }

    /// Overtaken probes by destination.
    pub(super) fn counts(mut self) -> Vec<u64> {
        self.destinations.iter_mut().map(|entries| overtaken(entries)).collect()
    }
}

/// Entries with a later acceptance and an earlier delivery among the others.
fn overtaken(entries: &mut [(Time, Time)]) -> u64 {
    entries.sort_unstable();
    let mut count = 0;
    let mut earliest_later = Time(u64::MAX);
    for group in entries.chunk_by(|a, b| a.0 == b.0).rev() {
        count += group.iter().filter(|(_, delivered)| *delivered > earliest_later).count() as u64;
        let earliest = group.iter().map(|(_, delivered)| *delivered).min();
        earliest_later = earliest_later.min(earliest.unwrap_or(earliest_later));
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    fn overtaken_of(entries: &[(u64, u64)]) -> u64 {
        let mut entries: Vec<_> = entries.iter().map(|(a, d)| (Time(*a), Time(*d))).collect();
        overtaken(&mut entries)
    }

    #[test]
    fn order_kept_is_no_overtaking() {
        assert_eq!(overtaken_of(&[]), 0);
        assert_eq!(overtaken_of(&[(1, 10), (2, 11), (3, 12)]), 0);
        assert_eq!(overtaken_of(&[(1, 12), (1, 11)]), 0, "accepted together");
        assert_eq!(overtaken_of(&[(1, 10), (2, 10)]), 0, "delivered together");
    }

    #[test]
    fn each_overtaken_probe_counts_once() {
        assert_eq!(overtaken_of(&[(1, 13), (2, 11), (3, 12)]), 1);
        assert_eq!(overtaken_of(&[(3, 1), (1, 3), (2, 2)]), 2);
    }
}
