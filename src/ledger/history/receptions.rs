//! Receptions: which were confirmed, which came again, which of those a kill excuses.
//!
//! A probe's first reception lies in its record; only probes with several, or with one whose
//! number does not fit there, are here.

use std::collections::HashMap;

use crate::clock::Time;
use crate::ledger::event::Proof;
use crate::limits;

/// The number of a reception that has none.
pub(super) const NO_NUMBER: u64 = u64::MAX;

/// One content seen whole, for one probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reception {
    pub(super) number: u64,
    pub(super) ended: Time,
    pub(super) withheld: bool,
}

/// Which receptions the target is known to have taken note of.
#[derive(Debug, Default)]
pub(super) struct Confirmations {
    /// A sparse set of bits: memory grows with what is confirmed, never with a number's size.
    pages: HashMap<u64, [u64; 8]>,
    /// Confirmed by no more than a FIN; decided when all kills are known.
    by_fin: Vec<(u64, Time)>,
}

impl Confirmations {
    pub(super) fn note(&mut self, reception: u64, at: Time, proof: Proof) {
        match proof {
            Proof::Command => self.confirm(reception),
            Proof::Fin => self.by_fin.push((reception, at)),
        }
    }

    /// Believes every FIN that did not come at an end of the target's process.
    pub(super) fn settle(&mut self, deaths: &[Time]) {
        for (reception, at) in std::mem::take(&mut self.by_fin) {
            if !deaths.iter().any(|death| comes_at(at, *death)) {
                self.confirm(reception);
            }
        }
    }

    pub(super) fn contains(&self, reception: u64) -> bool {
        self.pages
            .get(&(reception / 512))
            .is_some_and(|page| page[word(reception)] & (1 << (reception % 64)) != 0)
    }

    fn confirm(&mut self, reception: u64) {
        let page = self.pages.entry(reception / 512).or_default();
        page[word(reception)] |= 1 << (reception % 64);
    }
}

fn word(reception: u64) -> usize {
    usize::try_from(reception / 64 % 8).unwrap_or(0)
}

/// Whether a FIN at `at` may be the doing of a process that ended at `death`.
fn comes_at(at: Time, death: Time) -> bool {
    at.plus(limits::KILL_SKEW) >= death && at <= death.plus(limits::KILL_WINDOW)
}

/// How many further copies the kills excuse: one for each kill that came at most
/// [`limits::KILL_WINDOW`] after the end of a confirmed reception and was followed by a copy
/// that no earlier kill excuses. A loss of power may undo what the target had noted long before:
/// it excuses a copy of whatever was received before it.
pub(super) fn copies_after_kills(
    receptions: &[Reception],
    is_confirmed: impl Fn(u64) -> bool,
    (kills, undoes_all): (&[Time], &dyn Fn(Time) -> bool),
) -> u32 {
    let mut ends: Vec<Time> = receptions.iter().map(|reception| reception.ended).collect();
    ends.sort_unstable();
    let mut unused = 0;
    let mut excused = 0;
    for kill in kills {
        let unrecorded = receptions.iter().any(|reception| {
            let in_time = reception.ended <= *kill
                && (undoes_all(*kill) || *kill <= reception.ended.plus(limits::KILL_WINDOW));
            in_time && !reception.withheld && is_confirmed(reception.number)
        });
        unused = unused.max(ends.partition_point(|end| end <= kill));
        if unrecorded && unused < ends.len() {
            excused += 1;
            unused += 1;
        }
    }
    excused
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    /// Copies that kills excuse, none of them a loss of power.
    fn copies(receptions: &[Reception], is_confirmed: impl Fn(u64) -> bool, kills: &[Time]) -> u32 {
        copies_after_kills(receptions, is_confirmed, (kills, &|_| false))
    }

    fn at(ms: u64) -> Time {
        Time(ms * MS)
    }

    fn taken(number: u64, ms: u64) -> Reception {
        Reception { number, ended: at(ms), withheld: false }
    }

    #[test]
    fn a_command_confirms_and_a_fin_does_unless_it_comes_at_a_kill() {
        let mut confirmations = Confirmations::default();
        confirmations.note(7, at(5_000), Proof::Command);
        confirmations.note(8, at(5_000), Proof::Fin);
        confirmations.note(9, at(4_980), Proof::Fin);
        confirmations.note(u64::MAX, at(9_000), Proof::Fin);
        assert!(confirmations.contains(7) && !confirmations.contains(8));
        confirmations.settle(&[at(4_990)]);
        assert!(confirmations.contains(7), "a command needs no more proof");
        assert!(!confirmations.contains(8), "that FIN was the kill's");
        assert!(!confirmations.contains(9), "so was that: a kill is noted after its signal");
        assert!(confirmations.contains(u64::MAX), "that one was not");
        assert!(!confirmations.contains(71) && !confirmations.contains(519));
    }

    #[test]
    fn a_kill_excuses_a_copy_of_what_it_cut_off() {
        let receptions = [taken(1, 1_000), taken(2, 5_000)];
        let after = |kill| copies(&receptions, |_| true, &[at(kill)]);
        assert_eq!(after(1_000), 1, "at once");
        assert_eq!(after(2_000), 1, "at the edge of the window");
        assert_eq!(after(2_001), 0, "the target had time to record it");
        assert_eq!(after(999), 0, "before the reception");
        assert_eq!(after(5_500), 0, "no copy follows");
        assert_eq!(copies(&receptions, |_| false, &[at(1_500)]), 0, "not confirmed");
        let withheld = [Reception { withheld: true, ..receptions[0] }, receptions[1]];
        assert_eq!(copies(&withheld, |_| true, &[at(1_500)]), 0, "excused as it is");
    }

    #[test]
    fn a_power_cut_excuses_a_copy_of_whatever_came_before_it() {
        let receptions = [taken(1, 1_000), taken(2, 90_000)];
        let after = |cut, undoes: bool| {
            copies_after_kills(&receptions, |_| true, (&[at(cut)], &|_| undoes))
        };
        assert_eq!((after(80_000, true), after(80_000, false)), (1, 0));
        assert_eq!(after(95_000, true), 0, "no copy came after it");
    }

    #[test]
    fn each_kill_excuses_one_copy_only() {
        let receptions = [taken(1, 1_000), taken(2, 3_000), taken(3, 3_100)];
        assert_eq!(copies(&receptions, |_| true, &[at(1_100)]), 1);
        assert_eq!(copies(&receptions, |_| true, &[at(1_100), at(1_200)]), 2);
        let kills = [at(1_100), at(1_200), at(1_300)];
        assert_eq!(copies(&receptions, |_| true, &kills), 2, "no more than there are");
    }
}
