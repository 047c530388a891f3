//! Every attempt of a run, small: what few attempts have of their own is kept for each, what most
//! share is kept once. Ten million of them are 320 MB instead of three gigabytes.

use std::collections::{BTreeMap, HashMap};

use serde::{Serialize, Serializer};

use super::AttemptRow;

/// Attempts, in the order in which they were entered until they are sorted.
#[derive(Debug, Default)]
pub struct Attempts {
    each: Vec<Each>,
    shared: Vec<Shared>,
    known: HashMap<Shared, u32>,
}

/// What an attempt has of its own.
#[derive(Clone, Copy, Debug)]
struct Each {
    started_s: f64,
    ended_s: f64,
    /// Which probe, session and reception, unless [`Shared::wide`] says so.
    numbers: [u32; 3],
    /// Index of what it shares.
    shared: u32,
}

/// What it has in common with many.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Shared {
    /// Probe, session and reception, where they do not fit: none of our runs comes so far, a foreign
    /// journal may.
    wide: Option<[u64; 3]>,
    attempt: u32,
    destination: String,
    stage: String,
    outcome: String,
    code: Option<u16>,
    enhanced: String,
    text: String,
    fault: String,
    confirmed: bool,
    damage: String,
    changes: String,
}

/// No reception.
const NONE: u64 = u64::MAX;

/// Numbers in half the room; `None` where they do not fit.
fn narrowed(numbers: [u64; 3]) -> Option<[u32; 3]> {
    let [probe, session, reception] = numbers.map(|number| match number {
        NONE => Some(u32::MAX),
        _ => u32::try_from(number).ok().filter(|narrow| *narrow != u32::MAX),
    });
    Some([probe?, session?, reception?])
}

/// Them again.
fn widened(numbers: [u32; 3]) -> [u64; 3] {
    numbers.map(|number| if number == u32::MAX { NONE } else { u64::from(number) })
}

impl Attempts {
    /// Enters an attempt; `reception` says by which number [`Attempts::confirm`] knows it.
    pub fn push(&mut self, row: AttemptRow, reception: Option<u64>) {
        let numbers = [row.probe, row.session, reception.unwrap_or(NONE)];
        let narrow = narrowed(numbers);
        let shared = self.share(Shared {
            wide: if narrow.is_none() { Some(numbers) } else { None },
            attempt: row.attempt,
            destination: row.destination,
            stage: row.stage,
            outcome: row.outcome,
            code: row.code,
            enhanced: row.enhanced,
            text: row.text,
            fault: row.fault,
            confirmed: row.confirmed,
            damage: row.damage,
            changes: row.changes,
        });
        let AttemptRow { started_s, ended_s, .. } = row;
        let numbers = narrow.unwrap_or_default();
        self.each.push(Each { started_s, ended_s, numbers, shared });
    }

    fn share(&mut self, shared: Shared) -> u32 {
        if let Some(index) = self.known.get(&shared) {
            return *index;
        }
        let index = u32::try_from(self.shared.len()).unwrap_or(u32::MAX);
        self.shared.push(shared.clone());
        self.known.insert(shared, index);
        index
    }

    /// Marks those whose reception the peer is proved to have read.
    pub fn confirm(&mut self, is_confirmed: impl Fn(u64) -> bool) {
        let mut confirmed: HashMap<u32, u32> = HashMap::new();
        for index in 0..self.each.len() {
            let [_, _, reception] = self.numbers(&self.each[index]);
            let shared = self.each[index].shared;
            if reception == NONE || !is_confirmed(reception) {
                continue;
            }
            let twin = match confirmed.get(&shared) {
                Some(twin) => *twin,
                None => {
                    let plain = self.shared[shared as usize].clone();
                    let twin = self.share(Shared { confirmed: true, ..plain });
                    confirmed.insert(shared, twin);
                    twin
                }
            };
            self.each[index].shared = twin;
        }
    }

    fn numbers(&self, each: &Each) -> [u64; 3] {
        self.shared[each.shared as usize].wide.unwrap_or_else(|| widened(each.numbers))
    }

    /// Sorts them by their end; those that ended at one time by probe, session and reception.
    pub fn sort(&mut self) {
        // In place: a stable sort would take half as much memory again.
        self.each.sort_unstable_by(|a, b| {
            let ended = a.ended_s.total_cmp(&b.ended_s);
            ended.then_with(|| (a.numbers, a.shared).cmp(&(b.numbers, b.shared)))
        });
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.each.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.each.is_empty()
    }

