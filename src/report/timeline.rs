//! Faults and chaos on one timeline: what was done to the destinations and to the target, in the
//! order in which it began.

use crate::measure::results::Results;

/// Something that happened.
pub(super) struct Happening<'a> {
    /// The fault's name, or the kind of chaos.
    pub(super) name: &'a str,
    /// Beginning, seconds into the measured period.
    pub(super) from_s: f64,
    /// End; `None`: it lasted to the end of the run.
    pub(super) to_s: Option<f64>,
    /// Where: a domain, all destinations, or the target.
    pub(super) place: &'a str,
}

/// All that has a time of its own. A fault without a window holds throughout and is not listed.
pub(super) fn timeline(results: &Results) -> Vec<Happening<'_>> {
    let faults = results.faults.iter().filter_map(|fault| {
        let (from_s, to_s) = fault.during_s?;
        let place = fault.destination.as_deref().unwrap_or("every destination");
        Some(Happening { name: &fault.name, from_s, to_s: Some(to_s), place })
    });
    let chaos = results.chaos.iter().map(|strike| Happening {
        name: &strike.what,
        from_s: strike.at_s,
        to_s: strike.down_s.map(|down| strike.at_s + down),
        place: "the target",
    });
    let mut all: Vec<Happening<'_>> = faults.chain(chaos).collect();
    all.sort_by(|a, b| a.from_s.total_cmp(&b.from_s));
    all
}
