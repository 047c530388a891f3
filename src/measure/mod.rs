//! From ledger and plan to results: pure, so that a stored run can be judged again.

pub mod attempts;
pub mod backlog;
pub mod book;
pub mod conservation;
pub mod evidence;
pub mod fairness;
pub mod faults;
pub mod health;
pub mod latency;
pub mod metric;
mod ordering;
pub mod periods;
pub mod replies;
pub mod results;
pub mod retry;
pub mod samples;
pub mod series;
mod sums;
pub mod threshold;
mod violation;

#[cfg(test)]
pub(crate) mod synthetic;
