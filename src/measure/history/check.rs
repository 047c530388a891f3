//! What `history --check` comes to: changes for the worse, and what could not be decided.
//!
//! A check that has nothing to look at does not pass. A figure that decides must be known of the newest
//! run, which must count, and not be a mere lower bound.

use super::split::LEAST;
use super::trend::{Family, Trend, Turn};
use crate::measure::comparison::figure::blank;
use crate::measure::comparison::question::open;
use crate::measure::results::Reason;
use crate::measure::verdict::{INVALID, REGRESSION};

/// Fewest runs among which a change can be found.
const FEWEST: usize = 2 * LEAST;

/// One reason for each change for the worse no more than `last` runs ago, and for each figure of
/// a current family that cannot be decided. Empty: checked, and nothing found.
#[must_use]
pub fn check(families: &[Family], last: usize) -> Vec<Reason> {
    if families.is_empty() {
        return vec![inconclusive("the history has no runs".to_owned())];
    }
    families
        .iter()
        .flat_map(|family| {
            let gated = family.trends.iter().filter(|trend| trend.decides);
            let mut reasons: Vec<Reason> =
                gated.filter_map(|trend| of_trend(family, trend, last)).collect();
            let known = family.current && !family.runs.is_empty();
            let lacking = family.lacking.iter().filter(|_| known);
            reasons.extend(lacking.map(|metric| {
                let scenario = &family.scenario;
                inconclusive(format!(
                    "{scenario}: {metric}: none of its runs has it; `--gate` names what decides"
                ))
            }));
            reasons.extend(of_runs(family).map(inconclusive));
            reasons
        })
        .collect()
}

fn inconclusive(message: String) -> Reason {
    Reason { class: "inconclusive".to_owned(), exit_code: INVALID, message }
}

/// Why the runs of a family decide nothing, whatever the figure.
fn of_runs(family: &Family) -> Option<String> {
    let (scenario, runs) = (&family.scenario, family.runs.len());
    if !family.current {
        return None;
    }
    if let Some(run) = &family.newest_invalid {
        return Some(format!("{scenario}: the newest run, {run}, is invalid"));
    }
    (runs < FEWEST)
        .then(|| format!("{scenario}: {runs} runs count, a change can show from {FEWEST} on"))
}

fn of_trend(family: &Family, trend: &Trend, last: usize) -> Option<Reason> {
    let recent = family.runs.len().saturating_sub(last);
    let mut worse = trend.changes.iter().filter(|turn| turn.worse && turn.at >= recent);
    let (scenario, metric) = (&family.scenario, &trend.metric);
    if let Some(turn) = worse.clone().find(|turn| !turn.doubtful) {
        let message = format!("{scenario}: {metric} {}", rise(turn));
        return Some(Reason { class: "regression".to_owned(), exit_code: REGRESSION, message });
    }
    let undecided = family.current.then(|| undecided(family, trend)).flatten();
    let doubtful = worse
        .next()
        .map(|turn| format!("{}, but values before it are only lower bounds", rise(turn)));
    Some(inconclusive(format!("{scenario}: {metric}: {}", undecided.or(doubtful)?)))
}

fn rise(turn: &Turn) -> String {
    let times = turn.after / turn.before;
    format!("went to {times:.3} of what it was, from run {} on", turn.run)
}

/// Why the newest run's figure cannot be held against those before it.
fn undecided(family: &Family, trend: &Trend) -> Option<String> {
    let known = trend.values.iter().flatten().count();
    let newest = family.runs.last()?;
    if trend.values.last()?.is_none() {
        return Some(format!("the newest run, {}, has no such figure", newest.run));
    }
    if family.runs.len() >= FEWEST && known < FEWEST {
        return Some(format!("{known} runs have it, a change can show from {FEWEST} on"));
    }
    let bound = *trend.at_least.last()?;
    let (_, above) = open(blank(&trend.metric).better, (false, bound));
    above.then(|| {
        format!(
            "of the newest run, {}, only a lower bound is known (some mail had no final answer)",
            newest.run
        )
    })
}

#[cfg(test)]
mod tests {
    use super::super::Entry;
    use super::super::trend::families;
    use super::super::trend::tests::{entry, wobble};
    use super::*;

