//! How large the target must be, in words: shared by every summary for people. And the banner of
//! a simulated run.

use super::human;
use crate::measure::results::{Results, SizingFacts};

/// What stands above every report of a simulated run.
pub(super) const SIMULATED: &str =
    "SIMULATED: no mail was sent; the target is a model, and time is virtual.";

/// Name and value of every line; empty where nothing is known.
pub(super) fn lines(results: &Results) -> Vec<(&'static str, String)> {
    let Some(facts) = &results.sizing else { return Vec::new() };
    let mut lines = vec![
        ("headroom", headroom(facts)),
        ("limited by", facts.limited_by.clone()),
        ("in use", in_use(facts)),
    ];
    if let Some(rate) = facts.per_core_per_s {
        let each = format!(
            "{} delivered in the measured period for each core the target kept busy",
            human::rate(rate)
        );
        lines.push(("per core", each));
    }
    let held = human::bytes(facts.backlog_bytes.round() as u64);
    let from = human::moment(facts.backlog_from_s);
    lines.push(("backlog", format!("{held} in the worst hour (from {from} on)")));
    lines
}

fn headroom(facts: &SizingFacts) -> String {
    let (rate, times) = (human::rate(facts.delivered_per_s), facts.headroom);
    if !facts.sustained {
        let offered = human::rate(facts.offered_per_s);
        return format!(
            "none: the load was not sustained; {rate} delivered of {offered} offered in the \
             measured period"
        );
    }
    if times < NONE {
        return format!("none: {rate} delivered in the measured period is all it can take");
    }
    format!(
        "{times:.1} times the load ({rate} delivered in the measured period; more would fill the \
         tightest resource)"
    )
}

/// Below this nothing is left.
const NONE: f64 = 1.05;

fn in_use(facts: &SizingFacts) -> String {
    let one = |used: &crate::measure::results::ResourceUse| {
        format!("{} {:.0}%", used.name, used.used * 100.0)
    };
    facts.resources.iter().map(one).collect::<Vec<_>>().join(", ")
}
