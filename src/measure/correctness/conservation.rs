//! Conservation: what became of every probe, added up, checked and judged.
//!
//! Counts are of the probes due in the measured period, and their sums hold. Mail lost in the
//! warm-up is lost, too: violations of probes due outside the period, and classes that leave one
//! undecided, are counted apart (`outside`) and decide the verdict as those inside do. The rules
//! are `ledger::disposition`'s.

use std::collections::BTreeMap;

use super::counts::{ProbeCounts, Unowned};
use super::violation::Listing;
use crate::clock::Time;
use crate::ledger::class::{Class, Judgement};
use crate::ledger::history::{History, ProbeView};
use crate::measure::queue::ordering::{OutOfOrder, Overtaking};
use crate::measure::results::{LedgerVerdict, Violation, Warning};
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
    /// Every count and every class, by name, of the probes due in the measured period.
    pub counts: BTreeMap<String, u64>,
    /// What went wrong, or is undecided, of those due outside it.
    pub outside: BTreeMap<String, u64>,
    /// Both by destination.
    pub destinations: Vec<Counts>,
    /// The verdict.
    pub verdict: LedgerVerdict,
    /// Why it is not valid, in words.
    pub reasons: Vec<String>,
    /// The worst violations, with evidence once it is attached (see `measure::evidence`).
    pub violations: Vec<Violation>,
    /// What a reader should know.
    pub warnings: Vec<Warning>,
}

/// Counts by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Every count and every class, of the probes due in the measured period.
    pub period: BTreeMap<String, u64>,
    /// What went wrong, or is undecided, of those due outside it.
    pub outside: BTreeMap<String, u64>,
}

impl Counts {
    /// Of the sums of both; `order`: the probes of the period that came out of order.
    #[must_use]
    pub fn of(period: ProbeCounts, outside: &ProbeCounts, order: OutOfOrder) -> Counts {
        Counts { period: period.into_counts(order), outside: outside.wrong() }
    }

    /// The period's counts, with what went wrong outside it added: what verdict and thresholds go
    /// by.
    #[must_use]
    pub fn bounded(&self) -> BTreeMap<String, u64> {
        bounded(&self.period, &self.outside)
    }
}

impl Conservation {
    /// As [`Counts::bounded`].
    #[must_use]
    pub fn bounded(&self) -> BTreeMap<String, u64> {
        bounded(&self.counts, &self.outside)
    }
}

fn bounded(
    period: &BTreeMap<String, u64>,
    outside: &BTreeMap<String, u64>,
) -> BTreeMap<String, u64> {
    let mut bounded = period.clone();
    for (name, count) in outside {
        *bounded.entry(name.clone()).or_default() += count;
    }
    bounded
}

/// Adds up and judges a history.
#[must_use]
pub fn conservation(history: &History, inputs: &Inputs<'_>) -> Conservation {
    let mut balance = Balance::new(inputs);
    history.probes().for_each(|probe| balance.enter(&probe));
    balance.close(history)
}

struct Balance<'a> {
    inputs: &'a Inputs<'a>,
    /// Due in the measured period, and outside it.
    all: [ProbeCounts; 2],
    destinations: Vec<[ProbeCounts; 2]>,
    overtaking: Overtaking,
    listing: Listing<'a>,
    judgement: Judgement,
    /// Messages with a pending probe, and the last of them.
    waiting: u64,
    last_waiting: Option<u64>,
}

impl<'a> Balance<'a> {
    fn new(inputs: &'a Inputs<'a>) -> Balance<'a> {
        Balance {
            inputs,
            all: Default::default(),
            destinations: vec![Default::default(); inputs.domains.len()],
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
        let measured = (self.inputs.measured)(probe.due);
        let of = usize::from(!measured);
        self.all[of].add(probe);
        let Some(destination) = probe.destination.map(|it| usize::from(it.0)) else { return };
        if let Some(sums) = self.destinations.get_mut(destination) {
            sums[of].add(probe);
            if measured {
                self.overtaking.enter(destination, probe);
            }
        }
    }

