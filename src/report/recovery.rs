//! Recovery times and connection attempts in words: shared by every summary for people.

use super::human;
use crate::measure::results::{ConnectionFacts, HerdFacts, RecoveryFacts};

/// `8.5s`; `>=60.0s` of a backlog that was not back at the close; `not ended` of a disturbance that
/// lasted to the close.
pub(super) fn time(facts: &RecoveryFacts) -> String {
    match (facts.to_s, facts.at_least) {
        (None, _) => "not ended".to_owned(),
        (Some(_), true) => format!(">={}", human::duration_s(facts.recovery_time_s)),
        (Some(_), false) => human::duration_s(facts.recovery_time_s),
    }
}

/// Name of a fault, or kind of chaos.
pub(super) fn name(facts: &RecoveryFacts) -> String {
    match facts.kind.as_str() {
        "chaos" => format!("{} at {}", facts.name, human::moment(facts.from_s)),
        _ => facts.name.clone(),
    }
}

/// What recovery means, for a note.
pub(super) const MEANING: &str =
    "from the end of each until the backlog was back in the band it had before, and stayed there";

/// The pieces that say how many connections the target tried; why that is not known is apart.
pub(super) fn connections(facts: &ConnectionFacts) -> Vec<String> {
    let mut pieces = match (facts.count, facts.per_delivery) {
        (Some(count), Some(each)) => {
            vec![
                format!("{} tried", human::count(count)),
                format!("{} per delivery", human::number(each)),
            ]
        }
        (Some(count), None) => vec![format!("{} tried", human::count(count))],
        (None, _) => vec!["number tried not known".to_owned()],
    };
    let parts = [
        ("accepted", Some(facts.accepted)),
        ("turned away", Some(facts.turned_away).filter(|count| *count > 0)),
        ("refused", facts.refused.filter(|count| *count > 0)),
    ];
    let named = parts.into_iter().filter_map(|(name, count)| Some((name, count?)));
    pieces.extend(named.map(|(name, count)| format!("{} {name}", human::count(count))));
    pieces
}

/// The pieces that say how much of a burst came after the last fault.
pub(super) fn herd(herd: &HerdFacts) -> Vec<String> {
    vec![
        format!("peak {} attempts/s", human::number(herd.peak_per_s)),
        format!("{} times that of independent attempts", human::number(herd.index)),
        format!("over {}", human::duration_s(herd.over_s)),
        format!("Fano {:.1} (independent: 1)", herd.fano),
    ]
}
