//! The `delay` fault: how long one decision waits.

use std::time::Duration;

use crate::quantity::Quantity;
use crate::seed::{Key, Purpose, Seed};

/// The delay drawn for one decision. A draw too long for a [`Duration`] is the longest one.
#[must_use]
pub fn drawn(seconds: &Quantity, seed: Seed, key: Key) -> Duration {
    let seconds = seconds.sample(&mut seed.stream(Purpose::FaultSize, key));
    Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
}
