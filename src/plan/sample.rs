//! Small plans for the tests of this folder.

use std::sync::Arc;
use std::time::Duration;

use super::{Facts, Plan, Source};
use crate::scenario;
use crate::scenario::model::{Arrival, LoadModel, Segment};
use crate::seed::Seed;

/// 100 messages a second for 10 s, 4 KiB each, to two destinations.
const SAMPLE: &str = "seed = 7
[load]
rate = \"100/s\"
warm_up = \"0s\"
duration = \"10s\"
drain = \"10s\"
sessions = 10
messages_per_session = 10
[[destination]]
domain = \"gmail.test\"
weight = 60
[[destination]]
domain = \"yahoo.test\"
weight = 40
";

/// What the plan of the sample is made of.
pub(super) fn source() -> Source {
    let loaded = scenario::parse("sample.toml", SAMPLE, &[]).expect("a scenario");
    Source::of(&loaded.scenario)
}

pub(super) fn open(arrival: Arrival, segments: Vec<Segment>) -> LoadModel {
    LoadModel::Open { arrival, segments }
}

pub(super) fn segment(from: f64, to: f64, seconds: u64) -> Segment {
    let duration = Duration::from_secs(seconds);
    Segment { from_per_second: from, to_per_second: to, duration }
}

/// The plan of [`source`] after a change.
pub(super) fn plan(change: impl FnOnce(&mut Source)) -> Plan {
    plan_with_seed(7, change)
}

pub(super) fn plan_with_seed(seed: u64, change: impl FnOnce(&mut Source)) -> Plan {
    let mut source = Source { seed: Seed(seed), ..source() };
    change(&mut source);
    Plan { facts: Arc::new(Facts::new(source, None)) }
}
