//! From lines of history to trends: one for each family of runs and figure.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Entry;
use super::change_point::{Change, autocorrelation, changes};
use crate::limits;
use crate::measure::comparison::figure::{blank, resolution};
use crate::measure::comparison::question::open;
use crate::measure::results::{Certainty, Marked};
use crate::metric::figure::Better;

/// A change counts as worse from this share on.
const WORSE_FROM: f64 = 0.05;

/// Runs of one scenario, kind of target and machine.
#[derive(Clone, Debug, Serialize)]
pub struct Family {
    /// Scenario name.
    pub scenario: String,
    /// Kind of target.
    pub target_kind: String,
    /// First digits of the scenario's digest.
    pub digest: String,
    /// Facts about the machine.
    pub environment: BTreeMap<String, String>,
    /// Its runs that count, in order.
    pub runs: Vec<Point>,
    /// Runs that do not count.
    pub invalid: usize,
    /// Whether the newest run of this scenario and kind of target is one of these; else its
    /// scenario or machine has changed since.
    pub current: bool,
    /// The newest run, where it does not count.
    pub newest_invalid: Option<String>,
    /// By figure; those that decide first.
    pub trends: Vec<Trend>,
    /// Figures that are to decide and that none of its runs has.
    pub lacking: Vec<String>,
}

/// One run on the axis of a trend.
#[derive(Clone, Debug, Serialize)]
pub struct Point {
    /// Its id.
    pub run: String,
    /// When.
    pub started_at: String,
    /// What was tested.
    pub commit: Option<String>,
}

/// One figure over the runs of a family.
#[derive(Clone, Debug, Serialize)]
pub struct Trend {
    /// The figure.
    pub metric: String,
    /// Whether it decides.
    pub decides: bool,
    /// One value a run; null where the run has none.
    pub values: Vec<Option<f64>>,
    /// Whether each value is only a lower bound.
    pub at_least: Vec<bool>,
    /// Lag-1 autocorrelation between its changes: how much a run resembles the one before it.
    /// Null of few runs.
    pub autocorrelation: Option<f64>,
    /// Where it changed for good.
    pub changes: Vec<Turn>,
}

impl Trend {
    /// The value of each run, with its mark.
    pub fn values(&self) -> impl Iterator<Item = Option<Marked<f64>>> {
        let marks = self.at_least.iter().map(|is_bound| Certainty::at_least(*is_bound));
        let values = self.values.iter().zip(marks);
        values.map(|(value, mark)| value.map(|value| Marked::new(value, mark)))
    }
}

/// A change for good.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Turn {
    /// Index of the first run that is different.
    pub at: usize,
    /// The first run that is different.
    pub run: String,
    /// Geometric mean before, back to the change before it.
    pub before: f64,
    /// Geometric mean after, up to the next.
    pub after: f64,
    /// Whether a run before it is only a lower bound.
    pub before_at_least: bool,
    /// Whether a run after it is only a lower bound.
    pub after_at_least: bool,
    /// Odds of it by chance.
    pub odds: f64,
    /// Whether it is for the worse by more than 5 %.
    pub worse: bool,
    /// Whether lower bounds leave it open whether there was a change at all in this direction.
    pub doubtful: bool,
}

/// Every family, in the order in which they first occur. `gate`: the figures that decide.
#[must_use]
pub fn families(entries: &[Entry], gate: &[String]) -> Vec<Family> {
    let mut groups: Vec<Vec<&Entry>> = Vec::new();
    for entry in entries {
        match groups.iter_mut().find(|group| group[0].kin() == entry.kin()) {
            Some(group) => group.push(entry),
            None => groups.push(vec![entry]),
        }
    }
    let newest = |group: &[&Entry]| {
        let same = |entry: &&Entry| {
            (&entry.scenario, &entry.target_kind) == (&group[0].scenario, &group[0].target_kind)
        };
        entries.iter().rfind(same).is_some_and(|newest| newest.kin() == group[0].kin())
    };
    groups.iter().map(|group| family(group, newest(group), gate)).collect()
}

