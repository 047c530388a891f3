//! What reports say of the disk under the target's queue, and of its power cuts.

use super::human;
use crate::measure::results::{DiskFacts, PowerCutFacts};

/// Columns of the table of power cuts.
pub(super) const TITLES: [&str; 7] =
    ["power cut at", "keep", "accepted", "open", "lost", "unflushed", "file system"];

/// A row for each power cut.
pub(super) fn rows(facts: &DiskFacts) -> Vec<[String; 7]> {
    facts.cuts.iter().map(row).collect()
}

fn row(cut: &PowerCutFacts) -> [String; 7] {
    [
        human::moment(cut.at_s),
        cut.keep.name().to_owned(),
        human::count(cut.acknowledged),
        human::count(cut.open),
        human::count(cut.lost),
        format!("{} ({} kept)", human::count(cut.unflushed), human::count(cut.kept)),
        if cut.filesystem_flaw.is_none() { "sound" } else { "not sound" }.to_owned(),
    ]
}

/// The disk in a line.
pub(super) fn words(facts: &DiskFacts) -> String {
    let per_accepted = match facts.flushes_per_accepted {
        Some(0.0) => ", none: nothing that was accepted was made durable".to_owned(),
        Some(share) => format!(", {share:.2} per accepted recipient"),
        None => String::new(),
    };
    format!(
        "{}: {} flushes{per_accepted}; content took at most {} of memory",
        facts.filesystem.name(),
        human::count(facts.flushes),
        human::bytes(facts.memory_most_bytes)
    )
}

/// What is wrong with the file system after each cut, a line each.
pub(super) fn flaws(facts: &DiskFacts) -> Vec<String> {
    let flaw = |cut: &PowerCutFacts| {
        let flaw = cut.filesystem_flaw.as_ref()?;
        Some(format!("after the cut at {}: {flaw}", human::moment(cut.at_s)))
    };
    facts.cuts.iter().filter_map(flaw).collect()
}
