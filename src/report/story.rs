//! The order in which counts are read, and what each means: shared by every summary for people.
//!
//! A count that is zero and whose absence says nothing is left out; a count this file does not
//! know is shown by its name, so that no class can hide.

use std::collections::BTreeMap;

use super::human;
use super::view::Tone;
use crate::measure::results::{LoadFacts, Results, Violation};

/// What a count is part of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// The load.
    Offered,
    /// What became of the offered, at the target.
    OfOffered,
    /// What became of the accepted.
    OfAccepted,
    /// What became of those without a readable answer.
    OfIndeterminate,
    /// Copies, damage, mail that should not exist.
    Beside,
    /// Why further copies are excused.
    OfExcused,
    /// What went wrong with, or is undecided of, mail due outside the measured period.
    Outside,
}

/// A count worth a line.
#[derive(Clone, Debug)]
pub(super) struct Line {
    /// As in thresholds and `report.json`.
    pub name: String,
    /// What it is part of.
    pub part: Part,
    /// How many.
    pub count: u64,
    /// Share of the whole it is part of; may be empty.
    pub share: String,
    /// Events inside the measured period, per second of it; may be empty.
    pub rate: String,
    /// What it means; may be empty.
    pub note: &'static str,
    /// How a reader should take it.
    pub tone: Tone,
}

/// When a count is shown, and how.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Weight {
    /// Always.
    Main,
    /// Always; more than none is wrong.
    Sworn,
    /// Unless zero.
    Fact,
    /// Unless zero; a reader should look.
    Doubt,
    /// Unless zero; wrong.
    Wrong,
    /// Never: the counts beside it add up to it.
    Silent,
}

use Part::{Beside, OfAccepted, OfExcused, OfIndeterminate, OfOffered, Offered};
use Weight::{Doubt, Fact, Main, Silent, Sworn, Wrong};

const COUNTS: [(&str, Part, Weight, &str); 48] = [
    ("offered", Offered, Main, "due in the measured period"),
    ("accepted", OfOffered, Main, "the target took responsibility"),
    ("refused", OfOffered, Doubt, "4yz, 5yz or cut off early"),
    ("indeterminate", OfOffered, Doubt, "no reply to the final dot"),
    ("not_sent", OfOffered, Doubt, "not sent: no RCPT"),
    ("delivered", OfAccepted, Main, ""),
    ("bounced", OfAccepted, Fact, "returned in a DSN"),
    ("null_sender_discarded", OfAccepted, Fact, "null sender, dropped (RFC 5321 §6.1)"),
    ("unconfirmed", OfAccepted, Fact, "complete, 250 perhaps not read"),
    ("pending", OfAccepted, Doubt, "still queued at the close"),
    ("unaccounted", OfAccepted, Doubt, "gone, queue not proved empty"),
    ("lost", OfAccepted, Sworn, "gone, queue proved empty"),
    ("indeterminate_delivered", OfIndeterminate, Fact, "delivered after all"),
    ("indeterminate_not_delivered", OfIndeterminate, Fact, "never arrived"),
    ("duplicates", Beside, Silent, "further copies"),
    ("duplicates_excused", Beside, Fact, "permitted (RFC 1047)"),
    ("duplicates_withheld", OfExcused, Fact, "the 250 never went out"),
    ("duplicates_unconfirmed", OfExcused, Fact, "cut off after the 250"),
    ("duplicates_indeterminate", OfExcused, Fact, "the client's own doubt"),
    ("duplicates_kill", OfExcused, Fact, "the target was killed"),
    ("duplicates_unexcused", Beside, Wrong, "no excuse"),
    ("corrupted", Beside, Wrong, "content damaged in transit"),
    ("altered", Beside, Wrong, "content changed, not declared"),
    ("readdressed", Beside, Fact, "envelope rewritten, content ours"),
    ("readdressed_violations", Beside, Wrong, "not declared, no standard practice"),
    ("copied", Beside, Fact, "further recipients got a copy"),
    ("copied_violations", Beside, Wrong, "not declared as copies"),
    ("phantom", Beside, Wrong, "arrived, never offered"),
    ("outside_connections", Beside, Wrong, "the target reached other machines"),
    ("foreign", Beside, Doubt, "mail of an earlier run"),
    ("misrouted", Beside, Wrong, "arrived at another's address"),
    ("delivered_after_refusal", Beside, Wrong, "refused, then delivered"),
    ("delivered_before_end_of_data", Beside, Wrong, "delivered without final dot"),
    ("smuggled", Beside, Wrong, "smuggled in another's body"),
    ("bounced_and_delivered", Beside, Wrong, "bounced, yet delivered"),
    ("false_bounce", Beside, Wrong, "nothing had failed for good"),
    ("reordered", Beside, Fact, "overtaken by a later one"),
    ("overtaking", Beside, Fact, "overtook an earlier one"),
    ("late", Beside, Doubt, "delivered after its time"),
    ("expired_without_dsn", Beside, Doubt, "given up without a DSN"),
    ("dsn_malformed", Beside, Doubt, "DSNs that break RFC 3464"),
    ("dsn_nonstandard", Beside, Fact, "returned, not as RFC 3464 says"),
    ("dsn_non_null_sender", Beside, Wrong, "DSNs from a non-null sender"),
    ("auto_replies", Beside, Fact, "automatic answers (RFC 3834)"),
    ("dsn_unmatched", Beside, Doubt, "DSN blocks naming no probe"),
    ("receptions", Beside, Silent, ""),
    ("ambiguous_receptions", Beside, Fact, "the target may not know"),
    ("deferred", Beside, Fact, "attempts answered 4yz"),
];

