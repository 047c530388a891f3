//! What can go wrong at a sink. Decides, never acts: no socket, no clock, no async.

pub mod rule;
