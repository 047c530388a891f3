//! From ledger and plan to results: pure, so that a stored run can be judged again.

pub mod conservation;
pub mod evidence;
pub mod latency;
pub mod metric;
mod ordering;
pub mod results;
pub mod samples;
mod sums;
pub mod threshold;
mod violation;
