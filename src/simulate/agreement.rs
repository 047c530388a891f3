//! What a simulation adds up as it goes is what the judgement of a real run makes of its events.

use std::collections::BTreeMap;

use super::model::Model;
use super::observer::Recording;
use super::simulate_observed;
use super::tests::{EVENTFUL, loaded};
use crate::measure::aggregates;
use crate::measure::results::{Latency, QueueFacts, Results};
use crate::measure::verdict::from_journal::{Case, conclude};
use crate::plan::Plan;

/// The simulation's own results, and those of its events.
fn both(text: &str) -> (Results, Results) {
    let loaded = loaded(text);
    let model = Model::of(&loaded.scenario).expect("a model");
    let mut recording = Recording::new(usize::MAX);
    let own = simulate_observed(&loaded, &model, "", &mut |_| {}, Some(&mut recording));
    let scenario = &loaded.scenario;
    let plan = Plan::new(scenario, None);
    let events = recording.into_events().into_iter();
    let (collected, _) = aggregates::collect(scenario, &plan, events);
    let case = Case { scenario, plan: &plan, thresholds: &scenario.thresholds };
    (own.results, conclude(&case, collected, None).results)
}

fn near(what: &str, one: f64, other: f64) {
    let bound = 2e-3 * one.abs().max(other.abs());
    assert!((one - other).abs() <= bound, "{what}: {one}, of its events {other}");
}

fn same_latency(what: &str, own: &Latency, judged: &Latency) {
    assert_eq!((own.count, own.censored), (judged.count, judged.censored), "{what}");
    assert_eq!(own.at_least, judged.at_least, "{what}");
    assert_eq!(own.too_few, judged.too_few, "{what}");
    let figures = |it: &Latency| [it.min, it.p50, it.p90, it.p99, it.max];
    for (one, other) in figures(own).into_iter().zip(figures(judged)) {
        assert_eq!(one.is_some(), other.is_some(), "{what}");
        near(what, one.unwrap_or(0) as f64, other.unwrap_or(0) as f64);
    }
    near(what, own.mean.unwrap_or(0.0), judged.mean.unwrap_or(0.0));
}

fn same_latencies(what: &str, own: &BTreeMap<String, Latency>, judged: &BTreeMap<String, Latency>) {
    for (metric, latency) in own {
        let other = judged.get(metric).unwrap_or_else(|| panic!("{what}: no {metric}"));
        same_latency(&format!("{what} {metric}"), latency, other);
    }
}

fn same_queue(own: &QueueFacts, judged: &QueueFacts) {
    assert_eq!((own.backlog_max, own.backlog_end), (judged.backlog_max, judged.backlog_end));
    assert_eq!(own.proved_empty, judged.proved_empty);
    assert_eq!(own.drain_time_s, judged.drain_time_s);
    assert_eq!(own.attempts_per_delivery_max, judged.attempts_per_delivery_max);
    near("mean backlog", own.backlog_mean, judged.backlog_mean);
    let pairs = [
        (own.attempts_per_delivery_mean, judged.attempts_per_delivery_mean),
        (own.retry_amplification, judged.retry_amplification),
        (own.fairness, judged.fairness),
    ];
    for (one, other) in pairs {
        near("queue", one.unwrap_or(-1.0), other.unwrap_or(-1.0));
    }
    assert_eq!(format!("{:?}", own.herd), format!("{:?}", judged.herd));
    let inflation = |facts: &QueueFacts| facts.isolation.as_ref().and_then(|it| it.inflation());
    let [one, other] = [own, judged].map(inflation);
    assert_eq!(one.map(|it| it.certainty), other.map(|it| it.certainty));
    near("isolation", one.map_or(-1.0, |it| it.bare()), other.map_or(-1.0, |it| it.bare()));
}

fn agree(text: &str) {
    let (own, judged) = both(text);
    for (name, count) in &own.counts {
        assert_eq!(Some(count), judged.counts.get(name), "{name}");
    }
    for (name, rate) in &own.rates {
        near(name, *rate, judged.rates[name]);
    }
    same_latencies("all", &own.latency, &judged.latency);
    for (one, other) in own.destinations.iter().zip(&judged.destinations) {
        same_latencies(&one.domain, &one.latency, &other.latency);
        let of = |name: &str| (one.counts[name], other.counts[name]);
        for name in ["offered", "accepted", "delivered", "bounced", "pending", "deferred"] {
            assert_eq!(of(name).0, of(name).1, "{} {name}", one.domain);
        }
    }
    same_queue(&own.queue, &judged.queue);
    let strikes = |of: &Results| of.faults.iter().map(|it| it.struck).collect::<Vec<_>>();
    assert_eq!(strikes(&own), strikes(&judged));
    assert_eq!(own.retry_curve.len(), judged.retry_curve.len());
    for (one, other) in own.retry_curve.iter().zip(&judged.retry_curve) {
        let what = format!("the pause after attempt {}", one.attempt);
        assert_eq!((one.attempt, one.count), (other.attempt, other.count), "{what}");
        assert_eq!(one.early, other.early, "{what}");
        near(&what, one.p50_s, other.p50_s);
        near(&what, one.p95_s, other.p95_s);
    }
    assert_eq!(own.correctness.verdict, judged.correctness.verdict);
    let graded = |of: &Results| of.thresholds.iter().map(|it| it.status).collect::<Vec<_>>();
    assert_eq!(graded(&own), graded(&judged));
}

#[test]
fn simulated_events_judge_to_the_sums_of_the_simulation() {
    agree(EVENTFUL);
}

#[test]
fn what_is_left_at_the_close_is_censored_in_both() {
    let down = EVENTFUL.replace("10s..30s", "10s..10m");
    agree(&down.replace("drain = \"5m\"", "drain = \"5s\""));
    let given_up = down.replace("give_up_after = \"60s\"", "give_up_after = \"30s\"");
    agree(&given_up);
    agree(&given_up.replace("drain = \"5m\"", "drain = \"5s\""));
}

#[test]
fn a_submission_without_a_reply_at_the_close_counts_in_both() {
    let slow = EVENTFUL.replace(
        "intake = \"300us\"",
        "intake = { dist = \"choice\", values = [\"1ms\", \"10m\"], weights = [99, 1] }",
    );
    agree(
        &slow
            .replace("recipients = 3", "recipients = 1")
            .replace("drain = \"5m\"", "drain = \"20s\""),
    );
}

#[test]
fn limits_and_whole_run_rules_agree() {
    let limited = EVENTFUL.to_owned().replace(
        "[thresholds]",
        "[[fault]]\ndestination = \"well.test\"\nstage = \"connect\"\nlimit = { connections = 2 }\n\
         [[fault]]\ndestination = \"well.test\"\nstage = \"rcpt-to\"\nodds = 0.1\nstall = \"200ms\"\n\
         [thresholds]",
    );
    agree(&limited);
}