/// The highest planned rate, where the load is uneven.
pub(super) fn peak(load: &LoadFacts) -> String {
    /// How far above the mean it must lie to be worth a word.
    const UNEVEN: f64 = 1.1;
    let uneven = |peak: &f64| load.planned_per_s.is_some_and(|mean| *peak > mean * UNEVEN);
    let peak = load.peak_planned_per_s.filter(uneven);
    peak.map_or_else(String::new, |peak| format!(" (peak {})", human::rate(peak)))
}

/// The counts worth a line, in reading order.
pub(super) fn lines(results: &Results) -> Vec<Line> {
    let mut lines: Vec<Line> = COUNTS
        .iter()
        .filter_map(|(name, part, weight, note)| {
            let count = value(&results.counts, name);
            let shown = match weight {
                Main | Sworn => true,
                Fact | Doubt | Wrong => count > 0,
                Silent => false,
            };
            shown.then(|| line(results, (name, *part, count, note), weight.tone(count)))
        })
        .collect();
    let known = |name: &str| COUNTS.iter().any(|(known, ..)| *known == name);
    for (name, count) in results.counts.iter().filter(|(name, n)| **n > 0 && !known(name)) {
        lines.push(line(results, (name, Beside, *count, ""), Tone::Plain));
    }
    lines.extend(outside(results));
    lines
}

/// The counts of mail due outside the measured period, which are not in the sums above.
fn outside(results: &Results) -> impl Iterator<Item = Line> + '_ {
    results.counts_outside_period.iter().filter(|(_, count)| **count > 0).map(|(name, count)| {
        let known = COUNTS.iter().find(|(known, ..)| known == name);
        let (tone, note) =
            known.map_or((Tone::Doubt, ""), |(_, _, weight, note)| (weight.tone(*count), *note));
        line(results, (name, Part::Outside, *count, note), tone)
    })
}

fn line(
    results: &Results,
    (name, part, count, note): (&str, Part, u64, &'static str),
    tone: Tone,
) -> Line {
    let whole = match part {
        Part::OfOffered => value(&results.counts, "offered"),
        Part::OfAccepted => value(&results.counts, "accepted"),
        Part::OfIndeterminate => value(&results.counts, "indeterminate"),
        Part::Offered | Part::Beside | Part::OfExcused | Part::Outside => 0,
    };
    let apart = matches!(part, Part::Beside | Part::Outside);
    let rate = results.rates.get(name).filter(|_| count > 0 && !apart);
    Line {
        name: name.to_owned(),
        part,
        count,
        share: human::share(count, whole),
        rate: rate.map_or_else(String::new, |rate| human::rate(*rate)),
        note: if count == 0 { "" } else { note },
        tone,
    }
}

impl Weight {
    fn tone(self, count: u64) -> Tone {
        match self {
            Weight::Main | Weight::Fact | Weight::Silent => Tone::Plain,
            Weight::Doubt => Tone::Doubt,
            Weight::Sworn if count == 0 => Tone::Good,
            Weight::Sworn | Weight::Wrong => Tone::Bad,
        }
    }
}

impl Part {
    /// The heading above its counts.
    pub(super) fn heading(self) -> Option<&'static str> {
        match self {
            Part::Offered | Part::OfOffered | Part::OfExcused => None,
            Part::OfAccepted => Some("of the accepted"),
            Part::OfIndeterminate => Some("of the indeterminate"),
            Part::Beside => Some("also"),
            Part::Outside => Some("due outside the measured period"),
        }
    }

    /// How deep its counts stand below the load.
    pub(super) fn depth(self) -> usize {
        match self {
            Part::Offered => 0,
            Part::OfExcused => 2,
            _ => 1,
        }
    }
}

/// The counts that must be zero on every run.
pub(super) fn sworn() -> impl Iterator<Item = &'static str> {
    COUNTS
        .iter()
        .filter(|(_, _, weight, _)| matches!(weight, Sworn | Wrong))
        .map(|(name, ..)| *name)
}

/// The first few of each class: many of one must not hide another.
pub(super) fn few_of_each(violations: &[Violation], few: usize) -> Vec<&Violation> {
    let mut listed: Vec<&Violation> = Vec::new();
    for violation in violations {
        let alike = listed.iter().filter(|other| other.class == violation.class).count();
        if alike < few {
            listed.push(violation);
        }
    }
    listed
}

/// A count by name; what is not there is zero.
pub(super) fn value(counts: &BTreeMap<String, u64>, name: &str) -> u64 {
    counts.get(name).copied().unwrap_or(0)
}
