//! The names of what is measured: latencies, rates, what a threshold can bound and with which figures,
//! what a comparison can be decided by. How each is measured is `measure`'s.

pub mod catalogue;
pub mod disturbance;
pub mod figure;
pub mod flow;
pub mod latency;
