//! From ledger and plan to results: pure, so that a stored run can be judged again.

pub mod backlog;
pub mod fairness;
pub mod latency;
pub mod metric;
pub mod periods;
pub mod results;
pub mod retry;
pub mod samples;
pub mod threshold;

#[cfg(test)]
pub(crate) mod synthetic;
