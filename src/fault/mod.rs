//! What can go wrong at a sink, and with the target itself ([`chaos`]). Decides, never acts: no
//! socket, no clock, no async.
//!
//! A file for each fault that has logic of its own; what the others do is said whole by their
//! variant of [`rule::Action`].

pub mod chaos;
pub mod delay;
pub mod garble;
pub mod judge;
pub mod limit;
pub mod refuse;
pub mod rule;
pub mod script;
pub mod tls;

pub use judge::judge;
