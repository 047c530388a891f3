//! The model of the target that a scenario describes for a simulation.

use serde::Serialize;

use crate::quantity::Quantity;

/// `[simulate]`: times of the model, seconds.
#[derive(Clone, Debug, PartialEq, Serialize)]
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
