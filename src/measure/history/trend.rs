//! From lines of history to trends: one for each family of runs and figure.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Entry;
use super::change_point::changes;
use crate::limits;
use crate::measure::comparison::figure::GATED;
use crate::measure::results::{Certainty, Marked};

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
    /// By figure; those that decide first.
    pub trends: Vec<Trend>,
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
    /// One value a run; null where the run has none.
    pub values: Vec<Option<f64>>,
    /// Of each value, whether it is only a lower bound.
    pub at_least: Vec<bool>,
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
    /// Odds of it by chance.
    pub odds: f64,
    /// Whether it is for the worse by more than 5 %.
    pub worse: bool,
}

/// Every family, in the order in which they first occur.
#[must_use]
pub fn families(entries: &[Entry]) -> Vec<Family> {
    let mut groups: Vec<Vec<&Entry>> = Vec::new();
    for entry in entries {
        match groups.iter_mut().find(|group| group[0].kin() == entry.kin()) {
            Some(group) => group.push(entry),
            None => groups.push(vec![entry]),
        }
    }
    groups.iter().map(|group| family(group)).collect()
}

fn family(all: &[&Entry]) -> Family {
    let counted: Vec<&Entry> = all.iter().copied().filter(|entry| entry.counted).collect();
    let late = counted.len().saturating_sub(limits::HISTORY_RUNS);
    let counted = &counted[late..];
    let mut names: Vec<&String> = counted.iter().flat_map(|entry| entry.figures.keys()).collect();
    names.sort_unstable();
    names.dedup();
    names.sort_by_key(|name| GATED.iter().position(|gated| gated == name).unwrap_or(GATED.len()));
    Family {
        scenario: all[0].scenario.clone(),
        target_kind: all[0].target_kind.clone(),
        digest: all[0].scenario_sha256.chars().take(12).collect(),
        environment: all[0].environment.clone(),
        runs: counted.iter().map(|entry| point(entry)).collect(),
        invalid: all.iter().filter(|entry| !entry.counted).count(),
        trends: names.into_iter().map(|name| trend(name, counted)).collect(),
    }
}

fn point(entry: &Entry) -> Point {
    let (run, started_at) = (entry.run.clone(), entry.started_at.clone());
    Point { run, started_at, commit: entry.commit.clone() }
}

fn trend(metric: &str, entries: &[&Entry]) -> Trend {
    let values: Vec<Option<f64>> =
        entries.iter().map(|entry| entry.figures.get(metric).copied()).collect();
    // Changes are ratios, so that the logarithm is looked at; a run without the figure is passed
    // over.
    let known: Vec<(usize, f64)> = values
        .iter()
        .enumerate()
        .filter_map(|(at, value)| Some((at, value.filter(|value| *value > 0.0)?.ln())))
        .collect();
    let logs: Vec<f64> = known.iter().map(|(_, log)| *log).collect();
    let found = changes(&logs);
    let edges: Vec<usize> = std::iter::once(0)
        .chain(found.iter().map(|change| change.at))
        .chain([logs.len()])
        .collect();
    let level = |from: usize, to: usize| {
        (logs[from..to].iter().sum::<f64>() / (to - from).max(1) as f64).exp()
    };
    let turn = |(n, change): (usize, &super::change_point::Change)| {
        let (before, after) = (level(edges[n], edges[n + 1]), level(edges[n + 1], edges[n + 2]));
        let at = known[change.at].0;
        let ratio = if metric.ends_with(".rate") { before / after } else { after / before };
        let worse = ratio > 1.0 + WORSE_FROM;
        Turn { at, run: entries[at].run.clone(), before, after, odds: change.odds, worse }
    };
    let changes = found.iter().enumerate().map(turn).collect();
    let is_bound = |entry: &&Entry| entry.at_least.iter().any(|name| name == metric);
    let at_least = entries.iter().map(is_bound).collect();
    Trend { metric: metric.to_owned(), values, at_least, changes }
}

/// Changes for the worse of figures that decide, no more than `last` runs ago.
#[must_use]
pub fn alarms(families: &[Family], last: usize) -> Vec<String> {
    let mut found = Vec::new();
    for family in families {
        let recent = family.runs.len().saturating_sub(last);
        for trend in family.trends.iter().filter(|it| GATED.contains(&it.metric.as_str())) {
            for turn in trend.changes.iter().filter(|turn| turn.worse && turn.at >= recent) {
                let (before, after) = (turn.before, turn.after);
                let (scenario, metric) = (&family.scenario, &trend.metric);
                let times = after / before;
                found.push(format!(
                    "{scenario}: {metric} went to {times:.3} of what it was, from run {} on",
                    turn.run
                ));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(n: usize, p50: f64, machine: &str) -> Entry {
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
    fn wobble(n: usize, level: f64) -> f64 {
        level * (1.0 + 0.01 * ((n * 7 % 5) as f64 - 2.0))
    }

    #[test]
    fn a_change_is_told_by_the_run_it_begins_with() {
        let entries: Vec<Entry> = (0..30)
            .map(|n| entry(n, wobble(n, if n < 26 { 1000.0 } else { 1200.0 }), "a"))
            .collect();
        let families = families(&entries);
        assert_eq!((families.len(), families[0].runs.len(), families[0].invalid), (1, 29, 1));
        let turn = &families[0].trends[0].changes[0];
        assert_eq!(turn.run, "run-26");
        assert!(turn.worse && (turn.after / turn.before - 1.2).abs() < 0.02, "{turn:?}");
        assert_eq!(alarms(&families, 5).len(), 1);
        assert!(alarms(&families, 2).is_empty(), "too long ago");
    }

    #[test]
    fn better_is_no_alarm_and_another_machine_another_family() {
        let better: Vec<Entry> = (0..30)
            .map(|n| entry(n, wobble(n, if n < 26 { 1000.0 } else { 800.0 }), "a"))
            .collect();
        assert_eq!(families(&better)[0].trends[0].changes.len(), 1);
        assert!(alarms(&families(&better), 5).is_empty());
        let moved: Vec<Entry> = (0..30)
            .map(|n| if n < 26 { entry(n, wobble(n, 1000.0), "a") } else { entry(n, 1200.0, "b") })
            .collect();
        let families = families(&moved);
        assert_eq!(families.len(), 2);
        assert!(alarms(&families, 5).is_empty());
    }
}
