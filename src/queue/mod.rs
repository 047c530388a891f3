//! Retry schedules and queue orderings as pure policy. No storage, no clock.

pub mod schedule;
