//! RFC 5321 words and codec; no policy, no faults.

pub mod client;
pub mod command;
pub mod content;
pub mod dialogue;
pub mod envelope;
pub mod line;
pub mod mechanism;
pub mod patience;
pub mod reply;
pub mod scram;
pub mod server_tls;
pub mod stage;
pub mod stream;
