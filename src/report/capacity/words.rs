//! What every form of a capacity report says in the same words.

use std::fmt::Write as _;

use crate::escape;
use crate::measure::capacity::results::{Capacity, Outcome, Point, Seen, Trial};
use crate::measure::results::{Certainty, Marked};
use crate::report::{figures, human};

/// The answer in a sentence.
pub(super) fn answer(capacity: &Capacity) -> String {
    let bounds = bounds(capacity);
    match capacity.limited_by.as_str() {
        // Why it was ended comes first.
        "inconclusive" if capacity.not_empty.is_some() => {
            format!("inconclusive: {}; {bounds}", capacity.not_empty.as_deref().unwrap_or_default())
        }
        "unstable" => format!("unstable: {bounds} at the end"),
        "inconclusive" => format!("inconclusive: {bounds}"),
        "generator" if capacity.exit_code != 0 => format!("instrument-limited: {bounds}"),
        _ => bounds,
    }
}

fn bounds(capacity: &Capacity) -> String {
    let rate = |rate: f64| human::rate(rate);
    match (capacity.lower_bound_per_s, capacity.upper_bound_per_s) {
        (Some(lower), Some(upper)) => {
            let width = capacity.width_reached.unwrap_or(upper / lower - 1.0);
            let within = format!("within {:.1}%", width * 100.0);
            format!("sustains {}, not {} ({within})", rate(lower), rate(upper))
        }
        (Some(lower), None) => format!("sustains at least {}", rate(lower)),
        (None, Some(upper)) if capacity.limited_by == "inconclusive" => {
            format!("does not sustain {}; no rate below is known to be sustained", rate(upper))
        }
        (None, Some(upper)) => {
            format!("does not sustain {}, nor any rate tried below", rate(upper))
        }
        (None, None) => "no load was classified".to_owned(),
    }
}

/// What set the limit.
pub(super) fn limit(capacity: &Capacity) -> String {
    let by = match capacity.limited_by.as_str() {
        "target" => "the target",
        "generator" => "the instrument, not the target",
        "max-rate" => "--max-rate",
        other => other,
    };
    if capacity.reason.is_empty() { by.to_owned() } else { format!("{by}: {}", capacity.reason) }
}

/// Knee, overload, resources: name and value of each that is known.
pub(super) fn facts(capacity: &Capacity) -> Vec<(&'static str, String)> {
    let mut facts = vec![("limited by", limit(capacity))];
    if let Some(width) = capacity.width_reached.filter(|width| *width > capacity.goal.width * 1.005)
    {
        let said = format!(
            "{:.1}% instead of {:.1}%: deliveries vary too much, or are too few, for trials of \
             {:.0} s",
            width * 100.0,
            capacity.goal.width * 100.0,
            capacity.goal.final_trial_s
        );
        facts.push(("width", said));
    }
    if let Some(knee) = capacity.knee_per_s {
        let said = format!("{}: from there the p99 is over twice that at half", human::rate(knee));
        facts.push(("knee", said));
    }
    if let Some(share) = capacity.overload_goodput {
        let most = capacity.curve.last().map_or(0.0, |point| point.share * 100.0);
        let said = format!("at {most:.0}% of it, goodput is {:.0}% of the best", share * 100.0);
        facts.push(("overload", said));
    }
    if !capacity.resources.is_empty() {
        let used = capacity.resources.iter();
        let used = used.map(|it| format!("{} {:.0}%", it.name, it.used * 100.0));
        facts.push(("in use", used.collect::<Vec<_>>().join(", ")));
    }
    if let Some(rate) = capacity.per_core_per_s {
        let said = format!("{} for each core the target kept busy", human::rate(rate));
        facts.push(("per core", said));
    }
    if let Some(ceiling) = capacity.ceiling_per_s {
        facts.push(("generator", format!("{} to the sink alone", human::rate(ceiling))));
    }
    if let Some(ceiling) = capacity.calibrated_per_s {
        facts.push(("calibrated", format!("{} without a target", human::rate(ceiling))));
    }
    facts
}

