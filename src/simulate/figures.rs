//! Figures of a report that are made of what was added up, one function each.

use super::digest::Digest;
use super::sink::Replies;
use super::tally::Tally;
use crate::measure::results::{IsolationFacts, ReplyCount, RetryPoint};
use crate::scenario::Scenario;

pub(super) fn isolation(tally: &Tally) -> Option<IsolationFacts> {
    let p99 = |digest: &Digest| digest.summarise().stat("p99");
    Some(IsolationFacts::new(p99(&tally.isolation.before)?, p99(&tally.isolation.during)?))
}

pub(super) fn retry_curve(tally: &Tally, scenario: &Scenario) -> Vec<RetryPoint> {
    let points = tally.gaps.iter().map(|(attempt, gaps)| {
        let at = |share| gaps.seen.at(share).unwrap_or(0) as f64 / 1e6;
        RetryPoint {
            attempt: *attempt,
            configured_s: Some(scenario.target.retry.delay(*attempt).as_secs_f64()),
            count: gaps.seen.summarise().count,
            p5_s: at(0.05),
            p50_s: at(0.5),
            p95_s: at(0.95),
            early: gaps.early,
            missed: 0,
        }
    });
    points.collect()
}

pub(super) fn replies(replies: &Replies) -> Vec<ReplyCount> {
    let counts = replies.iter().map(|((stage, code), (count, example))| ReplyCount {
        by: "sink".to_owned(),
        stage: stage.name().to_owned(),
        code: *code,
        count: *count,
        example: example.clone(),
    });
    counts.collect()
}