fn family(all: &[&Entry], current: bool, gate: &[String]) -> Family {
    let counted: Vec<&Entry> = all.iter().copied().filter(|entry| entry.counted).collect();
    let late = counted.len().saturating_sub(limits::HISTORY_RUNS);
    let counted = &counted[late..];
    let mut names: Vec<&String> = counted.iter().flat_map(|entry| entry.figures.keys()).collect();
    names.sort_unstable();
    names.dedup();
    let place = |name: &String| gate.iter().position(|gated| gated == name);
    names.sort_by_key(|name| place(name).unwrap_or(gate.len()));
    let lacking = gate.iter().filter(|name| !names.contains(name)).cloned().collect();
    let decides = |name: &String| place(name).is_some();
    Family {
        scenario: all[0].scenario.clone(),
        target_kind: all[0].target_kind.clone(),
        digest: all[0].scenario_sha256.chars().take(12).collect(),
        environment: all[0].environment.clone(),
        runs: counted.iter().map(|entry| point(entry)).collect(),
        invalid: all.iter().filter(|entry| !entry.counted).count(),
        current,
        newest_invalid: all.last().filter(|it| !it.counted).map(|it| it.run.clone()),
        trends: names.into_iter().map(|name| trend(name, decides(name), counted)).collect(),
        lacking,
    }
}

fn point(entry: &Entry) -> Point {
    let (run, started_at) = (entry.run.clone(), entry.started_at.clone());
    Point { run, started_at, commit: entry.commit.clone() }
}

fn trend(metric: &str, decides: bool, entries: &[&Entry]) -> Trend {
    let values: Vec<Option<f64>> =
        entries.iter().map(|entry| entry.figures.get(metric).copied()).collect();
    let at_least: Vec<bool> =
        entries.iter().map(|entry| entry.at_least.iter().any(|name| name == metric)).collect();
    // Changes are ratios, so that the logarithm is looked at; a run without the figure is passed
    // over.
    let least = resolution(metric);
    let known: Vec<(usize, f64)> = values
        .iter()
        .enumerate()
        .filter_map(|(at, value)| Some((at, (*value)?.max(least).ln())))
        .collect();
    let logs: Vec<f64> = known.iter().map(|(_, log)| *log).collect();
    let found = changes(&logs);
    let edges: Vec<usize> = std::iter::once(0)
        .chain(found.iter().map(|change| change.at))
        .chain([logs.len()])
        .collect();
    let side = |from: usize, to: usize| Segment {
        level: (logs[from..to].iter().sum::<f64>() / (to - from).max(1) as f64).exp(),
        at_least: known[from..to].iter().any(|(at, _)| at_least[*at]),
    };
    let turn = |(n, change): (usize, &Change)| {
        let at = known[change.at].0;
        let sides = (side(edges[n], edges[n + 1]), side(edges[n + 1], edges[n + 2]));
        turn(metric, (at, &entries[at].run), change.odds, &sides)
    };
    let changes = found.iter().enumerate().map(turn).collect();
    let autocorrelation = autocorrelation(&logs, &found);
    Trend { metric: metric.to_owned(), decides, values, at_least, autocorrelation, changes }
}

/// The runs between two changes.
struct Segment {
    /// Geometric mean.
    level: f64,
    /// Whether one of them is only a lower bound.
    at_least: bool,
}

