//! `[simulate]`: the model that stands for the target in a simulation. Its times are within bounds.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::grammar::amount::{Amount, Bounds, amount, quantity};
use crate::grammar::at::{At, some};
use crate::grammar::checks::bounded;
use crate::grammar::diagnosis::Problems;
use crate::grammar::schema::{self, Refinement};
use crate::grammar::units::Timespan;
use crate::limits;
use crate::quantity::Quantity;

/// `[simulate]`: how long the model of the target takes. `run` sends real mail and ignores it.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Simulate")]
pub(super) struct Written {
    /// One delivery over a connection that is open: how long it holds a slot. Without it, a
    /// measured run must be named (`--from`).
    pub service: Option<At<Amount<Timespan>>>,
    /// Opening a connection to a destination. Default: 0s.
    pub connect: Option<At<Amount<Timespan>>>,
    /// From MAIL to the final dot of a submission, disk left out. Default: 0s.
    pub intake: Option<At<Amount<Timespan>>>,
    /// One commit of the queue to disk; one at a time, and a 250 waits for it. Default: 0s.
    pub commit: Option<At<Amount<Timespan>>>,
    /// Messages and results that share a commit: 1 for an MTA that syncs each. Default: 1024, as
    /// the embedded relay.
    pub commit_batch: Option<At<u32>>,
}

/// How the schema refines the types.
pub(super) fn refinements() -> Vec<Refinement> {
    vec![("Simulate.commit_batch", schema::from_to(1, u64::from(limits::COMMIT_BATCH)))]
}

/// `[simulate]`: times of the model, seconds.
#[derive(Clone, Debug, PartialEq)]
pub struct SimulateSpec {
    /// One delivery over an open connection; `None`: only a measured run can tell.
    pub service: Option<Quantity>,
    /// Opening a connection.
    pub connect: Quantity,
    /// A submission, disk left out.
    pub intake: Quantity,
    /// One commit.
    pub commit: Quantity,
    /// Messages and results that share one.
    pub commit_batch: u32,
}

pub(super) fn resolve(
    written: Option<&At<Written>>,
    problems: &mut Problems,
) -> Option<SimulateSpec> {
    let Written { service, connect, intake, commit, commit_batch } = &written?.value;
    let bounds = Bounds { least: Timespan(Duration::ZERO), greatest: Timespan(limits::STEP) };
    let mut time = |key: &Option<At<Amount<Timespan>>>| {
        let read = key.as_ref().map(|key| quantity(key, &bounds, problems));
        read.unwrap_or(Quantity::Constant(0.0))
    };
    let [connect, intake, commit] = [connect, intake, commit].map(&mut time);
    let service = service.as_ref().map(|_| time(service));
    let most = limits::COMMIT_BATCH;
    let commit_batch = bounded(commit_batch.as_ref(), DEFAULT_BATCH, 1..=most, problems);
    Some(SimulateSpec { service, connect, intake, commit, commit_batch })
}

/// As many as the embedded relay takes.
const DEFAULT_BATCH: u32 = limits::RELAY_COMMIT_BATCH as u32;

impl From<&SimulateSpec> for Written {
    fn from(spec: &SimulateSpec) -> Written {
        Written {
            service: spec.service.as_ref().map(|service| At::from(amount(service))),
            connect: some(amount(&spec.connect)),
            intake: some(amount(&spec.intake)),
            commit: some(amount(&spec.commit)),
            commit_batch: some(spec.commit_batch),
        }
    }
}
