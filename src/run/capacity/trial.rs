//! One trial of a capacity search: its scenario, with mail of its own, and the run.

use std::path::Path;
use std::time::Duration;

use super::SearchOptions;
use crate::limits;
use crate::measure::capacity::loads::tolerance;
use crate::measure::capacity::results::Trial;
use crate::measure::capacity::trial::{self, Terms};
use crate::measure::results::{Findings, Results};
use crate::plan::Plan;
use crate::scenario::Loaded;
use crate::scenario::model::{Arrival, Extent, LoadModel, Scenario, Segment, TargetKind};
use crate::seed::Seed;

/// Seeds from which that of a trial is chosen.
const SEEDS: u64 = 64;

/// Share of the width by which the number of messages may differ from rate × time.
const COUNT: f64 = 0.1;

/// What a trial offers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Offered {
    /// Messages a second.
    pub(super) rate: f64,
    /// Measured seconds.
    pub(super) seconds: f64,
    /// Which run of the search this is: no two have the same mail.
    pub(super) number: u64,
}

/// The scenario of a trial.
pub(super) fn scenario(loaded: &Loaded, options: &SearchOptions, offered: Offered) -> Loaded {
    loaded.changed(|scenario| {
        even(scenario, options, offered);
        scenario.compare = None;
        scenario.load.drain = drain(scenario, options, offered.seconds);
        let first = scenario.seed.0.wrapping_add((offered.number + 1).wrapping_mul(SEEDS));
        scenario.seed = chosen(scenario, offered.rate, COUNT * options.goal.width, first);
    })
}

/// One rate, from the warm-up to the end.
fn even(scenario: &mut Scenario, options: &SearchOptions, Offered { rate, seconds, .. }: Offered) {
    let warm_up = Duration::from_secs_f64(options.warm_up_s);
    let measured = Duration::from_secs_f64(seconds);
    let arrival = match &scenario.load.model {
        LoadModel::Open { arrival, .. } => arrival.clone(),
        LoadModel::Closed { .. } => Arrival::Poisson,
    };
    let piece = |duration| Segment { from_per_second: rate, to_per_second: rate, duration };
    let segments = match warm_up.is_zero() {
        true => vec![piece(measured)],
        false => vec![piece(warm_up), piece(measured)],
    };
    scenario.load.model = LoadModel::Open { arrival, segments };
    scenario.load.warm_up = warm_up;
    scenario.load.extent = Extent::Duration(measured);
}

/// How long the queue is waited for. What is left in the queue of an external target would be the
/// next trial's mail, so that it is waited for longer than the scenario allows it to take. A
/// simulation has a row a second only up to a number of seconds.
fn drain(scenario: &Scenario, options: &SearchOptions, seconds: f64) -> Duration {
    let drain = scenario.load.drain;
    if options.model.is_some() {
        let load = Duration::from_secs_f64(options.warm_up_s + seconds);
        let rows = Duration::from_secs(limits::SIMULATED_ROWS);
        return drain.min(rows.saturating_sub(load).max(load));
    }
    match scenario.target.kind {
        TargetKind::External(_) => drain.max(limits::CAPACITY_EMPTY),
        _ => drain,
    }
}

/// Random arrivals offer more or less than their rate, by chance: 6 % in 10 s of 20/s. A trial is to
/// try its rate, so that its seed is one with as many messages as rate × time, as nearly as a few
/// tries find. Of a Poisson process, that is the same process given its count.
fn chosen(scenario: &Scenario, rate: f64, near: f64, first: u64) -> Seed {
    let tries = match &scenario.load.model {
        LoadModel::Open { arrival: Arrival::Poisson | Arrival::OnOff { .. }, .. } => SEEDS,
        _ => 1,
    };
    let mut best = (f64::INFINITY, Seed(first));
    for seed in (0..tries).map(|try_| Seed(first.wrapping_add(try_))) {
        let off = if tries == 1 { 0.0 } else { off(scenario, rate, seed) };
        if off < best.0 {
            best = (off, seed);
        }
        if off <= near {
            break;
        }
    }
    best.1
}

/// How far the messages due in the measured period differ from rate × time, as a share, and those of
/// the warm-up, which matter less.
fn off(scenario: &Scenario, rate: f64, seed: Seed) -> f64 {
    let load = &scenario.load;
    let Extent::Duration(measured) = load.extent else { return 0.0 };
    let plan = Plan::new(&Scenario { seed, ..scenario.clone() }, None);
    let share = |from: Duration, length: Duration| {
        let expected = rate * length.as_secs_f64();
        let due = plan.due_within(from..from + length).unwrap_or(0) as f64;
        if expected > 0.0 { (due - expected).abs() / expected } else { 0.0 }
    };
    let warm_up = share(Duration::ZERO, load.warm_up) * load.warm_up.as_secs_f64();
    share(load.warm_up, measured) + 0.25 * warm_up / measured.as_secs_f64()
}