/// How the search was made.
pub(super) fn method(capacity: &Capacity) -> String {
    let goal = &capacity.goal;
    format!(
        "{} profile: trials of {:.0} s, {:.0} s a load, at most {:.1}% failed, {:.0}% of the trial \
         time bad, to {:.1}% (RFC 9971); {} trials",
        capacity.profile,
        goal.final_trial_s,
        goal.duration_sum_s,
        goal.loss_ratio * 100.0,
        goal.exceed_ratio * 100.0,
        goal.width * 100.0,
        capacity.trials.len()
    )
}

/// Titles of the figures of a run.
pub(super) const TITLES: [&str; 6] =
    ["offered", "goodput", "e2e p50", "e2e p99", "backlog", "drained in"];

/// The figures of a run.
pub(super) fn figures(seen: &Seen) -> [String; 6] {
    let time = |name: &str, us: Option<u64>| {
        let mark = Certainty::at_least(seen.at_least.iter().any(|bound| bound == name));
        figures::duration(us.map(|us| Marked::new(us, mark)))
    };
    [
        human::rate(seen.offered_per_s),
        human::rate(seen.goodput_per_s),
        time("e2e_p50_us", seen.e2e_p50_us),
        time("e2e_p99_us", seen.e2e_p99_us),
        human::count(seen.backlog_max),
        seen.drain_s.map_or_else(|| "never".to_owned(), human::duration_s),
    ]
}

/// One row a trial, then one a point of the curve.
pub(super) fn csv(capacity: &Capacity) -> String {
    let mut text = String::from(
        "kind,rate_per_s,share,duration_s,good,offered_per_s,goodput_per_s,e2e_p50_us,\
         e2e_p99_us,submit_p99_us,backlog_max,drain_s,delivered_per_s,growth_per_s,backlog_end,\
         at_least\n",
    );
    for Trial { rate_per_s, duration_s, good, seen, .. } in &capacity.trials {
        row(&mut text, &format!("trial,{rate_per_s},,{duration_s},{good}"), seen);
    }
    for Point { share, rate_per_s, good, seen, .. } in &capacity.curve {
        let last = capacity.goal.final_trial_s;
        row(&mut text, &format!("curve,{rate_per_s},{share},{last},{good}"), seen);
    }
    text
}

fn row(text: &mut String, lead: &str, seen: &Seen) {
    let number = |value: Option<f64>| value.map_or_else(String::new, |value| value.to_string());
    let cell = |value: Option<u64>| value.map_or_else(String::new, |value| value.to_string());
    let _infallible = writeln!(
        text,
        "{lead},{},{},{},{},{},{},{},{},{},{},{}",
        seen.offered_per_s,
        seen.goodput_per_s,
        cell(seen.e2e_p50_us),
        cell(seen.e2e_p99_us),
        cell(seen.submit_p99_us),
        seen.backlog_max,
        number(seen.drain_s),
        number(seen.throughput.map(|it| it.per_s)),
        number(seen.throughput.map(|it| it.growth_per_s)),
        number(seen.throughput.map(|it| it.backlog_end)),
        escape::csv(&seen.at_least.join(";")),
    );
}

/// Whether everything held in a trial.
pub(super) fn held(trial: &Trial) -> &'static str {
    match trial.outcome() {
        Outcome::Good => "yes",
        Outcome::Bad => "no",
        Outcome::Inconclusive => "inconclusive",
    }
}

/// Why it is not known to have held; empty when it did.
pub(super) fn why(trial: &Trial) -> String {
    let all: Vec<&str> =
        trial.reasons.iter().chain(&trial.without_data).map(String::as_str).collect();
    all.join("; ")
}

/// What was delivered while the load lasted.
pub(super) fn delivered(seen: &Seen) -> String {
    seen.throughput.map_or_else(|| "-".to_owned(), |it| human::rate(it.per_s))
}
