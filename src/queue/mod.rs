//! Retry schedules and queue orderings as pure policy. No storage, no clock.

pub mod health;
pub mod ordering;
pub mod ready;
pub mod schedule;
