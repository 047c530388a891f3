//! Changes of content: how many receptions have each, and what those of one reception amount to.

use crate::ledger::event::{Attempt, Change};
use crate::probe::change::{Declared, Level};

/// Receptions of probes of this run by kind of change.
#[derive(Clone, Copy, Debug)]
pub(super) struct Changes([u64; Change::ALL.len()]);

impl Changes {
    pub(super) const NONE: Changes = Changes([0; Change::ALL.len()]);

    /// Takes note of a reception; says the worst level of its changes, if it has any.
    /// A copy may be attached to another message, as in a journal: that is its receiver's business.
    pub(super) fn note(
        &mut self,
        attempt: &Attempt,
        declared: &Declared,
        is_copy: bool,
    ) -> Option<Level> {
        let changes = attempt.content.as_ref().map_or(&[][..], |content| &content.changes);
        for change in changes {
            self.0[*change as usize] += 1;
        }
        let counts = |change: &&Change| !is_copy || **change != Change::Attached;
        changes.iter().filter(counts).map(|change| change.level_where(declared)).max()
    }

    /// The kinds that were seen, with the number of receptions that have them.
    pub(super) fn seen(&self) -> impl Iterator<Item = (Change, u64)> {
        Change::ALL.into_iter().zip(self.0).filter(|(_, count)| *count > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::taken;
    use super::*;

    #[test]
    fn each_kind_of_change_is_counted_by_reception() {
        let mut changes = Changes::NONE;
        let declared = Declared::default();
        let (first, second) = (Change::ALL[0], Change::ALL[1]);
        for seen in [vec![first, second], vec![first], vec![], vec![first]] {
            let mut attempt = taken(0, 1, 1, 0);
            let worst = seen.iter().map(|change: &Change| change.level_where(&declared)).max();
            attempt.content.as_mut().expect("content").changes = seen;
            assert_eq!(changes.note(&attempt, &declared), worst);
        }
        assert!(changes.seen().eq([(first, 3), (second, 1)]));
    }
}