fn turn(
    metric: &str,
    (at, run): (usize, &str),
    odds: f64,
    (before, after): &(Segment, Segment),
) -> Turn {
    let better = blank(metric).better;
    let rise = after.level / before.level;
    let worsening = if better == Better::Lower { rise } else { 1.0 / rise };
    let (below, above) = open(better, (before.at_least, after.at_least));
    Turn {
        at,
        run: run.to_owned(),
        before: before.level,
        after: after.level,
        before_at_least: before.at_least,
        after_at_least: after.at_least,
        odds,
        worse: worsening > 1.0 + WORSE_FROM,
        doubtful: if worsening > 1.0 { below } else { above },
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::measure::comparison::figure::GATED;

    fn judged(entries: &[Entry]) -> Vec<Family> {
        families(entries, &GATED.map(str::to_owned))
    }

    pub(in crate::measure::history) fn entry(n: usize, p50: f64, machine: &str) -> Entry {
        Entry {
            schema_version: 1,
            run: format!("run-{n}"),
            started_at: String::new(),
            commit: None,
            scenario: "s".to_owned(),
            scenario_sha256: "abc".to_owned(),
            target_kind: "relay".to_owned(),
            target_version: String::new(),
            tool_version: String::new(),
            environment: [("cpu".to_owned(), machine.to_owned())].into(),
            exit_code: 0,
            counted: n != 5,
            figures: [("e2e_response.p50".to_owned(), p50)].into(),
            at_least: Vec::new(),
        }
    }

    /// A regular wobble of a percent around `level`.
    pub(in crate::measure::history) fn wobble(n: usize, level: f64) -> f64 {
        level * (1.0 + 0.01 * ((n * 7 % 5) as f64 - 2.0))
    }

    #[test]
    fn a_change_is_named_by_its_first_run() {
        let entries: Vec<Entry> = (0..30)
            .map(|n| entry(n, wobble(n, if n < 26 { 1000.0 } else { 1200.0 }), "a"))
            .collect();
        let families = judged(&entries);
        assert_eq!((families.len(), families[0].runs.len(), families[0].invalid), (1, 29, 1));
        let turn = &families[0].trends[0].changes[0];
        assert_eq!(turn.run, "run-26");
        assert!(turn.worse && (turn.after / turn.before - 1.2).abs() < 0.02, "{turn:?}");
        assert!(!turn.doubtful && families[0].current);
    }

    #[test]
    fn better_is_no_alarm_and_another_machine_another_family() {
        let better: Vec<Entry> = (0..30)
            .map(|n| entry(n, wobble(n, if n < 26 { 1000.0 } else { 800.0 }), "a"))
            .collect();
        assert_eq!(judged(&better)[0].trends[0].changes.len(), 1);
        assert!(!judged(&better)[0].trends[0].changes[0].worse);
        let moved: Vec<Entry> = (0..30)
            .map(|n| if n < 26 { entry(n, wobble(n, 1000.0), "a") } else { entry(n, 1200.0, "b") })
            .collect();
        let families = judged(&moved);
        assert_eq!(families.len(), 2);
        assert_eq!([families[0].current, families[1].current], [false, true]);
    }

    #[test]
    fn a_change_from_a_lower_bound_upwards_is_doubtful() {
        let with = |bounds: std::ops::Range<usize>, after| {
            let made = |n: usize| {
                let mut made = entry(n, wobble(n, if n < 26 { 1000.0 } else { after }), "a");
                made.at_least = bounds
                    .contains(&n)
                    .then(|| "e2e_response.p50".to_owned())
                    .into_iter()
                    .collect();
                made
            };
            let found = judged(&(0..30).map(made).collect::<Vec<_>>());
            let turn = found[0].trends[0].changes[0].clone();
            (turn.worse, turn.doubtful, turn.before_at_least, turn.after_at_least)
        };
        assert_eq!(with(0..0, 1200.0), (true, false, false, false));
        assert_eq!(with(10..12, 1200.0), (true, true, true, false));
        assert_eq!(with(27..30, 1200.0), (true, false, false, true), "it rose at least so much");
        assert_eq!(with(27..30, 800.0), (false, true, false, true));
    }

    #[test]
    fn a_figure_of_zero_is_no_gap() {
        let made = |n: usize| {
            let mut made = entry(n, 1000.0, "a");
            let drain = if n < 26 { 0.0 } else { 0.5 };
            made.figures.insert("drain_time".to_owned(), drain);
            made
        };
        let found = judged(&(0..30).map(made).collect::<Vec<_>>());
        let drain = found[0].trends.iter().find(|it| it.metric == "drain_time").expect("a trend");
        assert!(drain.changes.len() == 1 && drain.changes[0].worse, "{drain:?}");
    }
}
