//! RFC 5321 words and codec; no policy, no faults.

pub mod client;
pub mod reply;
pub mod stage;
