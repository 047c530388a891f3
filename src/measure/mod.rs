//! From ledger and plan to results: pure, so that a stored run can be judged again.

pub mod latency;
pub mod metric;
pub mod results;
pub mod samples;
pub mod threshold;
