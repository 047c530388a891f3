//! Conservation: what became of every probe, added up, checked and judged.
//!
//! A probe counts when it was due in the measured period. One that is not valid, or that came
//! twice without excuse, counts wherever it was due: mail lost in the warm-up is lost, and the
//! sums hold all the same. The rules are `ledger::disposition`'s.

use std::collections::BTreeMap;

use super::ordering::Overtaking;
use super::results::{LedgerVerdict, Violation, Warning};
use super::sums::Sums;
use super::violation::Listing;
use crate::clock::Time;
use crate::ledger::class::{Class, Judgement};
use crate::ledger::history::{History, ProbeView};
use crate::probe::address::Letters;

/// What the judgement needs besides the history.
pub struct Inputs<'a> {
    /// Whether a message due at this time counts.
    pub measured: &'a dyn Fn(Time) -> bool,
    /// Domain of each destination, by number.
    pub domains: &'a [String],
    /// What local-parts are made of.
    pub letters: Letters,
    /// Unexcused duplicates, over the whole run, that are no violation yet.
    pub unexcused_bound: u64,
}

/// The ledger, added up and judged.
#[derive(Clone, Debug)]
pub struct Conservation {
    /// Every count and every class, by name.
    pub counts: BTreeMap<String, u64>,
    /// The same by destination.
    pub destinations: Vec<BTreeMap<String, u64>>,
    /// The verdict.
    pub verdict: LedgerVerdict,
    /// Why it is not valid, in words.
    pub reasons: Vec<String>,
    /// The worst violations, with evidence once it is attached (see `measure::evidence`).
    pub violations: Vec<Violation>,
    /// What a reader should know.
    pub warnings: Vec<Warning>,
}

/// Adds up and judges a history.
#[must_use]
pub fn conservation(history: &History, inputs: &Inputs<'_>) -> Conservation {
    let mut book = Book::new(inputs);
    history.probes().for_each(|probe| book.enter(&probe));
    book.close(history)
}

struct Book<'a> {
    inputs: &'a Inputs<'a>,
    all: Sums,
    destinations: Vec<Sums>,
    overtaking: Overtaking,
    listing: Listing<'a>,
    judgement: Judgement,
    /// Messages with a pending probe, and the last of them.
    waiting: u64,
    last_waiting: Option<u64>,
}

impl<'a> Book<'a> {
    fn new(inputs: &'a Inputs<'a>) -> Book<'a> {
        Book {
            inputs,
            all: Sums::default(),
            destinations: vec![Sums::default(); inputs.domains.len()],
            overtaking: Overtaking::new(inputs.domains.len()),
            listing: Listing::new(inputs.domains, inputs.letters),
            judgement: Judgement::Valid,
            waiting: 0,
            last_waiting: None,
        }
    }

    fn enter(&mut self, probe: &ProbeView) {
        let disposition = &probe.disposition;
        self.judgement = self.judgement.max(disposition.judgement);
        self.listing.enter(probe);
        if disposition.class == Class::Pending && self.last_waiting != Some(probe.message.0) {
            self.last_waiting = Some(probe.message.0);
            self.waiting += 1;
        }
        let faultless =
            disposition.judgement == Judgement::Valid && disposition.duplicates.unexcused == 0;
        if faultless && !(self.inputs.measured)(probe.due) {
            return;
        }
        self.all.add(probe);
        let Some(destination) = probe.destination.map(|it| usize::from(it.0)) else { return };
        if let Some(sums) = self.destinations.get_mut(destination) {
            sums.add(probe);
            self.overtaking.enter(destination, probe);
        }
    }

    fn close(self, history: &History) -> Conservation {
        let phantoms = history.phantom_count();
        let unexcused = self.all.unexcused();
        let over = unexcused > self.inputs.unexcused_bound;
        let reasons = self.reasons(history, over);
        let judgement = if phantoms > 0 || over {
            Judgement::Invalid
        } else if self.all.accepted() == 0 || !history.course().is_closed() {
            self.judgement.max(Judgement::Unknown)
        } else {
            self.judgement
        };
        let warnings = self.warnings(history);
        let out_of_order = self.overtaking.counts();
        let mut counts = self.all.into_counts(out_of_order.iter().copied().sum());
        counts.insert("phantom".to_owned(), phantoms);
        counts.insert("dsn_unmatched".to_owned(), history.unmatched_dsns());
        let destinations = self.destinations.into_iter().zip(out_of_order);
        Conservation {
            counts,
            destinations: destinations.map(|(sums, order)| sums.into_counts(order)).collect(),
            verdict: verdict(judgement),
            reasons,
            violations: self.listing.close(history.phantoms(), over),
            warnings,
        }
    }

    fn reasons(&self, history: &History, duplicates: bool) -> Vec<String> {
        let mut reasons = Vec::new();
        let phantoms = history.phantom_count();
        let classes = Class::ALL.into_iter().filter(|class| class.is_violation());
        let found = classes.map(|class| (class.name(), self.all.class(class)));
        for (name, count) in found.chain([("phantom", phantoms)]).filter(|(_, n)| *n > 0) {
            reasons.push(format!("{count} {name}"));
        }
        if duplicates {
            reasons.push(format!("{} duplicates_unexcused", self.all.unexcused()));
        }
        if self.all.accepted() == 0 {
            reasons.push("nothing was accepted".to_owned());
        }
        if !history.course().is_closed() {
            reasons.push("the journal ends before the run was closed".to_owned());
        }
        let unsettled = [
            (Class::Pending, "pending at the end"),
            (Class::Unaccounted, "unaccounted: the target's queue was not proved empty"),
        ];
        for (class, words) in unsettled {
            if self.all.class(class) > 0 {
                reasons.push(format!("{} {words}", self.all.class(class)));
            }
        }
        if self.all.doubtful > 0 {
            reasons.push(format!(
                "{} ambiguous_only without a 250: the target dropped what it was not told of",
                self.all.doubtful
            ));
        }
        reasons
    }

    fn warnings(&self, history: &History) -> Vec<Warning> {
        let mut warnings: Vec<Warning> = self
            .all
            .imbalances()
            .into_iter()
            .map(|sum| warn("internal-error", format!("counts do not reconcile: {sum}")))
            .collect();
        if history.contradictions() > 0 {
            let count = history.contradictions();
            let text = format!("{count} events of the journal contradict the rest of it");
            warnings.push(warn("internal-error", text));
        }
        let reported = history.course().queue.map_or(u64::MAX, |(_, total)| total);
        if reported > 0 && self.waiting > reported {
            let text = format!(
                "{} messages should be in the target's queue, which reports {reported}: \
                 some may be lost; a longer drain would tell",
                self.waiting
            );
            warnings.push(warn("queue-shortfall", text));
        }
        if history.unmatched_dsns() > 0 {
            let count = history.unmatched_dsns();
            warnings.push(warn("dsn-unmatched", format!("{count} DSN blocks name no probe")));
        }
        warnings
    }
}

fn warn(id: &str, message: String) -> Warning {
    Warning { id: id.to_owned(), message }
}

fn verdict(judgement: Judgement) -> LedgerVerdict {
    match judgement {
        Judgement::Valid => LedgerVerdict::Valid,
        Judgement::Unknown => LedgerVerdict::Unknown,
        Judgement::Invalid => LedgerVerdict::Invalid,
    }
}
