//! How content differed from what was sent, by kind, each with an example.

use std::collections::BTreeMap;

use crate::ledger::event::{Change, Difference, Event};
use crate::ledger::history::History;
use crate::measure::results::{ChangeExample, ContentChange};
use crate::probe::change::Declared;

/// The first difference of each kind.
#[derive(Debug, Default)]
pub struct Examples(BTreeMap<Change, Difference>);

impl Examples {
    /// Takes the next event of the journal.
    pub fn observe(&mut self, event: &Event) {
        let Event::ContentDiffers { differences, .. } = event else { return };
        for difference in differences {
            self.0.entry(difference.change).or_insert_with(|| difference.clone());
        }
    }

    /// What was seen, the worst first.
    #[must_use]
    pub fn facts(&self, history: &History, declared: &Declared) -> Vec<ContentChange> {
        let mut seen: Vec<(Change, u64)> = history.changes().collect();
        seen.sort_by_key(|(change, _)| std::cmp::Reverse(change.level_where(declared)));
        seen.into_iter()
            .map(|(change, receptions)| self.fact(change, receptions, declared))
            .collect()
    }

    fn fact(&self, change: Change, receptions: u64, declared: &Declared) -> ContentChange {
        ContentChange {
            kind: change.name().to_owned(),
            level: change.level_where(declared).name().to_owned(),
            receptions,
            declaration: change.declaration().map(str::to_owned),
            example: self.0.get(&change).map(|it| ChangeExample {
                field: it.field.clone(),
                sent: it.sent.clone(),
                arrived: it.arrived.clone(),
            }),
        }
    }
}