    /// Probes of a class, wherever they were due.
    fn class(&self, class: Class) -> u64 {
        self.all.iter().map(|sums| sums.class(class)).sum()
    }

    fn unexcused(&self) -> u64 {
        self.sum(ProbeCounts::unexcused)
    }

    fn sum(&self, of: impl Fn(&ProbeCounts) -> u64) -> u64 {
        self.all.iter().map(of).sum()
    }

    fn accepted(&self) -> u64 {
        self.all[0].accepted()
    }

    fn close(self, history: &History) -> Conservation {
        let unowned = Unowned::of(history);
        let over = self.unexcused() > self.inputs.unexcused_bound;
        let reasons = self.reasons(history, over);
        let wrong = unowned.phantoms + unowned.outside_connections + unowned.dsn_non_null_sender;
        let judgement = if wrong > 0 || over { Judgement::Invalid } else { self.judgement };
        let seen = self.accepted() > 0 && history.course().is_closed();
        let warnings = self.warnings(history);
        let out_of_order = self.overtaking.counts();
        let [period, outside] = self.all;
        let Counts { period: mut counts, outside } =
            Counts::of(period, &outside, out_of_order.iter().copied().sum());
        unowned.enter(&mut counts);
        let destinations = self.destinations.into_iter().zip(out_of_order);
        let of = |([period, outside], order): ([ProbeCounts; 2], OutOfOrder)| {
            Counts::of(period, &outside, order)
        };
        Conservation {
            counts,
            outside,
            destinations: destinations.map(of).collect(),
            verdict: verdict(judgement, seen),
            reasons,
            violations: self.listing.close(history, over),
            warnings,
        }
    }

    fn reasons(&self, history: &History, duplicates: bool) -> Vec<String> {
        let mut reasons = Vec::new();
        let unowned = Unowned::of(history);
        let classes = Class::ALL.into_iter().filter(|class| class.is_violation());
        let found = classes.map(|class| (class.name(), self.class(class)));
        let flags = [
            ("phantom", unowned.phantoms),
            ("outside_connections", unowned.outside_connections),
            ("readdressed", self.sum(ProbeCounts::addressed_amiss)),
            ("copied", self.sum(ProbeCounts::copied_amiss)),
            ("dsn_non_null_sender", unowned.dsn_non_null_sender),
        ];
        for (name, count) in found.chain(flags).filter(|(_, n)| *n > 0) {
            reasons.push(format!("{count} {name}"));
        }
        if duplicates {
            reasons.push(format!("{} duplicates_unexcused", self.unexcused()));
        }
        if self.accepted() == 0 {
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
            if self.class(class) > 0 {
                reasons.push(format!("{} {words}", self.class(class)));
            }
        }
        let doubtful: u64 = self.all.iter().map(|sums| sums.doubtful).sum();
        if doubtful > 0 {
            reasons.push(format!(
                "{doubtful} unconfirmed without a 250: the target dropped mail without an acknowledgement"
            ));
        }
        reasons
    }

    fn warnings(&self, history: &History) -> Vec<Warning> {
        let mut warnings: Vec<Warning> = self
            .all
            .iter()
            .flat_map(ProbeCounts::imbalances)
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
        if history.foreign() > 0 {
            let text = format!(
                "{} messages of an earlier run arrived: they were still in the target's queue. They \
                 count nowhere, but the target was busy with them; empty its queue before a run",
                history.foreign()
            );
            warnings.push(warn("foreign-mail", text));
        }
        warnings
    }
}

fn warn(id: &str, message: String) -> Warning {
    Warning { id: id.to_owned(), message }
}

/// The ledger's verdict. `seen`: something was accepted, and the run came to its close; else a run
/// without violations proves nothing.
#[must_use]
pub fn verdict(judgement: Judgement, seen: bool) -> LedgerVerdict {
    match if seen { judgement } else { judgement.max(Judgement::Unknown) } {
        Judgement::Valid => LedgerVerdict::Valid,
        Judgement::Unknown => LedgerVerdict::Unknown,
        Judgement::Invalid => LedgerVerdict::Invalid,
    }
}