    /// How many with this outcome ended within `[from_s, to_s)`, by domain of the destination.
    #[must_use]
    pub fn ended(&self, outcome: &str, (from_s, to_s): (f64, f64)) -> BTreeMap<&str, u64> {
        let of = |each: &&Each| {
            let within = each.ended_s >= from_s && each.ended_s < to_s;
            within && self.shared[each.shared as usize].outcome == outcome
        };
        let mut counts = BTreeMap::new();
        for each in self.each.iter().filter(of) {
            let destination = self.shared[each.shared as usize].destination.as_str();
            *counts.entry(destination).or_default() += 1;
        }
        counts
    }

    /// Probe, session, number and start in seconds of each that started at `from_s` or later.
    pub fn started(&self, from_s: f64) -> impl Iterator<Item = (u64, u64, u32, f64)> + '_ {
        self.each.iter().filter(move |each| each.started_s >= from_s).map(|each| {
            let [probe, session, _] = self.numbers(each);
            (probe, session, self.shared[each.shared as usize].attempt, each.started_s)
        })
    }

    /// Them as rows, each made as it is asked for.
    pub fn rows(&self) -> impl Iterator<Item = AttemptRow> {
        self.each.iter().map(|each| {
            let shared = self.shared[each.shared as usize].clone();
            let [probe, session, _] = self.numbers(each);
            AttemptRow {
                started_s: each.started_s,
                ended_s: each.ended_s,
                probe,
                destination: shared.destination,
                attempt: shared.attempt,
                session,
                stage: shared.stage,
                outcome: shared.outcome,
                code: shared.code,
                enhanced: shared.enhanced,
                text: shared.text,
                fault: shared.fault,
                confirmed: shared.confirmed,
                damage: shared.damage,
                changes: shared.changes,
            }
        })
    }
}

impl FromIterator<AttemptRow> for Attempts {
    fn from_iter<I: IntoIterator<Item = AttemptRow>>(rows: I) -> Attempts {
        let mut attempts = Attempts::default();
        rows.into_iter().for_each(|row| attempts.push(row, None));
        attempts
    }
}

impl Serialize for Attempts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.rows())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(ended_s: f64, text: &str) -> AttemptRow {
        AttemptRow { ended_s, text: text.to_owned(), code: Some(250), ..AttemptRow::default() }
    }

    #[test]
    fn rows_come_out_as_they_went_in_sorted_and_confirmed() {
        let mut attempts = Attempts::default();
        attempts.push(row(2.0, "ok"), Some(7));
        attempts.push(row(1.0, "ok"), None);
        attempts.push(row(3.0, "wait"), Some(8));
        attempts.push(row(4.0, "ok"), Some(9));
        attempts.confirm(|reception| reception != 8);
        attempts.sort();
        let told: Vec<_> =
            attempts.rows().map(|row| (row.ended_s, row.text, row.confirmed)).collect();
        let expected =
            [(1.0, "ok", false), (2.0, "ok", true), (3.0, "wait", false), (4.0, "ok", true)];
        assert_eq!(told, expected.map(|(end, text, read)| (end, text.to_owned(), read)));
        assert_eq!(attempts.shared.len(), 3);
        assert_eq!(size_of::<Each>(), 32);
    }

    #[test]
    fn numbers_beyond_any_run_come_out_as_they_went_in() {
        let edges = [0, u64::from(u32::MAX) - 1, u64::from(u32::MAX), 1 << 40, u64::MAX];
        let mut attempts = Attempts::default();
        for edge in edges {
            let row = AttemptRow { probe: edge, session: edge, attempt: 3, ..row(1.0, "ok") };
            attempts.push(row, Some(edge));
        }
        attempts.confirm(|reception| reception >= u64::from(u32::MAX));
        let told: Vec<_> =
            attempts.rows().map(|row| (row.probe, row.session, row.confirmed)).collect();
        // The last stands for none at all.
        let read = [false, false, true, true, false];
        let expected: Vec<_> =
            edges.iter().zip(read).map(|(edge, read)| (*edge, *edge, read)).collect();
        assert_eq!(told, expected);
    }
}
