//! What disturbed the run on purpose: fault rules and chaos as facts, and how the queue recovered.

pub mod disk;
pub mod faults;
pub mod outages;
pub mod recovery;
