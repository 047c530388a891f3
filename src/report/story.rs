//! The order in which counts are read, and what each means: shared by every summary for people.
//!
//! A count that is zero and whose absence says nothing is left out; a count this file does not
//! know is shown by its name, so that no class can hide.

use std::collections::BTreeMap;

use super::human;
use super::view::Tone;
use crate::measure::results::Results;

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
    /// Over the measured period; may be empty.
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
}

use Part::{Beside, OfAccepted, OfIndeterminate, OfOffered, Offered};
use Weight::{Doubt, Fact, Main, Sworn, Wrong};

const COUNTS: [(&str, Part, Weight, &str); 30] = [
    ("offered", Offered, Main, "probes due in the measured period"),
    ("accepted", OfOffered, Main, "the target took responsibility for them"),
    ("refused", OfOffered, Doubt, "answered 4yz or 5yz, or cut off before the final dot"),
    ("indeterminate", OfOffered, Doubt, "cut off after the final dot: neither success nor failure"),
    ("not_sent", OfOffered, Doubt, "no connection, or never got as far as RCPT"),
    ("delivered", OfAccepted, Main, ""),
    ("bounced", OfAccepted, Fact, "returned to the sender in a DSN"),
    ("discarded_null", OfAccepted, Fact, "null sender, permanent failure: rightly dropped"),
    ("ambiguous_only", OfAccepted, Fact, "seen whole, the sink's 250 withheld, not tried again"),
    ("pending", OfAccepted, Doubt, "still in the queue at the close"),
    ("unaccounted", OfAccepted, Doubt, "gone, and the queue not proved empty"),
    ("lost", OfAccepted, Sworn, "neither delivered nor bounced, queue proved empty"),
    ("recovered", OfIndeterminate, Fact, "delivered after all"),
    ("never_happened", OfIndeterminate, Fact, "never came"),
    ("duplicates", Beside, Fact, "further copies of a probe"),
    ("duplicates_excused", Beside, Fact, "the protocol allows them (RFC 1047)"),
    ("duplicates_unexcused", Beside, Wrong, "nothing excuses them"),
    ("corrupted", Beside, Wrong, "arrived other than sent"),
    ("phantom", Beside, Wrong, "arrived and was never offered"),
    ("misrouted", Beside, Wrong, "arrived at another's address"),
    ("resurrected", Beside, Wrong, "refused, then delivered"),
    ("premature", Beside, Wrong, "delivered without its final dot"),
    ("smuggled", Beside, Wrong, "came out of another message's body"),
    ("bounced_and_delivered", Beside, Wrong, "returned as failed, yet delivered"),
    ("false_bounce", Beside, Wrong, "returned though nothing failed for good"),
    ("reordered", Beside, Fact, "overtook an earlier probe"),
    ("late", Beside, Doubt, "delivered after its time"),
    ("expired_silently", Beside, Doubt, "given up without a DSN"),
    ("dsn_malformed", Beside, Doubt, "DSNs that break RFC 3464"),
    ("deferred", Beside, Fact, "attempts answered 4yz by the destinations"),
];

/// The counts worth a line, in reading order.
pub(super) fn lines(results: &Results) -> Vec<Line> {
    let mut lines: Vec<Line> = COUNTS
        .iter()
        .filter_map(|(name, part, weight, note)| {
            let count = value(&results.counts, name);
            let shown = count > 0 || matches!(weight, Main | Sworn);
            shown.then(|| line(results, (name, *part, count, note), weight.tone(count)))
        })
        .collect();
    let known = |name: &str| COUNTS.iter().any(|(known, ..)| *known == name);
    for (name, count) in results.counts.iter().filter(|(name, n)| **n > 0 && !known(name)) {
        lines.push(line(results, (name, Beside, *count, ""), Tone::Plain));
    }
    lines
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
        Part::Offered | Part::Beside => 0,
    };
    let rate = results.rates.get(name).filter(|_| count > 0 && part != Part::Beside);
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
            Weight::Main | Weight::Fact => Tone::Plain,
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
            Part::Offered | Part::OfOffered => None,
            Part::OfAccepted => Some("of the accepted"),
            Part::OfIndeterminate => Some("of the indeterminate"),
            Part::Beside => Some("beside these"),
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

/// A count by name; what is not there is zero.
pub(super) fn value(counts: &BTreeMap<String, u64>, name: &str) -> u64 {
    counts.get(name).copied().unwrap_or(0)
}