/// What a trial comes to. `drain`: what the scenario allows the queue to take.
pub(super) fn judged(
    findings: &Findings,
    options: &SearchOptions,
    offered: Offered,
    drain: Duration,
    folder: &Path,
) -> Trial {
    let terms = Terms {
        rate: offered.rate,
        loss: options.goal.loss,
        tolerance: tolerance(&options.goal),
        drain_s: drain.as_secs_f64(),
        health_counts: options.health_counts,
    };
    let judged = trial::judge(findings, &terms);
    Trial {
        rate_per_s: offered.rate,
        duration_s: offered.seconds,
        good: judged.reasons.is_empty() && judged.without_data.is_empty(),
        seen: trial::seen(findings, judged.throughput.as_ref()),
        reasons: judged.reasons,
        without_data: judged.without_data,
        only_overload: judged.only_overload,
        generator: judged.generator,
        seed: findings.results.run.seed,
        folder: folder.display().to_string(),
    }
}

/// Why a queue is not known to be empty after trial `number`: what is left in it would be measured by
/// the next one. A target that cannot be asked is known by the run's own mail.
/// One that ended by itself is not there for the next trial.
pub(super) fn left_over(results: &Results, number: usize) -> Option<String> {
    if let Some(died) = &results.target.died {
        return Some(format!(
            "the target ended by itself in trial {number}, {:.1} s after its start ({}); start it \
             again, and find out why it ended",
            died.at_s.max(0.0),
            died.status
        ));
    }
    let queue = &results.queue;
    let pending = results.counts.get("pending").copied().unwrap_or(0);
    if queue.drain_time_s.is_some() && pending == 0 && queue.length_end.unwrap_or(0) == 0 {
        return None;
    }
    let held = queue.length_end.map_or_else(|| "unknown".to_owned(), |length| length.to_string());
    Some(format!(
        "the target's queue was not empty {} s after trial {number}: {pending} messages of the trial \
         pending, length of the queue {held}; the next trial would have measured them",
        limits::CAPACITY_EMPTY.as_secs(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::results::DeathFacts;
    use crate::simulate::{model::Model, simulate};

    fn loaded(arrival: &str, target: &str) -> Loaded {
        let text = format!(
            "name = \"trial\"\n[target]\n{target}\n[load]\nrate = \"20/s\"\narrival = \
             \"{arrival}\"\ndrain = \"30s\"\n[[destination]]\ndomain = \"a.test\"\n"
        );
        crate::scenario::parse("trial.toml", &text, &[]).expect("a scenario")
    }

    fn due(loaded: &Loaded) -> u64 {
        let span = Duration::from_secs(2)..Duration::from_secs(12);
        Plan::new(&loaded.scenario, None).due_within(span).expect("an open load")
    }

    #[test]
    fn every_trial_has_mail_of_its_own_and_as_much_as_its_rate_says() {
        let loaded = loaded("poisson", "kind = \"relay\"");
        let trial = |number| {
            scenario(
                &loaded,
                &SearchOptions::quick(),
                Offered { rate: 20.0, seconds: 10.0, number },
            )
        };
        let trials: Vec<Loaded> = (0..12).map(trial).collect();
        let mut seeds: Vec<u64> = trials.iter().map(|it| it.scenario.seed.0).collect();
        seeds.sort_unstable();
        seeds.dedup();
        assert_eq!(seeds.len(), 12, "no seed twice");
        // Of 200 messages by chance 14 more or less.
        let counts: Vec<u64> = trials.iter().map(due).collect();
        assert!(counts.iter().all(|count| count.abs_diff(200) <= 4), "{counts:?}");
    }

    #[test]
    fn the_queue_of_an_external_target_is_waited_for_beyond_the_scenarios_drain() {
        let offered = Offered { rate: 20.0, seconds: 10.0, number: 0 };
        let of = |target: &str| {
            scenario(&loaded("constant", target), &SearchOptions::quick(), offered)
                .scenario
                .load
                .drain
        };
        assert_eq!(of("kind = \"relay\""), Duration::from_secs(30));
        let external = of("kind = \"external\"\naddress = \"127.0.0.1:2525\"");
        assert_eq!(external, limits::CAPACITY_EMPTY);
    }

    #[test]
    fn a_queue_that_is_not_empty_ends_the_search() {
        let text = "name = \"trial\"\n[load]\nrate = \"20/s\"\nduration = \"1s\"\n[simulate]\nservice = \
                    \"1ms\"\n[[destination]]\ndomain = \"a.test\"\n";
        let loaded = crate::scenario::parse("trial.toml", text, &[]).expect("a scenario");
        let model = Model::of(&loaded.scenario).expect("a model");
        let findings = simulate(&loaded, &model, "", &mut |_| {}).expect("thresholds");
        let mut results = findings.results;
        assert_eq!(left_over(&results, 3), None);
        results.queue.length_end = None;
        assert_eq!(left_over(&results, 3), None, "it cannot be asked");
        results.queue.length_end = Some(2);
        assert!(left_over(&results, 3).is_some_and(|why| why.contains("length of the queue 2")));
        results.target.died =
            Some(DeathFacts { at_s: 1.25, status: "process 7 is gone".to_owned() });
        let why = left_over(&results, 3).expect("a reason");
        assert!(why.starts_with("the target ended by itself in trial 3, 1.2 s"), "{why}");
        assert!(why.contains("process 7 is gone"), "{why}");
        results.target.died = None;
        results.queue.length_end = None;
        results.counts.insert("pending".to_owned(), 549);
        assert!(left_over(&results, 3).is_some_and(|why| why.contains("549 messages")));
    }
}
