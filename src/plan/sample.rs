//! Small plans for the tests of this folder.

use std::sync::Arc;
use std::time::Duration;

use super::{Facts, Plan, Source};
use crate::quantity::Quantity;
use crate::scenario::model::{
    Arrival, Destination, Encoding, Extent, Load, LoadModel, MessageSpec, Parts, Segment, TextStyle,
};
use crate::seed::Seed;

/// 100 messages a second for 10 s, 4 KiB each, to two destinations.
pub(super) fn source() -> Source {
    let destination =
        |domain: &str, weight| Destination { domain: domain.to_owned(), weight, extensions: None };
    Source {
        seed: Seed(7),
        load: Load {
            model: open(Arrival::Poisson, vec![segment(100.0, 100.0, 10)]),
            warm_up: Duration::ZERO,
            extent: Extent::Duration(Duration::from_secs(10)),
            drain: Duration::from_secs(10),
            sessions: 10,
            messages_per_session: 10,
        },
        message: MessageSpec {
            size: Quantity::Constant(4096.0),
            recipients: Quantity::Constant(1.0),
            parts: Parts::Text,
            corpus: None,
            text: TextStyle::Prose,
            encoding: Encoding::SevenBit,
            priority: None,
            null_sender: 0.0,
            dkim: None,
        },
        destinations: vec![destination("gmail.test", 60.0), destination("yahoo.test", 40.0)],
    }
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