    fn history(runs: std::ops::Range<usize>, level: impl Fn(usize) -> f64) -> Vec<Entry> {
        runs.map(|n| entry(n, wobble(n, level(n)), "a")).collect()
    }

    fn checked(entries: &[Entry], last: usize) -> Vec<(u8, String)> {
        checked_by(&["e2e_response.p50"], entries, last)
    }

    fn checked_by(gate: &[&str], entries: &[Entry], last: usize) -> Vec<(u8, String)> {
        let gate: Vec<String> = gate.iter().map(|name| (*name).to_owned()).collect();
        let reasons = check(&families(entries, &gate), last);
        reasons.into_iter().map(|reason| (reason.exit_code, reason.message)).collect()
    }

    fn codes(entries: &[Entry]) -> Vec<u8> {
        checked(entries, 5).into_iter().map(|(code, _)| code).collect()
    }

    #[test]
    fn a_recent_change_for_the_worse_is_a_regression() {
        let step = |to| history(0..30, move |n| if n < 26 { 1000.0 } else { to });
        assert_eq!(codes(&step(1200.0)), [98]);
        assert!(checked(&step(1200.0), 5)[0].1.contains("e2e_response.p50 went to 1.2"));
        assert!(checked(&step(1200.0), 2).is_empty(), "too long ago");
        assert!(codes(&step(800.0)).is_empty() && codes(&step(1000.0)).is_empty());
    }

    #[test]
    fn a_check_without_data_does_not_pass() {
        assert_eq!(codes(&[]), [96]);
        assert_eq!(codes(&history(6..11, |_| 1000.0)), [96], "too few runs");
        assert!(codes(&history(6..12, |_| 1000.0)).is_empty());
        let mut entries = history(6..30, |_| 1000.0);
        entries.iter_mut().for_each(|entry| entry.counted = false);
        assert_eq!(codes(&entries), [96], "no run counts");
        let mut entries = history(6..30, |_| 1000.0);
        entries[23].counted = false;
        assert_eq!(codes(&entries), [96], "the newest is invalid");
        let mut entries = history(6..30, |_| 1000.0);
        entries[23].figures.clear();
        assert_eq!(codes(&entries), [96], "the newest has no such figure");
        let mut entries = history(6..30, |_| 1000.0);
        entries.iter_mut().for_each(|entry| entry.figures.clear());
        assert_eq!(codes(&entries), [96], "no figure that decides");
    }

    #[test]
    fn a_figure_that_decides_must_be_there() {
        let entries = history(6..30, |n| if n < 27 { 1000.0 } else { 2000.0 });
        let by = |gate: &[&str]| {
            let found = checked_by(gate, &entries, 5);
            found.into_iter().map(|(code, _)| code).collect::<Vec<_>>()
        };
        assert_eq!(by(&["e2e_response.p50"]), [98]);
        assert_eq!(by(&["e2e_response.p50", "e2e_response.p99"]), [98, 96]);
        assert_eq!(by(&["e2e_response.p99"]), [96]);
    }

    #[test]
    fn a_lower_bound_can_be_worse_but_not_as_before() {
        let bounded = |at: &[usize], after: f64| {
            let mut entries = history(0..30, |n| if n < 26 { 1000.0 } else { after });
            for n in at {
                entries[*n].at_least = vec!["e2e_response.p50".to_owned()];
            }
            codes(&entries)
        };
        assert_eq!(bounded(&[29], 1000.0), [96]);
        assert_eq!(bounded(&[29], 1200.0), [98], "at least so much worse");
        assert_eq!(bounded(&[10], 1200.0), [96], "it may have been as bad before");
        assert!(bounded(&[10], 1000.0).is_empty());
    }

    /// A family whose scenario or machine has changed since is not what the newest run tells of.
    #[test]
    fn only_current_families_must_decide() {
        let mut entries = history(6..9, |_| 1000.0);
        entries.extend((9..20).map(|n| entry(n, wobble(n, 1000.0), "b")));
        assert!(codes(&entries).is_empty());
        entries.push(entry(20, 1000.0, "c"));
        assert_eq!(codes(&entries), [96]);
    }
}
