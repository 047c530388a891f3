//! `[simulate]`: times of the model, within bounds.

use std::time::Duration;

use super::amount::{Bounds, quantity};
use super::bounded;
use crate::limits;
use crate::quantity::Quantity;
use crate::scenario::diagnosis::Problems;
use crate::scenario::file::{Amount, At, Simulate};
use crate::scenario::model::SimulateSpec;
use crate::scenario::units::Timespan;

pub(super) fn simulate(
    written: Option<&At<Simulate>>,
    problems: &mut Problems,
) -> Option<SimulateSpec> {
    let Simulate { service, connect, intake, commit, commit_batch } = &written?.value;
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
